// SHA-256 (FIPS 180-4). Our own: no kept library can be had offline as source for every target here (Debian's BearSSL
// is a host library), and this needs 112 bytes of state and no tables beyond the 64 constants.
#pragma once

#include <cstddef>
#include <cstdint>

#include "span.hpp"

namespace cx {

constexpr size_t sha256Size = 32;

struct Digest {
  uint8_t bytes[sha256Size] = {};
  ByteSpan view() const { return ByteSpan(bytes, sha256Size); }
};
bool operator==(const Digest& left, const Digest& right);
inline bool operator!=(const Digest& left, const Digest& right) { return !(left == right); }

class Sha256 {
 public:
  Sha256() { reset(); }
  void reset();
  void update(ByteSpan bytes);
  // Ends the computation; reset() before the next.
  Digest finish();

 private:
  void block(const uint8_t* bytes);

  uint32_t state_[8];
  uint64_t length_;
  uint8_t pending_[64];
};

}  // namespace cx
