// Time. Monotonic time drives every timer; wall time is only for people and for expiries.
#pragma once
#include <cstdint>

namespace cx::hal {

class Clock {
 public:
  // Milliseconds since an arbitrary start; never goes back, never wraps within a run.
  virtual uint64_t monotonicMs() = 0;
  // Milliseconds since 1970-01-01T00:00Z; false while nobody has told the time since power on.
  virtual bool wallMs(int64_t& out) = 0;
  // What the manager says the time is. Never moves monotonicMs().
  virtual void setWallMs(int64_t nowMs) = 0;

 protected:
  ~Clock() = default;
};

}  // namespace cx::hal
