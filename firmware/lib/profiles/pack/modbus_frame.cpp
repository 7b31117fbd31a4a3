#include "pack/modbus_frame.hpp"

#include "pack/crc16_modbus.hpp"

namespace cx::pack {

void writeModbusRequest(const BmsMap& map, const BmsBlock& block, uint8_t (&out)[modbusRequestSize]) {
  out[0] = map.slave;
  out[1] = map.function;
  out[2] = static_cast<uint8_t>(block.start >> 8);
  out[3] = static_cast<uint8_t>(block.start);
  out[4] = 0;
  out[5] = block.count;
  const uint16_t crc = crc16Modbus(out, 6);
  out[6] = static_cast<uint8_t>(crc);
  out[7] = static_cast<uint8_t>(crc >> 8);
}

ModbusReply readModbusReply(const BmsMap& map, const BmsBlock& block, ByteSpan bytes) {
  // What can't become a reply any more is told at once, before it is whole.
  if (bytes.size() >= 1 && bytes[0] != map.slave) return ModbusReply::garbled;
  const bool isRefusal = bytes.size() >= 2 && bytes[1] == (map.function | 0x80);
  if (bytes.size() >= 2 && !isRefusal && bytes[1] != map.function) return ModbusReply::garbled;
  if (bytes.size() >= 3 && !isRefusal && bytes[2] != 2 * block.count) return ModbusReply::garbled;
  const size_t size = isRefusal ? 5 : 5 + 2 * static_cast<size_t>(block.count);
  if (bytes.size() < size) return ModbusReply::incomplete;
  if (bytes.size() > size) return ModbusReply::garbled;
  const uint16_t crc = crc16Modbus(bytes.data(), size - 2);
  if (bytes[size - 2] != (crc & 0xff) || bytes[size - 1] != crc >> 8) return ModbusReply::garbled;
  return isRefusal ? ModbusReply::refused : ModbusReply::ok;
}

}  // namespace cx::pack
