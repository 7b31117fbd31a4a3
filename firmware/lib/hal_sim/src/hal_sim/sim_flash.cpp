#include "hal_sim/sim_flash.hpp"

#include <cstring>

namespace cx::sim {

using hal::Code;

// How much of the operation happens: all of it, half when power goes in it.
bool Flash::spend(uint32_t& part, uint32_t whole) {
  if (!hasPower_) return false;
  ++operations_;
  part = whole;
  if (cutAfter_ != 0 && --cutAfter_ == 0) {
    hasPower_ = false;
    part = whole / 2 / writeUnit * writeUnit;
  }
  return true;
}

Code Flash::erase(uint32_t sector) {
  uint32_t part = 0;
  if (!hasPower_) return Code::io;
  if ((sector + 1) * sectorSize > size_ || isProtected(sector * sectorSize, sectorSize)) {
    ++faults_;
    return Code::invalid;
  }
  if (!spend(part, sectorSize)) return Code::io;
  std::memset(bytes_ + sector * sectorSize, 0xFF, part);
  return hasPower_ ? Code::ok : Code::io;
}

Code Flash::write(uint32_t offset, const uint8_t* data, uint32_t size) {
  // Without power nothing is asked of the flash any more, so nothing can be asked wrongly.
  if (!hasPower_) return Code::io;
  if (offset % writeUnit != 0 || size % writeUnit != 0 || size > size_ || offset > size_ - size || isProtected(offset, size)) {
    ++faults_;
    return Code::invalid;
  }
  for (uint32_t i = 0; i < size; ++i) {
    if (bytes_[offset + i] == 0xFF) continue;
    ++faults_;
    return Code::invalid;
  }
  uint32_t part = 0;
  if (!spend(part, size)) return Code::io;
  std::memcpy(bytes_ + offset, data, part);
  return hasPower_ ? Code::ok : Code::io;
}

Code Flash::read(uint32_t offset, uint8_t* out, uint32_t size) const {
  if (!hasPower_) return Code::io;
  if (size > size_ || offset > size_ - size) return Code::invalid;
  std::memcpy(out, bytes_ + offset, size);
  return Code::ok;
}

}  // namespace cx::sim
