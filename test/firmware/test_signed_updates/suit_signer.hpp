// Writes and signs update manifests as their maker does (docs/reference/update-manifest.md), with mbedTLS for the signature.
// Test code: it may allocate, and it writes wrong ones on request.
#pragma once
#include <mbedtls/ecdsa.h>

#include <functional>
#include <string>
#include <vector>

#include "../random.hpp"
#include "cbor.hpp"
#include "sha256.hpp"
#include "suit_manifest.hpp"
#include "trust_anchor.hpp"

using Bytes = std::vector<uint8_t>;

inline cx::ByteSpan spanOf(const Bytes& bytes) { return cx::ByteSpan(bytes.data(), bytes.size()); }

inline Bytes sha256(const Bytes& bytes) {
  Bytes out(32);
  cx::Sha256 hash;
  hash.update(spanOf(bytes));
  hash.finish(out.data());
  return out;
}

inline Bytes cborOf(const std::function<void(cx::CborWriter&)>& fill) {
  Bytes buffer(8192);
  cx::CborWriter writer(cx::MutableSpan(buffer.data(), buffer.size()));
  fill(writer);
  const cx::Expected<cx::ByteSpan> out = writer.finish();
  return out ? Bytes(out->begin(), out->end()) : Bytes();
}

inline Bytes digestItem(const Bytes& digest) {
  return cborOf([&](cx::CborWriter& writer) {
    writer.putArray(2);
    writer.putInt(-16);
    writer.putBytes(spanOf(digest));
  });
}

// A key pair, and the anchor that others know of it.
class SuitSigner {
 public:
  explicit SuitSigner(uint64_t seed) : random_(seed) {
    mbedtls_ecp_group_init(&group_);
    mbedtls_mpi_init(&secret_);
    mbedtls_ecp_point_init(&point_);
    (void)mbedtls_ecp_group_load(&group_, MBEDTLS_ECP_DP_SECP256R1);
    (void)mbedtls_ecp_gen_keypair(&group_, &secret_, &point_, fill, &random_);
    uint8_t key[65];
    size_t size = 0;
    (void)mbedtls_ecp_point_write_binary(&group_, &point_, MBEDTLS_ECP_PF_UNCOMPRESSED, &size, key, sizeof key);
    x_.assign(key + 1, key + 33);
    y_.assign(key + 33, key + 65);
    keyId_ = sha256(cborOf([&](cx::CborWriter& writer) {
      writer.putMap(4);
      writer.putInt(1);
      writer.putInt(2);
      writer.putInt(-1);
      writer.putInt(1);
      writer.putInt(-2);
      writer.putBytes(spanOf(x_));
      writer.putInt(-3);
      writer.putBytes(spanOf(y_));
    }));
    keyId_.resize(8);
  }
  ~SuitSigner() {
    mbedtls_ecp_point_free(&point_);
    mbedtls_mpi_free(&secret_);
    mbedtls_ecp_group_free(&group_);
  }
  SuitSigner(const SuitSigner&) = delete;
  SuitSigner& operator=(const SuitSigner&) = delete;

  const Bytes& keyId() const { return keyId_; }
  // A key set of this key alone.
  Bytes keySet() const {
    return cborOf([&](cx::CborWriter& writer) {
      writer.putArray(1);
      writer.putMap(6);
      writer.putInt(1);
      writer.putInt(2);
      writer.putInt(2);
      writer.putBytes(spanOf(keyId_));
      writer.putInt(3);
      writer.putInt(-7);
      writer.putInt(-1);
      writer.putInt(1);
      writer.putInt(-2);
      writer.putBytes(spanOf(x_));
      writer.putInt(-3);
      writer.putBytes(spanOf(y_));
    });
  }
  Bytes sign(const Bytes& protectedHeader, const Bytes& payload) {
    const Bytes digest = sha256(cborOf([&](cx::CborWriter& writer) {
      writer.putArray(4);
      writer.putText("Signature1");
      writer.putBytes(spanOf(protectedHeader));
      writer.putBytes(cx::ByteSpan());
      writer.putBytes(spanOf(payload));
    }));
    Bytes signature(64);
    mbedtls_mpi r, s;
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    (void)mbedtls_ecdsa_sign(&group_, &r, &s, &secret_, digest.data(), digest.size(), fill, &random_);
    (void)mbedtls_mpi_write_binary(&r, signature.data(), 32);
    (void)mbedtls_mpi_write_binary(&s, signature.data() + 32, 32);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    return signature;
  }

