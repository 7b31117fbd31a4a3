// Flash as a bad day has it: a unit is written once between two erases, whatever was written, at aligned places, and power may go
// within any operation and leave it done in part. The caller owns the bytes; what is in them is all that outlives a power cut.
//
//   size() bytes of flash, whole sectors | one bit for each unit: 1 erased, 0 written since, or not wholly erased
//
// Blank is all 0xFF, the bits with it.
#pragma once
#include <cstdint>

#include "hal/code.hpp"

namespace cx::sim {

constexpr uint32_t sectorSize = 4096;
constexpr uint32_t writeUnit = 4;   // offset and size of a write
constexpr uint32_t pageSize = 256;  // is programmed as a whole: power that goes meanwhile leaves its units in any state

class Flash {
 public:
  Flash(uint8_t* bytes, uint32_t size) : bytes_(bytes), size_(usable(size)), written_(bytes + size_) {}

  // Of what the caller gives, so that the bits have room.
  static constexpr uint32_t usable(uint32_t size) { return size / (sectorSize + bitBytes) * sectorSize; }
  // What the caller has to give for so many sectors.
  static constexpr uint32_t sizeFor(uint32_t sectors) { return sectors * (sectorSize + bitBytes); }

  uint32_t size() const { return size_; }
  // Each of these is one operation. invalid: unaligned, out of range, over a unit that was written since its erase (be it with
  // 0xFF) or whose erase power cut short, or where the running image is; a driver that does that has a defect, and it is
  // counted. io: there is no power.
  hal::Code erase(uint32_t sector);
  hal::Code write(uint32_t offset, const uint8_t* data, uint32_t size);
  // Reads cost nothing and never fail within the range while there is power.
  hal::Code read(uint32_t offset, uint8_t* out, uint32_t size) const;

  // What runs: from now on a write or erase there is a fault of whoever asked for it.
  void protect(uint32_t firstSector, uint32_t sectors) {
    protectedFrom_ = firstSector * sectorSize;
    protectedTo_ = protectedFrom_ + sectors * sectorSize;
  }
  // Power goes within the `operations`-th operation from now; how far it came is drawn from `seed`. 0: never.
  void cutPowerAfter(uint32_t operations, uint64_t seed = 0) {
    cutAfter_ = operations;
    random_ = seed * 0x9E3779B97F4A7C15ULL + operations;
  }
  // From the `operations`-th operation on each does nothing and says io, with the power on. 0: none.
  void failFrom(uint32_t operations) { failFrom_ = operations; }
  bool hasPower() const { return hasPower_; }
  uint32_t operations() const { return operations_; }
  uint32_t faults() const { return faults_; }

 private:
  static constexpr uint32_t bitBytes = sectorSize / writeUnit / 8;  // of one sector

  bool isProtected(uint32_t offset, uint32_t size) const { return offset < protectedTo_ && offset + size > protectedFrom_; }
  hal::Code fault();
  bool isFailing() { return failFrom_ != 0 && (failFrom_ == 1 || --failFrom_ == 0); }
  bool isCutNow();
  bool isErased(uint32_t unit) const { return (written_[unit / 8] >> unit % 8 & 1U) != 0; }
  void program(uint32_t unit, const uint8_t* data);
  void tearUnit(uint32_t unit, const uint8_t* data);
  void tearWrite(uint32_t offset, const uint8_t* data, uint32_t size);
  void tearErase(uint32_t sector);
  uint64_t random();

  uint8_t* bytes_;
  uint32_t size_;
  uint8_t* written_;
  uint32_t protectedFrom_ = 0;
  uint32_t protectedTo_ = 0;
  uint32_t operations_ = 0;
  uint32_t cutAfter_ = 0;
  uint32_t failFrom_ = 0;
  uint32_t faults_ = 0;
  uint64_t random_ = 0;
  bool hasPower_ = true;
};

}  // namespace cx::sim
