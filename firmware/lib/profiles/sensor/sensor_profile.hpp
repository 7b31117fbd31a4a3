// A board with sensors: measures them all, is healthy while they answer, and passes its self-test when each did once.
#pragma once

#include "hal/peripherals.hpp"
#include "node_profile.hpp"

namespace cx {

class SensorProfile final : public Profile {
 public:
  explicit SensorProfile(hal::Sensors& sensors) : sensors_(sensors) {}

  std::string_view name() const override { return "sensor"; }
  Span<const std::string_view> capabilities() const override;
  bool selfTest(Reason& why) override;
  size_t measure(Span<Measurement> out, uint32_t& errors) override;
  void vitals(Vitals& out) override;

 private:
  hal::Sensors& sensors_;
  bool isLastGood_ = true;  // of the last round: a sensor that fails makes the node degraded
};

}  // namespace cx