 private:
  static int fill(void* context, unsigned char* out, size_t size) {
    SeededRandom& random = *static_cast<SeededRandom*>(context);
    for (size_t i = 0; i < size; ++i) out[i] = random.byte();
    return 0;
  }
  SeededRandom random_;
  mbedtls_ecp_group group_;
  mbedtls_mpi secret_;
  mbedtls_ecp_point point_;
  Bytes x_, y_, keyId_;
};

struct SuitVariant {
  cx::PayloadKind kind = cx::PayloadKind::full;
  Bytes payload;
  Bytes encryptionInfo;
  uint32_t window = 4096;
  Bytes base;                 // digest
  std::string uri;            // empty: the right one
  uint32_t size = 0;          // 0: the payload's
};

struct SuitPlan {
  cx::ManifestKind kind = cx::ManifestKind::install;
  uint32_t sequence = 1;
  std::string vendor = "vendor.example";
  std::string model = "sim";
  std::string device;         // empty: for every node of the model
  Bytes digest;               // of the image; of the key set it is made here
  uint32_t size = 0;
  std::vector<SuitVariant> variants;
  Bytes keySet;               // of kind anchors
};

inline std::string hexOf(const Bytes& bytes) {
  std::string out;
  for (const uint8_t each : bytes) {
    out += "0123456789abcdef"[each >> 4U];
    out += "0123456789abcdef"[each & 0x0FU];
  }
  return out;
}

inline void putCommand(cx::CborWriter& writer, int command, uint32_t policy) {
  writer.putInt(command);
  writer.putUint(policy);
}

inline Bytes variantItem(const SuitVariant& variant) {
  const Bytes digest = sha256(variant.payload);
  return cborOf([&](cx::CborWriter& writer) {
    writer.putArray(6);
    writer.putInt(20);
    const bool isDeflate = variant.kind == cx::PayloadKind::deflate, isDelta = variant.kind == cx::PayloadKind::delta;
    writer.putMap(4U + (variant.encryptionInfo.empty() ? 0U : 1U) + (isDeflate ? 1U : 0U) + (isDelta ? 3U : 0U));
    if (!variant.encryptionInfo.empty()) {
      writer.putInt(19);
      writer.putBytes(spanOf(variant.encryptionInfo));
    }
    writer.putInt(21);
    writer.putText(variant.uri.empty() ? "/artifacts/" + hexOf(digest) : variant.uri);
    writer.putInt(-257);
    writer.putUint(static_cast<uint64_t>(variant.kind));
    writer.putInt(-258);
    writer.putBytes(spanOf(digestItem(digest)));
    writer.putInt(-259);
    writer.putUint(variant.size != 0 ? variant.size : variant.payload.size());
    if (isDeflate) {
      writer.putInt(-260);
      writer.putUint(variant.window);
    }
    if (isDelta) {
      writer.putInt(-261);
      writer.putBytes(spanOf(digestItem(variant.base)));
      writer.putInt(-262);
      writer.putUint(1);
      writer.putInt(-263);
      writer.putUint(1024);
    }
    putCommand(writer, -257, 15);
    putCommand(writer, 21, 2);
  });
}

inline Bytes uuidOf(const uint8_t* space, const std::string& name) {
  Bytes out(cx::uuidSize);
  cx::uuid5(space, name, out.data());
  return out;
}

inline Bytes sharedItem(const SuitPlan& plan, const Bytes& digest, uint32_t size) {
  const Bytes vendor = uuidOf(cx::uuidOfDns, plan.vendor);
  const bool hasDevice = !plan.device.empty();
  return cborOf([&](cx::CborWriter& writer) {
    writer.putArray(hasDevice ? 8 : 6);
    writer.putInt(20);
    writer.putMap(hasDevice ? 5 : 4);
    writer.putInt(1);
    writer.putBytes(spanOf(vendor));
    writer.putInt(2);
    writer.putBytes(spanOf(uuidOf(vendor.data(), plan.model)));
    writer.putInt(3);
    writer.putBytes(spanOf(digestItem(digest)));
    writer.putInt(14);
    writer.putUint(size);
    if (hasDevice) {
      writer.putInt(24);
      writer.putBytes(spanOf(uuidOf(vendor.data(), plan.device)));
    }
    putCommand(writer, 1, 15);
    putCommand(writer, 2, 15);
    if (hasDevice) putCommand(writer, 24, 15);
  });
}

