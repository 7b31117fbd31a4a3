// What flows where. There is no solar sensor: the sun is what the balance lacks.
#pragma once

#include <cstdint>

namespace cx::pack {

constexpr int32_t mainsVolts = 220;

// Watts of a circuit whose current transformer says `milliamperes` (RMS: never negative).
constexpr int32_t mainsWatts(int32_t milliamperes) { return static_cast<int32_t>(static_cast<int64_t>(milliamperes) * mainsVolts / 1000); }

// Watts into the battery; negative while it discharges. `centiamperes` as the BMS says them, 0.01 A.
constexpr int32_t batteryWatts(uint32_t millivolts, int32_t centiamperes) {
  return static_cast<int32_t>(static_cast<int64_t>(millivolts) * centiamperes / 100000);
}

struct MeasuredPower {
  int32_t grid = 0;    // W, into the house
  int32_t home = 0;    // W, at the inverter's output
  int32_t pool = 0;    // W
  int32_t heater = 0;  // W
};

struct PowerBalance {
  int32_t load = 0;   // W
  int32_t solar = 0;  // W, never negative; says nothing where hasSolar is false
  bool hasSolar = false;
};

// `battery` counts only where `hasBattery`: without it nobody knows what the sun gives. `areLoadsBehindInverter`: the pool's
// and the heater's circuits are measured by `home` already.
constexpr PowerBalance powerBalance(const MeasuredPower& power, bool hasBattery, int32_t battery, bool areLoadsBehindInverter) {
  PowerBalance out;
  out.load = areLoadsBehindInverter ? power.home : power.home + power.pool + power.heater;
  out.hasSolar = hasBattery;
  if (hasBattery && out.load + battery > power.grid) out.solar = out.load + battery - power.grid;
  return out;
}

}  // namespace cx::pack
