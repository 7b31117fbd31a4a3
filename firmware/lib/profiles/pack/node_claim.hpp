// A pack's node id, claimed with its MAC. On a clash the lower MAC moves to the next free id; while it claims, a pack sends
// nothing with 11 bits.
//
//   claiming   three claims 100 to 150 ms apart, and no objection for 500 ms since the first: settled
//   settled    the id is ours; a claim or a frame of another with it is objected to by claiming, or gives it up
//   crowded    all 32 are taken: one claim each 60 s
#pragma once

#include <cstdint>

#include "can.hpp"
#include "pack/hardware_number.hpp"

namespace cx::pack {

constexpr uint8_t nodesMax = 32;
constexpr uint64_t claimQuietMs = 500;
constexpr uint64_t claimGapMinMs = 100;
constexpr uint64_t claimGapMaxMs = 150;
constexpr uint8_t claimsPerId = 3;
constexpr uint64_t crowdedClaimMs = 60'000;
constexpr uint64_t nodeSilentMs = 120'000;

// The node that sends `frame` by its 11-bit identifier; false: it isn't a pack's.
bool senderOf(const can::Frame& frame, uint8_t& node);

class NodeClaim {
 public:
  enum class Phase : uint8_t { claiming, settled, crowded };

  // `stored`: the id kept in flash; above 31: none. `seed` spreads the claims of packs that are switched on together.
  void begin(const HardwareNumber& mac, can::DeviceType type, uint8_t stored, uint32_t seed, uint64_t nowMs);
  // Every frame of another node.
  void receive(const can::Frame& frame, uint64_t nowMs);
  // True: `out` is a claim to be sent now. Call until false.
  bool step(uint64_t nowMs, can::Frame& out);

  // When step() has to be called at the latest; UINT64_MAX: it waits for nothing.
  uint64_t dueMs() const;

  Phase phase() const { return phase_; }
  // No frame with 11 bits may be sent before this is true, nor when it no longer is.
  bool isSettled() const { return phase_ == Phase::settled; }
  uint8_t nodeId() const { return id_; }

 private:
  struct Holder {
    bool isKnown = false;
    uint64_t heardAtMs = 0;
  };

  bool isTaken(uint8_t id, uint64_t nowMs) const;
  void heard(uint8_t id, uint64_t nowMs);
  void claim(uint8_t id, uint64_t nowMs);
  void giveWay(uint64_t nowMs);
  void object(uint64_t nowMs);
  uint64_t gap();

  HardwareNumber mac_;
  can::DeviceType type_ = can::DeviceType::energyPack;
  Phase phase_ = Phase::claiming;
  uint8_t id_ = 0;
  uint8_t wanted_ = 0;   // the id to go back to when all are taken
  uint8_t left_ = 0;     // claims still to be sent
  bool hasClaimed_ = false;
  uint32_t random_ = 1;
  uint64_t firstAtMs_ = 0;   // of this id's claims
  uint64_t nextAtMs_ = 0;
  uint64_t claimedAtMs_ = 0;
  Holder holders_[nodesMax];
};

}  // namespace cx::pack
