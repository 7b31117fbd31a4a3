// What a pack shows, as pure functions of its state and the time: the bar of ten WS2812B pixels, the TM1637's three digits
// and the LEDs. The loop draws them; no timer does.
#pragma once

#include <cstdint>

namespace cx::pack {

constexpr uint8_t barPixels = 10;
constexpr uint64_t barPulseStepMs = 100;
constexpr uint64_t digitsBlinkMs = 500;
constexpr uint64_t greenSlowBlinkMs = 1000;

struct Pixel {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
  bool operator==(const Pixel& other) const { return red == other.red && green == other.green && blue == other.blue; }
};

constexpr Pixel pixelGreen{0, 32, 0};
constexpr Pixel pixelRed{32, 0, 0};
constexpr Pixel pixelBlue{0, 0, 32};
constexpr Pixel pixelDark{};

struct Shown {
  bool hasCharge = false;  // false: nothing was ever read, and nothing is shown of it
  uint8_t percent = 0;
  bool isCharging = false;
  bool warnsOfLoad = false;
  bool isMaster = false;
  bool hasFault = false;   // BMS or CAN, or no node id
};

// Ten pixels from the empty end on. Green above 20 %, red at or below; at least one.
void drawBar(const Shown& shown, uint64_t nowMs, Pixel (&out)[barPixels]);

// Segments a to g in bits 0 to 6, the left digit first; 0 is dark. No leading zeros; dark every other 500 ms below 15 %;
// three dashes while nothing was ever read.
void drawDigits(const Shown& shown, uint64_t nowMs, uint8_t (&out)[3]);

struct Leds {
  bool green = false;   // steady as master, else on and off each second
  bool yellow = false;  // 1 Hz while the load is above Eco's limit
  bool red = false;
};
Leds drawLeds(const Shown& shown, uint64_t nowMs);

}  // namespace cx::pack
