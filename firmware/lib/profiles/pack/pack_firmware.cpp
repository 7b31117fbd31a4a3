#include "pack/pack_firmware.hpp"

namespace cx::pack {
namespace {

can::FirmwareAsk everything() {
  can::FirmwareAsk out;
  out.state = out.boots = out.limits = out.version = out.runningDigest = out.rolledBackDigest = true;
  return out;
}

}  // namespace

void PackFirmware::begin(uint64_t nowMs) {
  const hal::Identity identity = ports_.system.identity();
  const TrustAnchors none;
  if (!trust_.load(ports_.storage, settings_.anchors != nullptr ? *settings_.anchors : none)) {
    log_.error().put("trust anchors: the stored ones can't be read or written; no update is taken");
  } else if (!trust_.isTrustable()) {
    log_.warn().put("updates: this pack has no trust anchor and takes none; start it with some");
  }
  if (!settings_.vendor.empty()) receiver_.identify(settings_.vendor.view(), identity.model, identity.hardware);
  trial_.begin(nowMs);
  pages_.owe(everything());
}

bool PackFirmware::receive(const can::Frame& frame, uint8_t node, uint64_t nowMs, can::Frame& answer) {
  if (receiver_.receive(frame, node, nowMs, answer)) return true;
  can::FirmwareAsk ask;
  if (can::decode(frame, ask) == can::Fault::none && ask.target == node) pages_.ask(ask);
  return false;
}

bool PackFirmware::step(uint8_t node, const PackHealth& health, uint64_t nowMs, can::Frame& answer) {
  if (trial_.step(health, nowMs)) pages_.owe(everything());
  const bool isAnswered = receiver_.step(node, nowMs, answer);
  if (receiver_.phase() != toldPhase_) {
    toldPhase_ = receiver_.phase();
    can::FirmwareAsk changed;
    changed.state = true;
    changed.payload = toldPhase_ == can::FirmwarePhase::accepted;
    changed.reason = toldPhase_ == can::FirmwarePhase::failed;
    pages_.owe(changed);
  }
  return isAnswered;
}

bool PackFirmware::next(uint8_t node, uint16_t errors, can::Frame& out) {
  FirmwareFacts facts;
  facts.phase = receiver_.phase();
  facts.boot = &trial_.boot();
  facts.reset = ports_.system.resetReason();
  facts.manifestSequence = trust_.imageSequence();
  facts.errors = errors;
  facts.slotSize = ports_.slots.slotSize();
  facts.window = ports_.tools.windowMax();
  facts.version = ports_.system.identity().version;
  facts.reason = receiver_.reason();
  facts.wantedSize = receiver_.wantedSize();
  facts.wantedDigest = receiver_.wantedDigest();
  facts.nextBlock = receiver_.nextBlock();
  return pages_.next(node, facts, out);
}

}  // namespace cx::pack
