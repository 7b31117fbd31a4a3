#include "hal_host/watchdog_pipe.hpp"

#include <ctime>
#include <unistd.h>

namespace cx::host {

namespace {

constexpr uint64_t feedIntervalMs = 200;

uint64_t nowMs() {
  struct timespec now;
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

}  // namespace

void PipeWatchdog::feed() {
  const uint64_t now = nowMs();
  if (pipe_ < 0 || (fedMs_ != 0 && now - fedMs_ < feedIntervalMs)) return;
  fedMs_ = now;
  // A full pipe means that the supervisor is behind, not that the node is dead; a broken one ends the node anyway.
  if (::write(pipe_, &pipeAlive, 1) < 0) return;
}

void PipeWatchdog::sleepUntilWake(uint32_t afterMs) {
  uint8_t message[5] = {pipeWake};
  for (unsigned i = 0; i < 4; i++) message[1 + i] = static_cast<uint8_t>(afterMs >> (8 * i));
  if (pipe_ < 0 || ::write(pipe_, message, sizeof message) < 0) return;
}

}  // namespace cx::host
