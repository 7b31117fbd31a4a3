// Feeds once and then hangs, so that the watchdog bites; doesn't even heed SIGTERM.
#include "quiet.hpp"

#include "version.hpp"

CX_IMAGE(CX_FIRMWARE_VERSION, "cxnode")

int main(int count, char** arguments) {
  const cx::host::Options options = quiet::optionsOf(count, arguments);
  std::signal(SIGTERM, SIG_IGN);
  quiet::announce("hang", options);
  cx::host::PipeWatchdog(options.watchdogPipe).feed();
  for (;;) ::pause();
}
