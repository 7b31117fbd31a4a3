#include "pack/firmware_receiver.hpp"

#include <cstring>
#include <initializer_list>

namespace cx::pack {

using can::CommandResult;
using can::FirmwarePart;
using can::FirmwarePhase;

namespace {

constexpr uint8_t beginOperation = 1, blockOperation = 2, endOperation = 3, abortOperation = 4;

bool isOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  for (const std::string_view each : words)
    if (each == word) return true;
  return false;
}

template <class Message, class Take>
auto decoded(const can::Frame& frame, Take take) -> decltype(take(Message())) {
  Message message;
  switch (can::decode(frame, message)) {
    case can::Fault::none: return take(message);
    case can::Fault::wrongLength: return {true, CommandResult::wrongLength};
    default: return {true, CommandResult::outOfRange};
  }
}

}  // namespace

CommandResult FirmwareReceiver::enter(uint64_t nowMs) {
  nowMs_ = nowMs;
  if (trial_.isOnTrial() || trial_.isLeft() || phase_ == FirmwarePhase::staged) return CommandResult::busy;
  const bool isUnderWay = phase_ == FirmwarePhase::payload || phase_ == FirmwarePhase::verifying;
  if (isUnderWay && nowMs - heardMs_ < firmwareOwnMs) return CommandResult::busy;
  cancel("entered-again");
  phase_ = FirmwarePhase::entered;
  heardMs_ = nowMs;
  return CommandResult::ok;
}

bool FirmwareReceiver::receive(const can::Frame& frame, uint8_t node, uint64_t nowMs, can::Frame& answer) {
  nowMs_ = nowMs;
  can::FirmwareData data;
  if (can::decode(frame, data) == can::Fault::none) {
    if (isTaking() && !isBlockOwed_) block_.put(data);
    return false;
  }
  if (frame.isExtended || frame.id != can::FirmwareBegin::kId || frame.length < 3 || frame.data[0] != node) return false;
  if (frame.data[1] < beginOperation || frame.data[1] > abortOperation) return false;
  const bool isBlock = frame.data[1] == blockOperation;
  const Answer result = take(frame);
  if (isUpdating()) heardMs_ = nowMs;
  if (!result.isNow) return false;
  can::FirmwareAck ack;
  ack.node = node;
  ack.sequence = isBlock ? frame.data[3] : frame.data[2];
  ack.result = result.result;
  ack.block = static_cast<uint16_t>(next());
  answer = can::encode(ack);
  return true;
}

FirmwareReceiver::Answer FirmwareReceiver::take(const can::Frame& frame) {
  const auto taken = [this](const auto& message) { return take(message); };
  switch (frame.data[1]) {
    case beginOperation: return decoded<can::FirmwareBegin>(frame, taken);
    case blockOperation: return decoded<can::FirmwareBlock>(frame, taken);
    case endOperation: return decoded<can::FirmwareEnd>(frame, taken);
    default: return decoded<can::FirmwareAbort>(frame, taken);
  }
}

FirmwareReceiver::Answer FirmwareReceiver::take(const can::FirmwareBegin& begin) {
  if (phase_ == FirmwarePhase::staged) return {true, CommandResult::busy};
  if (!isUpdating()) return {true, CommandResult::notUpdating};
  const bool isUnderWay = phase_ == FirmwarePhase::payload || phase_ == FirmwarePhase::verifying;
  if (begin.part == FirmwarePart::manifest) {
    if (isUnderWay && nowMs_ - heardMs_ < firmwareOwnMs) return {true, CommandResult::busy};
    if (begin.size > suitEnvelopeMax) return {true, CommandResult::outOfRange};
    cancel("begun-again");
    phase_ = FirmwarePhase::manifest;
    manifestSize_ = begin.size;
    return {};
  }
  if (phase_ != FirmwarePhase::accepted && !isUnderWay) return {true, CommandResult::notUpdating};
  if (begin.size != wantedSize_) return {true, CommandResult::outOfRange};
  block_.clear();
  if (phase_ == FirmwarePhase::accepted) phase_ = FirmwarePhase::payload;
  return {};
}

