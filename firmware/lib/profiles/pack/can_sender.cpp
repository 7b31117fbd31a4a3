#include "pack/can_sender.hpp"

namespace cx::pack {
namespace {

// Values of a moment: 0x100 to 0x1FF without the totals, whose pages share an identifier.
bool isReplaceable(const can::Frame& frame) { return !frame.isExtended && frame.id >= 0x100 && frame.id <= 0x1ff && frame.id % 8 != 7; }

}  // namespace

void CanSender::queue(const can::Frame& frame) {
  if (isReplaceable(frame)) {
    for (size_t i = 0; i < count_; i++) {
      can::Frame& waiting = frames_[(first_ + i) % canQueueMax];
      if (waiting.isExtended || waiting.id != frame.id) continue;
      waiting = frame;
      return;
    }
  }
  if (count_ == canQueueMax) drop();
  frames_[(first_ + count_) % canQueueMax] = frame;
  count_++;
}

void CanSender::drop() {
  first_ = (first_ + 1) % canQueueMax;
  count_--;
  dropped_++;
}

void CanSender::clear() {
  count_ = 0;
  if (isInFlight_) port_.abort();
  isInFlight_ = false;
}

void CanSender::step(uint64_t nowMs) {
  if (port_.isBusOff()) {
    if (!isBusOff_) {
      isBusOff_ = true;
      busOffs_++;
      port_.recover();
      recoveredAtMs_ = nowMs;
    } else if (nowMs - recoveredAtMs_ >= canRecoverAgainMs) {
      port_.recover();
      recoveredAtMs_ = nowMs;
    }
    // What was in flight is lost with the controller's state; the rest waits, bounded by the queue.
    if (isInFlight_) {
      port_.abort();
      isInFlight_ = false;
      isHeard_ = false;
      dropped_++;
    }
    return;
  }
  isBusOff_ = false;
  if (isInFlight_) {
    const CanSend outcome = port_.sent();
    if (outcome == CanSend::pending && nowMs - sinceMs_ < canSendDeadlineMs) return;
    if (outcome == CanSend::pending) port_.abort();
    isHeard_ = outcome == CanSend::sent;
    if (!isHeard_) dropped_++;
    isInFlight_ = false;
  }
  if (count_ == 0) return;
  if (!port_.send(frames_[first_])) return;
  first_ = (first_ + 1) % canQueueMax;
  count_--;
  isInFlight_ = true;
  sinceMs_ = nowMs;
}

}  // namespace cx::pack
