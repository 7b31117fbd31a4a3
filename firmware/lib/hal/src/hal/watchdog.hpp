// Ends a program that no longer goes round its loop.
#pragma once

namespace cx::hal {

class Watchdog {
 public:
  // From now on feed() must come at least every 30 s (the port's limit), else the node is reset and the boot loader
  // knows that it was the watchdog.
  virtual void start() = 0;
  virtual void feed() = 0;

 protected:
  ~Watchdog() = default;
};

}  // namespace cx::hal
