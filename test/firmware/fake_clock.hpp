// Time and randomness of a test: nothing moves by itself.
#pragma once
#include "hal/clock.hpp"
#include "hal/entropy.hpp"
#include "random.hpp"

class FakeClock final : public cx::hal::Clock {
 public:
  uint64_t nowMs = 1000;
  uint64_t monotonicMs() override { return nowMs; }
  bool wallMs(int64_t&) override { return false; }
  void setWallMs(int64_t) override {}
};

class FakeEntropy final : public cx::hal::Entropy {
 public:
  explicit FakeEntropy(uint64_t seed = 1) : random_(seed) {}
  void fill(uint8_t* out, size_t size) override {
    for (size_t i = 0; i < size; i++) out[i] = random_.byte();
  }

 private:
  SeededRandom random_;
};
