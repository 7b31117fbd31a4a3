// An image that was brought proves itself: on trial it must show that the pack can still be reached, else the one before
// comes back. What is on trial, by which number, is known before its first byte is written.
#pragma once

#include "hal/image_slots.hpp"
#include "node_messages.hpp"
#include "trust_store.hpp"

namespace cx::pack {

constexpr uint64_t selfTestFromMs = 10'000;       // since boot: a crash at the start comes before
constexpr uint64_t selfTestUntilMs = 240'000;     // within the 5 minutes that the boot loader gives
constexpr uint64_t healthyAfterMs = 60'000;       // since boot, of a confirmed image
constexpr uint64_t trialStoreAgainMs = 10'000;    // after a write that failed

// What the self-test looks at.
struct PackHealth {
  bool isOnBus = false;         // it has its node id, and another node acknowledged a frame
  bool isBmsSettled = false;    // the BMS answered, or its silence was noticed and told
};

class FirmwareTrial {
 public:
  FirmwareTrial(hal::ImageSlots& slots, hal::Storage& storage, TrustStore& trust) : slots_(slots), storage_(storage), trust_(trust) {}

  void begin(uint64_t nowMs);
  // Before the first byte of an image. False: not stored, so it must not be installed.
  bool keep(const uint8_t* digest, uint32_t sequence);
  // Nothing came of it.
  void drop();
  // Each turn. True: something of boot() has changed.
  bool step(const PackHealth& health, uint64_t nowMs);

  const hal::BootInfo& boot() const { return boot_; }
  bool isOnTrial() const { return boot_.trial; }
  // The trial was given up: the other image comes with a restart.
  bool isLeft() const { return isLeft_; }

 private:
  void confirm(uint64_t nowMs);

  hal::ImageSlots& slots_;
  hal::Storage& storage_;
  TrustStore& trust_;
  hal::BootInfo boot_;
  TrialRecord record_;
  bool hasRecord_ = false;
  bool isMarked_ = false;
  bool isLeft_ = false;
  uint64_t startedMs_ = 0;
  uint64_t againMs_ = 0;
};

}  // namespace cx::pack
