// The whole of the machine: why it started, how to end it, what memory is left.
#pragma once
#include <cstdint>

namespace cx::hal {

enum class ResetReason : uint8_t { unknown, powerOn, restart, crash, watchdog, update, rollback, wake };
const char* nameOf(ResetReason reason);  // "power-on", "restart", ...

struct MemoryFigures {
  uint32_t freeHeap = 0;        // bytes; 0: not known, or more than 32 bits can say
  uint32_t minFreeHeap = 0;     // smallest since boot; 0: not known
  uint32_t stackHighWater = 0;  // bytes of stack never touched; 0: not known
};

struct Identity {
  const char* version;   // of the running image, from its descriptor, e.g. "1.1.0"
  const char* model;     // the model the image was built for
  const char* hardware;  // a number of this very piece of hardware, lower-case hex, never empty
};

class System {
 public:
  virtual Identity identity() = 0;
  virtual ResetReason resetReason() = 0;
  virtual MemoryFigures memory() = 0;
  // Both ask for the end and return; core returns from its step, and the port doesn't call it again. What was put
  // into storage is kept. terminate: power off, or deep sleep for `wakeAfterMs` where it isn't 0.
  virtual void restart() = 0;
  virtual void terminate(uint32_t wakeAfterMs) = 0;

 protected:
  ~System() = default;
};

}  // namespace cx::hal
