#pragma once
#include "hal/clock.hpp"
#include "hal/entropy.hpp"

namespace cx::host {

// Monotonic time goes on while the machine sleeps (CLOCK_BOOTTIME): a lifetime at the manager does too.
class HostClock final : public hal::Clock {
 public:
  uint64_t monotonicMs() override;
  bool wallMs(int64_t& out) override;
  // Moves this node's idea of the time, never the machine's.
  void setWallMs(int64_t nowMs) override;

 private:
  int64_t offsetMs_ = 0;
};

class HostEntropy final : public hal::Entropy {
 public:
  // Ends the program where the kernel has no randomness: a guessable key is worse than no node.
  void fill(uint8_t* out, size_t size) override;
};

}  // namespace cx::host
