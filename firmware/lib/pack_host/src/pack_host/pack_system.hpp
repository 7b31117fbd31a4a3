// A pack as the hardware layer's System: its image, its MAC, and why it started.
#pragma once

#include "hal/entropy.hpp"
#include "hal/system.hpp"
#include "hal_host/files.hpp"
#include "hal_host/image_descriptor.hpp"
#include "pack/firmware_version.hpp"
#include "pack_host/pack_options.hpp"

namespace cx::pack {

class PackSystem final : public hal::System {
 public:
  explicit PackSystem(const PackOptions& options);
  // The MAC that was given, else one that is drawn once and kept in the state folder. False: it can't be kept.
  bool loadMac(host::Files& files, hal::Entropy& entropy, const PackOptions& options);

  const HardwareNumber& mac() const { return mac_; }
  // What the image is stamped with: its first two numbers are what goes over the bus.
  FirmwareVersion version() const;
  bool isEnding() const { return isRestarting_ || isTerminating_; }
  bool isRestarting() const { return isRestarting_; }

  hal::Identity identity() override { return {version_, model_, hardware_}; }
  hal::ResetReason resetReason() override { return resetReason_; }
  hal::MemoryFigures memory() override { return {}; }
  void restart() override { isRestarting_ = true; }
  void terminate(uint32_t) override { isTerminating_ = true; }

 private:
  hal::ResetReason resetReason_;
  bool isRestarting_ = false;
  bool isTerminating_ = false;
  char version_[host::imageTextMax + 1];
  char model_[host::imageTextMax + 1];
  HardwareNumber mac_;
  char hardware_[13] = {};
};

}  // namespace cx::pack
