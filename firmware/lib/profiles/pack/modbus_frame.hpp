// Modbus RTU: the request for registers and its reply.
//
//   request  slave  function  start(2)  count(2)         CRC low, CRC high
//   reply    slave  function  bytes     registers(2 n)   CRC low, CRC high
//   refusal  slave  function | 0x80     exception        CRC low, CRC high
#pragma once

#include <cstdint>

#include "pack/bms_map.hpp"
#include "span.hpp"

namespace cx::pack {

constexpr size_t modbusRequestSize = 8;
constexpr size_t modbusReplyMax = 5 + 2 * bmsBlockRegistersMax;

void writeModbusRequest(const BmsMap& map, const BmsBlock& block, uint8_t (&out)[modbusRequestSize]);

enum class ModbusReply : uint8_t { incomplete, ok, refused, garbled };

// What the bytes so far are. ok: `bytes` is one whole reply to this request and nothing else; its registers begin at byte 3.
ModbusReply readModbusReply(const BmsMap& map, const BmsBlock& block, ByteSpan bytes);

}  // namespace cx::pack
