// What a pack has to send, in order, one frame at a time. Each has 100 ms to get out and is dropped then: alone on the bus,
// or off it, a pack goes on with its modes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pack/can_port.hpp"

namespace cx::pack {

constexpr uint64_t canSendDeadlineMs = 100;
constexpr uint64_t canRecoverAgainMs = 1000;
constexpr size_t canQueueMax = 24;  // full: the oldest frame makes room

class CanSender {
 public:
  explicit CanSender(CanPort& port) : port_(port) {}

  // Telemetry that still waits is replaced by its newer value; everything else is kept in order.
  void queue(const can::Frame& frame);
  void step(uint64_t nowMs);
  // Nothing that waits goes out any more: the node id it was made for is another's.
  void clear();

  uint32_t dropped() const { return dropped_; }
  uint32_t busOffs() const { return busOffs_; }
  bool isBusOff() const { return isBusOff_; }
  // The last frame that was tried got out: another node acknowledged it.
  bool isHeard() const { return isHeard_; }
  size_t waiting() const { return count_; }

 private:
  void drop();

  CanPort& port_;
  can::Frame frames_[canQueueMax];
  size_t first_ = 0;
  size_t count_ = 0;
  bool isInFlight_ = false;
  bool isBusOff_ = false;
  bool isHeard_ = false;
  uint64_t sinceMs_ = 0;  // of the frame in flight
  uint64_t recoveredAtMs_ = 0;
  uint32_t dropped_ = 0;
  uint32_t busOffs_ = 0;
};

}  // namespace cx::pack
