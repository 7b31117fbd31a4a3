// A pack's 48-bit MAC: its identity, and what decides who leads and who gives way.
#pragma once

#include <cstdint>
#include <cstring>

namespace cx::pack {

struct HardwareNumber {
  uint8_t bytes[6] = {};

  // All six, most significant first: the greater one keeps a node id that two want.
  bool operator<(const HardwareNumber& other) const { return std::memcmp(bytes, other.bytes, sizeof bytes) < 0; }
  bool operator==(const HardwareNumber& other) const { return std::memcmp(bytes, other.bytes, sizeof bytes) == 0; }
  // Bytes 2 to 5, as the announce carries them.
  uint32_t tail() const {
    return static_cast<uint32_t>(bytes[2]) << 24 | static_cast<uint32_t>(bytes[3]) << 16 | static_cast<uint32_t>(bytes[4]) << 8 | bytes[5];
  }
  // Bytes 3 to 5, in the claim's identifier.
  uint32_t end() const { return tail() & 0xffffffU; }
};

}  // namespace cx::pack
