// Where a datagram or connection comes from or goes to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "span.hpp"

namespace cx {

enum class AddressFamily : std::uint8_t { none = 0, ipv4 = 4, ipv6 = 6 };

// IPv4 uses the first 4 bytes of `bytes`, the rest are zero, so that two addresses compare as memory does.
struct NetAddress {
  std::uint8_t bytes[16] = {};
  std::uint16_t port = 0;
  AddressFamily family = AddressFamily::none;
  std::uint32_t scope = 0;  // interface index of a link-local IPv6 address; 0 when it has none

  static NetAddress ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint16_t port) {
    NetAddress address;
    address.bytes[0] = a;
    address.bytes[1] = b;
    address.bytes[2] = c;
    address.bytes[3] = d;
    address.port = port;
    address.family = AddressFamily::ipv4;
    return address;
  }
  bool is_set() const { return family != AddressFamily::none; }
  bool is_loopback() const {
    static constexpr std::uint8_t zeros[15] = {};
    if (family == AddressFamily::ipv4) return bytes[0] == 127;
    return family == AddressFamily::ipv6 && bytes[15] == 1 && std::memcmp(bytes, zeros, sizeof zeros) == 0;
  }
  bool is_multicast() const {
    if (family == AddressFamily::ipv4) return (bytes[0] & 0xF0U) == 0xE0U;
    return family == AddressFamily::ipv6 && bytes[0] == 0xFF;
  }
};

inline bool same_host(const NetAddress& left, const NetAddress& right) {
  return left.family == right.family && left.scope == right.scope && std::memcmp(left.bytes, right.bytes, sizeof left.bytes) == 0;
}
inline bool operator==(const NetAddress& left, const NetAddress& right) {
  return left.port == right.port && same_host(left, right);
}
inline bool operator!=(const NetAddress& left, const NetAddress& right) { return !(left == right); }

// "192.0.2.1", "2001:db8::1", "fe80::1%3" to an address with `port`; names are not resolved. Status::malformed otherwise.
Expected<NetAddress> parse_address(std::string_view text, std::uint16_t port);

// Longest: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535".
constexpr std::size_t address_text_max = 58;
// "192.0.2.1:5683", "[2001:db8::1]:5683".
void format_address(const NetAddress& address, FixedText<address_text_max>& out);

}  // namespace cx
