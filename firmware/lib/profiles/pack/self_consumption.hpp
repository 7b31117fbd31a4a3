// Self-Consumption: the grid at 10 % and below, none of it from 50 % on, between them as it was.
#pragma once

#include <cstdint>

namespace cx::pack {

constexpr uint8_t selfConsumptionClosesAt = 10;  // %
constexpr uint8_t selfConsumptionOpensAt = 50;   // %
constexpr uint64_t chargeStaleAfterMs = 5 * 60 * 1000;

// What is known of the charge. It counts while it was read within the last 5 min.
struct KnownCharge {
  bool isKnown = false;
  uint8_t percent = 0;
  uint64_t readAtMs = 0;

  bool counts(uint64_t nowMs) const { return isKnown && nowMs - readAtMs < chargeStaleAfterMs; }
};

class SelfConsumption {
 public:
  // Once a tick. `isGridClosed`: what the rules below this one ask for, held when the mode comes on between the thresholds.
  void tick(uint64_t nowMs, bool isOn, const KnownCharge& charge, bool isGridClosed) {
    if (!isOn) {
      isOn_ = false;
      return;
    }
    if (!isOn_) closesGrid_ = isGridClosed;
    isOn_ = true;
    // Nobody knows the battery: the house must not hang on it.
    if (!charge.counts(nowMs)) closesGrid_ = true;
    else if (charge.percent <= selfConsumptionClosesAt) closesGrid_ = true;
    else if (charge.percent >= selfConsumptionOpensAt) closesGrid_ = false;
  }
  bool isOn() const { return isOn_; }
  bool closesGrid() const { return closesGrid_; }

 private:
  bool isOn_ = false;
  bool closesGrid_ = true;
};

}  // namespace cx::pack
