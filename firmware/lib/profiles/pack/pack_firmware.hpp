// The firmware of a pack: what runs and whether it proved itself, what is being brought by CAN, and what is told of both.
#pragma once

#include "hal/clock.hpp"
#include "hal/entropy.hpp"
#include "hal/log_sink.hpp"
#include "hal/signature_check.hpp"
#include "pack/firmware_pages.hpp"
#include "pack/firmware_receiver.hpp"

namespace cx::pack {

// By a port.
struct PackFirmwarePorts {
  hal::Clock& clock;
  hal::Entropy& entropy;
  hal::Storage& storage;
  hal::ImageSlots& slots;
  hal::System& system;
  hal::LogSink& log;
  PayloadTools& tools;               // what variants the board has memory for
  hal::SignatureCheck* signature = nullptr;
};

struct PackFirmwareSettings : UpdaterSettings {
  FixedText<vendorMax> vendor;             // domain of who makes the images
  const TrustAnchors* anchors = nullptr;   // as in NodeSettings
};

class PackFirmware {
 public:
  PackFirmware(const PackFirmwarePorts& ports, const PackFirmwareSettings& settings)
      : ports_(ports),
        settings_(settings),
        log_(ports.log, ports.clock, ring_),
        context_{ports.clock, ports.entropy, ports.storage, ports.slots, ports.signature, nullptr, nullptr, log_, settings_},
        trial_(ports.slots, ports.storage, trust_),
        receiver_(context_, trust_, ports.tools, trial_) {}

  void begin(uint64_t nowMs);
  can::CommandResult enter(uint64_t nowMs) { return receiver_.enter(nowMs); }
  // Every frame of the bus. True: `answer` is to be sent.
  bool receive(const can::Frame& frame, uint8_t node, uint64_t nowMs, can::Frame& answer);
  // Each turn. True: `answer` is to be sent.
  bool step(uint8_t node, const PackHealth& health, uint64_t nowMs, can::Frame& answer);
  // What is told of itself, as there is room. `errors`: reports of errors since boot.
  bool next(uint8_t node, uint16_t errors, can::Frame& out);

  // Relays stay as they are: an image is being brought, or the one that runs has failed three times.
  bool holdsRelays() const { return receiver_.isUpdating() || trial_.boot().safe; }
  // Another image is to boot now: the owner stores what it has to, and calls restart().
  bool isLeaving(uint64_t nowMs) const { return receiver_.isLeaving(nowMs) || trial_.isLeft(); }
  void restart() { ports_.system.restart(); }

  const FirmwareReceiver& receiver() const { return receiver_; }
  const FirmwareTrial& trial() const { return trial_; }
  uint32_t imageSequence() const { return trust_.imageSequence(); }
  // The port prints it at boot.
  Log& log() { return log_; }

 private:
  PackFirmwarePorts ports_;
  const PackFirmwareSettings settings_;
  uint8_t logBytes_[256];
  LogRing ring_{MutableSpan(logBytes_)};
  Log log_;
  UpdaterContext context_;
  TrustStore trust_;
  FirmwareTrial trial_;
  FirmwareReceiver receiver_;
  FirmwarePages pages_;
  can::FirmwarePhase toldPhase_ = can::FirmwarePhase::idle;
};

}  // namespace cx::pack