FirmwareReceiver::Answer FirmwareReceiver::take(const can::FirmwareBlock& block) {
  if (!isTaking()) return {true, isUpdating() ? CommandResult::wrongBlock : CommandResult::notUpdating};
  if (block.block < next()) return {};  // its answer was lost
  if (isBlockOwed_) return {true, CommandResult::busy};
  if (block.block > next() || block.block >= firmwareBlocks(size())) {
    block_.clear();
    return {true, CommandResult::wrongBlock};
  }
  if (phase_ == FirmwarePhase::payload && !payload_.isRunning()) return {true, CommandResult::busy};
  const uint32_t bytes = sizeOf(block.block);
  if (!block_.holds(bytes, block.checksum)) {
    block_.clear();
    return {true, CommandResult::badChecksum};
  }
  owedSequence_ = static_cast<uint8_t>(block.block);
  if (phase_ == FirmwarePhase::payload) return write();
  std::memcpy(envelope_ + manifestNext_ * firmwareBlockSize, block_.bytes(bytes).data(), bytes);
  manifestNext_++;
  block_.clear();
  return {};
}

// The whole block that waits goes to the slot. What the medium won't take now is offered again in the next turn.
FirmwareReceiver::Answer FirmwareReceiver::write() {
  const Status status = payload_.deliver(block_.bytes(sizeOf(payload_.next())));
  isBlockOwed_ = status == Status::again;
  if (isBlockOwed_) return {false, CommandResult::ok};
  block_.clear();
  if (isOk(status)) return {};
  follow();
  return {true, phase_ == FirmwarePhase::failed ? resultOfEnd() : CommandResult::wrongBlock};
}

FirmwareReceiver::Answer FirmwareReceiver::take(const can::FirmwareEnd& end) {
  if (phase_ == FirmwarePhase::failed) return {true, resultOfEnd()};
  if (phase_ == FirmwarePhase::staged && leaveMs_ == 0) leaveMs_ = nowMs_ + firmwareLeaveMs;
  if (phase_ == FirmwarePhase::staged || phase_ == FirmwarePhase::applied) return {};
  if (!isUpdating() || phase_ == FirmwarePhase::entered) return {true, CommandResult::notUpdating};
  if (end.part == FirmwarePart::manifest) {
    if (phase_ != FirmwarePhase::manifest) return {};  // it was judged, and the answer lost
    return manifestNext_ < firmwareBlocks(manifestSize_) ? Answer{true, CommandResult::wrongBlock} : judge();
  }
  if (phase_ == FirmwarePhase::manifest || phase_ == FirmwarePhase::accepted) return {true, CommandResult::notUpdating};
  if (isEndOwed_) return {true, CommandResult::busy};
  if (isBlockOwed_ || (payload_.isRunning() && payload_.next() < firmwareBlocks(wantedSize_))) return {true, CommandResult::wrongBlock};
  if (payload_.isRunning()) payload_.finish();
  isEndOwed_ = true;
  owedSequence_ = end.sequence;
  return {false, CommandResult::ok};
}

FirmwareReceiver::Answer FirmwareReceiver::judge() {
  manifest_.hold(manifestSize_);
  // Nothing comes by CAN without a manifest, whatever a developer allowed.
  Action action;
  action.hasManifest = true;
  // Each transfer is an attempt of its own here: what one may cost is the gateway's and the manager's to say.
  action.rev = (trial_.boot().bootsTotal << 8U) | ++transfers_;
  updater_.start(action, nowMs_);
  if (updater_.isJudged()) {
    const bool isInstall = manifest_.manifest().kind == ManifestKind::install;
    wantedSize_ = isInstall ? manifest_.variant().size : 0;
    if (isInstall) std::memcpy(wantedDigest_, manifest_.variant().digest, sizeof wantedDigest_);
    const bool isKept = manifest_.manifest().kind == ManifestKind::anchors || trial_.keep(updater_.digest(), updater_.sequence());
    phase_ = FirmwarePhase::accepted;
    if (isKept) updater_.proceed(nowMs_);
    else updater_.refuse(AttemptReason::notStored);
  }
  follow();
  if (phase_ == FirmwarePhase::staged) leaveMs_ = nowMs_ + firmwareLeaveMs;  // the image before: nothing is to be brought
  return {true, phase_ == FirmwarePhase::failed ? resultOfEnd() : CommandResult::ok};
}

