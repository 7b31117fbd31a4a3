// What only a node on a whole operating system has: its services, its load, its log file.
#pragma once
#include <cstdint>

#include "hal/code.hpp"

namespace cx::hal {

struct Service {
  char name[48] = {};   // without ".service"
  char state[16] = {};  // "active", "failed", "inactive", "activating"...
};

struct HostStats {
  uint32_t cpuMilliPercent = 0;     // of all cores since the last call, 100000 = all busy
  uint32_t memoryMilliPercent = 0;  // used, without caches
  uint32_t diskMilliPercent = 0;    // of the file system with the state
  uint32_t loadMilli = 0;           // 1-minute load average
  bool hasTemperature = false;
  int32_t temperatureMilli = 0;  // degrees Celsius
  uint64_t uptimeSeconds = 0;    // of the machine
};

class HostServices {
 public:
  // Asks for a fresh list; the answer comes with services(). unsupported: this machine has no service manager.
  virtual Code refreshServices() = 0;
  // The last list. Returns how many were written; `fresh` is false while a refresh is under way.
  virtual uint8_t services(Service* out, uint8_t capacity, bool& fresh) = 0;
  virtual Code stats(HostStats& out) = 0;
  // The last bytes of the log file, starting with a whole line. notFound: none is configured.
  virtual Io logTail(uint8_t* out, uint32_t capacity) = 0;

 protected:
  ~HostServices() = default;
};

}  // namespace cx::hal
