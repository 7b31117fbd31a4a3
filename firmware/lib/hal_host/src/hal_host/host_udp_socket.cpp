#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hal_host/folder_files.hpp"
#include "hal_host/host_sockets.hpp"

namespace cx::host {

namespace {

using hal::Address;
using hal::Code;

constexpr int portTries = 8;  // an ephemeral port that is free for IPv4 may be taken for IPv6

bool setInt(int socket, int level, int option, int value) { return ::setsockopt(socket, level, option, &value, sizeof value) == 0; }

int openOne(int family, uint16_t port, uint16_t& bound) {
  const int socket = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  SocketAddress address = {};
  socklen_t length = 0;
  bool isSet = false;
  if (family == AF_INET) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
    length = sizeof address.v4;
    // Membership per socket: without this, groups that other programs joined would be heard too.
    isSet = setInt(socket, IPPROTO_IP, IP_PKTINFO, 1) && setInt(socket, IPPROTO_IP, IP_MULTICAST_ALL, 0);
  } else {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(port);
    length = sizeof address.v6;
    isSet = setInt(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1) && setInt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  }
  if (!isSet || ::bind(socket, &address.any, length) != 0 || ::getsockname(socket, &address.any, &length) != 0) {
    const int error = errno;
    ::close(socket);
    errno = error;
    return -1;
  }
  bound = ntohs(family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
  return socket;
}

}  // namespace

socklen_t toSocket(const Address& address, SocketAddress& out) {
  std::memset(&out, 0, sizeof out);
  if (address.family == 4) {
    out.v4.sin_family = AF_INET;
    out.v4.sin_port = htons(address.port);
    std::memcpy(&out.v4.sin_addr, address.bytes, 4);
    return sizeof out.v4;
  }
  if (address.family != 6) return 0;
  out.v6.sin6_family = AF_INET6;
  out.v6.sin6_port = htons(address.port);
  std::memcpy(&out.v6.sin6_addr, address.bytes, 16);
  const bool needsScope = (address.bytes[0] == 0xFE && (address.bytes[1] & 0xC0) == 0x80) || address.isMulticast();
  if (needsScope) out.v6.sin6_scope_id = address.interface;
  return sizeof out.v6;
}

void fromSocket(const SocketAddress& address, Address& out) {
  out = Address{};
  if (address.any.sa_family == AF_INET) {
    out.family = 4;
    out.port = ntohs(address.v4.sin_port);
    std::memcpy(out.bytes, &address.v4.sin_addr, 4);
  } else if (address.any.sa_family == AF_INET6) {
    out.family = 6;
    out.port = ntohs(address.v6.sin6_port);
    out.interface = static_cast<uint16_t>(address.v6.sin6_scope_id);
    std::memcpy(out.bytes, &address.v6.sin6_addr, 16);
  }
}

Code HostUdpSocket::openBoth(uint16_t port) {
  v4_ = openOne(AF_INET, port, port_);
  if (v4_ < 0) return codeOf(errno);
  uint16_t same = 0;
  v6_ = openOne(AF_INET6, port_, same);
  if (v6_ >= 0 || errno != EADDRINUSE) return Code::ok;  // a machine without IPv6 is no fault
  close();
  return Code::again;
}

Code HostUdpSocket::open(uint16_t port) {
  close();
  Code code = openBoth(port);
  for (int i = 1; i < portTries && code == Code::again && port == 0; i++) code = openBoth(port);
  return code == Code::again ? Code::io : code;
}

void HostUdpSocket::close() {
  if (v4_ >= 0) ::close(v4_);
  if (v6_ >= 0) ::close(v6_);
  v4_ = v6_ = -1;
  port_ = 0;
}

Code HostUdpSocket::join(const Address& group) {
  if (!group.isMulticast()) return Code::invalid;
  const uint16_t interface = group.interface != 0 ? group.interface : interface_;
  int result = -1;
  if (group.family == 4) {
    if (v4_ < 0) return Code::closed;
    struct ip_mreqn request = {};
    std::memcpy(&request.imr_multiaddr, group.bytes, 4);
    request.imr_ifindex = interface;
    result = ::setsockopt(v4_, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request);
  } else {
    if (v6_ < 0) return Code::closed;
    struct ipv6_mreq request = {};
    std::memcpy(&request.ipv6mr_multiaddr, group.bytes, 16);
    request.ipv6mr_interface = interface;
    result = ::setsockopt(v6_, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &request, sizeof request);
  }
  return result == 0 || errno == EADDRINUSE ? Code::ok : codeOf(errno);
}

Code HostUdpSocket::send(const Address& to, const uint8_t* data, uint32_t size) {
  SocketAddress address;
  const socklen_t length = toSocket(to, address);
  const int socket = to.family == 4 ? v4_ : v6_;
  if (length == 0) return Code::invalid;
  if (socket < 0) return to.family == 6 && v4_ >= 0 ? Code::unreachable : Code::closed;

  struct iovec part = {const_cast<uint8_t*>(data), size};
  struct msghdr message = {};
  message.msg_name = &address;
  message.msg_namelen = length;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  // Said with each datagram: multicast then leaves by this interface though no route leads there (the loopback).
  alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {};
  const uint16_t interface = to.interface != 0 ? to.interface : interface_;
  if (to.isMulticast() && interface != 0) {
    message.msg_control = control;
    struct cmsghdr* const head = reinterpret_cast<struct cmsghdr*>(control);
    if (to.family == 4) {
      message.msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo));
      head->cmsg_level = IPPROTO_IP;
      head->cmsg_type = IP_PKTINFO;
      head->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
      struct in_pktinfo info = {};
      info.ipi_ifindex = interface;
      std::memcpy(CMSG_DATA(head), &info, sizeof info);
    } else {
      address.v6.sin6_scope_id = interface;
      message.msg_controllen = CMSG_SPACE(sizeof(struct in6_pktinfo));
      head->cmsg_level = IPPROTO_IPV6;
      head->cmsg_type = IPV6_PKTINFO;
      head->cmsg_len = CMSG_LEN(sizeof(struct in6_pktinfo));
      struct in6_pktinfo info = {};
      info.ipi6_ifindex = interface;
      std::memcpy(CMSG_DATA(head), &info, sizeof info);
    }
  }
  for (int i = 0; i < 2; i++) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) return Code::ok;
    // The first call may only report what an earlier datagram came to; this one wasn't sent then.
    if (errno != ECONNREFUSED && errno != EINTR) break;
  }
  return errno == ENOBUFS || errno == ENOMEM ? Code::again : errno == EMSGSIZE ? Code::invalid : codeOf(errno);
}

