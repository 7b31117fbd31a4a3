#include "log_ring.hpp"

#include <cstring>

namespace cx {

void LogRing::drop(size_t bytes) {
  begin_ = (begin_ + bytes) % memory_.size();
  size_ -= bytes;
}

void LogRing::append(std::string_view line) {
  const size_t needed = line.size() + 1;
  if (needed > memory_.size()) return;
  while (memory_.size() - size_ < needed) {  // a whole line at a time
    size_t length = 0;
    while (length < size_ && memory_[(begin_ + length) % memory_.size()] != '\n') ++length;
    drop(length < size_ ? length + 1 : size_);
  }
  for (const char c : line) memory_[(begin_ + size_++) % memory_.size()] = static_cast<uint8_t>(c == '\n' ? ' ' : c);
  memory_[(begin_ + size_++) % memory_.size()] = '\n';
  ++lines_;
}

size_t LogRing::read(size_t offset, MutableSpan out) const {
  if (offset >= size_) return 0;
  const size_t count = out.size() < size_ - offset ? out.size() : size_ - offset;
  for (size_t i = 0; i < count; ++i) out[i] = memory_[(begin_ + offset + i) % memory_.size()];
  return count;
}

void Log::write(hal::LogLevel level, std::string_view text) {
  if (level > sink_.level()) return;
  char buffer[logLineMax + 24];
  TextWriter line(buffer, sizeof buffer);
  const uint64_t now = clock_.monotonicMs();
  line.putUint(now / 1000).put('.').putPadded(now % 1000, 3).put(' ').put(hal::nameOf(level)).put(' ').put(text);
  ring_.append(line.view());
  sink_.write(level, text.data(), static_cast<uint32_t>(text.size()));
}

}  // namespace cx
