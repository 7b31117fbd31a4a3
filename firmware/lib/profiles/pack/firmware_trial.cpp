#include "pack/firmware_trial.hpp"

#include <cstring>

namespace cx::pack {
namespace {

constexpr const char* trialKey = "trial";

}  // namespace

void FirmwareTrial::begin(uint64_t nowMs) {
  startedMs_ = nowMs;
  boot_ = slots_.boot();
  uint8_t buffer[160];
  const hal::Io io = storage_.get(trialKey, buffer, sizeof buffer);
  hasRecord_ = io.code == hal::Code::ok && isOk(decodeTrialRecord(ByteSpan(buffer, io.size), record_));
  if (!hasRecord_ || boot_.trial) return;
  // Power was lost between the image's confirmation and its number.
  const bool isRunning = std::memcmp(record_.digest, boot_.runningDigest, sizeof record_.digest) == 0;
  if (isRunning && !trust_.raiseImageSequence(record_.sequence)) return;
  const bool isRolledBack = boot_.rolledBack && std::memcmp(record_.digest, boot_.rolledBackDigest, sizeof record_.digest) == 0;
  if (isRunning || isRolledBack) drop();
}

bool FirmwareTrial::keep(const uint8_t* digest, uint32_t sequence) {
  const bool isSame = hasRecord_ && record_.sequence == sequence && std::memcmp(record_.digest, digest, sizeof record_.digest) == 0;
  if (isSame) return true;
  record_ = TrialRecord();
  record_.sequence = sequence;
  std::memcpy(record_.digest, digest, sizeof record_.digest);
  uint8_t buffer[160];
  const Expected<ByteSpan> bytes = encodeTrialRecord(record_, buffer);
  hasRecord_ = bytes.hasValue() && storage_.put(trialKey, bytes->data(), static_cast<uint32_t>(bytes->size())) == hal::Code::ok;
  return hasRecord_;
}

void FirmwareTrial::drop() {
  if (hasRecord_ && storage_.remove(trialKey) == hal::Code::ok) hasRecord_ = false;
}

bool FirmwareTrial::step(const PackHealth& health, uint64_t nowMs) {
  const uint64_t age = nowMs - startedMs_;
  if (isLeft_ || nowMs < againMs_) return false;
  if (!boot_.trial) {
    if (isMarked_ || age < healthyAfterMs) return false;
    isMarked_ = slots_.markHealthy() == hal::Code::ok;
    againMs_ = nowMs + trialStoreAgainMs;
    return false;
  }
  if (age < selfTestFromMs) return false;
  if (health.isOnBus && health.isBmsSettled) {
    confirm(nowMs);
    return !boot_.trial;
  }
  if (age < selfTestUntilMs) return false;
  // Not stored: the boot loader leaves it in the end.
  isLeft_ = slots_.rollBack(hal::RollbackReason::selfTest) == hal::Code::ok;
  againMs_ = nowMs + trialStoreAgainMs;
  return isLeft_;
}

void FirmwareTrial::confirm(uint64_t nowMs) {
  againMs_ = nowMs + trialStoreAgainMs;
  if (slots_.confirm() != hal::Code::ok) return;
  boot_.trial = false;
  boot_.bootCount = 0;
  isMarked_ = true;
  const bool isRecorded = hasRecord_ && std::memcmp(record_.digest, boot_.runningDigest, sizeof record_.digest) == 0;
  // The record stays until its number counts: the next boot tries again.
  if (isRecorded && trust_.raiseImageSequence(record_.sequence)) drop();
}

}  // namespace cx::pack
