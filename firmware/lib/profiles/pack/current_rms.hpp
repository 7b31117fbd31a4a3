// The RMS current of a circuit, from samples of its transformer around a bias of half the supply. The bias is taken out by
// the window's own mean, so the window has to be whole cycles of the mains; a transformer has no sign, and neither has this.
#pragma once

#include <cstdint>

namespace cx::pack {

constexpr uint32_t currentSamplesMax = 4096;       // of one window, 12 bits each
constexpr uint16_t milliamperesPerCountMax = 400;  // so that the squares fit 64 bits
constexpr int32_t currentNoiseMilliamperes = 150;  // below: the converter's noise, and told as 0

class CurrentRms {
 public:
  // `samples` of a window: the sample rate times whole cycles over the mains' frequency.
  CurrentRms(uint32_t samples, uint16_t milliamperesPerCount = 100)
      : window_(samples == 0 ? 1 : samples > currentSamplesMax ? currentSamplesMax : samples),
        scale_(milliamperesPerCount > milliamperesPerCountMax ? milliamperesPerCountMax : milliamperesPerCount) {}

  // True: a window is complete, and milliamperes() is its current.
  bool add(uint16_t sample) {
    const uint64_t value = sample & 0xfffU;
    sum_ += value;
    squares_ += value * value;
    if (++count_ < window_) return false;
    // n^2 times the variance; never negative.
    const uint64_t spread = count_ * squares_ - sum_ * sum_;
    const uint64_t root = squareRoot(spread * scale_ * scale_) / count_;
    milliamperes_ = root < currentNoiseMilliamperes ? 0 : static_cast<int32_t>(root);
    sum_ = squares_ = 0;
    count_ = 0;
    return true;
  }
  int32_t milliamperes() const { return milliamperes_; }

 private:
  static uint64_t squareRoot(uint64_t of) {
    uint64_t root = 0;
    for (uint64_t bit = uint64_t{1} << 31; bit != 0; bit >>= 1) {
      const uint64_t next = root | bit;
      if (next * next <= of) root = next;
    }
    return root;
  }

  uint32_t window_;
  uint16_t scale_;
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t squares_ = 0;
  int32_t milliamperes_ = 0;
};

}  // namespace cx::pack
