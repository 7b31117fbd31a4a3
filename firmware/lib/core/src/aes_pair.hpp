// The forward cipher of AES-128 (FIPS 197) on two blocks at once, bit-sliced. CCM needs no inverse.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cx {

constexpr size_t aesBlock = 16;

class AesPair {
 public:
  AesPair() = default;
  explicit AesPair(const uint8_t* key) { setKey(key); }
  ~AesPair();
  AesPair(const AesPair&) = delete;
  AesPair& operator=(const AesPair&) = delete;

  void setKey(const uint8_t* key);
  // Encrypts both blocks in place, with the same key.
  void encrypt(uint8_t* one, uint8_t* other) const;

 private:
  static constexpr unsigned rounds = 10;
  uint16_t keys_[rounds + 1][8] = {};  // sliced: bit i of the 16 bytes of a round key
};

}  // namespace cx
