// CRC-16/Modbus: reflected polynomial 0xA001, begins at 0xFFFF. On the wire its low byte goes first.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cx::pack {

constexpr uint16_t crc16Modbus(const uint8_t* data, size_t size) {
  uint16_t crc = 0xffff;
  for (size_t i = 0; i < size; i++) {
    crc = static_cast<uint16_t>(crc ^ data[i]);
    for (int bit = 0; bit < 8; bit++) crc = static_cast<uint16_t>((crc & 1U) != 0 ? (crc >> 1) ^ 0xa001U : crc >> 1);
  }
  return crc;
}

}  // namespace cx::pack