Code HostUdpSocket::receiveFrom(int socket, hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity) {
  if (socket < 0) return Code::again;
  SocketAddress address;
  struct iovec part = {buffer, capacity};
  alignas(struct cmsghdr) uint8_t control[128];
  struct msghdr message = {};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got = -1;
  for (int i = 0; i < 4 && got < 0; i++) {
    got = ::recvmsg(socket, &message, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Code::again;
  }
  if (got < 0) return Code::again;  // echoes of what was sent before; the next datagram will be a real one
  fromSocket(address, datagram.from);
  datagram.size = static_cast<uint32_t>(got);
  datagram.truncated = (message.msg_flags & MSG_TRUNC) != 0;
  datagram.toMulticast = false;
  for (struct cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    Address to;
    if (head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(head), sizeof info);
      to.family = 4;
      std::memcpy(to.bytes, &info.ipi_addr, 4);
    } else if (head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(head), sizeof info);
      to.family = 6;
      std::memcpy(to.bytes, &info.ipi6_addr, 16);
    }
    if (to.isMulticast()) datagram.toMulticast = true;
  }
  return Code::ok;
}

Code HostUdpSocket::receive(hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity) {
  if (v4_ < 0) return Code::closed;
  // Turns, so that a flood in one family doesn't silence the other.
  isV6Next_ = !isV6Next_;
  const Code code = receiveFrom(isV6Next_ ? v6_ : v4_, datagram, buffer, capacity);
  return code == Code::again ? receiveFrom(isV6Next_ ? v4_ : v6_, datagram, buffer, capacity) : code;
}

int HostUdpSocket::waitFor(struct pollfd* out) const {
  int count = 0;
  if (v4_ >= 0) out[count++] = {v4_, POLLIN, 0};
  if (v6_ >= 0) out[count++] = {v6_, POLLIN, 0};
  return count;
}

}  // namespace cx::host
