// The software version of the line Alfaspark, printed at boot and sent.
#pragma once

#include <cstdint>

namespace cx::pack {

constexpr uint8_t firmwareMajor = 2;
constexpr uint8_t firmwareMinor = 5;

}  // namespace cx::pack
