// What a node says to its supervisor: that it lives, and for how long it wants to sleep. One way, a few bytes each.
#pragma once
#include <cstdint>

#include "hal/watchdog.hpp"

namespace cx::host {

// Messages on the pipe. Each is written at once and shorter than PIPE_BUF, so it arrives whole.
constexpr uint8_t pipeAlive = 'f';
constexpr uint8_t pipeWake = 'w';  // followed by four bytes: milliseconds to sleep before the next boot, little-endian

// Exit codes by which a node asks for its end; everything else is a crash.
constexpr int exitRestart = 70;
constexpr int exitTerminate = 71;
constexpr int exitNotEnrolled = 77;  // the manager refused the claim code: starting again doesn't help (EX_NOPERM)

class PipeWatchdog final : public hal::Watchdog {
 public:
  // `pipe` is -1 where no supervisor watches.
  explicit PipeWatchdog(int pipe) : pipe_(pipe) {}
  void start() override { feed(); }
  void feed() override;
  void sleepUntilWake(uint32_t afterMs);

 private:
  int pipe_;
  uint64_t fedMs_ = 0;  // a loop that goes round quickly must not fill the pipe
};

}  // namespace cx::host
