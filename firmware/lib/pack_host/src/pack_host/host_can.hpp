// A CAN controller on Linux: the profile's port, and what the loop needs of it.
#pragma once

#include <poll.h>

#include "pack/can_port.hpp"

namespace cx::pack {

class HostCan : public CanPort {
 public:
  // Once per turn, before the pack's.
  virtual void step(uint64_t nowMs) = 0;
  virtual int waitFor(struct pollfd* out) = 0;
  // On the bus: frames can come and go.
  virtual bool isUp() const = 0;
  // Why not, in words for a person.
  virtual const char* fault() const = 0;
  // Frames wait that no descriptor tells of: the next turn comes at once.
  virtual bool hasUnread() const = 0;

 protected:
  ~HostCan() = default;
};

}  // namespace cx::pack
