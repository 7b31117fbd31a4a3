#pragma once
#include "hal/entropy.hpp"
#include "hal/system.hpp"
#include "hal_host/files.hpp"
#include "hal_host/image_descriptor.hpp"
#include "hal_host/options.hpp"
#include "hal_host/watchdog_pipe.hpp"

namespace cx::host {

enum class Ending : uint8_t { none, restart, terminate };

using HardwareId = char[17];
// The one that was given, else a number that is made at the first start and kept in the state folder. False: it can't be kept.
bool loadHardwareId(Files& files, hal::Entropy& entropy, const char* given, HardwareId& out);

class HostSystem final : public hal::System {
 public:
  HostSystem(const Options& options, PipeWatchdog& watchdog);
  // False: it can't be kept.
  bool loadHardwareNumber(Files& files, hal::Entropy& entropy) { return loadHardwareId(files, entropy, given_, hardware_); }

  hal::Identity identity() override;
  hal::ResetReason resetReason() override { return resetReason_; }
  // Of the whole machine: what is available now, and the least that was seen at a call.
  hal::MemoryFigures memory() override;
  void restart() override { ending_ = Ending::restart; }
  void terminate(uint32_t wakeAfterMs) override;
  Ending ending() const { return ending_; }

 private:
  PipeWatchdog& watchdog_;
  const char* given_;  // hardware id; null: a number of our own
  hal::ResetReason resetReason_;
  Ending ending_ = Ending::none;
  uint32_t leastFree_ = UINT32_MAX;
  char version_[imageTextMax + 1];
  char model_[imageTextMax + 1];
  HardwareId hardware_ = {};
};

// One number out of a file of /proc, after a word; false: it isn't there.
bool readProcNumber(const char* path, const char* word, uint64_t& out);

}  // namespace cx::host
