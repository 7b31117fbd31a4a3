#include "suit_envelope.hpp"

#include "sha256.hpp"
#include "suit_cursor.hpp"

namespace cx {

namespace {

constexpr uint32_t envelopeTag = 107, sign1Tag = 18;
constexpr int32_t keyAuthentication = 2, keyManifest = 3, keyText = 23;
constexpr std::string_view keyAnchors = "#anchors";
constexpr int32_t headerAlgorithm = 1, headerKeyId = 4;
constexpr int32_t es256 = -7, esp256 = -9;

struct Header {
  bool hasAlgorithm = false;
  int32_t algorithm = 0;
  ByteSpan keyId;
};

Header readHeader(SuitCursor& cursor) {
  Header out;
  const uint32_t count = cursor.map();
  for (uint32_t i = 0; i < count && cursor.isGood(); ++i) {
    const int32_t key = cursor.isText() ? (cursor.unsupported(), 0) : cursor.integer();
    if (key == headerAlgorithm) {
      out.hasAlgorithm = true;
      out.algorithm = cursor.integer();
    } else if (key == headerKeyId) {
      out.keyId = cursor.fixed(keyIdSize);
    } else {
      cursor.unsupported();
    }
  }
  return out;
}

SuitEnvelope::Signature readSign1(ByteSpan bytes, ManifestReason& fault) {
  SuitEnvelope::Signature out;
  SuitCursor cursor(bytes, fault);
  cursor.tag(sign1Tag);
  if (cursor.array() != 4) cursor.malformed();
  out.protectedHeader = cursor.bytes();
  SuitCursor inside(out.protectedHeader, fault);
  const Header header = readHeader(inside);
  const Header open = readHeader(cursor);
  if (open.hasAlgorithm) cursor.unsupported();  // it has to be under the signature
  if (!header.hasAlgorithm || (header.algorithm != es256 && header.algorithm != esp256)) cursor.unsupported();
  if (header.keyId.empty() && open.keyId.empty()) cursor.unsupported();
  if (!header.keyId.empty() && !open.keyId.empty()) cursor.malformed();
  out.keyId = header.keyId.empty() ? open.keyId : header.keyId;
  cursor.nil();
  out.bytes = cursor.fixed(hal::p256SignatureSize).data();
  return out;
}

void readWrapper(ByteSpan bytes, SuitEnvelope& out, ManifestReason& fault) {
  SuitCursor cursor(bytes, fault);
  const uint32_t count = cursor.array();
  if (count == 0) cursor.malformed();
  if (count > 1 + suitSignaturesMax) cursor.unsupported();
  out.signedPayload = cursor.bytes();
  SuitCursor inside(out.signedPayload, fault);
  out.digest = inside.digest();
  for (uint32_t i = 1; i < count && cursor.isGood(); ++i) {
    const ByteSpan block = cursor.bytes();
    out.signature[out.signatureCount++] = readSign1(block, fault);
  }
}

void hashString(Sha256& hash, ByteSpan content) {
  uint8_t head[3] = {static_cast<uint8_t>(0x40U | content.size())};
  size_t size = 1;
  if (content.size() >= 24) {
    const bool isLong = content.size() > 0xFF;
    head[0] = isLong ? 0x59 : 0x58;
    if (isLong) head[size++] = static_cast<uint8_t>(content.size() >> 8U);
    head[size++] = static_cast<uint8_t>(content.size());
  }
  hash.update(ByteSpan(head, size));
  hash.update(content);
}

// SHA-256 of the Sig_structure (RFC 9052 section 4.4): ["Signature1", protected, h'', payload].
void digestToSign(ByteSpan protectedHeader, ByteSpan payload, uint8_t* out) {
  static constexpr uint8_t head[] = {0x84, 0x6A, 'S', 'i', 'g', 'n', 'a', 't', 'u', 'r', 'e', '1'};
  Sha256 hash;
  hash.update(head);
  hashString(hash, protectedHeader);
  hashString(hash, ByteSpan());
  hashString(hash, payload);
  hash.finish(out);
}

}  // namespace

ManifestReason readEnvelope(ByteSpan bytes, SuitEnvelope& out) {
  out = SuitEnvelope();
  if (bytes.size() > suitEnvelopeMax) return ManifestReason::manifestTooLarge;
  ManifestReason fault = ManifestReason::none;
  SuitCursor cursor(bytes, fault);
  cursor.tag(envelopeTag);
  const uint32_t count = cursor.map();
  bool hasWrapper = false, hasManifest = false;
  ByteSpan wrapper;
  for (uint32_t i = 0; i < count && cursor.isGood(); ++i) {
    const bool isText = cursor.isText();
    const std::string_view name = isText ? cursor.text() : std::string_view();
    const int32_t key = isText ? 0 : cursor.integer();
    const size_t start = cursor.position();
    if (isText && name == keyAnchors) {
      out.hasAnchors = true;
      out.anchors = cursor.bytes();
    } else if (key == keyAuthentication) {
      hasWrapper = true;
      wrapper = cursor.bytes();
    } else if (key == keyManifest) {
      hasManifest = true;
      out.manifest = cursor.bytes();
      out.wholeManifest = cursor.since(start);
    } else if (key == keyText) {
      out.hasText = true;
      (void)cursor.bytes();
      out.wholeText = cursor.since(start);
    } else {
      cursor.unsupported();
    }
  }
  if (!hasWrapper || !hasManifest) cursor.malformed();
  if (cursor.isGood()) readWrapper(wrapper, out, fault);
  return fault;
}

ManifestReason verifyEnvelope(const SuitEnvelope& envelope, const TrustAnchors& anchors, hal::SignatureCheck& check) {
  if (envelope.signatureCount == 0) return ManifestReason::manifestUnsigned;
  uint8_t digest[Sha256::digestSize];
  Sha256 hash;
  hash.update(envelope.wholeManifest);
  hash.finish(digest);
  if (std::memcmp(digest, envelope.digest, sizeof digest) != 0) return ManifestReason::manifestDigest;
  for (uint32_t i = 0; i < envelope.signatureCount; ++i) {
    const SuitEnvelope::Signature& each = envelope.signature[i];
    const TrustAnchor* anchor = anchors.find(each.keyId);
    if (anchor == nullptr) continue;
    digestToSign(each.protectedHeader, envelope.signedPayload, digest);
    return check.holds(anchor->key, digest, each.bytes) ? ManifestReason::none : ManifestReason::badSignature;
  }
  return ManifestReason::unknownSigner;
}

}  // namespace cx
