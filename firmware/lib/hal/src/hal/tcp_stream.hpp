// One outgoing TCP connection at a time. Non-blocking; MQTT has one and HTTP another.
#pragma once
#include <cstdint>

#include "hal/address.hpp"
#include "hal/code.hpp"

namespace cx::hal {

class TcpStream {
 public:
  // Starts to connect; an open connection is closed first. again: in progress, poll with connected().
  virtual Code connect(const Address& to) = 0;
  // ok: established. again: still connecting. refused, unreachable, timedOut, closed: it failed and is closed.
  virtual Code connected() = 0;
  // Takes up to `size` bytes; fewer is normal. again: none fitted.
  virtual Io write(const uint8_t* data, uint32_t size) = 0;
  // again: nothing waits. closed: the other side ended it, everything before was given.
  virtual Io read(uint8_t* buffer, uint32_t capacity) = 0;
  // What was taken by write() is still sent where the port can; never waits.
  virtual void close() = 0;

 protected:
  ~TcpStream() = default;
};

}  // namespace cx::hal
