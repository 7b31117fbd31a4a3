// Payloads of each kind, made as plainly as their formats allow: what they look like to a good compressor is tested with the
// decoders; here they have to be long, and to be cut.
#pragma once
#include <mbedtls/ccm.h>
#include <mbedtls/gcm.h>

#include "encrypt0_decoder.hpp"
#include "suit_signer.hpp"

// The lowest bit of a byte first, as deflate counts; a Huffman code goes in from its highest.
class DeflateBits {
 public:
  void put(uint32_t value, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) putBit(value >> i & 1U);
  }
  void putCode(uint32_t code, uint32_t count) {
    for (uint32_t i = count; i-- > 0;) putBit(code >> i & 1U);
  }
  void align() { used_ = 8; }
  Bytes bytes;

 private:
  void putBit(uint32_t bit) {
    if (used_ == 8) bytes.push_back(0), used_ = 0;
    bytes.back() = static_cast<uint8_t>(bytes.back() | bit << used_++);
  }
  uint32_t used_ = 8;
};

// Raw deflate in blocks of 900 bytes, in turn stored and by the fixed code; the latter repeat what stood `deflateRepeat` bytes
// before, which in the images here is a part of them, so that a window is needed.
constexpr uint32_t deflateRepeat = 293;

inline void putFixed(DeflateBits& out, const Bytes& image, size_t at, size_t end) {
  while (at < end) {
    size_t same = 0;
    while (at >= deflateRepeat && same < 10 && at + same < end && image[at + same] == image[at + same - deflateRepeat]) ++same;
    if (same >= 3) {
      out.putCode(static_cast<uint32_t>(same - 2), 7);  // lengths 3 to 10 are 257 to 264, without more bits
      out.putCode(16, 5);
      out.put(deflateRepeat - 257, 7);
      at += same;
      continue;
    }
    const uint32_t byte = image[at++];
    if (byte < 144) out.putCode(0x30 + byte, 8);
    else out.putCode(0x190 + byte - 144, 9);
  }
  out.putCode(0, 7);
}

inline Bytes deflateOf(const Bytes& image) {
  DeflateBits out;
  bool isStored = true;
  for (size_t at = 0; at < image.size(); at += 900, isStored = !isStored) {
    const size_t size = image.size() - at < 900 ? image.size() - at : 900;
    out.put(at + size == image.size() ? 1 : 0, 1);
    out.put(isStored ? 0 : 1, 2);
    if (!isStored) {
      putFixed(out, image, at, at + size);
      continue;
    }
    out.align();
    out.put(static_cast<uint32_t>(size), 16);
    out.put(static_cast<uint32_t>(~size), 16);
    for (size_t i = at; i < at + size; ++i) out.put(image[i], 8);
  }
  return out.bytes;
}

// detools' numbers: 6 bits with a sign, then 7 at a time.
inline void putNumber(Bytes& out, uint32_t value) {
  out.push_back(static_cast<uint8_t>((value > 0x3F ? 0x80U : 0U) | (value & 0x3FU)));
  for (value >>= 6U; value > 0; value >>= 7U) out.push_back(static_cast<uint8_t>((value > 0x7F ? 0x80U : 0U) | (value & 0x7FU)));
}

// heatshrink with a window of 256 bytes, which repeats the byte before and nothing else.
inline Bytes heatshrinkOf(const Bytes& plain) {
  Bytes out;
  uint32_t used = 8;
  const auto put = [&](uint32_t value, uint32_t count) {
    for (uint32_t i = count; i-- > 0;) {
      if (used == 8) out.push_back(0), used = 0;
      out.back() = static_cast<uint8_t>(out.back() | (value >> i & 1U) << (7 - used++));
    }
  };
  for (size_t at = 0; at < plain.size();) {
    uint32_t same = 0;
    while (at > 0 && same < 128 && at + same < plain.size() && plain[at + same] == plain[at - 1]) ++same;
    if (same < 2) {
      put(0x100U | plain[at++], 9);
      continue;
    }
    put(0, 9);  // one byte back
    put(same - 1, 7);
    at += same;
  }
  return out;
}

