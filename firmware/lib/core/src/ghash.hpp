// GHASH of GCM (NIST SP 800-38D section 6.4), bit by bit: no table, no branch and no address that depends on the key.
#pragma once

#include "aes_pair.hpp"

namespace cx {

class Ghash {
 public:
  void start(const uint8_t* subkey);
  void add(const uint8_t* block);
  const uint8_t* value() const { return value_; }

 private:
  uint32_t subkey_[4] = {};
  uint8_t value_[aesBlock] = {};
};

}  // namespace cx
