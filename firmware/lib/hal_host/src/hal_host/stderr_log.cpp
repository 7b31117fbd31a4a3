#include "hal_host/stderr_log.hpp"

#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace cx::host {

namespace {

constexpr int lineMax = 512;  // bytes, what is longer is cut

}  // namespace

void StderrLog::write(hal::LogLevel level, const char* line, uint32_t size) {
  if (level > level_) return;
  struct timespec now;
  struct tm parts;
  ::clock_gettime(CLOCK_REALTIME, &now);
  ::gmtime_r(&now.tv_sec, &parts);
  char text[lineMax];
  int length = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %-5s %s: ", parts.tm_year + 1900,
                             parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                             now.tv_nsec / 1000000, hal::nameOf(level), source_);
  for (uint32_t i = 0; i < size && length < lineMax - 1; i++) {
    const unsigned char c = static_cast<unsigned char>(line[i]);
    text[length++] = c < 0x20 || c == 0x7F ? ' ' : static_cast<char>(c);  // no line can pretend to be two
  }
  text[length++] = '\n';
  // A closed or full stderr must never stop a node.
  if (::write(STDERR_FILENO, text, static_cast<size_t>(length)) < 0) return;
}

void StderrLog::print(hal::LogLevel level, const char* format, ...) {
  if (level > level_) return;
  char text[lineMax];
  va_list arguments;
  va_start(arguments, format);
  int length = std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  if (length >= lineMax) length = lineMax - 1;
  write(level, text, static_cast<uint32_t>(length));
}

}  // namespace cx::host
