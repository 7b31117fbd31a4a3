// Delays that double, with jitter, up to a cap: the one rule for every retry of the node.
#pragma once

#include <cstdint>

#include "hal/entropy.hpp"

namespace cx {

// A number in [0, bound), evenly enough for jitter: the bias is below bound / 2^32.
inline uint32_t randomBelow(hal::Entropy& entropy, uint32_t bound) {
  uint32_t value = 0;
  entropy.fill(reinterpret_cast<uint8_t*>(&value), sizeof value);
  return static_cast<uint32_t>(static_cast<uint64_t>(value) * bound >> 32U);
}

class Backoff {
 public:
  constexpr Backoff(uint32_t baseMs, uint32_t capMs) : baseMs_(baseMs), capMs_(capMs) {}

  void reset() { failures_ = 0; }
  void setCap(uint32_t capMs) { capMs_ = capMs; }
  uint32_t failures() const { return failures_; }
  // The next delay: between a half and the whole of base * 2^failures, at most the cap.
  uint32_t next(hal::Entropy& entropy) {
    const uint32_t shift = failures_ < 16 ? failures_ : 16;
    const uint64_t full = static_cast<uint64_t>(baseMs_) << shift;
    const uint32_t limit = full < capMs_ ? static_cast<uint32_t>(full) : capMs_;
    ++failures_;
    return limit / 2 + randomBelow(entropy, limit / 2 + 1);
  }

 private:
  uint32_t baseMs_;
  uint32_t capMs_;
  uint32_t failures_ = 0;
};

}  // namespace cx
