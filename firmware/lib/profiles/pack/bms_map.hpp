// Where a BMS keeps what a pack reads: voltage, current and warnings, and nothing else. Models differ by table, not by code.
#pragma once

#include <cstdint>

#include "span.hpp"

namespace cx::pack {

constexpr uint8_t bmsBlockRegistersMax = 16;

enum class BmsValue : uint8_t { voltage, current, alarms, warnings };

struct BmsBlock {
  uint16_t start;
  uint8_t count;  // registers, 1 to bmsBlockRegistersMax; blocks of one map differ in it, so that replies can't be mixed up
};

struct BmsField {
  BmsValue value;
  uint16_t address;
  uint8_t registers;  // 1 or 2, the high one first
  bool isSigned;
  int32_t scale;      // to mV (voltage) or 0.01 A (current, + charging); 1 for bits
};

struct BmsMap {
  uint8_t slave;
  uint8_t function;  // 03 or 04
  Span<const BmsBlock> blocks;
  Span<const BmsField> fields;
};

// 0x0000 voltage 0.1 V, 0x0001 current 0.01 A.
extern const BmsMap bmsVoltageAndCurrent;
// The same, and 0x0010..0x0012: alarms of 32 bits, warnings of 16.
extern const BmsMap bmsWithAlarms;

}  // namespace cx::pack
