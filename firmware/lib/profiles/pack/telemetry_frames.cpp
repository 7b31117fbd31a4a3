#include "pack/telemetry_frames.hpp"

#include "pack/state_of_charge.hpp"

namespace cx::pack {
namespace {

template <class T>
constexpr T clamped(int64_t value, int64_t least, int64_t most) {
  return static_cast<T>(value < least ? least : value > most ? most : value);
}
// The lowest value of an i16 says that there is none.
constexpr int16_t signedWatts(int64_t value) { return clamped<int16_t>(value, -32767, 32767); }
constexpr uint16_t watts(int64_t value) { return clamped<uint16_t>(value, 0, 65535); }

can::PackState stateFrame(const TelemetryInput& in, const PackModes& modes, const PackSettings& settings) {
  can::PackState out;
  out.node = in.node;
  out.deviceType = in.type;
  out.firmwareMajor = in.version.major;
  out.firmwareMinor = in.version.minor;
  out.isMaster = in.isMaster;
  out.isBmsOk = in.bmsState == can::BmsState::ok;
  out.isTimeOk = in.isTimeKnown;
  out.isLockedOut = modes.importLimit().isLockedOut();
  out.isOverLoadsLimit = modes.warnsOfLoad();
  out.selfConsumption = settings.selfConsumption;
  out.eco = settings.eco;
  out.timeOfUse = settings.timeOfUse;
  out.backup = settings.backup;
  out.gridLimit = settings.gridLimit;
  out.gridClosed = modes.relays().grid;
  out.outputClosed = modes.relays().output;
  out.pumpClosed = modes.relays().pump;
  out.heaterClosed = modes.relays().heater;
  out.rank = in.rank;
  return out;
}

can::PackBattery batteryFrame(const TelemetryInput& in, const PackSettings& settings) {
  can::PackBattery out;
  out.node = in.node;
  out.bmsState = in.bmsState;
  out.stateOfCharge = can::PackBattery::noStateOfCharge;
  out.voltage = can::PackBattery::noVoltage;
  out.current = can::PackBattery::noCurrent;
  if (!in.hasReading) return out;
  out.stateOfCharge = stateOfCharge(in.battery.millivolts, settings.charge);
  out.voltage = clamped<uint16_t>(in.battery.millivolts / 100, 0, 65534);
  out.current = signedWatts(in.battery.centiamperes);
  out.batteryState = batteryStateOf(in.battery.centiamperes);
  return out;
}

can::PackPower powerFrame(const TelemetryInput& in) {
  can::PackPower out;
  out.node = in.node;
  out.grid = signedWatts(in.power.grid);
  out.home = signedWatts(in.power.home);
  out.battery = can::PackPower::noBattery;
  out.solar = can::PackPower::noSolar;
  // An old current isn't a power that flows now.
  if (in.bmsState == can::BmsState::ok) out.battery = signedWatts(batteryWatts(in.battery.millivolts, in.battery.centiamperes));
  if (in.balance.hasSolar) out.solar = signedWatts(in.balance.solar);
  return out;
}

}  // namespace

can::BatteryState batteryStateOf(int32_t centiamperes) {
  if (centiamperes >= batteryIdleBelowCentiamperes) return can::BatteryState::charging;
  if (centiamperes <= -batteryIdleBelowCentiamperes) return can::BatteryState::discharging;
  return can::BatteryState::idle;
}

void writeTelemetry(const TelemetryInput& in, const PackModes& modes, const PackSettings& settings, can::Frame (&out)[telemetryFrames]) {
  out[0] = can::encode(stateFrame(in, modes, settings));
  out[1] = can::encode(batteryFrame(in, settings));
  out[2] = can::encode(powerFrame(in));
  can::PackLoads loads;
  loads.node = in.node;
  loads.pool = watts(in.power.pool);
  loads.heater = watts(in.power.heater);
  loads.imported = modes.importLimit().imported();
  loads.importLimit = settings.importLimitKwh;
  loads.importLimitState = modes.importLimit().state(settings.gridLimit);
  out[3] = can::encode(loads);
  can::PackAlarms alarms;
  alarms.node = in.node;
  alarms.alarms = in.battery.alarms;
  alarms.warnings = in.battery.warnings;
  out[4] = can::encode(alarms);
  can::PackSettings limits;
  limits.node = in.node;
  limits.ecoLimit = settings.ecoLimitWatts;
  limits.touStart = settings.touStart;
  limits.touEnd = settings.touEnd;
  out[5] = can::encode(limits);
  can::PackMac mac;
  mac.node = in.node;
  std::memcpy(mac.mac, in.mac.bytes, sizeof mac.mac);
  out[6] = can::encode(mac);
}

}  // namespace cx::pack