FirmwareReceiver::Answer FirmwareReceiver::take(const can::FirmwareAbort&) {
  if (phase_ == FirmwarePhase::staged) return {true, CommandResult::busy};
  cancel("aborted");
  phase_ = FirmwarePhase::idle;
  return {};
}

void FirmwareReceiver::cancel(std::string_view why) {
  if (updater_.isRunning()) {
    updater_.cancel(why);
    (void)updater_.takeResult();
  }
  block_.clear();
  manifestNext_ = manifestSize_ = wantedSize_ = 0;
  isBlockOwed_ = isEndOwed_ = false;
}

// What the updater made of it.
void FirmwareReceiver::follow() {
  if (updater_.isRunning()) updater_.poll(nowMs_);
  switch (updater_.takeResult()) {
    case UpdaterResult::none: break;
    case UpdaterResult::staged: phase_ = FirmwarePhase::staged; return;
    case UpdaterResult::applied: phase_ = FirmwarePhase::applied; return;
    default: phase_ = FirmwarePhase::failed; return;
  }
  if (phase_ == FirmwarePhase::payload || phase_ == FirmwarePhase::verifying) {
    phase_ = updater_.report().state == AttemptState::verifying ? FirmwarePhase::verifying : FirmwarePhase::payload;
  }
}

bool FirmwareReceiver::step(uint8_t node, uint64_t nowMs, can::Frame& answer) {
  nowMs_ = nowMs;
  if (phase_ != FirmwarePhase::staged && isUpdating() && nowMs - heardMs_ >= firmwareSilenceMs) {
    cancel("silence");
    phase_ = FirmwarePhase::idle;
  }
  if (updater_.isRunning()) follow();
  Answer owed{false, CommandResult::ok};
  if (isBlockOwed_ && payload_.isRunning()) owed = write();
  if (isEndOwed_ && !updater_.isRunning()) {
    owed = {true, phase_ == FirmwarePhase::staged ? CommandResult::ok : resultOfEnd()};
    if (phase_ == FirmwarePhase::staged) leaveMs_ = nowMs + firmwareLeaveMs;
  } else if (isEndOwed_ && payload_.isRunning()) {
    owed = {true, CommandResult::wrongBlock};  // from the first block once more
  }
  if (!owed.isNow) return false;
  isEndOwed_ = false;
  can::FirmwareAck ack;
  ack.node = node;
  ack.sequence = owedSequence_;
  ack.result = owed.result;
  ack.block = static_cast<uint16_t>(next());
  answer = can::encode(ack);
  return true;
}

bool FirmwareReceiver::isLeaving(uint64_t nowMs) const {
  if (phase_ != FirmwarePhase::staged) return false;
  return leaveMs_ != 0 ? nowMs >= leaveMs_ : nowMs - heardMs_ >= firmwareSilenceMs;
}

uint32_t FirmwareReceiver::next() const {
  if (phase_ == FirmwarePhase::manifest) return manifestNext_;
  if (phase_ < FirmwarePhase::accepted || phase_ > FirmwarePhase::staged) return 0;
  if (payload_.isRunning()) return payload_.next();
  return phase_ == FirmwarePhase::payload ? 0 : firmwareBlocks(wantedSize_);
}

uint32_t FirmwareReceiver::sizeOf(uint32_t block) const {
  const uint32_t left = size() - block * firmwareBlockSize;
  return left < firmwareBlockSize ? left : firmwareBlockSize;
}

CommandResult FirmwareReceiver::resultOfEnd() const {
  // Of the bytes that were brought, or of what the slot gives back.
  if (reason() == attemptReasonWord(AttemptReason::artifactChanged) || reason() == attemptReasonWord(AttemptReason::digestMismatch)) return CommandResult::badChecksum;
  const bool isMedium = isOneOf(reason(), {"no-space", "slot-begin", "slot-write", "slot-read", "boot-record", "not-stored"});
  return isMedium ? CommandResult::storageFailed : CommandResult::refused;
}

}  // namespace cx::pack
