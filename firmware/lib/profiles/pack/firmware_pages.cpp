#include "pack/firmware_pages.hpp"

#include <cstring>

namespace cx::pack {
namespace {

template <class T>
constexpr T least(T left, T right) {
  return left < right ? left : right;
}

}  // namespace

void FirmwarePages::owe(const can::FirmwareAsk& wanted) {
  const bool pages[] = {wanted.boots, wanted.state, wanted.limits, wanted.version, wanted.runningDigest, wanted.rolledBackDigest, wanted.reason, wanted.payload};
  for (uint8_t page = 0; page < noPage; page++) {
    if (!pages[page]) continue;
    owed_ = static_cast<uint8_t>(owed_ | 1U << page);
    if (page == telling_) telling_ = noPage;
  }
}

void FirmwarePages::ask(const can::FirmwareAsk& wanted) {
  owe(wanted);
  isAnswerOwed_ = true;
  sequence_ = wanted.sequence;
}

bool FirmwarePages::next(uint8_t node, const FirmwareFacts& facts, can::Frame& out) {
  for (;;) {
    if (telling_ == noPage) {
      for (uint8_t page = 0; page < noPage && telling_ == noPage; page++) telling_ = isOwed(page) ? page : static_cast<uint8_t>(noPage);
      if (telling_ == noPage) break;
      at_ = 0;
      wasSizeTold_ = false;
    }
    if (tell(node, facts, out)) return true;
    owed_ = static_cast<uint8_t>(owed_ & ~(1U << telling_));
    telling_ = noPage;
  }
  if (!isAnswerOwed_) return false;
  isAnswerOwed_ = false;
  can::FirmwareAck ack;
  ack.node = node;
  ack.sequence = sequence_;
  ack.block = facts.nextBlock;
  out = can::encode(ack);
  return true;
}

// The next frame of the page; false: all of it was told.
bool FirmwarePages::tell(uint8_t node, const FirmwareFacts& facts, can::Frame& out) {
  const hal::BootInfo& boot = *facts.boot;
  switch (telling_) {
    case versionPage: return text(node, can::FirmwareTextOf::version, facts.version, out);
    case reasonPage: return text(node, can::FirmwareTextOf::reason, facts.reason, out);
    case runningPage: return digest(node, can::FirmwareDigestOf::running, boot.runningDigest, out);
    case rolledBackPage: return boot.rolledBack && digest(node, can::FirmwareDigestOf::rolledBack, boot.rolledBackDigest, out);
    case payloadPage: {
      if (wasSizeTold_) return facts.wantedSize != 0 && digest(node, can::FirmwareDigestOf::wantedPayload, facts.wantedDigest, out);
      wasSizeTold_ = true;
      can::FirmwareWanted wanted;
      wanted.node = node;
      wanted.size = facts.wantedSize;
      out = can::encode(wanted);
      return true;
    }
    case limitsPage: {
      can::FirmwareLimits limits;
      limits.node = node;
      limits.slotSize = facts.slotSize;
      limits.window = static_cast<uint16_t>(least<uint32_t>(facts.window, 65535));
      out = can::encode(limits);
      return isFirst();
    }
    case bootsPage: {
      can::FirmwareBoots boots;
      boots.node = node;
      boots.resetReason = static_cast<can::ResetReason>(facts.reset);
      boots.boots = boot.bootsTotal;
      boots.errors = facts.errors;
      out = can::encode(boots);
      return isFirst();
    }
    default: {
      can::FirmwareState state;
      state.node = node;
      state.phase = facts.phase;
      state.isTrial = boot.trial;
      state.isSafe = boot.safe;
      state.wasRolledBack = boot.rolledBack;
      state.rollbackReason = static_cast<can::RollbackReason>(boot.rolledBackReason);
      state.manifestSequence = facts.manifestSequence;
      out = can::encode(state);
      return isFirst();
    }
  }
}

bool FirmwarePages::text(uint8_t node, can::FirmwareTextOf of, std::string_view text, can::Frame& out) {
  const size_t size = least(text.size(), firmwareTextMax);
  if (at_ > 0 && at_ >= size) return false;
  can::FirmwareText piece;
  piece.node = node;
  piece.of = of;
  piece.size = static_cast<uint8_t>(size);
  piece.at = at_;
  piece.textLength = size == 0 ? 1 : static_cast<uint8_t>(least(size - at_, sizeof piece.text));
  std::memset(piece.text, ' ', sizeof piece.text);
  if (size > 0) std::memcpy(piece.text, text.data() + at_, piece.textLength);
  out = can::encode(piece);
  at_ = static_cast<uint8_t>(at_ + piece.textLength);
  return true;
}

bool FirmwarePages::digest(uint8_t node, can::FirmwareDigestOf of, const uint8_t* digest, can::Frame& out) {
  if (at_ >= hal::digestSize) return false;
  can::FirmwareDigest piece;
  piece.node = node;
  piece.of = of;
  piece.at = at_;
  piece.digestLength = static_cast<uint8_t>(least<size_t>(hal::digestSize - at_, sizeof piece.digest));
  std::memcpy(piece.digest, digest + at_, piece.digestLength);
  out = can::encode(piece);
  at_ = static_cast<uint8_t>(at_ + piece.digestLength);
  return true;
}

}  // namespace cx::pack
