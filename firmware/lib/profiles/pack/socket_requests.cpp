#include "pack/socket_requests.hpp"

namespace cx::pack {

bool SocketRequests::ask(uint8_t socket, bool isOn) {
  if (socket >= socketsMax) return false;
  Request* place = nullptr;
  for (Request& each : requests_) {
    if (each.left > 0 && each.socket == socket) {
      place = &each;
      break;
    }
    if (each.left == 0 && place == nullptr) place = &each;
  }
  if (place == nullptr) return false;
  *place = Request();
  place->left = socketRequestTries;
  place->socket = socket;
  place->isOn = isOn;
  place->sequence = ++sequence_;
  return true;
}

void SocketRequests::receive(const can::Frame& frame) {
  can::SocketState state;
  if (can::decode(frame, state) != can::Fault::none) return;
  for (Request& each : requests_) {
    // What was heard before the request went out says nothing of it.
    if (each.left > 0 && each.wasSent && each.socket == state.socket && each.isOn == state.isOn) each.left = 0;
  }
}

bool SocketRequests::next(uint8_t node, uint64_t nowMs, can::Frame& out) {
  for (Request& each : requests_) {
    if (each.left == 0 || (each.wasSent && nowMs - each.sentAtMs < socketRequestEveryMs)) continue;
    each.left--;
    each.wasSent = true;
    each.sentAtMs = nowMs;
    can::SocketRequest request;
    request.node = node;
    request.socket = each.socket;
    request.isOn = each.isOn;
    request.sequence = each.sequence;
    out = can::encode(request);
    return true;
  }
  return false;
}

size_t SocketRequests::underWay() const {
  size_t count = 0;
  for (const Request& each : requests_) count += each.left > 0 ? 1 : 0;
  return count;
}

}  // namespace cx::pack
