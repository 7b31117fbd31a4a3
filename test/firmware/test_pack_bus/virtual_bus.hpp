// Packs on one CAN bus on virtual time: what one sends the others hear, but for what is lost. No heap.
#pragma once

#include "../check.hpp"
#include "../random.hpp"
#include "pack/can_sender.hpp"
#include "pack/election.hpp"
#include "pack/node_claim.hpp"

namespace cx::pack {

constexpr unsigned busMembersMax = 34;
constexpr uint64_t telemetryMs = 2000;

// The port of one member. A frame is out after one step when somebody else is on the bus, else it stays pending.
class BusPort final : public CanPort {
 public:
  can::Frame inFlight;
  CanSend outcome = CanSend::idle;
  bool isOff = false;
  unsigned recovers = 0;
  unsigned aborts = 0;

  bool receive(can::Frame&) override { return false; }
  bool send(const can::Frame& frame) override {
    inFlight = frame;
    outcome = CanSend::pending;
    return true;
  }
  CanSend sent() override {
    const CanSend now = outcome;
    if (now == CanSend::sent || now == CanSend::failed) outcome = CanSend::idle;
    return now;
  }
  void abort() override {
    aborts++;
    outcome = CanSend::idle;
  }
  bool isBusOff() override { return isOff; }
  void recover() override { recovers++; }
};

struct BusMember {
  BusPort port;
  CanSender sender{port};
  NodeClaim claim;
  Election election;
  HardwareNumber mac;
  can::DeviceType type = can::DeviceType::energyPack;
  uint8_t stored = 0xff;
  bool isPowered = false;
  bool wasSettled = false;
  uint64_t telemetryAtMs = 0;
};

class VirtualBus {
 public:
  explicit VirtualBus(uint64_t seed) : random_(seed) {}

  uint64_t nowMs = 10'000;
  uint32_t lossPercent = 0;  // of receptions: each listener misses that share by itself
  unsigned early = 0;        // 11-bit frames of members that aren't settled
  BusMember members[busMembersMax];
  unsigned count = 0;

  BusMember& add(uint32_t macTail, uint8_t stored = 0xff) {
    BusMember& member = members[count++];
    member.mac.bytes[0] = 0xaa;
    member.mac.bytes[1] = 0xbb;
    for (int i = 0; i < 4; i++) member.mac.bytes[2 + i] = static_cast<uint8_t>(macTail >> (24 - 8 * i));
    member.stored = stored;
    return member;
  }
  void power(BusMember& member) {
    member.isPowered = true;
    member.wasSettled = false;
    member.sender.clear();
    member.claim.begin(member.mac, member.type, member.stored, static_cast<uint32_t>(random_.next()), nowMs);
    member.election.begin(member.mac, member.type, nowMs);
  }
  void unplug(BusMember& member) {
    member.isPowered = false;
    member.sender.clear();
  }

  void step() {
    nowMs++;
    for (unsigned i = 0; i < count; i++)
      if (members[i].isPowered) turn(members[i]);
    for (unsigned i = 0; i < count; i++)
      if (members[i].isPowered && members[i].port.outcome == CanSend::pending) carry(members[i]);
  }
  void pass(uint64_t ms) {
    for (uint64_t i = 0; i < ms; i++) step();
  }

  unsigned masters() const {
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++) found += members[i].isPowered && members[i].election.isMaster() ? 1 : 0;
    return found;
  }
  bool areIdsDistinct() const {
    uint32_t taken = 0;
    for (unsigned i = 0; i < count; i++) {
      if (!members[i].isPowered || !members[i].claim.isSettled()) continue;
      const uint32_t bit = uint32_t{1} << members[i].claim.nodeId();
      if ((taken & bit) != 0) return false;
      taken |= bit;
    }
    return true;
  }
  unsigned settledCount() const {
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++) found += members[i].isPowered && members[i].claim.isSettled() ? 1 : 0;
    return found;
  }

 private:
  void turn(BusMember& member) {
    can::Frame frame;
    while (member.claim.step(nowMs, frame)) member.sender.queue(frame);
    if (member.claim.isSettled() && !member.wasSettled) {
      member.election.settled(member.claim.nodeId());
      member.stored = member.claim.nodeId();
      member.telemetryAtMs = nowMs + random_.below(static_cast<uint32_t>(telemetryMs));
    }
    if (!member.claim.isSettled() && member.wasSettled) {
      member.election.unsettled();
      member.sender.clear();
    }
    member.wasSettled = member.claim.isSettled();
    if (member.wasSettled) {
      while (member.election.step(nowMs, frame)) member.sender.queue(frame);
      if (member.election.hasAnnounced() && nowMs >= member.telemetryAtMs) {
        member.telemetryAtMs = nowMs + telemetryMs;
        can::PackState state;
        state.node = member.claim.nodeId();
        state.deviceType = member.type;
        member.sender.queue(can::encode(state));
        can::PackMac mac;
        mac.node = member.claim.nodeId();
        for (int i = 0; i < 6; i++) mac.mac[i] = member.mac.bytes[i];
        member.sender.queue(can::encode(mac));
      }
    }
    member.sender.step(nowMs);
  }

  void carry(BusMember& from) {
    const can::Frame frame = from.port.inFlight;
    if (!frame.isExtended && !from.claim.isSettled()) early++;
    bool isHeard = false;
    for (unsigned i = 0; i < count; i++) {
      BusMember& to = members[i];
      if (&to == &from || !to.isPowered) continue;
      isHeard = true;
      if (lossPercent > 0 && random_.below(100) < lossPercent) continue;
      to.claim.receive(frame, nowMs);
      to.election.receive(frame, nowMs);
    }
    if (isHeard) from.port.outcome = CanSend::sent;
  }

  SeededRandom random_;
};

}  // namespace cx::pack
