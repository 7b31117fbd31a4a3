#include "hal_host/boot_loader.hpp"

#include <cstring>

namespace cx::host {

namespace {

using hal::ResetReason;
using hal::RollbackReason;
using hal::Slot;

ResetReason reasonOf(RunEnd end) {
  switch (end) {
    case RunEnd::power:
    case RunEnd::stopped: return ResetReason::powerOn;
    case RunEnd::restart: return ResetReason::restart;
    case RunEnd::watchdog:
    case RunEnd::trialTimeout: return ResetReason::watchdog;
    case RunEnd::crash:
    case RunEnd::notStarted: return ResetReason::crash;
    case RunEnd::wake: return ResetReason::wake;
  }
  return ResetReason::unknown;
}

}  // namespace

Code BootLoader::install(Slot slot, const hal::ImageIdentity& image) {
  BootRecord fresh;
  fresh.sequence = record_.sequence;
  fresh.bootsTotal = record_.bootsTotal;
  fresh.active = slot;
  SlotEntry& entry = fresh.entryOf(slot);
  entry.isUsed = true;
  entry.size = image.size;
  std::memcpy(entry.digest, image.digest, hal::digestSize);
  const Code code = records_.save(fresh);
  if (code == Code::ok) record_ = fresh;
  return code;
}

bool BootLoader::isTrialOpen() {
  BootRecord now;
  return records_.load(now) == Code::ok && now.isOnTrial();
}

void BootLoader::takeNote(RunEnd end) {
  if (record_.isOnTrial()) {
    switch (end) {
      case RunEnd::crash: record_.lastFailure = RollbackReason::crash; break;
      case RunEnd::watchdog: record_.lastFailure = RollbackReason::watchdog; break;
      case RunEnd::notStarted: leaveTrial(record_, RollbackReason::corruptImage); break;
      case RunEnd::trialTimeout: leaveTrial(record_, RollbackReason::notConfirmedInTime); break;
      default: break;  // each boot of a trial counts, however it ended
    }
  } else if (record_.trial == Slot::none && (end == RunEnd::restart || end == RunEnd::stopped || end == RunEnd::wake)) {
    record_.bootCount = 0;  // it ended as it should: also the way out of SAFE
  }
}

bool BootLoader::passes(Slot slot) {
  const SlotEntry& entry = record_.entryOf(slot);
  uint8_t digest[hal::digestSize];
  return slot != Slot::none && entry.isUsed && reader_.digestOf(slot, entry.size, digest) == Code::ok &&
         std::memcmp(digest, entry.digest, hal::digestSize) == 0;
}

// Leaves in record_ what is to be saved. The slot that was checked last is the one chosen.
Code BootLoader::choose(RunEnd end, BootChoice& choice) {
  record_.resetReason = reasonOf(end);
  if (record_.trial != Slot::none) {
    if (record_.running != record_.trial) record_.bootCount = 0;  // its first boot
    if (record_.bootCount >= hal::bootLimit) {
      const bool isKnown = record_.lastFailure != RollbackReason::none;
      leaveTrial(record_, isKnown ? record_.lastFailure : RollbackReason::notConfirmedInTime);
    } else if (passes(record_.trial)) {
      if (record_.running != record_.trial) record_.resetReason = ResetReason::update;
      choice = BootChoice{record_.trial, true, false, true};
      return Code::ok;
    } else {
      leaveTrial(record_, RollbackReason::corruptImage);
    }
  }
  // The last run was of an image that has been left: by itself, or just above.
  const bool isBack = record_.running != Slot::none && record_.running != record_.active;
  if (isBack) record_.bootCount = 0;
  if (isBack && record_.rolledBackReason != RollbackReason::none) record_.resetReason = ResetReason::rollback;
  if (passes(record_.active)) {
    choice = BootChoice{record_.active, false, record_.bootCount >= hal::bootLimit, true};
    return Code::ok;
  }
  const Slot other = otherOf(record_.active);
  if (!passes(other)) return Code::notFound;
  // The confirmed image is damaged. An image that was itself left before only gets to be recovered, not to work.
  const SlotEntry& entry = record_.entryOf(other);
  const bool wasLeft = record_.rolledBackReason != RollbackReason::none &&
                       std::memcmp(entry.digest, record_.rolledBackDigest, hal::digestSize) == 0;
  record_.rolledBackReason = RollbackReason::corruptImage;
  std::memcpy(record_.rolledBackDigest, record_.entryOf(record_.active).digest, hal::digestSize);
  record_.entryOf(record_.active) = SlotEntry{};
  record_.active = other;
  record_.bootCount = wasLeft ? hal::bootLimit : 0;
  record_.resetReason = ResetReason::rollback;
  choice = BootChoice{other, false, wasLeft, true};
  return Code::ok;
}

// The node may have written the record while it ran. Otherwise memory knows at least as much as the medium.
void BootLoader::readNews() {
  BootRecord stored;
  if (records_.load(stored) == Code::ok && stored.sequence > record_.sequence) record_ = stored;
}

void BootLoader::noteEnd(RunEnd end) {
  readNews();
  const uint8_t before = record_.bootCount;
  takeNote(end);
  if (record_.bootCount != before) (void)records_.save(record_);
}

Code BootLoader::prepare(RunEnd end, BootChoice& choice) {
  readNews();
  takeNote(end);
  Code code = choose(end, choice);
  if (code != Code::ok) return code;
  record_.running = choice.slot;
  record_.isSafe = choice.safe;
  record_.bootsTotal++;
  if (record_.bootCount < 255) record_.bootCount++;
  if (records_.save(record_) == Code::ok) return Code::ok;

  // No room, or a broken medium. A confirmed image runs all the same; a trial that can't be counted has to wait.
  if (choice.trial) {
    const BootRecord waiting = record_;
    record_.trial = Slot::none;
    code = choose(end, choice);
    record_ = waiting;
    record_.running = choice.slot;
    record_.bootCount = 0;
  }
  choice.isRecorded = false;
  return code;
}

}  // namespace cx::host
