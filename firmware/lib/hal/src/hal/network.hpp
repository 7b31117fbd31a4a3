// The link and its interfaces, and names into addresses.
#pragma once
#include <cstdint>

#include "hal/address.hpp"
#include "hal/code.hpp"

namespace cx::hal {

enum class Link : uint8_t { down, connecting, up };

class Network {
 public:
  virtual Link link() = 0;
  // Signal strength in dBm; false where there is no radio.
  virtual bool rssi(int16_t& out) = 0;
  // Interfaces that discovery should ask on, as indices for Address::interface. Returns how many were written.
  virtual uint8_t interfaces(uint16_t* out, uint8_t capacity) = 0;
  // A numeric address or a name (at most 63 characters). again: asked, call again with the same name; the port
  // keeps one look-up at a time and a different name replaces it. unreachable: it doesn't resolve.
  virtual Code resolve(const char* name, uint16_t port, Address& out) = 0;

 protected:
  ~Network() = default;
};

}  // namespace cx::hal
