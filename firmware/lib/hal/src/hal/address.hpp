// An IP address with its port, in network order, without any socket header.
#pragma once
#include <cstdint>

namespace cx::hal {

struct Address {
  uint8_t family = 0;      // 4, 6, or 0: none
  uint8_t bytes[16] = {};  // the first 4 for IPv4
  uint16_t port = 0;       // host order
  uint16_t interface = 0;  // index of the interface for link-local and multicast addresses, 0: the port's default

  bool isSet() const { return family != 0; }
  bool isMulticast() const { return family == 4 ? (bytes[0] & 0xF0u) == 0xE0u : family == 6 && bytes[0] == 0xFFu; }
  bool isLoopback() const;
};

// Same family, address and port; the interface is not compared, it says how to get there and not who it is.
bool operator==(const Address& a, const Address& b);
inline bool operator!=(const Address& a, const Address& b) { return !(a == b); }

// "127.0.0.1", "::1" (without brackets), numeric only; the port of `out` is set to `port`. False: not an address.
bool parseAddress(const char* text, uint16_t port, Address& out);

// "127.0.0.1:5683", "[::1]:5683". At most 48 bytes with the final zero. Returns the length.
constexpr uint32_t addressTextMax = 48;
uint32_t formatAddress(const Address& address, char* out, uint32_t capacity);

}  // namespace cx::hal
