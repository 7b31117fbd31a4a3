// What a pack and the program that plays its board say to each other, one JSON object a line.
//
//   to the pack       {"amperes":{"grid":4.5,"home":3,"pool":0,"heater":9.1}}   RMS of the four CTs; those left out stay as they are
//                     {"socket":7,"on":true}                                    asks the gateway for a smart socket
//   from the pack     {"relays":{"grid":true,"output":true,"pump":false,"heater":false}}   true: closed
//                     {"lights":{"bar":"gggg......","digits":" 40","green":true,"yellow":false,"red":false}}
//                     {"error":"..."}                                           what is wrong with a line; it changed nothing
//
// In the bar g is green, r red, b blue and a dot dark; digits are the three of the display, a space is a dark one.
#pragma once

#include "pack/indicators.hpp"
#include "pack/pack_modes.hpp"
#include "span.hpp"

namespace cx::pack {

constexpr int32_t boardMilliamperesMax = 100'000;  // more than a 50 A CT can say
constexpr size_t boardLineMax = 512;

struct BoardCurrents {
  int32_t grid = 0;  // mA, RMS
  int32_t home = 0;
  int32_t pool = 0;
  int32_t heater = 0;
};

struct SocketWish {
  bool isSet = false;
  uint8_t socket = 0;
  bool isOn = false;
};

// Null: taken. Else what is wrong, and nothing was changed.
const char* readBoardLine(ByteSpan line, BoardCurrents& currents, SocketWish& wish);

// With the end of the line. Returns the length.
size_t writeRelaysLine(const Relays& relays, MutableSpan out);
size_t writeLightsLine(const Pixel (&bar)[barPixels], const uint8_t (&digits)[3], const Leds& leds, MutableSpan out);
size_t writeErrorLine(const char* what, MutableSpan out);

// What the three digits of the display read; a space for a dark one, a dash for the rest.
void readDigits(const uint8_t (&digits)[3], char (&out)[4]);

}  // namespace cx::pack
