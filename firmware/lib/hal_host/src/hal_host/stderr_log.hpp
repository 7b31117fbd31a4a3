// Lines for people and journals: "2026-01-02T03:04:05.678Z info  node: registered". One write() a line, so that lines of
// supervisor and node never mix.
#pragma once
#include <cstdarg>

#include "hal/log_sink.hpp"

namespace cx::host {

class StderrLog final : public hal::LogSink {
 public:
  StderrLog(const char* source, hal::LogLevel level) : source_(source), level_(level) {}

  hal::LogLevel level() override { return level_; }
  void setLevel(hal::LogLevel level) override { level_ = level; }
  void write(hal::LogLevel level, const char* line, uint32_t size) override;
  // The port's own lines.
  void print(hal::LogLevel level, const char* format, ...) __attribute__((format(printf, 3, 4)));

 private:
  const char* source_;
  hal::LogLevel level_;
};

}  // namespace cx::host