// A sequential patch: differences to the base as far as both go, new bytes for the rest.
inline Bytes deltaOf(const Bytes& base, const Bytes& image, bool isPacked = false) {
  const size_t same = base.size() < image.size() ? base.size() : image.size();
  Bytes out = {static_cast<uint8_t>(isPacked ? 4 : 0)}, body;
  putNumber(out, static_cast<uint32_t>(image.size()));
  if (isPacked) out.push_back(0x44);
  putNumber(body, 0);
  putNumber(body, static_cast<uint32_t>(same));
  for (size_t i = 0; i < same; ++i) body.push_back(static_cast<uint8_t>(image[i] - base[i]));
  putNumber(body, static_cast<uint32_t>(image.size() - same));
  body.insert(body.end(), image.begin() + static_cast<std::ptrdiff_t>(same), image.end());
  putNumber(body, 0);
  if (isPacked) body = heatshrinkOf(body);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

constexpr uint8_t payloadKey[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

inline Bytes payloadKeyId() {
  Bytes id = sha256(Bytes(payloadKey, payloadKey + 16));
  id.resize(8);
  return id;
}

inline Bytes nonceOf(cx::PayloadCipher cipher) { return Bytes(cipher == cx::PayloadCipher::gcm ? 12 : 7, 7); }
inline Bytes protectedOf(cx::PayloadCipher cipher) { return {0xA1, 0x01, static_cast<uint8_t>(cipher)}; }

// COSE_Encrypt0: the headers, and the ciphertext with its tag.
inline Bytes encryptionInfoOf(cx::PayloadCipher cipher = cx::PayloadCipher::gcm) {
  return cborOf([&](cx::CborWriter& writer) {
    writer.putTag(16);
    writer.putArray(3);
    writer.putBytes(spanOf(protectedOf(cipher)));
    writer.putMap(2);
    writer.putInt(4);
    writer.putBytes(spanOf(payloadKeyId()));
    writer.putInt(5);
    writer.putBytes(spanOf(nonceOf(cipher)));
    writer.putNull();
  });
}
inline Bytes encryptedOf(const Bytes& plain, cx::PayloadCipher cipher = cx::PayloadCipher::gcm) {
  const Bytes aad = cborOf([&](cx::CborWriter& writer) {
    writer.putArray(3);
    writer.putText("Encrypt0");
    writer.putBytes(spanOf(protectedOf(cipher)));
    writer.putBytes(cx::ByteSpan());
  });
  const Bytes nonce = nonceOf(cipher);
  const bool isGcm = cipher == cx::PayloadCipher::gcm;
  Bytes out(plain.size() + (isGcm ? 16 : 8));
  if (isGcm) {
    mbedtls_gcm_context context;
    mbedtls_gcm_init(&context);
    (void)mbedtls_gcm_setkey(&context, MBEDTLS_CIPHER_ID_AES, payloadKey, 128);
    (void)mbedtls_gcm_crypt_and_tag(&context, MBEDTLS_GCM_ENCRYPT, plain.size(), nonce.data(), nonce.size(), aad.data(), aad.size(), plain.data(),
                                    out.data(), 16, out.data() + plain.size());
    mbedtls_gcm_free(&context);
    return out;
  }
  mbedtls_ccm_context context;
  mbedtls_ccm_init(&context);
  (void)mbedtls_ccm_setkey(&context, MBEDTLS_CIPHER_ID_AES, payloadKey, 128);
  (void)mbedtls_ccm_encrypt_and_tag(&context, plain.size(), nonce.data(), nonce.size(), aad.data(), aad.size(), plain.data(), out.data(),
                                    out.data() + plain.size(), 8);
  mbedtls_ccm_free(&context);
  return out;
}
