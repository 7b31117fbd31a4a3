// What a pack asks of smart sockets. The gateway heeds a request only where a rule of the household allows it, so asking is
// all a pack does: it repeats a request that may have been lost, and lets it go.
#pragma once

#include <cstddef>
#include <cstdint>

#include "can.hpp"

namespace cx::pack {

constexpr size_t socketRequestsMax = 4;         // under way at once; full: ask() is false
constexpr uint8_t socketRequestTries = 3;
constexpr uint64_t socketRequestEveryMs = 2000;
constexpr uint8_t socketsMax = 128;

class SocketRequests {
 public:
  // A newer wish for the same socket takes the place of the older. False: no such socket, or too many under way.
  bool ask(uint8_t socket, bool isOn);
  // Every frame of the bus: a socket that is as it was asked to be ends the request.
  void receive(const can::Frame& frame);
  // True: `out` is a request to be sent by `node` now. Call until false.
  bool next(uint8_t node, uint64_t nowMs, can::Frame& out);
  size_t underWay() const;

 private:
  struct Request {
    uint8_t left = 0;  // tries; 0: none is under way
    uint8_t socket = 0;
    bool isOn = false;
    bool wasSent = false;
    uint8_t sequence = 0;  // the same in each try
    uint64_t sentAtMs = 0;
  };
  Request requests_[socketRequestsMax];
  uint8_t sequence_ = 0;
};

}  // namespace cx::pack
