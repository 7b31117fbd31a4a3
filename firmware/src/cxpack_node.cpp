// cxpack-node: the image of a battery pack.
#include "hal_host/image_descriptor.hpp"
#include "hal_host/stderr_log.hpp"
#include "hal_host/supervisor.hpp"
#include "pack_host/pack_host.hpp"
#include "version.hpp"

CX_IMAGE(CX_PACK_VERSION, "energy-pack")

int main(int count, char** arguments) {
  using cx::hal::LogLevel;
  // Static, but reached from here alone: the profile itself has no globals.
  static cx::pack::PackOptions options;
  static cx::host::StderrLog log("pack", LogLevel::info);
  char fault[cx::host::optionFaultMax];
  options.host.state = "cxpack-state";
  if (!cx::pack::parsePackOptions(count - 1, arguments + 1, cx::host::Unknown::skip, options, fault)) {
    log.print(LogLevel::error, "%s", fault);
    return cx::host::exitUsage;
  }
  if (options.can == nullptr) {
    log.print(LogLevel::error, "--can is missing");
    return cx::host::exitUsage;
  }
  log.setLevel(options.host.logLevel);
  static cx::pack::PackHost pack(options, log);
  return pack.open() ? pack.run() : 1;
}
