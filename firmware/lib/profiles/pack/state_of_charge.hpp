// State of charge by the battery's voltage alone, computed anew from each reading. Whole numbers only: in floating point
// 48.0 V truncates to 9 %.
#pragma once

#include <cstdint>

namespace cx::pack {

struct ChargeRange {
  uint32_t emptyMillivolts = 46400;  // 0 %, and all below; of 16 cells
  uint32_t fullMillivolts = 62400;   // 100 %, and all above
};

// Percent, rounded down. In a range that isn't one, everything below `fullMillivolts` is 0 %.
constexpr uint8_t stateOfCharge(uint32_t millivolts, ChargeRange range = {}) {
  if (millivolts >= range.fullMillivolts) return 100;
  if (millivolts <= range.emptyMillivolts) return 0;
  const uint64_t above = millivolts - range.emptyMillivolts;
  return static_cast<uint8_t>(above * 100 / (range.fullMillivolts - range.emptyMillivolts));
}

}  // namespace cx::pack
