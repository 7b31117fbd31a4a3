// Time of Use: the window in which the output is on. It may wrap midnight; one that ends where it begins is the whole day,
// so that a mode switched on before its window was set doesn't darken the house.
#pragma once

#include <cstdint>

namespace cx::pack {

constexpr bool isInWindow(uint16_t minuteOfDay, uint16_t start, uint16_t end) {
  if (start == end) return true;
  if (start < end) return minuteOfDay >= start && minuteOfDay < end;
  return minuteOfDay >= start || minuteOfDay < end;
}

}  // namespace cx::pack
