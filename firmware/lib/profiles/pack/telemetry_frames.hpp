// A pack's telemetry as its seven frames, every 2 s. What isn't known is said to be so, never 0.
#pragma once

#include "can.hpp"
#include "pack/bms_poller.hpp"
#include "pack/firmware_version.hpp"
#include "pack/hardware_number.hpp"
#include "pack/pack_modes.hpp"
#include "pack/power_balance.hpp"

namespace cx::pack {

constexpr uint64_t telemetryEveryMs = 2000;
constexpr int32_t batteryIdleBelowCentiamperes = 20;  // 0.2 A either way: neither charging nor discharging
constexpr size_t telemetryFrames = 7;

can::BatteryState batteryStateOf(int32_t centiamperes);

struct TelemetryInput {
  uint8_t node = 0;
  can::DeviceType type = can::DeviceType::energyPack;
  HardwareNumber mac;
  FirmwareVersion version;
  bool isMaster = false;
  uint8_t rank = 0;
  bool isTimeKnown = false;
  can::BmsState bmsState = can::BmsState::fault;
  bool hasReading = false;
  BmsReading battery;
  MeasuredPower power;
  PowerBalance balance;
};

void writeTelemetry(const TelemetryInput& in, const PackModes& modes, const PackSettings& settings, can::Frame (&out)[telemetryFrames]);

}  // namespace cx::pack
