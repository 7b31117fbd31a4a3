// Flash as a bad day has it: bytes are written once between erases, at aligned places, and power may go at any write.
// The caller owns the bytes; what is in them is all that outlives a power cut.
#pragma once
#include <cstdint>

#include "hal/code.hpp"

namespace cx::sim {

constexpr uint32_t sectorSize = 4096;
constexpr uint32_t writeUnit = 4;  // offset and size of a write

class Flash {
 public:
  Flash(uint8_t* bytes, uint32_t size) : bytes_(bytes), size_(size) {}

  uint32_t size() const { return size_; }
  // Each of these is one operation. invalid: unaligned, out of range, over bytes that aren't erased, or where the running
  // image is; a driver that
  // does that has a defect, and it is counted. io: there is no power.
  hal::Code erase(uint32_t sector);
  hal::Code write(uint32_t offset, const uint8_t* data, uint32_t size);
  // Reads cost nothing and never fail within the range while there is power.
  hal::Code read(uint32_t offset, uint8_t* out, uint32_t size) const;

  // What runs: from now on a write or erase there is a fault of whoever asked for it.
  void protect(uint32_t firstSector, uint32_t sectors) {
    protectedFrom_ = firstSector * sectorSize;
    protectedTo_ = protectedFrom_ + sectors * sectorSize;
  }
  // Power goes within the `operations`-th operation from now: half of it happens. 0: never.
  void cutPowerAfter(uint32_t operations) { cutAfter_ = operations; }
  bool hasPower() const { return hasPower_; }
  uint32_t operations() const { return operations_; }
  uint32_t faults() const { return faults_; }

 private:
  bool isProtected(uint32_t offset, uint32_t size) const { return offset < protectedTo_ && offset + size > protectedFrom_; }
  bool spend(uint32_t& part, uint32_t whole);

  uint8_t* bytes_;
  uint32_t size_;
  uint32_t protectedFrom_ = 0;
  uint32_t protectedTo_ = 0;
  uint32_t operations_ = 0;
  uint32_t cutAfter_ = 0;
  uint32_t faults_ = 0;
  bool hasPower_ = true;
};

}  // namespace cx::sim
