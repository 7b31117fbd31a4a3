// The five modes of a pack: priorities, hysteresis, shedding, and what is allowed by hand.
#include "../check.hpp"
#include "../random.hpp"
#include "pack/pack_modes.hpp"
#include "pack/time_of_use.hpp"

using namespace cx;
using namespace cx::pack;
using can::CommandResult;
using can::Relay;

namespace {

// A pack whose house is told by a test; time goes on by one tick with each tick().
struct House {
  PackModes modes;
  PackSettings settings;
  ModesInput in;
  LocalTime time;
  int32_t base = 0;    // W that no relay but the output's switches
  int32_t pump = 0;    // W, while its relay is closed
  int32_t heater = 0;  // W
  bool isPumpStuck = false;

  House() {
    in.nowMs = 100'000;
    modes.begin(nullptr);
  }
  void charge(uint8_t percent) { in.charge = {true, percent, in.nowMs}; }
  void at(uint16_t hours, uint16_t minutes) {
    time.minuteOfDay = static_cast<uint16_t>(hours * 60 + minutes);
    in.time = &time;
  }
  int32_t load() const {
    const Relays& relays = modes.relays();
    return (relays.output ? base : 0) + (relays.pump || isPumpStuck ? pump : 0) + (relays.heater ? heater : 0);
  }
  const Relays& tick() {
    in.nowMs += tickMs;
    in.pumpWatts = modes.relays().pump || isPumpStuck ? pump : 0;
    in.heaterWatts = modes.relays().heater ? heater : 0;
    in.loadWatts = load();
    return modes.tick(in, settings);
  }
  void ticks(unsigned seconds) {
    for (unsigned i = 0; i < seconds / 2; i++) tick();
  }
};

House overloaded(int32_t base, int32_t pump, int32_t heater) {
  House house;
  house.base = base;
  house.pump = pump;
  house.heater = heater;
  house.settings.eco = true;
  house.settings.ecoLimitWatts = 2000;
  CHECK(house.modes.setByHand(Relay::pump, true) == CommandResult::ok);
  CHECK(house.modes.setByHand(Relay::heater, true) == CommandResult::ok);
  return house;
}

void lockOut(House& house) {
  house.settings.gridLimit = true;
  house.settings.importLimitKwh = 2;
  house.in.gridWatts = 3'600'000;
  house.ticks(6);
  house.in.gridWatts = 0;
  CHECK(house.modes.importLimit().isLockedOut());
}

}  // namespace

TEST("before the first tick a pack is in the safe state: grid and output closed, pump and heater open") {
  House house;
  for (int i = 0; i < 2; i++) {
    const Relays relays = house.modes.relays();
    CHECK(relays.grid && relays.output && !relays.pump && !relays.heater);
    house.tick();
  }
}

TEST("a lock-out that a soft reset kept holds the grid open from the first moment on") {
  House house;
  lockOut(house);
  uint8_t kept[hal::retainedSize];
  house.modes.importLimit().save(kept);
  House again;
  again.modes.begin(&kept);
  CHECK(!again.modes.relays().grid);
  again.settings = house.settings;
  CHECK(!again.tick().grid);
}

TEST("without a charge since boot, or with one of 5 min ago, Self-Consumption closes the grid") {
  House house;
  house.settings.selfConsumption = true;
  CHECK(house.tick().grid);
  house.charge(80);
  CHECK(!house.tick().grid);
  house.ticks(5 * 60 - 4);
  CHECK(!house.modes.relays().grid);
  house.ticks(4);
  CHECK(house.modes.relays().grid);
  house.charge(80);
  CHECK(!house.tick().grid);
}

TEST("Self-Consumption follows the page's trace, with its hold between 10 and 50 %") {
  House house;
  house.settings.selfConsumption = true;
  const uint8_t percent[] = {60, 50, 30, 11, 10, 11, 49, 50};
  const bool isClosed[] = {false, false, false, false, true, true, true, false};
  for (unsigned i = 0; i < sizeof percent; i++) {
    house.charge(percent[i]);
    CHECK_EQ(house.tick().grid, isClosed[i]);
  }
}

TEST("after a reset within the hold band the grid is closed") {
  House house;
  house.settings.selfConsumption = true;
  house.charge(30);
  CHECK(house.tick().grid);
}

TEST("the lock-out undoes Backup and Self-Consumption, and by hand nobody closes the grid either") {
  House house;
  lockOut(house);
  house.settings.backup = true;
  house.settings.selfConsumption = true;
  house.charge(5);
  CHECK(!house.tick().grid);
  CHECK(house.modes.setByHand(Relay::grid, true) == CommandResult::forbiddenByLockOut);
  CHECK(house.modes.setByHand(Relay::grid, false) == CommandResult::ok);
  house.settings.gridLimit = false;
  CHECK(house.tick().grid);
}

