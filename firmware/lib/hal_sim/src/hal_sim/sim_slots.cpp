#include "hal_sim/sim_slots.hpp"

#include <cstring>

#include "sha256.hpp"
#include "span.hpp"

namespace cx::sim {

using hal::Code;
using hal::RollbackReason;
using hal::Slot;

namespace {

constexpr const char* recordKey = "boot";
constexpr uint8_t none = 255;

}  // namespace

Code Slots::store() { return storage_.put(recordKey, reinterpret_cast<const uint8_t*>(&record_), sizeof record_); }

Code Slots::install(const uint8_t* image, uint32_t size) {
  if (size == 0 || size > slotSize()) return Code::noSpace;
  if (storage_.mount() != Code::ok) return Code::io;
  for (uint32_t at = 0; at < size; at += sectorSize) {
    const uint32_t part = size - at < sectorSize ? size - at : sectorSize;
    std::memcpy(buffer_, image + at, part);
    const Code code = program(imageSector(0) + at / sectorSize, part);
    if (code != Code::ok) return code;
  }
  record_ = Record();
  record_.isImage[0] = 1;
  record_.size[0] = size;
  Sha256 hash;
  hash.update(ByteSpan(image, size));
  hash.finish(record_.digest[0]);
  return store();
}

BootOutcome Slots::bootLoader(hal::ResetReason& reason) {
  if (storage_.mount() != Code::ok) return BootOutcome::noPower;
  const hal::Io io = storage_.get(recordKey, reinterpret_cast<uint8_t*>(&record_), sizeof record_);
  if (io.code != Code::ok) return flash_.hasPower() ? BootOutcome::blank : BootOutcome::noPower;
  if (record_.pending != none) {
    record_.previous = record_.current;
    record_.current = record_.pending;
    record_.pending = none;
    record_.isTrial = 1;
    record_.bootCount = 0;
    reason = hal::ResetReason::update;
  } else if (record_.isTrial != 0 && record_.bootCount >= hal::bootLimit) {
    leaveSlot(reason == hal::ResetReason::watchdog ? RollbackReason::watchdog : RollbackReason::crash);
    reason = hal::ResetReason::rollback;
  }
  if (!digestHolds(record_.current) && record_.isTrial != 0) {
    leaveSlot(RollbackReason::corruptImage);
    reason = hal::ResetReason::rollback;
  }
  bool isSafe = record_.isTrial == 0 && record_.bootCount >= hal::bootLimit;
  if (!digestHolds(record_.current)) {
    const uint8_t other = static_cast<uint8_t>(1 - record_.current);
    if (record_.isImage[other] == 0 || !digestHolds(other)) isSafe = true;
    else record_.current = other;
  }
  // The count is durable before the image starts, so that an image that dies at once is counted too.
  if (record_.bootCount < 255) ++record_.bootCount;
  ++record_.bootsTotal;
  if (store() != Code::ok) return BootOutcome::noPower;
  flash_.protect(imageSector(record_.current), sectorsPerSlot() - 1);
  info_.running = record_.current == 0 ? Slot::a : Slot::b;
  std::memcpy(info_.runningDigest, record_.digest[record_.current], hal::digestSize);
  info_.runningSize = record_.size[record_.current];
  info_.trial = record_.isTrial != 0;
  info_.safe = isSafe;
  info_.bootCount = record_.bootCount;
  info_.bootsTotal = record_.bootsTotal;
  info_.rolledBack = record_.rolledBack != 0;
  std::memcpy(info_.rolledBackDigest, record_.rolledBackDigest, hal::digestSize);
  info_.rolledBackReason = static_cast<RollbackReason>(record_.reason);
  readImageText(record_.current);
  return BootOutcome::image;
}

void Slots::leaveSlot(RollbackReason reason) {
  record_.rolledBack = 1;
  record_.reason = static_cast<uint8_t>(reason);
  std::memcpy(record_.rolledBackDigest, record_.digest[record_.current], hal::digestSize);
  record_.isImage[record_.current] = 0;
  record_.current = record_.previous;
  record_.previous = none;
  record_.isTrial = 0;
  record_.bootCount = 0;
}

Code Slots::leaveTrial(RollbackReason reason) {
  if (record_.isTrial == 0) return Code::denied;
  leaveSlot(reason);
  return store();
}

bool Slots::digestHolds(uint8_t slot) const {
  if (slot > 1 || record_.isImage[slot] == 0) return false;
  Sha256 hash;
  uint8_t part[512];
  for (uint32_t at = 0; at < record_.size[slot]; at += sizeof part) {
    const uint32_t left = record_.size[slot] - at;
    const uint32_t size = left < sizeof part ? left : static_cast<uint32_t>(sizeof part);
    if (flash_.read(imageSector(slot) * sectorSize + at, part, size) != Code::ok) return false;
    hash.update(ByteSpan(part, size));
  }
  uint8_t found[hal::digestSize];
  hash.finish(found);
  return std::memcmp(found, record_.digest[slot], sizeof found) == 0;
}

void Slots::readImageText(uint8_t slot) {
  char text[80] = {};
  image_ = ImageText();
  const uint32_t size = record_.size[slot] < sizeof text - 1 ? record_.size[slot] : static_cast<uint32_t>(sizeof text - 1);
  if (flash_.read(imageSector(slot) * sectorSize, reinterpret_cast<uint8_t*>(text), size) != Code::ok) return;
  std::strcpy(image_.version, "0.0.0");
  if (std::strncmp(text, "CXSIM ", 6) != 0) return;
  uint32_t at = 6, length = 0;
  while (text[at] > ' ' && length < imageTextMax) image_.version[length++] = text[at++];
  image_.version[length] = '\0';
  if (text[at] != ' ') return;
  const char* word = text + at + 1;
  if (std::strncmp(word, "sensor-fault", 12) == 0) image_.behaviour = Behaviour::sensorFault;
  if (std::strncmp(word, "crash", 5) == 0) image_.behaviour = Behaviour::crash;
  if (std::strncmp(word, "deaf", 4) == 0) image_.behaviour = Behaviour::deaf;
}

// Whose journal it is stands in the record, before its first word and after its last: an erase that power cut short may leave any
// part of it as it was.
Code Slots::openJournal() {
  const uint8_t slot = idle();
  if (record_.isImage[slot] != 0 || record_.downloadSize[slot] != 0) {
    record_.isImage[slot] = 0;
    record_.downloadSize[slot] = 0;
    const Code code = store();
    if (code != Code::ok) return code;
  }
  durable_ = end_ = 0;
  const Code code = flash_.erase(journalSector(slot));
  if (code != Code::ok) return code;
  record_.downloadSize[slot] = identity_.size;
  std::memcpy(record_.downloadDigest[slot], identity_.digest, hal::digestSize);
  return store();
}

Code Slots::begin(const hal::ImageIdentity& identity) {
  if (identity.size > slotSize()) return Code::noSpace;
  isBegun_ = true;
  identity_ = identity;
  const uint8_t slot = idle();
  const bool isSame = record_.downloadSize[slot] == identity.size && std::memcmp(record_.downloadDigest[slot], identity.digest, hal::digestSize) == 0;
  if (!isSame) return openJournal();
  durable_ = 0;
  for (uint32_t i = 0; durable_ < identity.size; ++i) {
    uint32_t word = 0xFFFFFFFF;
    if (flash_.read(journalSector(slot) * sectorSize + i * 4, reinterpret_cast<uint8_t*>(&word), 4) != Code::ok || word == 0xFFFFFFFF) break;
    durable_ = (i + 1) * sectorSize < identity.size ? (i + 1) * sectorSize : identity.size;
  }
  end_ = durable_;
  return Code::ok;
}

uint32_t Slots::durable() { return isBegun_ ? durable_ : 0; }

Code Slots::restart() { return isBegun_ ? openJournal() : Code::invalid; }

// Erases and writes one sector of an image from the buffer.
Code Slots::program(uint32_t sector, uint32_t size) {
  Code code = flash_.erase(sector);
  if (code != Code::ok) return code;
  const uint32_t whole = (size + writeUnit - 1) / writeUnit * writeUnit;
  if (whole > size) std::memset(buffer_ + size, 0xFF, whole - size);
  return flash_.write(sector * sectorSize, buffer_, whole);
}

Code Slots::write(uint32_t offset, const uint8_t* data, uint32_t size) {
  if (!isBegun_ || offset != end_ || size > identity_.size - end_) return Code::invalid;
  while (size > 0) {
    const uint32_t within = end_ % sectorSize;
    const uint32_t part = size < sectorSize - within ? size : sectorSize - within;
    std::memcpy(buffer_ + within, data, part);
    end_ += part;
    data += part;
    size -= part;
    if (end_ % sectorSize != 0) continue;
    const Code code = flush();
    if (code != Code::ok) return code;
  }
  return Code::ok;
}

Code Slots::flush() {
  if (!isBegun_) return Code::invalid;
  if (end_ == durable_ || (end_ % sectorSize != 0 && end_ != identity_.size)) return Code::ok;
  const uint32_t index = durable_ / sectorSize;
  Code code = program(imageSector(idle()) + index, end_ - durable_);
  if (code != Code::ok) return code;
  const uint32_t word = 0;
  code = flash_.write(journalSector(idle()) * sectorSize + index * 4, reinterpret_cast<const uint8_t*>(&word), 4);
  if (code == Code::ok) durable_ = end_;
  return code;
}

hal::Io Slots::read(uint32_t offset, uint8_t* out, uint32_t capacity) {
  if (!isBegun_ || offset >= durable_) return {Code::invalid, 0};
  const uint32_t size = capacity < durable_ - offset ? capacity : durable_ - offset;
  const Code code = flash_.read(imageSector(idle()) * sectorSize + offset, out, size);
  return {code, code == Code::ok ? size : 0};
}

hal::Io Slots::readRunning(uint32_t offset, uint8_t* out, uint32_t capacity) {
  if (offset >= info_.runningSize) return {Code::invalid, 0};
  const uint32_t left = info_.runningSize - offset;
  const uint32_t size = capacity < left ? capacity : left;
  const Code code = flash_.read(imageSector(static_cast<uint8_t>(1 - idle())) * sectorSize + offset, out, size);
  return {code, code == Code::ok ? size : 0};
}

bool Slots::previous(hal::ImageIdentity& out) {
  if (isBegun_ || record_.isTrial != 0 || record_.isImage[idle()] == 0) return false;
  std::memcpy(out.digest, record_.digest[idle()], sizeof out.digest);
  out.size = record_.size[idle()];
  return true;
}

Code Slots::tryPrevious() {
  hal::ImageIdentity unused;
  if (!previous(unused)) return Code::notFound;
  record_.pending = idle();
  record_.rolledBack = 0;
  return store();
}

Code Slots::makeTrial() {
  if (!isBegun_ || durable_ != identity_.size) return Code::invalid;
  const uint8_t slot = idle();
  record_.pending = slot;
  record_.isImage[slot] = 1;
  record_.size[slot] = identity_.size;
  std::memcpy(record_.digest[slot], identity_.digest, hal::digestSize);
  record_.rolledBack = 0;
  return store();
}

Code Slots::confirm() {
  if (record_.isTrial == 0) return Code::denied;
  record_.isTrial = 0;
  record_.bootCount = 0;
  const Code code = store();
  if (code == Code::ok) info_.trial = false;
  return code;
}

Code Slots::rollBack(RollbackReason reason) { return leaveTrial(reason); }

Code Slots::forgetRollback() {
  record_.rolledBack = 0;
  const Code code = store();
  if (code == Code::ok) info_.rolledBack = false;
  return code;
}

Code Slots::markHealthy() {
  // A trial is bounded by its boots until it is confirmed, however often it registers.
  if (record_.isTrial != 0) return Code::ok;
  record_.bootCount = 0;
  const Code code = store();
  if (code == Code::ok) info_.bootCount = 0;
  return code;
}

Code Slots::abandon() {
  isBegun_ = false;
  durable_ = end_ = 0;
  record_.pending = none;
  record_.downloadSize[idle()] = 0;
  return store();
}

}  // namespace cx::sim
