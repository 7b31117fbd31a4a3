// The five modes together: what each relay does in a tick, by priority, and what a person may do with it by hand.
//
//   grid     import lock-out > Backup > Self-Consumption > manual
//   output   Eco > Time of Use > manual
//   pump, heater     Eco > manual
#pragma once

#include "can.hpp"
#include "pack/eco_shedding.hpp"
#include "pack/import_limit.hpp"
#include "pack/pack_settings.hpp"
#include "pack/self_consumption.hpp"

namespace cx::pack {

constexpr uint64_t tickMs = 2000;

// Closed is connected. As made, this is the safe state.
struct Relays {
  bool grid = true;
  bool output = true;
  bool pump = false;
  bool heater = false;

  bool isClosed(can::Relay relay) const;
  void set(can::Relay relay, bool isClosed);
};

struct ModesInput {
  uint64_t nowMs = 0;
  KnownCharge charge;
  int32_t gridWatts = 0;
  int32_t loadWatts = 0;
  int32_t pumpWatts = 0;
  int32_t heaterWatts = 0;
  const LocalTime* time = nullptr;  // null: nobody knows it
  bool isUpdating = false;          // by CAN: relays stay as they are
};

class PackModes {
 public:
  // `retained` may be null. A lock-out that it kept holds the grid open from the first moment on.
  void begin(const uint8_t (*retained)[hal::retainedSize]);

  // Every 2 s. The lock-out comes last, so that no other rule undoes it.
  const Relays& tick(const ModesInput& in, const PackSettings& settings);

  // SET_RELAY, at once. What a mode forbids is told by its reason; opening pump or heater is always allowed. What is
  // allowed is remembered for when no mode has a say.
  can::CommandResult setByHand(can::Relay relay, bool isClosed);

  const Relays& relays() const { return relays_; }
  ImportLimit& importLimit() { return importLimit_; }
  const ImportLimit& importLimit() const { return importLimit_; }
  bool warnsOfLoad() const { return eco_.warns(); }

 private:
  // What the modes ask of a relay, the strongest that has a say.
  struct Say {
    can::CommandResult forbids = can::CommandResult::ok;  // ok: none has a say
    bool isClosed = false;
  };
  Say sayOf(can::Relay relay) const;
  void settle();

  Relays manual_;
  Relays relays_;
  SelfConsumption selfConsumption_;
  EcoShedding eco_;
  ImportLimit importLimit_;
  bool isBackup_ = false;
  bool isTimed_ = false;       // Time of Use is on and the time is known
  bool isInsideWindow_ = true;
  bool isUpdating_ = false;
};

}  // namespace cx::pack