TEST("Backup closes the grid over Self-Consumption, and gives it back when it is off") {
  House house;
  house.settings.selfConsumption = true;
  house.charge(60);
  CHECK(!house.tick().grid);
  house.settings.backup = true;
  CHECK(house.tick().grid);
  CHECK(house.modes.setByHand(Relay::grid, false) == CommandResult::forbiddenByBackup);
  house.settings.backup = false;
  house.charge(30);
  CHECK(!house.tick().grid);
  CHECK(house.modes.setByHand(Relay::grid, true) == CommandResult::forbiddenBySelfConsumption);
}

TEST("with no mode a hand opens and closes every relay, at once") {
  House house;
  const Relay every[] = {Relay::grid, Relay::output, Relay::pump, Relay::heater};
  for (const Relay relay : every) {
    CHECK(house.modes.setByHand(relay, false) == CommandResult::ok);
    CHECK(!house.modes.relays().isClosed(relay));
    house.tick();
    CHECK(!house.modes.relays().isClosed(relay));
    CHECK(house.modes.setByHand(relay, true) == CommandResult::ok);
    CHECK(house.modes.relays().isClosed(relay));
  }
}

TEST("during an update by CAN the relays stay as they are, whatever rule or hand") {
  House house = overloaded(3000, 500, 500);
  house.settings.backup = true;
  CHECK(house.modes.setByHand(Relay::grid, false) == CommandResult::ok);
  house.in.isUpdating = true;
  house.ticks(60);
  const Relays relays = house.modes.relays();
  CHECK(!relays.grid && relays.output && relays.pump && relays.heater);
  CHECK(house.modes.setByHand(Relay::pump, false) == CommandResult::busy);
  house.in.isUpdating = false;
  CHECK(house.tick().grid);
}

TEST("a window wraps midnight, and ends before the minute it is said to end at") {
  CHECK(isInWindow(23 * 60, 22 * 60, 6 * 60));
  CHECK(isInWindow(22 * 60, 22 * 60, 6 * 60));
  CHECK(isInWindow(5 * 60 + 59, 22 * 60, 6 * 60));
  CHECK(!isInWindow(6 * 60, 22 * 60, 6 * 60));
  CHECK(!isInWindow(21 * 60 + 59, 22 * 60, 6 * 60));
  CHECK(isInWindow(8 * 60, 8 * 60, 9 * 60));
  CHECK(!isInWindow(9 * 60, 8 * 60, 9 * 60));
  CHECK(isInWindow(0, 0, 0));
}

TEST("Time of Use does nothing while nobody knows the time, and then rules the output") {
  House house;
  house.settings.timeOfUse = true;
  house.settings.touStart = 22 * 60;
  house.settings.touEnd = 6 * 60;
  CHECK(house.tick().output);
  CHECK(house.modes.setByHand(Relay::output, false) == CommandResult::ok);
  CHECK(!house.tick().output);
  house.at(23, 0);
  CHECK(house.tick().output);
  CHECK(house.modes.setByHand(Relay::output, false) == CommandResult::forbiddenByTimeOfUse);
  house.at(5, 59);
  CHECK(house.tick().output);
  house.at(6, 0);
  CHECK(!house.tick().output);
  CHECK(house.modes.setByHand(Relay::output, true) == CommandResult::forbiddenByTimeOfUse);
  house.at(21, 59);
  CHECK(!house.tick().output);
}

TEST("Eco opens the heater first, is content with 1900 W, and doesn't oscillate") {
  House house = overloaded(1500, 400, 800);
  house.tick();
  CHECK(!house.modes.relays().heater);
  CHECK(house.modes.relays().pump);
  for (int i = 0; i < 1800; i++) {
    house.tick();
    CHECK(!house.modes.relays().heater && house.modes.relays().pump && house.modes.relays().output);
    CHECK(!house.modes.warnsOfLoad());
  }
  CHECK_EQ(house.load(), 1900);
}

TEST("Eco opens the pump at the next tick when the heater wasn't enough, and warns until 30 s under the limit") {
  House house = overloaded(1700, 400, 800);
  house.tick();
  CHECK(!house.modes.warnsOfLoad());
  CHECK(house.modes.relays().pump);
  house.tick();
  CHECK(house.modes.warnsOfLoad());
  CHECK(!house.modes.relays().pump);
  house.ticks(30);
  CHECK(house.modes.warnsOfLoad());
  house.tick();
  CHECK(!house.modes.warnsOfLoad());
}

