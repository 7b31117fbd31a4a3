// Payloads of each kind, made as plainly as their formats allow: what they look like to a good compressor is tested with the
// decoders; here they have to be long, and to be cut.
#pragma once
#include <mbedtls/gcm.h>

#include "suit_signer.hpp"

// Raw deflate in stored blocks of 900 bytes.
inline Bytes deflateOf(const Bytes& image) {
  Bytes out;
  for (size_t at = 0; at < image.size(); at += 900) {
    const size_t size = image.size() - at < 900 ? image.size() - at : 900;
    out.push_back(at + size == image.size() ? 1 : 0);
    out.push_back(static_cast<uint8_t>(size));
    out.push_back(static_cast<uint8_t>(size >> 8U));
    out.push_back(static_cast<uint8_t>(~size));
    out.push_back(static_cast<uint8_t>(~size >> 8U));
    out.insert(out.end(), image.begin() + static_cast<std::ptrdiff_t>(at), image.begin() + static_cast<std::ptrdiff_t>(at + size));
  }
  return out;
}

// detools' numbers: 6 bits with a sign, then 7 at a time.
inline void putNumber(Bytes& out, uint32_t value) {
  out.push_back(static_cast<uint8_t>((value > 0x3F ? 0x80U : 0U) | (value & 0x3FU)));
  for (value >>= 6U; value > 0; value >>= 7U) out.push_back(static_cast<uint8_t>((value > 0x7F ? 0x80U : 0U) | (value & 0x7FU)));
}

// A sequential patch without packing: differences to the base as far as both go, new bytes for the rest.
inline Bytes deltaOf(const Bytes& base, const Bytes& image) {
  const size_t same = base.size() < image.size() ? base.size() : image.size();
  Bytes out = {0};
  putNumber(out, static_cast<uint32_t>(image.size()));
  putNumber(out, 0);
  putNumber(out, static_cast<uint32_t>(same));
  for (size_t i = 0; i < same; ++i) out.push_back(static_cast<uint8_t>(image[i] - base[i]));
  putNumber(out, static_cast<uint32_t>(image.size() - same));
  out.insert(out.end(), image.begin() + static_cast<std::ptrdiff_t>(same), image.end());
  putNumber(out, 0);
  return out;
}

constexpr uint8_t payloadKey[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

inline Bytes payloadKeyId() {
  Bytes id = sha256(Bytes(payloadKey, payloadKey + 16));
  id.resize(8);
  return id;
}

// COSE_Encrypt0 with A128GCM: the headers, and the ciphertext with its tag.
inline Bytes encryptionInfoOf() {
  return cborOf([](cx::CborWriter& writer) {
    writer.putTag(16);
    writer.putArray(3);
    writer.putBytes(spanOf({0xA1, 0x01, 0x01}));
    writer.putMap(2);
    writer.putInt(4);
    writer.putBytes(spanOf(payloadKeyId()));
    writer.putInt(5);
    writer.putBytes(spanOf(Bytes(12, 7)));
    writer.putNull();
  });
}
inline Bytes encryptedOf(const Bytes& plain) {
  const Bytes aad = cborOf([](cx::CborWriter& writer) {
    writer.putArray(3);
    writer.putText("Encrypt0");
    writer.putBytes(spanOf({0xA1, 0x01, 0x01}));
    writer.putBytes(cx::ByteSpan());
  });
  const Bytes nonce(12, 7);
  Bytes out(plain.size() + 16);
  mbedtls_gcm_context context;
  mbedtls_gcm_init(&context);
  (void)mbedtls_gcm_setkey(&context, MBEDTLS_CIPHER_ID_AES, payloadKey, 128);
  (void)mbedtls_gcm_crypt_and_tag(&context, MBEDTLS_GCM_ENCRYPT, plain.size(), nonce.data(), nonce.size(), aad.data(), aad.size(), plain.data(),
                                  out.data(), 16, out.data() + plain.size());
  mbedtls_gcm_free(&context);
  return out;
}
