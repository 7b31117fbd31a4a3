// A Linux machine: its load as telemetry, its services, the tail of its log.
#pragma once

#include "hal/host_services.hpp"
#include "node_profile.hpp"

namespace cx {

class LinuxProfile final : public Profile {
 public:
  explicit LinuxProfile(hal::HostServices& host) : host_(host) {}

  std::string_view name() const override { return "linux"; }
  Span<const std::string_view> capabilities() const override;
  bool selfTest(Reason& why) override;
  size_t measure(Span<Measurement> out, uint32_t& errors) override;
  void vitals(Vitals& out) override;
  size_t services(Span<hal::Service> out) override;
  size_t logTail(MutableSpan out) override;

 private:
  hal::HostServices& host_;
  hal::HostStats stats_;
  bool hasStats_ = false;
};

}  // namespace cx