TEST("a stuck relay is passed over: the warning stands, and the output opens last") {
  House house = overloaded(1000, 1500, 0);
  house.isPumpStuck = true;
  house.ticks(4);
  CHECK(house.modes.warnsOfLoad());
  CHECK(!house.modes.relays().pump);
  house.ticks(8);
  CHECK(house.modes.relays().output);
  house.tick();
  CHECK(!house.modes.relays().output);
}

TEST("the output opens after 10 s of warning, is tried again after 5 min, and then at doubling intervals up to 1 h") {
  House house = overloaded(2500, 400, 800);
  house.ticks(4);
  CHECK(house.modes.warnsOfLoad());
  house.ticks(8);
  CHECK(house.modes.relays().output);
  house.tick();
  CHECK(!house.modes.relays().output);
  const unsigned minutes[] = {5, 10, 20, 40, 60, 60};
  for (const unsigned wait : minutes) {
    house.ticks(wait * 60 - 2);
    CHECK(!house.modes.relays().output);
    CHECK(!house.modes.relays().pump && !house.modes.relays().heater);
    house.tick();
    CHECK(house.modes.relays().output);
    house.ticks(12);
    CHECK(house.modes.relays().output);
    house.tick();
    CHECK(!house.modes.relays().output);
  }
}

TEST("an output that stayed under the limit for 30 s is tried after 5 min again the next time") {
  House house = overloaded(2500, 0, 0);
  house.ticks(14);
  CHECK(!house.modes.relays().output);
  house.ticks(300);
  CHECK(house.modes.relays().output);
  house.base = 500;
  house.ticks(34);
  house.base = 2500;
  unsigned seconds = 0;
  while (house.modes.relays().output && seconds < 100) {
    house.tick();
    seconds += 2;
  }
  CHECK(!house.modes.relays().output);
  house.ticks(298);
  CHECK(!house.modes.relays().output);
  house.tick();
  CHECK(house.modes.relays().output);
}

TEST("with ecoShedsOutput off the output stays closed whatever the load") {
  House house = overloaded(9000, 0, 0);
  house.settings.ecoShedsOutput = false;
  house.ticks(3600);
  CHECK(house.modes.relays().output);
  CHECK(house.modes.warnsOfLoad());
}

TEST("loads come back in reverse order, each after 30 s of room and at least 60 s open") {
  House house = overloaded(1700, 400, 800);
  house.ticks(4);
  CHECK(!house.modes.relays().pump && !house.modes.relays().heater);
  house.base = 500;
  house.ticks(58);
  CHECK(!house.modes.relays().pump);
  house.ticks(2);
  CHECK(house.modes.relays().pump);
  CHECK(!house.modes.relays().heater);
  house.ticks(30);
  CHECK(!house.modes.relays().heater);
  house.tick();
  CHECK(house.modes.relays().heater);
}

TEST("a peak in the load makes the 30 s of room begin anew") {
  House house = overloaded(1700, 400, 800);
  house.ticks(64);
  house.base = 500;
  house.ticks(28);
  house.base = 1700;
  house.tick();
  house.base = 500;
  house.ticks(30);
  CHECK(!house.modes.relays().pump);
  house.tick();
  CHECK(house.modes.relays().pump);
}

TEST("what Eco shed can't be closed by hand, and opening it is allowed: then it stays open") {
  House house = overloaded(1500, 400, 800);
  house.tick();
  CHECK(house.modes.setByHand(Relay::heater, true) == CommandResult::forbiddenByEco);
  CHECK(house.modes.setByHand(Relay::heater, false) == CommandResult::ok);
  house.base = 0;
  house.ticks(600);
  CHECK(!house.modes.relays().heater);
  CHECK(house.modes.setByHand(Relay::heater, true) == CommandResult::ok);
}

TEST("whatever loads come and go, no load's relay moves twice within its minute and none closes into an overload it knew of") {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    SeededRandom random(seed);
    House house = overloaded(1000, 400, 800);
    house.settings.ecoShedsOutput = false;
    uint64_t openedAt[2] = {};
    Relays before = house.modes.relays();
    for (int i = 0; i < 5000; i++) {
      if (random.below(20) == 0) house.base = static_cast<int32_t>(random.below(3000));
      const int32_t load = house.load();
      const Relays now = house.tick();
      const bool was[2] = {before.pump, before.heater};
      const bool is[2] = {now.pump, now.heater};
      const int32_t watts[2] = {house.pump, house.heater};
      for (int at = 0; at < 2; at++) {
        if (was[at] && !is[at]) {
          openedAt[at] = house.in.nowMs;
          CHECK(load > 2000);
        }
        if (!was[at] && is[at]) {
          CHECK(house.in.nowMs - openedAt[at] >= ecoOpenMinMs);
          CHECK(load + watts[at] < 2000);
        }
      }
      CHECK(now.pump || !now.heater || before.heater);
      before = now;
    }
  }
}
