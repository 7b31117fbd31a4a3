#include "pack/pack_modes.hpp"

#include "pack/time_of_use.hpp"

namespace cx::pack {

using can::CommandResult;
using can::PackMode;
using can::Relay;

namespace {

constexpr Relay everyRelay[] = {Relay::grid, Relay::output, Relay::pump, Relay::heater};

}  // namespace

bool Relays::isClosed(Relay relay) const {
  switch (relay) {
    case Relay::grid: return grid;
    case Relay::output: return output;
    case Relay::pump: return pump;
    case Relay::heater: return heater;
  }
  return false;
}

void Relays::set(Relay relay, bool isClosed) {
  switch (relay) {
    case Relay::grid: grid = isClosed; return;
    case Relay::output: output = isClosed; return;
    case Relay::pump: pump = isClosed; return;
    case Relay::heater: heater = isClosed; return;
  }
}

void PackModes::begin(const uint8_t (*retained)[hal::retainedSize]) {
  *this = PackModes();
  if (retained != nullptr) (void)importLimit_.load(*retained);
  settle();
}

const Relays& PackModes::tick(const ModesInput& in, const PackSettings& settings) {
  importLimit_.tick(in.nowMs, in.gridWatts, settings.isOn(PackMode::gridLimit), settings.importLimitKwh, in.time);
  isUpdating_ = in.isUpdating;
  if (in.isUpdating) return relays_;
  isBackup_ = settings.isOn(PackMode::backup);
  selfConsumption_.tick(in.nowMs, settings.isOn(PackMode::selfConsumption), in.charge, manual_.grid);
  isTimed_ = settings.isOn(PackMode::timeOfUse) && in.time != nullptr;
  isInsideWindow_ = !isTimed_ || isInWindow(in.time->minuteOfDay, settings.touStart, settings.touEnd);

  EcoInput eco;
  eco.nowMs = in.nowMs;
  eco.isOn = settings.isOn(PackMode::eco);
  eco.shedsOutput = settings.ecoShedsOutput;
  eco.limitWatts = settings.ecoLimitWatts;
  eco.loadWatts = in.loadWatts;
  eco.pumpWatts = in.pumpWatts;
  eco.heaterWatts = in.heaterWatts;
  eco.wantsPump = manual_.pump;
  eco.wantsHeater = manual_.heater;
  eco.wantsOutput = isTimed_ ? isInsideWindow_ : manual_.output;
  eco_.tick(eco);
  settle();
  return relays_;
}

PackModes::Say PackModes::sayOf(Relay relay) const {
  switch (relay) {
    case Relay::grid:
      if (importLimit_.isLockedOut()) return {CommandResult::forbiddenByLockOut, false};
      if (isBackup_) return {CommandResult::forbiddenByBackup, true};
      if (selfConsumption_.isOn()) return {CommandResult::forbiddenBySelfConsumption, selfConsumption_.closesGrid()};
      return {};
    case Relay::output:
      if (eco_.shedsOutput()) return {CommandResult::forbiddenByEco, false};
      if (isTimed_) return {CommandResult::forbiddenByTimeOfUse, isInsideWindow_};
      return {};
    case Relay::pump:
      return eco_.shedsPump() ? Say{CommandResult::forbiddenByEco, false} : Say{};
    case Relay::heater:
      return eco_.shedsHeater() ? Say{CommandResult::forbiddenByEco, false} : Say{};
  }
  return {};
}

void PackModes::settle() {
  for (const Relay relay : everyRelay) {
    const Say say = sayOf(relay);
    relays_.set(relay, say.forbids == CommandResult::ok ? manual_.isClosed(relay) : say.isClosed);
  }
}

CommandResult PackModes::setByHand(Relay relay, bool isClosed) {
  if (isUpdating_) return CommandResult::busy;
  const Say say = sayOf(relay);
  if (say.forbids != CommandResult::ok && say.isClosed != isClosed) return say.forbids;
  manual_.set(relay, isClosed);
  settle();
  return CommandResult::ok;
}

}  // namespace cx::pack
