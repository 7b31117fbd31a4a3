// The software version of the line Alfaspark, printed at boot and sent. An image that is stamped with another one says that.
#pragma once

#include <cstdint>

namespace cx::pack {

constexpr const char* firmwareName = "Alfaspark";

struct FirmwareVersion {
  uint8_t major = 2;
  uint8_t minor = 5;
};

}  // namespace cx::pack
