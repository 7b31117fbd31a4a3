#include "pack/election.hpp"

namespace cx::pack {

void Election::begin(const HardwareNumber& mac, can::DeviceType type, uint64_t bootMs, FirmwareVersion version) {
  *this = Election();
  mac_ = mac;
  type_ = type;
  bootMs_ = bootMs;
  version_ = version;
}

void Election::settled(uint8_t nodeId) {
  // A moved node is another one to its peers: they have to hear it anew.
  if (hasAnnounced_ && nodeId != nodeId_) owesAnnounce_ = true;
  nodeId_ = nodeId;
  isSettled_ = true;
  nodes_[nodeId] = Node();
}

void Election::unsettled() {
  isSettled_ = false;
  isMaster_ = false;
}

bool Election::isOnline(uint8_t node, uint64_t nowMs) const {
  if (isSettled_ && node == nodeId_) return true;
  return nodes_[node].isHeard && nowMs - nodes_[node].heardAtMs < nodeSilentMs;
}

bool Election::outranksUs(uint8_t node) const {
  const Node& other = nodes_[node];
  if (!other.hasType || !other.hasMac) return false;
  if (other.type != type_) return other.type == can::DeviceType::energyGateway;
  if (other.tail != mac_.tail()) return other.tail > mac_.tail();
  return node > nodeId_;
}

uint8_t Election::rank(uint64_t nowMs) const {
  uint8_t above = 0;
  for (uint8_t node = 0; node < nodesMax; node++) {
    if (node != nodeId_ && isOnline(node, nowMs) && outranksUs(node)) above++;
  }
  return above;
}

uint8_t Election::online(uint64_t nowMs) const {
  uint8_t count = 0;
  for (uint8_t node = 0; node < nodesMax; node++) count = static_cast<uint8_t>(count + (isOnline(node, nowMs) ? 1 : 0));
  return count;
}

// Who claims another id left the one it had; who claims an id is no longer whom we knew there.
void Election::moved(const can::NodeIdClaim& claim) {
  HardwareNumber mac;
  std::memcpy(mac.bytes, claim.mac, sizeof mac.bytes);
  for (uint8_t node = 0; node < nodesMax; node++) {
    Node& known = nodes_[node];
    const bool isSame = known.hasMac && known.tail == mac.tail();
    if (node == claim.nodeId ? known.hasMac && !isSame : isSame) known = Node();
  }
}

void Election::receive(const can::Frame& frame, uint64_t nowMs) {
  can::NodeIdClaim claim;
  if (can::decode(frame, claim) == can::Fault::none) {
    moved(claim);
    return;
  }
  uint8_t sender = 0;
  if (!senderOf(frame, sender) || (isSettled_ && sender == nodeId_)) return;
  Node& node = nodes_[sender];
  if (node.isHeard && nowMs - node.heardAtMs >= nodeSilentMs) node = Node();
  node.isHeard = true;
  node.heardAtMs = nowMs;
  can::Announce announce;
  can::PackState state;
  can::PackMac mac;
  if (can::decode(frame, announce) == can::Fault::none) {
    HardwareNumber number;
    std::memcpy(number.bytes + 2, announce.macTail, sizeof announce.macTail);
    const bool isStranger = !node.hasType || !node.hasMac || node.tail != number.tail();
    if (isStranger && isMaster_) owesAnnounce_ = true;
    node.type = announce.deviceType;
    node.tail = number.tail();
    node.hasType = node.hasMac = true;
  } else if (can::decode(frame, state) == can::Fault::none) {
    node.type = state.deviceType;
    node.hasType = true;
  } else if (can::decode(frame, mac) == can::Fault::none) {
    HardwareNumber number;
    std::memcpy(number.bytes, mac.mac, sizeof number.bytes);
    node.tail = number.tail();
    node.hasMac = true;
  }
}

bool Election::step(uint64_t nowMs, can::Frame& out) {
  if (!isSettled_) return false;
  if (hasAnnounced_ && nowMs >= electAtMs_) hasElected_ = true;
  isMaster_ = hasElected_ && rank(nowMs) == 0;
  const bool isDue = hasAnnounced_ ? owesAnnounce_ || nowMs - announcedAtMs_ >= announceEveryMs : nowMs - bootMs_ >= announceAfterBootMs;
  if (!isDue) return false;
  if (!hasAnnounced_) electAtMs_ = bootMs_ + electAfterBootMs > nowMs + electAfterAnnounceMs ? bootMs_ + electAfterBootMs : nowMs + electAfterAnnounceMs;
  hasAnnounced_ = true;
  owesAnnounce_ = false;
  announcedAtMs_ = nowMs;
  can::Announce announce;
  announce.node = nodeId_;
  announce.nodeId = nodeId_;
  announce.deviceType = type_;
  announce.firmwareMajor = version_.major;
  announce.firmwareMinor = version_.minor;
  std::memcpy(announce.macTail, mac_.bytes + 2, sizeof announce.macTail);
  out = can::encode(announce);
  return true;
}

}  // namespace cx::pack
