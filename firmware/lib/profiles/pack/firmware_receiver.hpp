// A pack's side of firmware by CAN (docs/reference/can-firmware.md): frames of a gateway become a manifest and a payload
// for the updater, which alone judges and writes. Nothing of the way is trusted, and every frame may be lost, doubled,
// late or another's.
//
//   idle -> entered -> manifest -> accepted -> payload -> verifying -> staged
//             |           |           |           |  ^        |
//             +-----------+-----------+-----------+--|--------+-> failed, applied (trust anchors)
//                  silence or abort: idle            +--- once more, when parts of two contents had met in the slot
#pragma once

#include "pack/brought_image.hpp"
#include "pack/firmware_trial.hpp"
#include "updater.hpp"

namespace cx::pack {

constexpr uint64_t firmwareSilenceMs = 60'000;  // then the transfer has ended, and the relays are the modes' again
constexpr uint64_t firmwareOwnMs = 5'000;       // so long a payload under way is its gateway's alone
constexpr uint64_t firmwareLeaveMs = 500;       // for the answer to get out before the restart

class FirmwareReceiver {
 public:
  FirmwareReceiver(UpdaterContext& context, TrustStore& trust, PayloadTools& tools, FirmwareTrial& trial)
      : manifest_(context, trust, tools, envelope_), updater_(context, manifest_, payload_, block_.room()), trial_(trial) {}

  void identify(std::string_view vendor, std::string_view model, std::string_view hardware) { manifest_.identify(vendor, model, hardware); }

  // OTA_ENTER.
  can::CommandResult enter(uint64_t nowMs);
  // True: `answer` is to be sent.
  bool receive(const can::Frame& frame, uint8_t node, uint64_t nowMs, can::Frame& answer);
  // Each turn. True: `answer` is to be sent.
  bool step(uint8_t node, uint64_t nowMs, can::Frame& answer);

  can::FirmwarePhase phase() const { return phase_; }
  // Relays stay as they are.
  bool isUpdating() const { return phase_ >= can::FirmwarePhase::entered && phase_ <= can::FirmwarePhase::staged; }
  // The image is staged and the gateway knows, or won't ask any more.
  bool isLeaving(uint64_t nowMs) const;
  // What the pack wants to be brought, once the manifest was accepted; 0: nothing.
  uint32_t wantedSize() const { return wantedSize_; }
  const uint8_t* wantedDigest() const { return wantedDigest_; }
  // Of the part under way: the first that isn't stored.
  uint16_t nextBlock() const { return static_cast<uint16_t>(next()); }
  // Why the last one ended as it did.
  std::string_view reason() const { return updater_.report().reason.view(); }

 private:
  // A step that is answered later has none.
  struct Answer {
    bool isNow = true;
    can::CommandResult result = can::CommandResult::ok;
  };
  Answer take(const can::Frame& frame);
  Answer take(const can::FirmwareBegin& begin);
  Answer take(const can::FirmwareBlock& block);
  Answer take(const can::FirmwareEnd& end);
  Answer take(const can::FirmwareAbort& abort);
  Answer judge();
  Answer write();
  void follow();
  void cancel(std::string_view why);
  can::CommandResult resultOfEnd() const;
  bool isTaking() const { return phase_ == can::FirmwarePhase::manifest || phase_ == can::FirmwarePhase::payload; }
  // Of the part under way.
  uint32_t next() const;
  uint32_t size() const { return phase_ == can::FirmwarePhase::manifest ? manifestSize_ : wantedSize_; }
  uint32_t sizeOf(uint32_t block) const;

  uint8_t envelope_[suitEnvelopeMax];
  FirmwareBlock block_;  // its memory is the updater's while it verifies
  BroughtManifest manifest_;
  BroughtPayload payload_;
  Updater updater_;
  FirmwareTrial& trial_;
  can::FirmwarePhase phase_ = can::FirmwarePhase::idle;
  uint32_t manifestSize_ = 0;
  uint32_t manifestNext_ = 0;
  uint32_t wantedSize_ = 0;
  uint8_t wantedDigest_[wireDigestSize] = {};
  uint64_t nowMs_ = 0;
  uint64_t heardMs_ = 0;
  uint64_t leaveMs_ = 0;           // 0: nobody knows yet that it is staged
  bool isBlockOwed_ = false;       // a whole block waits for the slot
  bool isEndOwed_ = false;         // the answer to the payload's end
  uint8_t owedSequence_ = 0;
  uint8_t transfers_ = 0;          // since boot
};

}  // namespace cx::pack
