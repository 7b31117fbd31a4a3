// What is around a pack besides its lines: circuits that are measured, relays, lights. A port supplies it.
#pragma once

#include "pack/indicators.hpp"
#include "pack/pack_modes.hpp"
#include "pack/power_balance.hpp"

namespace cx::pack {

class PackBoard {
 public:
  // RMS over whole cycles of the mains, as of now.
  virtual MeasuredPower measure() = 0;
  virtual void setRelays(const Relays& relays) = 0;
  virtual void show(const Pixel (&bar)[barPixels], const uint8_t (&digits)[3], const Leds& leds) = 0;

 protected:
  ~PackBoard() = default;
};

}  // namespace cx::pack
