// UDP and TCP on Linux. Nothing here waits; the loop asks each part what to wait for.
#pragma once
#include <netinet/in.h>
#include <poll.h>

#include "hal/tcp_stream.hpp"
#include "hal/udp_socket.hpp"

namespace cx::host {

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

socklen_t toSocket(const hal::Address& address, SocketAddress& out);  // 0: no address
void fromSocket(const SocketAddress& address, hal::Address& out);

// One socket a family with the same port, so that the source of every answer is the address that was asked.
class HostUdpSocket final : public hal::UdpSocket {
 public:
  // `defaultInterface` is where multicast goes when the address names none; 0: where the routes say.
  explicit HostUdpSocket(uint16_t defaultInterface) : interface_(defaultInterface) {}
  HostUdpSocket(const HostUdpSocket&) = delete;
  HostUdpSocket& operator=(const HostUdpSocket&) = delete;
  ~HostUdpSocket() { close(); }

  hal::Code open(uint16_t port) override;
  void close() override;
  uint16_t localPort() override { return port_; }
  hal::Code join(const hal::Address& group) override;
  hal::Code send(const hal::Address& to, const uint8_t* data, uint32_t size) override;
  hal::Code receive(hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity) override;
  // Adds what to wait for; returns how many entries were used (at most 2).
  int waitFor(struct pollfd* out) const;

 private:
  hal::Code receiveFrom(int socket, hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity);
  hal::Code openBoth(uint16_t port);

  uint16_t interface_;
  uint16_t port_ = 0;
  int v4_ = -1;
  int v6_ = -1;  // -1 also where the machine has no IPv6
  bool isV6Next_ = false;
};

class HostTcpStream final : public hal::TcpStream {
 public:
  HostTcpStream() = default;
  HostTcpStream(const HostTcpStream&) = delete;
  HostTcpStream& operator=(const HostTcpStream&) = delete;
  ~HostTcpStream() { close(); }

  hal::Code connect(const hal::Address& to) override;
  hal::Code connected() override;
  hal::Io write(const uint8_t* data, uint32_t size) override;
  hal::Io read(uint8_t* buffer, uint32_t capacity) override;
  void close() override;
  int waitFor(struct pollfd* out) const;  // at most 1 entry

 private:
  int socket_ = -1;
  bool isConnecting_ = false;
  bool hasUnsent_ = false;  // the last write didn't take all: wake up when there is room
  hal::Code ended_ = hal::Code::closed;
};

}  // namespace cx::host
