#include "ghash.hpp"

#include <cstring>

namespace cx {

void Ghash::start(const uint8_t* subkey) {
  for (unsigned i = 0; i < 4; i++) {
    const uint8_t* const at = subkey + 4 * i;
    subkey_[i] = static_cast<uint32_t>(at[0]) << 24U | static_cast<uint32_t>(at[1]) << 16U | static_cast<uint32_t>(at[2]) << 8U | at[3];
  }
  std::memset(value_, 0, sizeof value_);
}

// value = (value + block) * subkey in GF(2^128), the first bit being the highest of the first byte.
void Ghash::add(const uint8_t* block) {
  uint32_t product[4] = {};
  uint32_t factor[4];
  std::memcpy(factor, subkey_, sizeof factor);
  for (unsigned i = 0; i < aesBlock; i++) {
    const uint32_t byte = static_cast<uint32_t>(value_[i] ^ block[i]);
    for (unsigned bit = 0; bit < 8; bit++) {
      const uint32_t isSet = 0U - (byte >> (7U - bit) & 1U);
      for (unsigned word = 0; word < 4; word++) product[word] ^= factor[word] & isSet;
      const uint32_t carry = 0U - (factor[3] & 1U);
      factor[3] = factor[3] >> 1U | factor[2] << 31U;
      factor[2] = factor[2] >> 1U | factor[1] << 31U;
      factor[1] = factor[1] >> 1U | factor[0] << 31U;
      factor[0] = factor[0] >> 1U ^ (0xE1000000U & carry);
    }
  }
  for (unsigned i = 0; i < aesBlock; i++) value_[i] = static_cast<uint8_t>(product[i / 4] >> (24U - 8U * (i % 4)));
}

}  // namespace cx
