// A small seeded generator (xorshift64*) for bounded random tests, the same on every target.
#pragma once
#include <cstddef>
#include <cstdint>

class SeededRandom {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed == 0 ? 1 : seed) {}
  uint64_t next() {
    state_ ^= state_ >> 12U;
    state_ ^= state_ << 25U;
    state_ ^= state_ >> 27U;
    return state_ * 0x2545F4914F6CDD1DU;
  }
  // 0..limit-1
  uint32_t below(uint32_t limit) { return limit == 0 ? 0 : static_cast<uint32_t>((next() >> 32U) % limit); }
  uint8_t byte() { return static_cast<uint8_t>(next() >> 56U); }

 private:
  uint64_t state_;
};
