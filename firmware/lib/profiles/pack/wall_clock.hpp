// Local time by the gateway's frames, carried on between them by the monotonic clock, and the energy day, which begins at
// 05:00.
#pragma once

#include <cstdint>

#include "can.hpp"

namespace cx::pack {

constexpr uint32_t energyDayBeginsAtMinute = 5 * 60;

struct LocalTime {
  uint16_t minuteOfDay = 0;
  int32_t energyDay = 0;       // counted from 2000-01-01 05:00
  uint8_t energyDayOfMonth = 1;  // of the date on which it began
};

class WallClock {
 public:
  // False, and nothing changes: no such time or date (30 February).
  bool set(const can::Time& time, uint64_t nowMs);
  // False while the gateway never said the time since boot.
  bool read(uint64_t nowMs, LocalTime& out) const;
  bool isSet() const { return isSet_; }

 private:
  bool isSet_ = false;
  int64_t atSetMs_ = 0;   // local time of the last frame, since 2000-01-01
  uint64_t setAtMs_ = 0;  // monotonic time of it
};

}  // namespace cx::pack
