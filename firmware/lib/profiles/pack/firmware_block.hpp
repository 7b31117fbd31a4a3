// One block of a transfer by CAN, put together from frames in any order. It counts only by its checksum: the frames name
// neither block nor pack, so what another transfer left among them must not get any further.
#pragma once

#include <cstddef>
#include <cstdint>

#include "can.hpp"
#include "span.hpp"

namespace cx::pack {

constexpr uint32_t firmwareBlockSize = 1024;
constexpr uint32_t firmwareChunkSize = 7;

constexpr uint32_t firmwareBlocks(uint32_t size) { return (size + firmwareBlockSize - 1) / firmwareBlockSize; }

// CRC-32 of IEEE 802.3, bit by bit: 1 KB takes an ESP32 less than the frames that bring it.
uint32_t crc32(ByteSpan bytes);

class FirmwareBlock {
 public:
  void clear() { std::memset(has_, 0, sizeof has_); }
  void put(const can::FirmwareData& data);
  // The block of `size` bytes is whole and has this checksum.
  bool holds(uint32_t size, uint32_t checksum) const;
  ByteSpan bytes(uint32_t size) const { return ByteSpan(bytes_, size); }
  // For whoever needs a buffer while no block is under way.
  MutableSpan room() { return MutableSpan(bytes_, firmwareBlockSize); }

 private:
  static constexpr uint32_t chunks = (firmwareBlockSize + firmwareChunkSize - 1) / firmwareChunkSize;

  uint8_t bytes_[chunks * firmwareChunkSize];
  uint8_t has_[chunks] = {};  // bytes of each
};

}  // namespace cx::pack
