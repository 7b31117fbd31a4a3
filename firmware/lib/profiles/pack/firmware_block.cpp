#include "pack/firmware_block.hpp"

namespace cx::pack {

uint32_t crc32(ByteSpan bytes) {
  uint32_t crc = 0xFFFFFFFFU;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; bit++) crc = (crc & 1U) != 0 ? (crc >> 1U) ^ 0xEDB88320U : crc >> 1U;
  }
  return ~crc;
}

void FirmwareBlock::put(const can::FirmwareData& data) {
  if (data.chunk >= chunks) return;
  std::memcpy(bytes_ + data.chunk * firmwareChunkSize, data.data, data.dataLength);
  has_[data.chunk] = data.dataLength;
}

bool FirmwareBlock::holds(uint32_t size, uint32_t checksum) const {
  for (uint32_t at = 0, chunk = 0; at < size; at += firmwareChunkSize, chunk++) {
    const uint32_t wanted = size - at < firmwareChunkSize ? size - at : firmwareChunkSize;
    if (has_[chunk] < wanted) return false;
  }
  return crc32(bytes(size)) == checksum;
}

}  // namespace cx::pack
