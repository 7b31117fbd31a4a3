// What a pack tells of its firmware, page by page (0x680+n). What a gateway asked for, and what changed, is told once.
#pragma once

#include <cstdint>
#include <string_view>

#include "can.hpp"
#include "hal/image_slots.hpp"
#include "hal/system.hpp"

namespace cx::pack {

constexpr size_t firmwareTextMax = 64;  // longer ones are cut off

// What holds now.
struct FirmwareFacts {
  can::FirmwarePhase phase = can::FirmwarePhase::idle;
  const hal::BootInfo* boot = nullptr;
  hal::ResetReason reset = hal::ResetReason::unknown;
  uint32_t manifestSequence = 0;
  uint16_t errors = 0;
  uint32_t slotSize = 0;
  uint32_t window = 0;
  std::string_view version;
  std::string_view reason;
  uint32_t wantedSize = 0;
  const uint8_t* wantedDigest = nullptr;
  uint16_t nextBlock = 0;
};

class FirmwarePages {
 public:
  // Those that are set, besides what is owed already. One that is being told begins anew.
  void owe(const can::FirmwareAsk& wanted);
  // Of a gateway that asked: the pages, and then the answer.
  void ask(const can::FirmwareAsk& wanted);
  // True: `out` is to be sent. One at a time, as there is room for it.
  bool next(uint8_t node, const FirmwareFacts& facts, can::Frame& out);

 private:
  // In this order: a gateway forgets what it knew of another boot or image, and what follows is of this one.
  enum Page : uint8_t { bootsPage, statePage, limitsPage, versionPage, runningPage, rolledBackPage, reasonPage, payloadPage, noPage };

  bool isOwed(uint8_t page) const { return (owed_ & (1U << page)) != 0; }
  bool tell(uint8_t node, const FirmwareFacts& facts, can::Frame& out);
  bool text(uint8_t node, can::FirmwareTextOf of, std::string_view text, can::Frame& out);
  bool digest(uint8_t node, can::FirmwareDigestOf of, const uint8_t* digest, can::Frame& out);
  // Of pages that are one frame.
  bool isFirst() { return at_++ == 0; }

  uint8_t owed_ = 0;  // a bit each
  uint8_t telling_ = noPage;
  uint8_t at_ = 0;    // how far
  bool wasSizeTold_ = false;
  bool isAnswerOwed_ = false;
  uint8_t sequence_ = 0;
};

}  // namespace cx::pack
