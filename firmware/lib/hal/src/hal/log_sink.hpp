// Where log lines go: the serial port at 115200 8N1 on a board, stderr on the host.
#pragma once
#include <cstdint>

namespace cx::hal {

enum class LogLevel : uint8_t { error, warn, info, debug };
const char* nameOf(LogLevel level);

class LogSink {
 public:
  virtual LogLevel level() = 0;  // lines above it needn't be made
  virtual void setLevel(LogLevel level) = 0;
  // One line without its end, time and level, which the port adds as its readers want them. Never waits for long; may drop.
  virtual void write(LogLevel level, const char* line, uint32_t size) = 0;

 protected:
  ~LogSink() = default;
};

}  // namespace cx::hal
