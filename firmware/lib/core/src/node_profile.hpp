// What a firmware is for: a sensor board, a Linux machine. The node asks its profile; the profile knows no protocol.
#pragma once

#include <cstdint>
#include <string_view>

#include "decimal.hpp"
#include "hal/host_services.hpp"
#include "node_messages.hpp"
#include "span.hpp"

namespace cx {

constexpr size_t measurementsMax = 8;
constexpr size_t servicesMax = 16;

struct Measurement {
  std::string_view name;  // SenML name, constant
  std::string_view unit;  // SenML unit, constant; empty: none
  Decimal value;
};

// Parts of a status report that only the profile can know.
struct Vitals {
  Health health = Health::healthy;
  bool hasCpu = false;
  bool hasMemory = false;
  bool hasTemperature = false;
  bool hasBattery = false;
  Decimal cpuPercent;
  Decimal memoryPercent;
  Decimal temperature;
  Decimal battery;
};

class Profile {
 public:
  virtual std::string_view name() const = 0;
  virtual Span<const std::string_view> capabilities() const = 0;
  // Asked once on a trial image, after registration. `why` names what failed, as a stable code.
  virtual bool selfTest(Reason& why) = 0;
  // Fresh values; `errors` is raised by the number of those that couldn't be had. Returns how many were written.
  virtual size_t measure(Span<Measurement> out, uint32_t& errors) = 0;
  virtual void vitals(Vitals& out) = 0;
  // Programs that run here; 0 where there are none.
  virtual size_t services(Span<hal::Service> out) {
    (void)out;
    return 0;
  }
  // The last bytes of the machine's own log; 0: none, and /logs shows the node's ring alone.
  virtual size_t logTail(MutableSpan out) {
    (void)out;
    return 0;
  }

 protected:
  ~Profile() = default;
};

}  // namespace cx
