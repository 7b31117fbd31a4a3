// The last log lines in a fixed buffer, for /logs, and the way every line of core takes to the port's sink.
#pragma once

#include <cstdint>
#include <string_view>

#include "coap_memory.hpp"
#include "hal/clock.hpp"
#include "hal/log_sink.hpp"
#include "span.hpp"
#include "text.hpp"

namespace cx {

constexpr size_t logLineMax = 160;  // longer lines are cut off

// Full means: the oldest lines go. A reader that works by offset sees a whole number of lines at any moment.
class LogRing {
 public:
  explicit LogRing(MutableSpan memory) : memory_(memory) {}

  void append(std::string_view line);
  size_t size() const { return size_; }
  // Bytes [offset, offset + out.size()) of what is there now, oldest first; returns how many.
  size_t read(size_t offset, MutableSpan out) const;
  uint32_t lines() const { return lines_; }  // ever

 private:
  void drop(size_t bytes);

  MutableSpan memory_;
  size_t begin_ = 0;
  size_t size_ = 0;
  uint32_t lines_ = 0;
};

// One line under construction: `Log::Line(log, level).put("...")` writes itself at the end of the statement.
class Log {
 public:
  Log(hal::LogSink& sink, hal::Clock& clock, LogRing& ring) : sink_(sink), clock_(clock), ring_(ring) {}

  class Line {
   public:
    Line(Log& log, hal::LogLevel level) : log_(log), level_(level), text_(buffer_, sizeof buffer_) {}
    ~Line() { log_.write(level_, text_.view()); }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;
    Line& put(std::string_view text) {
      text_.put(text);
      return *this;
    }
    Line& put(uint64_t value) {
      text_.putUint(value);
      return *this;
    }

   private:
    Log& log_;
    hal::LogLevel level_;
    char buffer_[logLineMax];
    TextWriter text_;
  };

  Line error() { return Line(*this, hal::LogLevel::error); }
  Line warn() { return Line(*this, hal::LogLevel::warn); }
  Line info() { return Line(*this, hal::LogLevel::info); }
  Line debug() { return Line(*this, hal::LogLevel::debug); }

 private:
  friend class Line;
  void write(hal::LogLevel level, std::string_view text);

  hal::LogSink& sink_;
  hal::Clock& clock_;
  LogRing& ring_;
};

}  // namespace cx
