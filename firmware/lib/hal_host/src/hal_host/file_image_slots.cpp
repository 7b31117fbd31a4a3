#include "hal_host/file_image_slots.hpp"

#include <cstring>

namespace cx::host {

const char* slotFile(hal::Slot slot) { return slot == hal::Slot::b ? "slot-b" : "slot-a"; }

Code FileImageSlots::load(hal::Slot running, bool isSafe) {
  const Code code = records_.load(record_);
  if (code != Code::ok) return code;
  record_.running = running;
  record_.isSafe = isSafe;
  return Code::ok;
}

Code FileImageSlots::commit(const BootRecord& changed) {
  BootRecord next = changed;
  const Code code = records_.save(next);
  if (code == Code::ok) record_ = next;
  return code;
}

hal::BootInfo FileImageSlots::boot() {
  hal::BootInfo info;
  info.running = record_.running;
  const SlotEntry& entry = record_.entryOf(record_.running);
  std::memcpy(info.runningDigest, entry.digest, hal::digestSize);
  info.runningSize = entry.size;
  info.trial = record_.isOnTrial();
  info.safe = record_.isSafe;
  info.bootCount = record_.bootCount;
  info.bootsTotal = record_.bootsTotal;
  info.rolledBack = record_.rolledBackReason != hal::RollbackReason::none;
  info.rolledBackReason = record_.rolledBackReason;
  std::memcpy(info.rolledBackDigest, record_.rolledBackDigest, hal::digestSize);
  return info;
}

Code FileImageSlots::begin(const hal::ImageIdentity& identity) {
  // While the running image is on trial, or has just given itself up, the idle slot holds the one to go back to.
  if (idle() == hal::Slot::none || idle() == record_.active) return Code::denied;
  if (identity.size == 0) return Code::invalid;
  if (identity.size > slotSize_) return Code::noSpace;
  progress_ = DownloadProgress{};
  if (record_.trial != hal::Slot::none) {
    BootRecord next = record_;
    next.trial = hal::Slot::none;
    const Code code = commit(next);
    if (code != Code::ok) return code;
  }

  DownloadProgress known;
  const char* const file = slotFile(idle());
  uint32_t size = 0;
  const bool isKnown = journal_.load(known) == Code::ok && known.slot == idle() && known.image.size == identity.size &&
                       std::memcmp(known.image.digest, identity.digest, hal::digestSize) == 0 &&
                       files_.size(file, size) == Code::ok && size >= known.durable;
  if (!isKnown) {
    known = DownloadProgress{idle(), identity, 0};
    const Code code = journal_.save(known);  // before the slot changes: the journal never praises foreign bytes
    if (code != Code::ok) return code;
  }
  Code code = files_.resize(file, known.durable);  // the tail of an unfinished block may be anything
  if (code == Code::ok && !isKnown) code = files_.syncFolder();
  if (code != Code::ok) return code;
  progress_ = known;
  written_ = known.durable;
  return Code::ok;
}

Code FileImageSlots::restart() {
  if (progress_.slot == hal::Slot::none) return Code::closed;
  DownloadProgress empty = progress_;
  empty.durable = 0;
  Code code = journal_.save(empty);
  if (code == Code::ok) code = files_.resize(slotFile(progress_.slot), 0);
  if (code != Code::ok) return code;
  progress_ = empty;
  written_ = 0;
  return Code::ok;
}

Code FileImageSlots::write(uint32_t offset, const uint8_t* data, uint32_t size) {
  if (progress_.slot == hal::Slot::none) return Code::closed;
  if (progress_.slot == record_.running || progress_.slot == record_.active) return Code::denied;  // asked every time
  if (offset != written_ || size > progress_.image.size - written_) return Code::invalid;
  const uint32_t start = written_;
  while (size > 0) {
    const uint32_t room = durableBlock - written_ % durableBlock;
    const uint32_t part = size < room ? size : room;
    Code code = files_.write(slotFile(progress_.slot), written_, data, part);
    if (code == Code::ok) {
      written_ += part;
      data += part;
      size -= part;
      if (written_ % durableBlock == 0) code = flush();
    }
    if (code != Code::ok) {
      written_ = start;  // so that the caller may offer the same bytes again
      return code;
    }
  }
  return Code::ok;
}

Code FileImageSlots::flush() {
  if (progress_.slot == hal::Slot::none) return Code::closed;
  if (written_ == progress_.durable) return Code::ok;
  const Code code = files_.sync(slotFile(progress_.slot));
  if (code != Code::ok) return code;
  DownloadProgress next = progress_;
  next.durable = written_;
  const Code saved = journal_.save(next);
  if (saved == Code::ok) progress_ = next;
  return saved;
}

Io FileImageSlots::read(uint32_t offset, uint8_t* out, uint32_t capacity) {
  if (progress_.slot == hal::Slot::none) return {Code::closed, 0};
  return files_.read(slotFile(progress_.slot), offset, out, capacity);
}

Io FileImageSlots::readRunning(uint32_t offset, uint8_t* out, uint32_t capacity) {
  if (record_.running == hal::Slot::none) return {Code::closed, 0};
  return files_.read(slotFile(record_.running), offset, out, capacity);
}

bool FileImageSlots::previous(hal::ImageIdentity& out) {
  if (progress_.slot != hal::Slot::none || record_.trial != hal::Slot::none || idle() == hal::Slot::none || idle() == record_.active) return false;
  const SlotEntry& entry = record_.entryOf(idle());
  DownloadProgress begun;
  if (!entry.isUsed || (journal_.load(begun) == Code::ok && begun.slot == idle())) return false;  // a download took its place
  std::memcpy(out.digest, entry.digest, sizeof out.digest);
  out.size = entry.size;
  return true;
}

Code FileImageSlots::tryPrevious() {
  hal::ImageIdentity unused;
  if (!previous(unused)) return Code::notFound;
  BootRecord next = record_;
  next.trial = idle();
  next.bootCount = 0;
  next.lastFailure = hal::RollbackReason::none;
  next.rolledBackReason = hal::RollbackReason::none;
  return commit(next);
}

Code FileImageSlots::makeTrial() {
  if (progress_.slot == hal::Slot::none) return Code::closed;
  if (progress_.durable != progress_.image.size) return Code::invalid;
  BootRecord next = record_;
  next.trial = progress_.slot;
  SlotEntry& entry = next.entryOf(next.trial);
  entry.isUsed = true;
  entry.size = progress_.image.size;
  std::memcpy(entry.digest, progress_.image.digest, hal::digestSize);
  next.bootCount = 0;
  next.lastFailure = hal::RollbackReason::none;
  next.rolledBackReason = hal::RollbackReason::none;
  return commit(next);
}

Code FileImageSlots::confirm() {
  if (!record_.isOnTrial()) return Code::denied;
  BootRecord next = record_;
  next.active = next.trial;
  next.trial = hal::Slot::none;
  next.bootCount = 0;
  next.lastFailure = hal::RollbackReason::none;
  const Code code = commit(next);
  if (code == Code::ok) (void)journal_.clear();  // a journal that stays only names bytes that are no longer idle
  return code;
}

Code FileImageSlots::rollBack(hal::RollbackReason reason) {
  if (!record_.isOnTrial()) return Code::denied;
  if (reason == hal::RollbackReason::none) return Code::invalid;
  BootRecord next = record_;
  leaveTrial(next, reason);
  return commit(next);
}

Code FileImageSlots::forgetRollback() {
  if (record_.rolledBackReason == hal::RollbackReason::none) return Code::ok;
  BootRecord next = record_;
  next.rolledBackReason = hal::RollbackReason::none;
  // Nothing else would say of the image in the other slot that it isn't one to fall back on.
  const hal::Slot slot = idle();
  if (slot != hal::Slot::none && std::memcmp(next.entryOf(slot).digest, next.rolledBackDigest, hal::digestSize) == 0) next.entryOf(slot).isUsed = false;
  return commit(next);
}

Code FileImageSlots::markHealthy() {
  // A trial is bounded by its boots until it is confirmed: one that registers and then crashes must not go on for ever.
  // SAFE is left by a restart that the node asks for, not by having registered.
  if (record_.isOnTrial() || record_.isSafe || record_.bootCount == 0) return Code::ok;
  BootRecord next = record_;
  next.bootCount = 0;
  return commit(next);
}

Code FileImageSlots::abandon() {
  if (record_.isOnTrial()) return Code::denied;
  Code code = Code::ok;
  const bool isTaken = progress_.slot != hal::Slot::none && record_.entryOf(progress_.slot).isUsed;
  if (record_.trial != hal::Slot::none || isTaken) {
    BootRecord next = record_;
    next.trial = hal::Slot::none;
    // Without the journal nothing else says that the image before isn't there any more.
    if (isTaken) next.entryOf(progress_.slot).isUsed = false;
    code = commit(next);
  }
  progress_ = DownloadProgress{};
  written_ = 0;
  return code == Code::ok ? journal_.clear() : code;
}

}  // namespace cx::host
