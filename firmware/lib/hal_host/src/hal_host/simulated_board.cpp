#include "hal_host/simulated_board.hpp"

#include <cstring>

namespace cx::host {

namespace {

using hal::Channel;
using hal::Code;

struct Course {
  Channel channel;
  int32_t middle;  // thousandths, as everything here
  int32_t swing;
  int32_t noise;
  uint32_t periodMs;
};

constexpr Course courses[] = {
    {{"temperature", "Cel", -40000, 85000}, 21500, 2500, 60, 600000},
    {{"humidity", "%RH", 0, 100000}, 45000, 8000, 200, 900000},
    {{"voltage", "V", 0, 6000}, 3300, 20, 4, 120000},
};
constexpr uint8_t courseCount = sizeof courses / sizeof courses[0];

// A triangle between -swing and +swing: near enough to a day's course, and without floating point.
int32_t waveAt(const Course& course, uint64_t ms) {
  const int64_t at = static_cast<int64_t>(ms % course.periodMs);
  const int64_t half = course.periodMs / 2;
  const int64_t rising = at < half ? at : course.periodMs - at;  // 0..half
  return static_cast<int32_t>(rising * 2 * course.swing / half) - course.swing;
}

}  // namespace

SimulatedSensors::SimulatedSensors(hal::Clock& clock, hal::Entropy& entropy) : clock_(clock), entropy_(entropy) {
  entropy_.fill(reinterpret_cast<uint8_t*>(&phase_), sizeof phase_);
}

uint8_t SimulatedSensors::count() { return courseCount; }

Channel SimulatedSensors::channel(uint8_t index) { return courses[index < courseCount ? index : 0].channel; }

Code SimulatedSensors::read(uint8_t index, int32_t& milli) {
  if (index >= courseCount) return Code::notFound;
  const Course& course = courses[index];
  uint16_t random = 0;
  entropy_.fill(reinterpret_cast<uint8_t*>(&random), sizeof random);
  milli = course.middle + waveAt(course, clock_.monotonicMs() + phase_) + random % (2 * course.noise + 1) - course.noise;
  return Code::ok;
}

Channel SimulatedActuators::channel(uint8_t) { return {"relay", "/", 0, 1000}; }

Code SimulatedActuators::set(uint8_t index, int32_t milli) {
  if (index >= count()) return Code::notFound;
  if (milli < 0 || milli > 1000) return Code::invalid;
  relay_ = milli;
  log_.print(hal::LogLevel::info, "relay %s", milli >= 500 ? "on" : "off");
  return Code::ok;
}

Code SimulatedActuators::get(uint8_t index, int32_t& milli) {
  if (index >= count()) return Code::notFound;
  milli = relay_;
  return Code::ok;
}

void SimulatedActuators::identify() { log_.print(hal::LogLevel::warn, "here I am"); }

// A glass is no record: nothing is synced, and a disk without room only leaves the last picture.
void LogDisplay::show(const uint8_t*, uint32_t) {
  char words[linesMax * (columnsMax + 1)];
  uint32_t size = 0;
  uint32_t used = 0;
  for (const char* line : lines_) {
    const size_t length = std::strlen(line);
    std::memcpy(words + size, line, length);
    size += static_cast<uint32_t>(length);
    words[size++] = '\n';
    if (length > 0) used = size;
  }
  if (files_.resize("display.new", 0) != Code::ok) return;
  if (files_.write("display.new", 0, reinterpret_cast<const uint8_t*>(words), used) != Code::ok) return;
  (void)files_.rename("display.new", "display");
}

void LogDisplay::text(uint8_t line, const char* words) {
  if (line >= linesMax || std::strncmp(lines_[line], words, columnsMax) == 0) return;
  std::strncpy(lines_[line], words, columnsMax);
  if (*words != '\0') log_.print(hal::LogLevel::debug, "display %u: %s", line, lines_[line]);
}

}  // namespace cx::host
