// Keeps the settings and the node id in flash: some seconds after the last change, and only where what is stored differs. A
// day on which nobody changes anything writes nothing.
#pragma once

#include <cstdint>

#include "can.hpp"
#include "hal/storage.hpp"
#include "pack/pack_settings.hpp"

namespace cx::pack {

constexpr uint64_t settingsQuietMs = 3000;     // since the last change
constexpr uint64_t settingsRetryMs = 60'000;   // after a write that failed
constexpr uint8_t noNodeId = 0xff;

// All that is kept.
struct Kept {
  PackSettings settings;
  uint8_t nodeId = noNodeId;
  can::DeviceType deviceType = can::DeviceType::energyPack;

  bool operator==(const Kept& other) const { return settings == other.settings && nodeId == other.nodeId && deviceType == other.deviceType; }
};

class SettingsStore {
 public:
  explicit SettingsStore(hal::Storage& storage) : storage_(storage) {}

  // At boot. Without a record, or with one that is damaged or says what can't be, these are the defaults.
  Kept load();
  // Each turn of the loop, with what holds now.
  void step(const Kept& now, uint64_t nowMs);
  // Before a restart that is asked for: writes what still waits.
  void flush(const Kept& now, uint64_t nowMs);

  uint32_t writes() const { return writes_; }
  bool hasFailed() const { return hasFailed_; }

 private:
  void write(const Kept& now, uint64_t nowMs);

  hal::Storage& storage_;
  Kept stored_;
  Kept seen_;
  bool hasFailed_ = false;
  uint64_t changedAtMs_ = 0;
  uint64_t failedAtMs_ = 0;
  uint32_t writes_ = 0;
};

}  // namespace cx::pack
