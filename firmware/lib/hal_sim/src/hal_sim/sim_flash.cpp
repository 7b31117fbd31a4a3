#include "hal_sim/sim_flash.hpp"

#include <cstring>

namespace cx::sim {

using hal::Code;

namespace {

constexpr uint32_t unitsPerPage = pageSize / writeUnit;

}  // namespace

// SplitMix64, as everything of the simulation: the same seed, the same damage.
uint64_t Flash::random() {
  uint64_t z = random_ += 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

Code Flash::fault() {
  ++faults_;
  return Code::invalid;
}

bool Flash::isCutNow() {
  ++operations_;
  if (cutAfter_ == 0 || --cutAfter_ != 0) return false;
  hasPower_ = false;
  return true;
}

Code Flash::erase(uint32_t sector) {
  if (!hasPower_) return Code::io;
  if (sector >= size_ / sectorSize || isProtected(sector * sectorSize, sectorSize)) return fault();
  if (isFailing()) return Code::io;
  if (isCutNow()) {
    tearErase(sector);
    return Code::io;
  }
  std::memset(bytes_ + sector * sectorSize, 0xFF, sectorSize);
  std::memset(written_ + sector * bitBytes, 0xFF, bitBytes);
  return Code::ok;
}

Code Flash::write(uint32_t offset, const uint8_t* data, uint32_t size) {
  // Without power nothing is asked of the flash any more, so nothing can be asked wrongly.
  if (!hasPower_) return Code::io;
  if (offset % writeUnit != 0 || size % writeUnit != 0 || size > size_ || offset > size_ - size || isProtected(offset, size)) return fault();
  for (uint32_t at = 0; at < size; at += writeUnit) {
    if (!isErased((offset + at) / writeUnit)) return fault();
  }
  if (isFailing()) return Code::io;
  if (isCutNow()) {
    tearWrite(offset, data, size);
    return Code::io;
  }
  for (uint32_t at = 0; at < size; at += writeUnit) program((offset + at) / writeUnit, data + at);
  return Code::ok;
}

Code Flash::read(uint32_t offset, uint8_t* out, uint32_t size) const {
  if (!hasPower_) return Code::io;
  if (size > size_ || offset > size_ - size) return Code::invalid;
  std::memcpy(out, bytes_ + offset, size);
  return Code::ok;
}

void Flash::program(uint32_t unit, const uint8_t* data) {
  std::memcpy(bytes_ + unit * writeUnit, data, writeUnit);
  written_[unit / 8] = static_cast<uint8_t>(written_[unit / 8] & ~(1U << unit % 8));
}

// Some of its bits are programmed. Where none is, it is as erased as before: no driver could tell.
void Flash::tearUnit(uint32_t unit, const uint8_t* data) {
  uint8_t torn[writeUnit];
  const uint64_t kept = random();
  bool isTouched = false;
  for (uint32_t i = 0; i < writeUnit; ++i) {
    torn[i] = static_cast<uint8_t>(data[i] | (kept >> 8U * i));
    if (torn[i] != 0xFF) isTouched = true;
  }
  if (isTouched) program(unit, torn);
}

// The pages before are whole. Of the one under way: a part from its start and then a torn unit, or each unit in any state.
void Flash::tearWrite(uint32_t offset, const uint8_t* data, uint32_t size) {
  const uint32_t first = offset / writeUnit, last = (offset + size) / writeUnit;
  const uint32_t pages = (last - 1) / unitsPerPage - first / unitsPerPage + 1;
  const uint32_t page = first / unitsPerPage + static_cast<uint32_t>(random() % pages);
  const bool isInOrder = random() % 2 == 0;
  const uint32_t tornAt = page * unitsPerPage + static_cast<uint32_t>(random() % (unitsPerPage + 1));
  for (uint32_t unit = first; unit < last && unit / unitsPerPage <= page; ++unit) {
    const uint8_t* bytes = data + (unit - first) * writeUnit;
    const uint32_t state = isInOrder ? (unit < tornAt ? 0U : unit == tornAt ? 1U : 2U) : static_cast<uint32_t>(random() % 3);
    if (unit / unitsPerPage < page || state == 0) program(unit, bytes);
    else if (state == 1) tearUnit(unit, bytes);
  }
}

// Nothing yet, a part from its start, some of the bits, or all of it by the look: only another erase makes it good again.
void Flash::tearErase(uint32_t sector) {
  uint8_t* bytes = bytes_ + sector * sectorSize;
  const uint64_t how = random() % 4;
  if (how == 0) return;
  const uint32_t end = how == 1 ? static_cast<uint32_t>(random() % sectorSize) : sectorSize;
  for (uint32_t i = 0; i < end; ++i) bytes[i] = static_cast<uint8_t>(how == 2 ? bytes[i] | random() : 0xFF);
  std::memset(written_ + sector * bitBytes, 0, bitBytes);
}

}  // namespace cx::sim
