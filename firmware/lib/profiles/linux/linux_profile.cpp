#include "linux/linux_profile.hpp"

namespace cx {

namespace {

constexpr std::string_view capabilityNames[] = {"telemetry", "update", "services", "logs"};
constexpr uint32_t memoryDegradedMilli = 95000;

}  // namespace

Span<const std::string_view> LinuxProfile::capabilities() const { return capabilityNames; }

bool LinuxProfile::selfTest(Reason& why) {
  hal::HostStats stats;
  if (host_.stats(stats) == hal::Code::ok) return true;
  why.assignCut("no-machine-figures");
  return false;
}

size_t LinuxProfile::measure(Span<Measurement> out, uint32_t& errors) {
  hasStats_ = host_.stats(stats_) == hal::Code::ok;
  if (!hasStats_) {
    ++errors;
    return 0;
  }
  size_t count = 0;
  const auto add = [&](std::string_view name, std::string_view unit, int64_t milli) {
    if (count < out.size()) out[count++] = Measurement{name, unit, Decimal::thousandths(milli)};
  };
  add("cpu", "/100", stats_.cpuMilliPercent);
  add("memory", "/100", stats_.memoryMilliPercent);
  add("disk", "/100", stats_.diskMilliPercent);
  add("load", "", stats_.loadMilli);
  if (stats_.hasTemperature) add("temperature", "Cel", stats_.temperatureMilli);
  (void)host_.refreshServices();  // the next question for services finds a fresh list
  return count;
}

// The figures of the last measurement: asking again within the same second would measure nothing but itself.
void LinuxProfile::vitals(Vitals& out) {
  if (!hasStats_) hasStats_ = host_.stats(stats_) == hal::Code::ok;
  if (!hasStats_) {
    out.health = Health::degraded;
    return;
  }
  out.hasCpu = out.hasMemory = true;
  out.cpuPercent = Decimal::thousandths(stats_.cpuMilliPercent);
  out.memoryPercent = Decimal::thousandths(stats_.memoryMilliPercent);
  if (stats_.hasTemperature) {
    out.hasTemperature = true;
    out.temperature = Decimal::thousandths(stats_.temperatureMilli);
  }
  out.health = stats_.memoryMilliPercent > memoryDegradedMilli ? Health::degraded : Health::healthy;
}

size_t LinuxProfile::services(Span<hal::Service> out) {
  bool isFresh = false;
  const uint8_t count = host_.services(out.data(), static_cast<uint8_t>(out.size()), isFresh);
  if (!isFresh) (void)host_.refreshServices();
  return count;
}

size_t LinuxProfile::logTail(MutableSpan out) {
  const hal::Io io = host_.logTail(out.data(), static_cast<uint32_t>(out.size()));
  return io.code == hal::Code::ok ? io.size : 0;
}

}  // namespace cx
