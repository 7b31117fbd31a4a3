#include "pack/node_claim.hpp"

namespace cx::pack {

bool senderOf(const can::Frame& frame, uint8_t& node) {
  if (frame.isExtended) return false;
  const uint32_t id = frame.id;
  if (id >= 0x100 && id <= 0x1ff) node = static_cast<uint8_t>((id - 0x100) / 8);
  else if ((id >= 0x280 && id <= 0x29f) || (id >= 0x300 && id <= 0x31f) || (id >= 0x580 && id <= 0x59f) || (id >= 0x600 && id <= 0x61f)) node = static_cast<uint8_t>(id % nodesMax);
  else return false;
  return true;
}

void NodeClaim::begin(const HardwareNumber& mac, can::DeviceType type, uint8_t stored, uint32_t seed, uint64_t nowMs) {
  *this = NodeClaim();
  mac_ = mac;
  type_ = type;
  random_ = (seed ^ mac.tail()) | 1U;
  wanted_ = stored < nodesMax ? stored : mac.bytes[5] & 0x1fU;
  claim(wanted_, nowMs);
}

uint64_t NodeClaim::gap() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  return claimGapMinMs + random_ % (claimGapMaxMs - claimGapMinMs + 1);
}

bool NodeClaim::isTaken(uint8_t id, uint64_t nowMs) const { return holders_[id].isKnown && nowMs - holders_[id].heardAtMs < nodeSilentMs; }

void NodeClaim::heard(uint8_t id, uint64_t nowMs) { holders_[id] = {true, nowMs}; }

void NodeClaim::claim(uint8_t id, uint64_t nowMs) {
  id_ = id;
  phase_ = Phase::claiming;
  left_ = claimsPerId;
  nextAtMs_ = nowMs;
  firstAtMs_ = nowMs;
}

// The other's MAC is higher: the next free id is ours to try.
void NodeClaim::giveWay(uint64_t nowMs) {
  heard(id_, nowMs);
  for (uint8_t i = 1; i < nodesMax; i++) {
    const uint8_t id = static_cast<uint8_t>((id_ + i) % nodesMax);
    if (isTaken(id, nowMs)) continue;
    claim(id, nowMs);
    return;
  }
  phase_ = Phase::crowded;
  left_ = 0;
  id_ = wanted_;
  nextAtMs_ = nowMs + crowdedClaimMs;
}

// Once per gap at most, so that two that shout at each other don't fill the bus.
void NodeClaim::object(uint64_t nowMs) {
  if (left_ > 0) return;
  left_ = 1;
  nextAtMs_ = hasClaimed_ && nowMs - claimedAtMs_ < claimGapMinMs ? claimedAtMs_ + claimGapMinMs : nowMs;
}

void NodeClaim::receive(const can::Frame& frame, uint64_t nowMs) {
  can::NodeIdClaim claimed;
  if (can::decode(frame, claimed) == can::Fault::none) {
    HardwareNumber other;
    std::memcpy(other.bytes, claimed.mac, sizeof other.bytes);
    if (other == mac_) return;
    if (claimed.nodeId != id_ || phase_ == Phase::crowded) heard(claimed.nodeId, nowMs);
    else if (mac_ < other) giveWay(nowMs);
    else object(nowMs);
    return;
  }
  uint8_t node = 0;
  if (!senderOf(frame, node)) return;
  // A holder that missed our claims, or whose own we missed. Its MAC isn't in every frame: a claim asks for it.
  if (node == id_ && phase_ != Phase::crowded) {
    object(nowMs);
    // Whoever sends with 11 bits has settled: what we claim isn't quiet.
    if (phase_ == Phase::claiming) firstAtMs_ = nowMs;
    return;
  }
  heard(node, nowMs);
}

uint64_t NodeClaim::dueMs() const {
  if (left_ > 0 || phase_ == Phase::crowded) return nextAtMs_;
  return phase_ == Phase::claiming ? firstAtMs_ + claimQuietMs : UINT64_MAX;
}

bool NodeClaim::step(uint64_t nowMs, can::Frame& out) {
  if (phase_ == Phase::crowded && nowMs >= nextAtMs_) {
    // Whoever has been silent for long enough made room; else the wanted id is asked for, once.
    uint8_t id = wanted_;
    for (uint8_t i = 0; i < nodesMax; i++) {
      const uint8_t other = static_cast<uint8_t>((wanted_ + i) % nodesMax);
      if (isTaken(other, nowMs)) continue;
      id = other;
      break;
    }
    claim(id, nowMs);
    if (isTaken(id, nowMs)) left_ = 1;
  }
  if (left_ > 0 && nowMs >= nextAtMs_) {
    left_--;
    nextAtMs_ = nowMs + gap();
    claimedAtMs_ = nowMs;
    hasClaimed_ = true;
    can::NodeIdClaim claimed;
    claimed.macEnd = mac_.end();
    claimed.nodeId = id_;
    claimed.deviceType = type_;
    std::memcpy(claimed.mac, mac_.bytes, sizeof claimed.mac);
    out = can::encode(claimed);
    return true;
  }
  if (phase_ == Phase::claiming && left_ == 0 && nowMs - firstAtMs_ >= claimQuietMs) {
    phase_ = Phase::settled;
    wanted_ = id_;
  }
  return false;
}

}  // namespace cx::pack
