#include "pack/wall_clock.hpp"

namespace cx::pack {
namespace {

constexpr int64_t dayMs = 86'400'000;
constexpr int64_t minuteMs = 60'000;

constexpr bool isLeap(uint32_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

constexpr uint8_t daysOf(uint32_t year, uint32_t month) {
  constexpr uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && isLeap(year) ? 29 : days[month - 1];
}

// Days from 2000-01-01 to 1 January of `year` >= 2000.
constexpr int32_t daysBefore(uint32_t year) {
  const uint32_t years = year - 2000;
  if (years == 0) return 0;
  const uint32_t last = years - 1;  // leap years among 2000..year-1; 2000 is one
  return static_cast<int32_t>(years * 365 + last / 4 - last / 100 + last / 400 + 1);
}
static_assert(daysBefore(2001) == 366 && daysBefore(2004) == 1461 && daysBefore(2005) == 1827 && daysBefore(2101) == 36890);

uint8_t dayOfMonth(int32_t day) {
  if (day < 0) return 31;  // the energy day that began in 1999
  uint32_t year = 2000;
  while (daysBefore(year + 1) <= day) year++;
  int32_t rest = day - daysBefore(year);
  for (uint32_t month = 1; month < 12; month++) {
    if (rest < daysOf(year, month)) break;
    rest -= daysOf(year, month);
  }
  return static_cast<uint8_t>(rest + 1);
}

}  // namespace

bool WallClock::set(const can::Time& time, uint64_t nowMs) {
  if (time.year < 2000 || time.year > 2199 || time.month < 1 || time.month > 12) return false;
  if (time.day < 1 || time.day > daysOf(time.year, time.month)) return false;
  if (time.hour > 23 || time.minute > 59 || time.second > 59) return false;
  int64_t days = daysBefore(time.year) + time.day - 1;
  for (uint32_t month = 1; month < time.month; month++) days += daysOf(time.year, month);
  atSetMs_ = days * dayMs + ((time.hour * 60 + time.minute) * 60 + time.second) * int64_t{1000};
  setAtMs_ = nowMs;
  isSet_ = true;
  return true;
}

bool WallClock::read(uint64_t nowMs, LocalTime& out) const {
  if (!isSet_) return false;
  const int64_t local = atSetMs_ + static_cast<int64_t>(nowMs - setAtMs_);
  out.minuteOfDay = static_cast<uint16_t>(local % dayMs / minuteMs);
  // A day is added, so that the first hours of 2000 don't divide a negative number.
  out.energyDay = static_cast<int32_t>((local + dayMs - energyDayBeginsAtMinute * minuteMs) / dayMs) - 1;
  out.energyDayOfMonth = dayOfMonth(out.energyDay);
  return true;
}

}  // namespace cx::pack
