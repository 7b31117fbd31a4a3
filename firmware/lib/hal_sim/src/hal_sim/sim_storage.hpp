// Keys and values in two areas of flash: records are appended to one, and when it is full what counts is copied to the
// other. A record counts once its last word is written, so that a value is the old one or the new one.
#pragma once
#include "hal/storage.hpp"
#include "hal_sim/sim_flash.hpp"

namespace cx::sim {

class Storage final : public hal::Storage {
 public:
  // Two areas of `sectorsPerArea` sectors each from `firstSector` on.
  Storage(Flash& flash, uint32_t firstSector, uint32_t sectorsPerArea)
      : flash_(flash), first_(firstSector), sectors_(sectorsPerArea) {}

  // Finds the area in force; makes one where there is none.
  hal::Code mount();
  hal::Io get(const char* key, uint8_t* out, uint32_t capacity) override;
  hal::Code put(const char* key, const uint8_t* data, uint32_t size) override;
  hal::Code remove(const char* key) override;

 private:
  struct Record {
    uint32_t offset = 0;  // of its head
    uint32_t size = 0;    // of the value
    uint8_t keySize = 0;
    bool isRemoved = false;
    char key[hal::storageKeyMax + 1] = {};
  };
  uint32_t areaOffset(uint32_t area) const { return (first_ + area * sectors_) * sectorSize; }
  uint32_t areaSize() const { return sectors_ * sectorSize; }
  // The record at `offset`; false: the end of what was written. A record without its last word is passed over.
  bool at(uint32_t offset, uint32_t end, Record& record, bool& isWhole, uint32_t& next) const;
  bool find(const char* key, Record& record) const;
  hal::Code append(const char* key, const uint8_t* data, uint32_t size, bool isRemoved);
  hal::Code compact();
  hal::Code begin(uint32_t area, uint32_t generation);

  Flash& flash_;
  uint32_t first_;
  uint32_t sectors_;
  uint32_t area_ = 0;
  uint32_t generation_ = 0;
  uint32_t end_ = 0;  // absolute offset of the next record
};

}  // namespace cx::sim
