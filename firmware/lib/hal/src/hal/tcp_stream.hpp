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

  // A port with TLS overrides these three.
  // TLS can be spoken: it is built in, and there is a CA that servers are checked against.
  virtual bool hasTls() const { return false; }
  // As connect(), in TLS: connected() is ok after the handshake, with a server whose certificate is of that CA, valid now, and
  // for `name`, a host name or an address, which stays valid until then. Nothing is ever said in the open instead.
  virtual Code connectTls(const Address& to, const char* name) {
    (void)to;
    (void)name;
    return Code::unsupported;
  }
  // Why the last connection failed, where TLS knows more than a code; "" otherwise. Valid as long as the port.
  virtual const char* fault() const { return ""; }

 protected:
  ~TcpStream() = default;
};

}  // namespace cx::hal
