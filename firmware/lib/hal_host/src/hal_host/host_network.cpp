#include "hal_host/host_network.hpp"

#include <cstdlib>
#include <cstring>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>

#include "hal_host/host_sockets.hpp"

namespace cx::host {

using hal::Address;
using hal::Code;

uint8_t HostNetwork::interfaces(uint16_t* out, uint8_t capacity) {
  if (capacity == 0) return 0;
  if (only_ != 0) {
    out[0] = only_;
    return 1;
  }
  struct ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return 0;
  uint8_t count = 0;
  for (const struct ifaddrs* at = all; at != nullptr && count < capacity; at = at->ifa_next) {
    if ((at->ifa_flags & IFF_UP) == 0 || (at->ifa_flags & IFF_MULTICAST) == 0 || (at->ifa_flags & IFF_LOOPBACK) != 0) continue;
    if (at->ifa_addr == nullptr || (at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6)) continue;
    const uint16_t index = static_cast<uint16_t>(::if_nametoindex(at->ifa_name));
    bool isKnown = index == 0;
    for (uint8_t i = 0; i < count; i++) isKnown = isKnown || out[i] == index;
    if (!isKnown) out[count++] = index;
  }
  ::freeifaddrs(all);
  return count;
}

Code HostNetwork::takeAnswer(uint16_t port, Address& out) {
  const int error = ::gai_error(asked_);
  if (error == EAI_INPROGRESS) return Code::again;
  Code code = Code::unreachable;
  for (const struct addrinfo* at = error == 0 ? asked_->ar_result : nullptr; at != nullptr; at = at->ai_next) {
    if (at->ai_family != AF_INET && at->ai_family != AF_INET6) continue;
    SocketAddress address;
    std::memcpy(&address, at->ai_addr, at->ai_addrlen < sizeof address ? at->ai_addrlen : sizeof address);
    fromSocket(address, out);
    out.port = port;
    code = Code::ok;
    break;
  }
  if (error == 0) ::freeaddrinfo(asked_->ar_result);
  std::free(asked_);
  asked_ = nullptr;
  return code;
}

Code HostNetwork::resolve(const char* name, uint16_t port, Address& out) {
  if (hal::parseAddress(name, port, out)) return Code::ok;
  // RFC 6761 section 6.3: never asks a server. IPv4, as a manager on this machine listens there in any case.
  if (::strcasecmp(name, "localhost") == 0) return hal::parseAddress("127.0.0.1", port, out) ? Code::ok : Code::invalid;
  const size_t length = std::strlen(name);
  if (length == 0 || length >= sizeof name_) return Code::invalid;
  if (asked_ != nullptr) {
    const bool isSame = std::strcmp(name, name_) == 0;
    Address other;
    const Code code = takeAnswer(port, isSame ? out : other);
    if (isSame || code == Code::again) return code;  // an old look-up that can't be stopped is waited for
  }
  asked_ = static_cast<gaicb*>(std::calloc(1, sizeof(gaicb)));
  if (asked_ == nullptr) return Code::io;
  std::memcpy(name_, name, length + 1);
  asked_->ar_name = name_;
  if (::getaddrinfo_a(GAI_NOWAIT, &asked_, 1, nullptr) == 0) return Code::again;
  std::free(asked_);
  asked_ = nullptr;
  return Code::unreachable;
}

}  // namespace cx::host
