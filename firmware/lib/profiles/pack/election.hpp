// Who is master: the head of all nodes heard within 120 s, by type, then MAC, then node id. Every pack counts for itself.
//
// The announce goes out 2.2 s after boot (later if the id took longer), so that whoever hears a newcomer for the first time
// hears one that decides within 1 s. The master answers a stranger's announce with its own, so that a newcomer knows it
// before it decides; others become known by what they send anyway (PackState has their type, PackMac their MAC).
#pragma once

#include <cstdint>

#include "can.hpp"
#include "pack/firmware_version.hpp"
#include "pack/hardware_number.hpp"
#include "pack/node_claim.hpp"

namespace cx::pack {

constexpr uint64_t announceAfterBootMs = 2200;
constexpr uint64_t announceEveryMs = 60'000;
constexpr uint64_t electAfterBootMs = 3000;
constexpr uint64_t electAfterAnnounceMs = 800;

class Election {
 public:
  void begin(const HardwareNumber& mac, can::DeviceType type, uint64_t bootMs, FirmwareVersion version = {});
  // The id is ours, also after a move; or it no longer is.
  void settled(uint8_t nodeId);
  void unsettled();
  // Every frame of another node.
  void receive(const can::Frame& frame, uint64_t nowMs);
  // True: `out` is an announce to be sent now.
  bool step(uint64_t nowMs, can::Frame& out);

  // Nothing else with 11 bits goes out before the first announce: it would make us known before we can decide.
  bool hasAnnounced() const { return isSettled_ && hasAnnounced_; }
  bool isMaster() const { return isMaster_; }
  // Place in the order, 0 the head; of those that are known.
  uint8_t rank(uint64_t nowMs) const;
  // Nodes heard within 120 s, this one included.
  uint8_t online(uint64_t nowMs) const;
  bool isOnline(uint8_t node, uint64_t nowMs) const;

 private:
  struct Node {
    bool isHeard = false;
    bool hasType = false;
    bool hasMac = false;
    can::DeviceType type = can::DeviceType::energyPack;
    uint32_t tail = 0;
    uint64_t heardAtMs = 0;
  };

  bool outranksUs(uint8_t node) const;
  void moved(const can::NodeIdClaim& claim);

  HardwareNumber mac_;
  can::DeviceType type_ = can::DeviceType::energyPack;
  FirmwareVersion version_;
  uint8_t nodeId_ = 0;
  bool isSettled_ = false;
  bool hasAnnounced_ = false;
  bool hasElected_ = false;
  bool isMaster_ = false;
  bool owesAnnounce_ = false;
  uint64_t bootMs_ = 0;
  uint64_t announcedAtMs_ = 0;
  uint64_t electAtMs_ = 0;
  Node nodes_[nodesMax];
};

}  // namespace cx::pack
