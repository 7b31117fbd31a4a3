// State of charge, the power balance, local time and the day's import of a pack.
#include <cstring>

#include "../check.hpp"
#include "pack/current_rms.hpp"
#include "pack/import_limit.hpp"
#include "pack/power_balance.hpp"
#include "pack/state_of_charge.hpp"
#include "pack/wall_clock.hpp"

using namespace cx;
using namespace cx::pack;

namespace {

constexpr uint64_t second = 1000;
constexpr uint64_t hour = 3'600'000;

can::Time timeOf(uint16_t year, uint8_t month, uint8_t day, uint8_t hours, uint8_t minutes, uint8_t seconds = 0) {
  can::Time time;
  time.year = year;
  time.month = month;
  time.day = day;
  time.hour = hours;
  time.minute = minutes;
  time.second = seconds;
  return time;
}

// A counter that ticks every 2 s from `fromMs` to `toMs`, with the time that `clock` says.
void run(ImportLimit& limit, const WallClock& clock, uint64_t fromMs, uint64_t toMs, int32_t watts, bool isOn = true, uint8_t kwh = 2) {
  for (uint64_t now = fromMs; now <= toMs; now += 2 * second) {
    LocalTime time;
    limit.tick(now, watts, isOn, kwh, clock.read(now, time) ? &time : nullptr);
  }
}

}  // namespace

TEST("a charge range that is none doesn't divide by zero") {
  CHECK_EQ(stateOfCharge(50000, {50000, 50000}), 100);
  CHECK_EQ(stateOfCharge(49999, {50000, 50000}), 0);
  CHECK_EQ(stateOfCharge(49999, {60000, 50000}), 0);
}

TEST("state of charge is what the page lists, to the percent") {
  const uint32_t millivolts[] = {0, 46390, 46400, 46560, 48000, 49600, 52800, 54400, 62240, 62400, 72000, 6553500};
  const uint8_t percent[] = {0, 0, 0, 1, 10, 20, 40, 50, 99, 100, 100, 100};
  for (unsigned i = 0; i < sizeof percent; i++) CHECK_EQ(stateOfCharge(millivolts[i]), percent[i]);
  CHECK_EQ(stateOfCharge(27000, {24000, 30000}), 50);
}

TEST("without a battery's reading nobody knows the sun") {
  const PowerBalance balance = powerBalance({0, 2000, 0, 0}, false, 0, false);
  CHECK(!balance.hasSolar);
  CHECK_EQ(balance.solar, 0);
  CHECK_EQ(balance.load, 2000);
}

TEST("solar power is what the balance lacks, and never negative") {
  CHECK_EQ(powerBalance({0, 2000, 0, 0}, true, -500, false).solar, 1500);
  CHECK_EQ(powerBalance({0, 1000, 0, 0}, true, 1500, false).solar, 2500);
  CHECK_EQ(powerBalance({1000, 500, 0, 0}, true, 0, false).solar, 0);
  CHECK_EQ(powerBalance({0, 2000, 1000, 1000}, true, -2000, false).solar, 2000);
  CHECK_EQ(powerBalance({0, 2000, 1000, 1000}, true, -2000, false).load, 4000);
  CHECK_EQ(powerBalance({0, 2000, 1000, 1000}, true, -2000, true).load, 2000);
  CHECK_EQ(powerBalance({0, 2000, 1000, 1000}, true, -2000, true).solar, 0);
}

TEST("one raw sample, a bias without a current and the converter's noise are no current") {
  CurrentRms rms(200);
  for (int i = 0; i < 199; i++) CHECK(!rms.add(4095));
  CHECK_EQ(rms.milliamperes(), 0);
  CHECK(rms.add(4095));
  CHECK_EQ(rms.milliamperes(), 0);
  for (int i = 0; i < 200; i++) (void)rms.add(static_cast<uint16_t>(2048 + i % 2));
  CHECK_EQ(rms.milliamperes(), 0);
}

