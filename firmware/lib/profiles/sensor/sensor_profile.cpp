#include "sensor/sensor_profile.hpp"

namespace cx {

namespace {

constexpr std::string_view capabilityNames[] = {"telemetry", "update", "display"};

}  // namespace

Span<const std::string_view> SensorProfile::capabilities() const { return capabilityNames; }

bool SensorProfile::selfTest(Reason& why) {
  for (uint8_t i = 0; i < sensors_.count(); ++i) {
    int32_t milli = 0;
    const hal::Code code = sensors_.read(i, milli);
    if (code == hal::Code::ok || code == hal::Code::again) continue;
    why.assignCut("sensor-");
    (void)why.append(sensors_.channel(i).name);
    return false;
  }
  return true;
}

size_t SensorProfile::measure(Span<Measurement> out, uint32_t& errors) {
  size_t count = 0;
  isLastGood_ = true;
  for (uint8_t i = 0; i < sensors_.count() && count < out.size(); ++i) {
    int32_t milli = 0;
    const hal::Code code = sensors_.read(i, milli);
    if (code == hal::Code::again) continue;
    if (code != hal::Code::ok) {
      ++errors;
      isLastGood_ = false;
      continue;
    }
    const hal::Channel channel = sensors_.channel(i);
    out[count++] = Measurement{channel.name, channel.unit, Decimal::thousandths(milli)};
  }
  return count;
}

void SensorProfile::vitals(Vitals& out) {
  for (uint8_t i = 0; i < sensors_.count(); ++i) {
    const std::string_view unit = sensors_.channel(i).unit;
    const bool isTemperature = unit == "Cel";
    if (!isTemperature && unit != "%EL") continue;
    int32_t milli = 0;
    if (sensors_.read(i, milli) != hal::Code::ok) continue;
    if (isTemperature) {
      out.hasTemperature = true;
      out.temperature = Decimal::thousandths(milli);
    } else {
      out.hasBattery = true;
      out.battery = Decimal::thousandths(milli);
    }
  }
  out.health = isLastGood_ ? Health::healthy : Health::degraded;
}

}  // namespace cx
