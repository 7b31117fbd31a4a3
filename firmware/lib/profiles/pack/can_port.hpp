// A CAN controller, as a port supplies it. Nothing here waits.
#pragma once

#include "can.hpp"

namespace cx::pack {

enum class CanSend : uint8_t { idle, pending, sent, failed };

class CanPort {
 public:
  // False: nothing has come.
  virtual bool receive(can::Frame& out) = 0;
  // Gives one frame to the controller; false: it takes none now. Until sent() says how it ended there is one at a time.
  virtual bool send(const can::Frame& frame) = 0;
  // sent and failed are told once; then it is idle.
  virtual CanSend sent() = 0;
  // Takes back a frame that nobody acknowledges: alone on the bus a controller repeats it for ever.
  virtual void abort() = 0;
  virtual bool isBusOff() = 0;
  // Begins to recover from bus-off; isBusOff() tells when it is done.
  virtual void recover() = 0;

 protected:
  ~CanPort() = default;
};

}  // namespace cx::pack