TEST("the RMS of a square wave is its height, wherever its bias, and of the widest swing it doesn't overflow") {
  CurrentRms rms(200);
  for (int i = 0; i < 200; i++) (void)rms.add(static_cast<uint16_t>(1900 + (i / 10 % 2 == 0 ? 100 : -100)));
  CHECK_EQ(rms.milliamperes(), 10'000);
  CHECK_EQ(mainsWatts(rms.milliamperes()), 2200);
  CurrentRms widest(currentSamplesMax, milliamperesPerCountMax);
  for (unsigned i = 0; i < currentSamplesMax; i++) (void)widest.add(i % 2 == 0 ? 0 : 4095);
  CHECK_EQ(widest.milliamperes(), 4095 * 400 / 2);
}

TEST("the RMS of a triangle is its height by the root of three, over whole cycles") {
  CurrentRms rms(4000);
  for (int i = 0; i < 4000; i++) {
    const int at = i % 400;
    const int height = at < 100 ? at : at < 300 ? 200 - at : at - 400;
    (void)rms.add(static_cast<uint16_t>(2048 + 5 * height));
  }
  CHECK(rms.milliamperes() > 28'860 && rms.milliamperes() < 28'875);
}

TEST("watts come from currents") {
  CHECK_EQ(mainsWatts(50000), 11000);
  CHECK_EQ(mainsWatts(0), 0);
  CHECK_EQ(batteryWatts(52800, 100), 52);
  CHECK_EQ(batteryWatts(50000, -2000), -1000);
  CHECK_EQ(batteryWatts(6553500, -32768), -2147450);
}

TEST("times and dates that don't exist are refused, and the time goes on as it was") {
  WallClock clock;
  LocalTime time;
  CHECK(!clock.read(0, time));
  CHECK(!clock.set(timeOf(2026, 2, 29, 1, 1), 0));
  CHECK(!clock.set(timeOf(2100, 2, 29, 1, 1), 0));
  CHECK(!clock.set(timeOf(2026, 4, 31, 1, 1), 0));
  CHECK(!clock.set(timeOf(2026, 1, 0, 1, 1), 0));
  CHECK(!clock.set(timeOf(2026, 1, 32, 1, 1), 0));
  CHECK(!clock.set(timeOf(2026, 13, 1, 1, 1), 0));
  CHECK(!clock.set(timeOf(2026, 0, 1, 1, 1), 0));
  CHECK(!clock.set(timeOf(2026, 1, 1, 24, 1), 0));
  CHECK(!clock.set(timeOf(1999, 1, 1, 1, 1), 0));
  CHECK(!clock.isSet());
  CHECK(clock.set(timeOf(2028, 2, 29, 1, 1), 0));
  CHECK(!clock.set(timeOf(2028, 2, 30, 2, 2), 0));
  CHECK(clock.read(0, time));
  CHECK_EQ(time.minuteOfDay, 61);
}

TEST("between the gateway's frames the monotonic clock carries the time on, over midnight and the year's end") {
  WallClock clock;
  LocalTime time;
  CHECK(clock.set(timeOf(2026, 12, 31, 23, 59, 30), 7777));
  CHECK(clock.read(7777 + 29 * second, time));
  CHECK_EQ(time.minuteOfDay, 1439);
  CHECK_EQ(time.energyDayOfMonth, 31);
  const int32_t day = time.energyDay;
  CHECK(clock.read(7777 + 30 * second, time));
  CHECK_EQ(time.minuteOfDay, 0);
  CHECK_EQ(time.energyDay, day);
  CHECK(clock.read(7777 + 30 * second + 5 * hour - 1, time));
  CHECK_EQ(time.energyDay, day);
  CHECK(clock.read(7777 + 30 * second + 5 * hour, time));
  CHECK_EQ(time.minuteOfDay, 300);
  CHECK_EQ(time.energyDay, day + 1);
  CHECK_EQ(time.energyDayOfMonth, 1);
}

TEST("the energy day's date is right on every day of two centuries") {
  WallClock clock;
  LocalTime time;
  CHECK(clock.set(timeOf(2000, 1, 1, 4, 59), 0));
  CHECK(clock.read(0, time));
  CHECK_EQ(time.energyDay, -1);
  CHECK_EQ(time.energyDayOfMonth, 31);
  int32_t expected = 0;
  for (uint16_t year = 2000; year < 2200; year++) {
    for (uint8_t month = 1; month <= 12; month++) {
      for (uint8_t day = 1; day <= 31; day++) {
        if (!clock.set(timeOf(year, month, day, 5, 0), 0)) continue;
        CHECK(clock.read(0, time));
        if (time.energyDay != expected || time.energyDayOfMonth != day) {
          CHECK_EQ(time.energyDay, expected);
          CHECK_EQ(time.energyDayOfMonth, day);
          return;
        }
        expected++;
      }
    }
  }
  CHECK_EQ(expected, 73049);
}

TEST("what memory holds after power on isn't taken for a count, whichever byte of a saved one differs") {
  ImportLimit limit;
  uint8_t bytes[hal::retainedSize];
  const int fills[] = {0x00, 0xff, 0xa5};
  for (const int fill : fills) {
    std::memset(bytes, fill, sizeof bytes);
    CHECK(!limit.load(bytes));
  }
  ImportLimit counted;
  run(counted, WallClock(), 0, hour, 1000);
  counted.save(bytes);
  for (unsigned i = 0; i < 20; i++) {
    uint8_t damaged[hal::retainedSize];
    std::memcpy(damaged, bytes, sizeof bytes);
    damaged[i] = static_cast<uint8_t>(damaged[i] ^ 0x10);
    CHECK(!limit.load(damaged));
  }
  CHECK_EQ(limit.imported(), 0);
  CHECK(limit.load(bytes));
  CHECK_EQ(limit.imported(), 100);
}

TEST("at 1000 W a limit of 2 kWh is used up after 2 h, give or take one tick") {
  ImportLimit limit;
  const WallClock clock;
  run(limit, clock, 0, 2 * hour - 2 * second, 1000);
  CHECK(!limit.isLockedOut());
  CHECK(limit.state(true) == can::ImportLimitState::counting);
  run(limit, clock, 2 * hour, 2 * hour, 1000);
  CHECK(limit.isLockedOut());
  CHECK_EQ(limit.imported(), 200);
  CHECK(limit.state(true) == can::ImportLimitState::lockedOut);
}

TEST("a lock-out stays until 05:00 local, by time carried on without any frame") {
  ImportLimit limit;
  WallClock clock;
  CHECK(clock.set(timeOf(2026, 7, 31, 20, 0), 0));
  run(limit, clock, 0, 2 * hour, 1000);
  CHECK(limit.isLockedOut());
  CHECK(limit.reset() == can::CommandResult::forbiddenByLockOut);
  run(limit, clock, 2 * hour, 9 * hour - 2 * second, 0);
  CHECK(limit.isLockedOut());
  run(limit, clock, 9 * hour, 9 * hour, 0);
  CHECK(!limit.isLockedOut());
  CHECK_EQ(limit.imported(), 0);
}

TEST("a lock-out ends when the function is switched off; the day's count stays, and locks again when it is on again") {
  ImportLimit limit;
  const WallClock clock;
  run(limit, clock, 0, 2 * hour, 1000);
  run(limit, clock, 2 * hour, 2 * hour, 0, false);
  CHECK(!limit.isLockedOut());
  CHECK(limit.state(false) == can::ImportLimitState::off);
  CHECK_EQ(limit.imported(), 200);
  run(limit, clock, 2 * hour, 2 * hour, 0);
  CHECK(limit.isLockedOut());
  run(limit, clock, 2 * hour, 2 * hour, 0, false);
  CHECK(limit.reset() == can::CommandResult::ok);
  run(limit, clock, 2 * hour, 2 * hour, 0);
  CHECK(!limit.isLockedOut());
}

TEST("without the time a lock-out is kept, and power that flows out isn't counted") {
  ImportLimit limit;
  const WallClock clock;
  run(limit, clock, 0, 2 * hour, 1000);
  run(limit, clock, 2 * hour, 50 * hour, -3000);
  CHECK(limit.isLockedOut());
  CHECK_EQ(limit.imported(), 200);
}

TEST("a soft reset keeps count and lock-out; when 05:00 passed meanwhile, the time's first frame ends them") {
  ImportLimit before;
  WallClock clock;
  CHECK(clock.set(timeOf(2026, 7, 1, 4, 0), 0));
  run(before, clock, 0, 30 * 60 * second, 4000);
  uint8_t bytes[hal::retainedSize];
  before.save(bytes);
  ImportLimit after;
  CHECK(after.load(bytes));
  CHECK(after.isLockedOut());
  run(after, WallClock(), 0, 10 * second, 0);
  CHECK(after.isLockedOut());
  WallClock later;
  CHECK(later.set(timeOf(2026, 7, 1, 5, 0), 12 * second));
  run(after, later, 12 * second, 12 * second, 0);
  CHECK(!after.isLockedOut());
  CHECK_EQ(after.imported(), 0);
}

TEST("a clock that is put back doesn't reset the count, and 05:00 resets it nevertheless") {
  ImportLimit limit;
  WallClock clock;
  CHECK(clock.set(timeOf(2030, 1, 1, 12, 0), 0));
  run(limit, clock, 0, hour, 1000);
  CHECK(clock.set(timeOf(2026, 1, 1, 4, 59), hour));
  run(limit, clock, hour, hour, 1000);
  CHECK_EQ(limit.imported(), 100);
  run(limit, clock, hour, hour + 60 * second, 0);
  CHECK_EQ(limit.imported(), 0);
}

TEST("what the gateway kept is taken back on the same energy day only, and never lowers a count") {
  ImportLimit limit;
  WallClock clock;
  can::RestoreLast last;
  last.imported = 150;
  last.isLockedOut = true;
  last.day = 30;
  LocalTime time;
  CHECK(limit.restore(last, nullptr) == can::CommandResult::otherEnergyDay);
  CHECK(clock.set(timeOf(2026, 7, 31, 6, 0), 0));
  CHECK(clock.read(0, time));
  CHECK(limit.restore(last, &time) == can::CommandResult::otherEnergyDay);
  CHECK_EQ(limit.imported(), 0);
  CHECK(!limit.isLockedOut());
  CHECK(clock.set(timeOf(2026, 7, 31, 4, 0), 0));
  CHECK(clock.read(0, time));
  CHECK(limit.restore(last, &time) == can::CommandResult::ok);
  CHECK_EQ(limit.imported(), 150);
  CHECK(limit.isLockedOut());
  last.imported = 20;
  last.isLockedOut = false;
  CHECK(limit.restore(last, &time) == can::CommandResult::ok);
  CHECK_EQ(limit.imported(), 150);
  CHECK(limit.isLockedOut());
}

TEST("a count that is more than the frame can say reads as the most it can") {
  ImportLimit limit;
  run(limit, WallClock(), 0, hour, 1'000'000, false);
  CHECK_EQ(limit.imported(), 65535);
}
