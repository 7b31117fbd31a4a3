// AES-CCM-16-64-128 in software: no table, no branch and no address that depends on key or data, no constants in RAM.
//
// CCM wants one cipher block for the tag and one for the key stream per 16 bytes, so the cipher works on both at once: each
// of eight words holds one bit of 32 bytes, and the S-box is computed in GF(2^8) on all of them together.
#pragma once

#include "hal/aead.hpp"

namespace cx {

class SoftwareAead final : public hal::Aead {
 public:
  void seal(const uint8_t* key, const uint8_t* nonce, const uint8_t* aad, uint32_t aadSize, uint8_t* data, uint32_t size,
            uint8_t* tag) override;
  bool open(const uint8_t* key, const uint8_t* nonce, const uint8_t* aad, uint32_t aadSize, uint8_t* data, uint32_t size,
            const uint8_t* tag) override;
};

}  // namespace cx
