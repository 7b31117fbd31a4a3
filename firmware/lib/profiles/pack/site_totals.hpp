// The site's totals, as the master tells them: of every pack heard within 120 s. What a pack says it doesn't know is left out.
#pragma once

#include "can.hpp"
#include "pack/node_claim.hpp"

namespace cx::pack {

constexpr size_t totalsPages = 3;

class SiteTotals {
 public:
  // Every telemetry frame, the master's own among them.
  void receive(const can::Frame& frame, uint64_t nowMs);
  void write(uint8_t master, uint64_t nowMs, can::Frame (&out)[totalsPages]) const;

 private:
  struct Pack {
    bool isHeard = false;
    bool hasCharge = false;
    bool hasBattery = false;
    bool hasSolar = false;
    uint8_t percent = 0;
    int16_t grid = 0;
    int16_t home = 0;
    int16_t battery = 0;
    int16_t solar = 0;
    uint16_t imported = 0;
    uint64_t heardAtMs = 0;
  };
  Pack packs_[nodesMax];
};

}  // namespace cx::pack
