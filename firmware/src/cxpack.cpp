// cxpack: the boot loader of a battery pack on this machine. It runs pack images and is never one itself.
#include <cstdio>
#include <cstring>

#include "hal_host/stderr_log.hpp"
#include "hal_host/supervisor.hpp"
#include "pack_host/pack_options.hpp"
#include "version.hpp"

namespace {

void printHelp() {
  std::printf(
      "cxpack %s: an Alfaspark battery pack on this machine\n\n"
      "usage: cxpack --can BUS [FLAGS]    run a pack until a signal ends it\n\n"
      "flags (defaults in brackets):\n%s"
      "  --version                      print the version and end\n"
      "  --help                         print this and end\n\n"
      "What happens is told on stdout, a line an event; the log goes to stderr. A restart keeps what a chip's RTC memory keeps;\n"
      "the end of cxpack is a loss of power. Images are looked at and stamped by `cxnode image`.\n\n"
      "exit codes: 0 ended as asked, 64 bad flag, 65 not an image, 66 no image, 71 the system refused,\n"
      "73 the state folder can't be used, 75 the state folder is in use by another cxpack\n\n"
      "example: cxpack --can tcp://127.0.0.1:29536 --bms /dev/ttyUSB0 --hardware 24a160b1c2d3 --state /var/lib/cxpack\n",
      CX_PACK_VERSION, cx::pack::packOptionsHelp());
}

}  // namespace

int main(int count, char** arguments) {
  using namespace cx::host;
  for (int i = 1; i < count; i++) {
    if (std::strcmp(arguments[i], "--help") == 0 || std::strcmp(arguments[i], "-h") == 0) {
      printHelp();
      return 0;
    }
    if (std::strcmp(arguments[i], "--version") == 0) {
      std::printf("cxpack %s\n", CX_PACK_VERSION);
      return 0;
    }
  }
  cx::pack::PackOptions options;
  options.host.state = "cxpack-state";
  char fault[optionFaultMax];
  if (!cx::pack::parsePackOptions(count - 1, arguments + 1, Unknown::refuse, options, fault)) {
    std::fprintf(stderr, "cxpack: %s\n", fault);
    return exitUsage;
  }
  if (options.can == nullptr) {
    std::fprintf(stderr, "cxpack: --can is missing: name a bus, such as can0 or tcp://127.0.0.1:29536 (`coxswain can-bus` runs one); see cxpack --help\n");
    return exitUsage;
  }
  StderrLog log("supervisor", options.host.logLevel);
  return Supervisor(options.host, count - 1, arguments + 1, log).run();
}
