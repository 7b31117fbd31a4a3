// cxnode-node: the image of a host node. Not the node application yet: it proves port and supervisor, and says so.
#include "hal_host/host_hal.hpp"
#include "hal_host/supervisor.hpp"
#include "version.hpp"

CX_IMAGE(CX_FIRMWARE_VERSION, "cxnode")

namespace {

class Alive final : public cx::host::Stepper {
 public:
  explicit Alive(cx::hal::Hal hal) : hal_(hal) {}
  uint64_t step(uint64_t nowMs) override {
    hal_.watchdog.feed();
    return nowMs + 1000;
  }

 private:
  cx::hal::Hal hal_;
};

}  // namespace

int main(int count, char** arguments) {
  using namespace cx::host;
  Options options;
  char fault[optionFaultMax];
  StderrLog log("node", cx::hal::LogLevel::info);
  if (!parseOptions(count - 1, arguments + 1, Unknown::skip, options, fault)) {
    log.print(cx::hal::LogLevel::error, "%s", fault);
    return exitUsage;
  }
  log.setLevel(options.logLevel);
  static HostHal hal(options, log);
  if (!hal.open()) return 1;
  log.print(cx::hal::LogLevel::warn, "this build has no node application yet: it only feeds the watchdog");
  Alive alive(hal.parts());
  return hal.run(alive);
}
