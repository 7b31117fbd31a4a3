// cxnode: the boot loader of a host node, and the tools around its images. It runs images and is never one itself.
#include <cstdio>
#include <cstring>

#include "hal_host/image_command.hpp"
#include "hal_host/options.hpp"
#include "hal_host/stderr_log.hpp"
#include "hal_host/supervisor.hpp"
#include "version.hpp"

namespace {

void printHelp() {
  std::printf(
      "cxnode %s: a Coxswain node on this machine\n\n"
      "usage: cxnode [FLAGS]           run a node until a signal or the manager ends it\n%s\n"
      "flags (defaults in brackets):\n%s"
      "  --version                      print the version and end\n"
      "  --help                         print this and end\n\n"
      "exit codes: 0 ended as asked, 64 bad flag, 65 not an image, 66 no image, 71 the system refused,\n"
      "73 the state folder can't be used, 75 the state folder is in use by another cxnode,\n"
      "77 the manager refused the claim code\n\n"
      "example: cxnode --manager coap://192.0.2.10 --id porch --profile sensor --state /var/lib/cxnode\n",
      CX_FIRMWARE_VERSION, cx::host::commandsHelp(), cx::host::optionsHelp());
}

}  // namespace

int main(int count, char** arguments) {
  using namespace cx::host;
  if (count > 1 && std::strcmp(arguments[1], "image") == 0) return imageCommand(count - 2, arguments + 2);
  if (count > 1 && std::strcmp(arguments[1], "state") == 0) return stateCommand(count - 2, arguments + 2);
  for (int i = 1; i < count; i++) {
    if (std::strcmp(arguments[i], "--help") == 0 || std::strcmp(arguments[i], "-h") == 0) {
      printHelp();
      return 0;
    }
    if (std::strcmp(arguments[i], "--version") == 0) {
      std::printf("cxnode %s\n", CX_FIRMWARE_VERSION);
      return 0;
    }
  }
  Options options;
  options.state = "cxnode-state";
  char fault[optionFaultMax];
  if (!parseOptions(count - 1, arguments + 1, Unknown::refuse, options, fault)) {
    std::fprintf(stderr, "cxnode: %s\n", fault);
    return exitUsage;
  }
  StderrLog log("supervisor", options.logLevel);
  return Supervisor(options, count - 1, arguments + 1, log).run();
}
