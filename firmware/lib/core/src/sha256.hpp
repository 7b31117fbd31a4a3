// SHA-256 as FIPS 180-4 gives it: the address of an artifact and the check of a slot. Our own, since the kept library that
// would serve (BearSSL) exists offline only as a host library.
#pragma once

#include <cstddef>
#include <cstdint>

#include "span.hpp"

namespace cx {

class Sha256 {
 public:
  static constexpr size_t digestSize = 32;

  Sha256() { reset(); }
  void reset();
  void update(ByteSpan bytes);
  // Writes 32 bytes and leaves the object used up: reset() before the next message.
  void finish(uint8_t* digest);

 private:
  void block(const uint8_t* bytes);

  uint32_t state_[8];
  uint64_t total_;       // bytes taken so far
  uint8_t pending_[64];  // the unfinished block: total_ % 64 bytes
};

}  // namespace cx
