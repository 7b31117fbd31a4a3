// The day's grid import and the lock-out it leads to. Nothing of this goes to flash: `save` is for memory that outlives a
// soft reset, and after a power loss the gateway gives back what it kept (restore).
#pragma once

#include <cstdint>

#include "can.hpp"
#include "hal/retained_memory.hpp"
#include "pack/wall_clock.hpp"

namespace cx::pack {

constexpr uint8_t importLimitMinKwh = 2;
constexpr uint8_t importLimitMaxKwh = 30;

class ImportLimit {
 public:
  // What a soft reset left; false: it isn't ours or damaged, as after power on, and counting begins at zero.
  bool load(const uint8_t (&bytes)[hal::retainedSize]);
  void save(uint8_t (&bytes)[hal::retainedSize]) const;

  // Once a tick. `time` is null while nobody knows it. Grid power is taken to have been `gridWatts` since the last tick.
  // The limit of a function that is off is counted against all the same, and locks nothing.
  void tick(uint64_t nowMs, int32_t gridWatts, bool isOn, uint8_t limitKwh, const LocalTime* time);

  // RESET_GRID. forbiddenByLockOut: what is used up stays so until 05:00, or until the function is switched off.
  can::CommandResult reset();
  // RESTORE_LAST. otherEnergyDay also while the time isn't known. The larger count stays, so that a repeat does no harm.
  can::CommandResult restore(const can::RestoreLast& last, const LocalTime* time);

  bool isLockedOut() const { return isLockedOut_; }
  uint16_t imported() const;  // 0.01 kWh, at most 65535
  can::ImportLimitState state(bool isOn) const;

 private:
  uint64_t wattMs_ = 0;
  uint64_t lastTickMs_ = 0;
  int32_t energyDay_ = 0;
  bool hasTicked_ = false;
  bool hasEnergyDay_ = false;
  bool isLockedOut_ = false;
};

}  // namespace cx::pack
