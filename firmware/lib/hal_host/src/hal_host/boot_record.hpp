// What the boot loader remembers: the slots, the trial, the boots, the last roll-back. Two copies with a checksum; the
// newest valid one wins, so a copy lost while it was written costs one step and never the node.
#pragma once
#include <cstdint>

#include "hal/image_slots.hpp"
#include "hal/system.hpp"
#include "hal_host/files.hpp"

namespace cx::host {

struct SlotEntry {
  bool isUsed = false;
  uint32_t size = 0;
  uint8_t digest[hal::digestSize] = {};
};

struct BootRecord {
  uint32_t sequence = 0;                  // grows with every save; 0: never saved
  hal::Slot active = hal::Slot::none;     // the confirmed image
  hal::Slot trial = hal::Slot::none;      // the image to try, or being tried; never equal to `active`
  hal::Slot running = hal::Slot::none;    // what the last boot started
  bool isSafe = false;                    // the last boot asked for SAFE
  uint8_t bootCount = 0;                  // boots of the image since it was healthy
  uint32_t bootsTotal = 0;
  hal::ResetReason resetReason = hal::ResetReason::unknown;              // of the last boot
  hal::RollbackReason lastFailure = hal::RollbackReason::none;           // how the trial's last boot ended, if badly
  hal::RollbackReason rolledBackReason = hal::RollbackReason::none;      // none: the last trial wasn't left
  uint8_t rolledBackDigest[hal::digestSize] = {};
  SlotEntry slots[2];

  bool isOnTrial() const { return trial != hal::Slot::none && running == trial; }
  SlotEntry& entryOf(hal::Slot slot) { return slots[slot == hal::Slot::b ? 1 : 0]; }
  const SlotEntry& entryOf(hal::Slot slot) const { return slots[slot == hal::Slot::b ? 1 : 0]; }
};

// Ends the trial for the worse: the confirmed image boots next, and the reason stays.
void leaveTrial(BootRecord& record, hal::RollbackReason reason);

class BootRecordStore {
 public:
  explicit BootRecordStore(Files& files) : files_(files) {}
  // notFound: there is no copy at all. corrupt: there is one, but none is valid.
  Code load(BootRecord& record);
  // Durable when it returns ok; raises the sequence. After an error the old record or the new one is on the medium.
  Code save(BootRecord& record);

 private:
  Files& files_;
};

constexpr uint32_t bootRecordSize = 172;  // bytes, as stored
void encodeBootRecord(const BootRecord& record, uint8_t* out);
bool decodeBootRecord(const uint8_t* bytes, uint32_t size, BootRecord& record);

}  // namespace cx::host