inline Bytes manifestItem(const SuitPlan& plan) {
  const bool isAnchors = plan.kind == cx::ManifestKind::anchors, isInstall = plan.kind == cx::ManifestKind::install;
  const Bytes digest = isAnchors ? sha256(plan.keySet) : plan.digest;
  const uint32_t size = isAnchors ? static_cast<uint32_t>(plan.keySet.size()) : plan.size;
  const auto one = [](int command, uint32_t policy) {
    return cborOf([&](cx::CborWriter& writer) {
      writer.putArray(2);
      putCommand(writer, command, policy);
    });
  };
  return cborOf([&](cx::CborWriter& writer) {
    writer.putMap(isAnchors ? 4 : isInstall ? 7 : 5);
    writer.putInt(1);
    writer.putUint(1);
    writer.putInt(2);
    writer.putUint(plan.sequence);
    writer.putInt(3);
    writer.putBytes(spanOf(cborOf([&](cx::CborWriter& common) {
      common.putMap(2);
      common.putInt(2);
      common.putArray(1);
      common.putArray(1);
      common.putBytes(cx::asBytes(isAnchors ? "trust-anchors" : "image"));
      common.putInt(4);
      common.putBytes(spanOf(sharedItem(plan, digest, size)));
    })));
    if (!isAnchors) {
      writer.putInt(7);
      writer.putBytes(spanOf(one(3, 15)));
      writer.putInt(9);
      writer.putBytes(spanOf(one(23, 2)));
    }
    if (isInstall) {
      writer.putInt(16);
      writer.putBytes(spanOf(plan.variants.size() == 1 ? variantItem(plan.variants[0]) : cborOf([&](cx::CborWriter& each) {
        each.putArray(2);
        each.putInt(15);
        each.putArray(static_cast<uint32_t>(plan.variants.size()));
        for (const SuitVariant& variant : plan.variants) each.putBytes(spanOf(variantItem(variant)));
      })));
      writer.putInt(20);
      writer.putBytes(spanOf(one(3, 15)));
    }
    if (isAnchors) {
      writer.putInt(20);
      writer.putBytes(spanOf(cborOf([&](cx::CborWriter& install) {
        install.putArray(6);
        install.putInt(20);
        install.putMap(1);
        install.putInt(21);
        install.putText("#anchors");
        putCommand(install, 21, 2);
        putCommand(install, 3, 15);
      })));
    }
  });
}

// The envelope, signed by each of these; by nobody: unsigned.
inline Bytes envelopeOf(const SuitPlan& plan, const std::vector<SuitSigner*>& signers) {
  const Bytes manifest = manifestItem(plan);
  const Bytes payload = digestItem(sha256(cborOf([&](cx::CborWriter& writer) { writer.putBytes(spanOf(manifest)); })));
  const Bytes header = cborOf([](cx::CborWriter& writer) {
    writer.putMap(1);
    writer.putInt(1);
    writer.putInt(-7);
  });
  const Bytes wrapper = cborOf([&](cx::CborWriter& writer) {
    writer.putArray(static_cast<uint32_t>(1 + signers.size()));
    writer.putBytes(spanOf(payload));
    for (SuitSigner* signer : signers) {
      writer.putBytes(spanOf(cborOf([&](cx::CborWriter& block) {
        block.putTag(18);
        block.putArray(4);
        block.putBytes(spanOf(header));
        block.putMap(1);
        block.putInt(4);
        block.putBytes(spanOf(signer->keyId()));
        block.putNull();
        block.putBytes(spanOf(signer->sign(header, payload)));
      })));
    }
  });
  return cborOf([&](cx::CborWriter& writer) {
    writer.putTag(107);
    writer.putMap(plan.kind == cx::ManifestKind::anchors ? 3 : 2);
    writer.putInt(2);
    writer.putBytes(spanOf(wrapper));
    writer.putInt(3);
    writer.putBytes(spanOf(manifest));
    if (plan.kind != cx::ManifestKind::anchors) return;
    writer.putText("#anchors");
    writer.putBytes(spanOf(plan.keySet));
  });
}
