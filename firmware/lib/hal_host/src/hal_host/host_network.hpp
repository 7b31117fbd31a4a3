#pragma once
#include "hal/network.hpp"

struct gaicb;

namespace cx::host {

class HostNetwork final : public hal::Network {
 public:
  // `only` restricts multicast to one interface, which may be the loopback; 0: all but the loopback.
  explicit HostNetwork(uint16_t only) : only_(only) {}
  HostNetwork(const HostNetwork&) = delete;
  HostNetwork& operator=(const HostNetwork&) = delete;

  hal::Link link() override { return hal::Link::up; }
  bool rssi(int16_t&) override { return false; }
  uint8_t interfaces(uint16_t* out, uint8_t capacity) override;
  hal::Code resolve(const char* name, uint16_t port, hal::Address& out) override;

 private:
  hal::Code takeAnswer(uint16_t port, hal::Address& out);

  uint16_t only_;
  gaicb* asked_ = nullptr;  // the look-up under way; the system's resolver works on it in a thread of its own
  char name_[64] = {};      // what it looks for
};

}  // namespace cx::host
