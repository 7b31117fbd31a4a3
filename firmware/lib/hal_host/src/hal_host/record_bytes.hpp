// What the durable records of the host port are written with: little-endian numbers and a SHA-256 over what is checked.
#pragma once
#include <cstdint>

#include "sha256.hpp"
#include "span.hpp"

namespace cx::host {

inline void put32(uint8_t* at, uint32_t value) {
  for (unsigned i = 0; i < 4; i++) at[i] = static_cast<uint8_t>(value >> (8 * i));
}

inline uint32_t get32(const uint8_t* at) {
  return at[0] | uint32_t{at[1]} << 8 | uint32_t{at[2]} << 16 | uint32_t{at[3]} << 24;
}

// `out` takes the 32 bytes of the digest.
inline void checksumOf(const uint8_t* bytes, uint32_t size, uint8_t* out) {
  Sha256 hash;
  hash.update(ByteSpan(bytes, size));
  hash.finish(out);
}

}  // namespace cx::host
