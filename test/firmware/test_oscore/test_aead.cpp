// The software cipher against published vectors and its own twins.
#include <cstring>

#include "../random.hpp"
#include "aes_ccm.hpp"
#include "aes_pair.hpp"
#include "check.hpp"
#include "hex.hpp"
#include "hkdf.hpp"

using namespace cx;

TEST("AES-128 gives the ciphertexts of FIPS 197 appendices B and C.1, in either lane") {
  uint8_t one[16], other[16];
  std::memcpy(one, Hex<16>("3243f6a8885a308d313198a2e0370734").bytes, 16);
  std::memset(other, 0x5A, 16);
  AesPair(Hex<16>("2b7e151628aed2a6abf7158809cf4f3c").bytes).encrypt(one, other);
  CHECK(isHex(ByteSpan(one, 16), "3925841d02dc09fbdc118597196a0b32"));
  std::memcpy(other, Hex<16>("00112233445566778899aabbccddeeff").bytes, 16);
  AesPair(Hex<16>("000102030405060708090a0b0c0d0e0f").bytes).encrypt(one, other);
  CHECK(isHex(ByteSpan(other, 16), "69c4e0d86a7b0430d8cdb78070b4c55a"));
}

TEST("AES-CCM gives packet vector 1 of RFC 3610") {
  uint8_t data[31];
  uint8_t tag[8];
  std::memcpy(data, Hex<23>("08090a0b0c0d0e0f101112131415161718191a1b1c1d1e").bytes, 23);
  const Hex<16> key("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf");
  const Hex<13> nonce("00000003020100a0a1a2a3a4a5");
  const Hex<8> aad("0001020304050607");
  SoftwareAead aead;
  aead.seal(key.bytes, nonce.bytes, aad.bytes, 8, data, 23, tag);
  CHECK(isHex(ByteSpan(data, 23), "588c979a61c663d2f066d0c2c0f989806d5f6b61dac384"));
  CHECK(isHex(ByteSpan(tag, 8), "17e8d12cfdf926e0"));
  CHECK(aead.open(key.bytes, nonce.bytes, aad.bytes, 8, data, 23, tag));
  CHECK(isHex(ByteSpan(data, 23), "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e"));
}

TEST("every length opens as it was sealed, and with a changed bit of its tag or text it is not taken for genuine") {
  SoftwareAead aead;
  SeededRandom random(7);
  uint8_t key[16], nonce[13], aad[40], plain[70], data[70], tag[8];
  for (uint8_t& byte : key) byte = random.byte();
  for (uint8_t& byte : nonce) byte = random.byte();
  for (uint8_t& byte : aad) byte = random.byte();
  for (uint8_t& byte : plain) byte = random.byte();
  for (uint32_t size = 0; size <= sizeof plain; size++) {
    const uint32_t aadSize = size % (sizeof aad + 1);
    std::memcpy(data, plain, sizeof data);
    aead.seal(key, nonce, aad, aadSize, data, size, tag);
    CHECK(size == 0 || std::memcmp(data, plain, size) != 0);
    tag[size % 8] ^= static_cast<uint8_t>(1U << (size % 7));
    uint8_t copy[70];
    std::memcpy(copy, data, sizeof copy);
    CHECK(!aead.open(key, nonce, aad, aadSize, copy, size, tag));
    tag[size % 8] ^= static_cast<uint8_t>(1U << (size % 7));
    if (size > 0) {
      std::memcpy(copy, data, sizeof copy);
      copy[random.byte() % size] ^= 0x10;
      CHECK(!aead.open(key, nonce, aad, aadSize, copy, size, tag));
    }
    if (aadSize > 0) {
      std::memcpy(copy, data, sizeof copy);
      aad[aadSize - 1] ^= 1;
      CHECK(!aead.open(key, nonce, aad, aadSize, copy, size, tag));
      aad[aadSize - 1] ^= 1;
    }
    CHECK(aead.open(key, nonce, aad, aadSize, data, size, tag));
    CHECK(std::memcmp(data, plain, sizeof data) == 0);
  }
}

TEST("HKDF-SHA256 gives the first bytes of RFC 5869's test cases 1 and 3") {
  uint8_t out[32];
  hkdfSha256(Hex<13>("000102030405060708090a0b0c").view(), Hex<22>("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b").view(),
             Hex<10>("f0f1f2f3f4f5f6f7f8f9").view(), out);
  CHECK(isHex(out, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"));
  hkdfSha256(ByteSpan(), Hex<22>("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b").view(), ByteSpan(), MutableSpan(out, 16));
  CHECK(isHex(ByteSpan(out, 16), "8da4e775a563c18f715f802a063c5a31"));
}
