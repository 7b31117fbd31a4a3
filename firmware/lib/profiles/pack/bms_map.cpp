#include "pack/bms_map.hpp"

namespace cx::pack {
namespace {

constexpr BmsBlock blocks[] = {{0x0000, 2}, {0x0010, 3}};
constexpr BmsField fields[] = {
    {BmsValue::voltage, 0x0000, 1, false, 100},
    {BmsValue::current, 0x0001, 1, true, 1},
    {BmsValue::alarms, 0x0010, 2, false, 1},
    {BmsValue::warnings, 0x0012, 1, false, 1},
};

}  // namespace

const BmsMap bmsVoltageAndCurrent = {1, 0x03, Span<const BmsBlock>(blocks, 1), Span<const BmsField>(fields, 2)};
const BmsMap bmsWithAlarms = {1, 0x03, Span<const BmsBlock>(blocks, 2), Span<const BmsField>(fields, 4)};

}  // namespace cx::pack
