// One datagram socket: the node's CoAP client and server at once. Non-blocking.
#pragma once
#include <cstdint>

#include "hal/address.hpp"
#include "hal/code.hpp"

namespace cx::hal {

struct Datagram {
  Address from;
  bool toMulticast = false;  // it was sent to a group, so no error may be answered
  uint32_t size = 0;         // bytes stored
  bool truncated = false;    // it was longer than the buffer: the rest is lost
  bool isProtected = false;  // by the port (DTLS): it is from the very manager whose keys this node has
};

class UdpSocket {
 public:
  // Binds `port` (0: any) on every local address, IPv4 and IPv6 where there is one. Opening again closes first.
  virtual Code open(uint16_t port) = 0;
  virtual void close() = 0;
  virtual uint16_t localPort() = 0;
  // Listens to a group on the interface `group.interface` (0: the default one).
  virtual Code join(const Address& group) = 0;
  // Sends one whole datagram or none. To a multicast address it leaves by `to.interface`. again: no room now, and
  // the caller treats it as lost (CoAP sends again).
  virtual Code send(const Address& to, const uint8_t* data, uint32_t size) = 0;
  // again: nothing waits. Errors of earlier sends (ICMP) are swallowed by the port.
  virtual Code receive(Datagram& datagram, uint8_t* buffer, uint32_t capacity) = 0;

 protected:
  ~UdpSocket() = default;
};

}  // namespace cx::hal
