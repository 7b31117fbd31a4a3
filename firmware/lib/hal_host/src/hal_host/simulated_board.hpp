// What a sensor board has and a laptop hasn't: sensors with a plausible course, a relay, a display for the log's reader.
#pragma once
#include "hal/clock.hpp"
#include "hal/display.hpp"
#include "hal/entropy.hpp"
#include "hal/peripherals.hpp"
#include "hal_host/files.hpp"
#include "hal_host/stderr_log.hpp"

namespace cx::host {

// A slow wave with a little noise, each board at its own place in it. Simulated, and says so in the node's hardware list.
class SimulatedSensors final : public hal::Sensors {
 public:
  SimulatedSensors(hal::Clock& clock, hal::Entropy& entropy);
  uint8_t count() override;
  hal::Channel channel(uint8_t index) override;
  hal::Code read(uint8_t index, int32_t& milli) override;

 private:
  hal::Clock& clock_;
  hal::Entropy& entropy_;
  uint32_t phase_ = 0;
};

// A machine without a board.
class NoSensors final : public hal::Sensors {
 public:
  uint8_t count() override { return 0; }
  hal::Channel channel(uint8_t) override { return {"", "", 0, 0}; }
  hal::Code read(uint8_t, int32_t&) override { return hal::Code::notFound; }
};

class SimulatedActuators final : public hal::Actuators {
 public:
  SimulatedActuators(StderrLog& log, bool hasRelay) : log_(log), hasRelay_(hasRelay) {}
  uint8_t count() override { return hasRelay_ ? 1 : 0; }
  hal::Channel channel(uint8_t index) override;
  hal::Code set(uint8_t index, int32_t milli) override;
  hal::Code get(uint8_t index, int32_t& milli) override;
  void identify() override;

 private:
  StderrLog& log_;
  bool hasRelay_;
  int32_t relay_ = 0;
};

// 128 x 64 pixels that nobody sees; the words go to the log when they change, and the whole glass to the file `display`
// of the state folder: one line of text each, replaced in one step, so that a reader never sees half a picture.
class LogDisplay final : public hal::Display {
 public:
  LogDisplay(StderrLog& log, Files& files) : log_(log), files_(files) {}
  bool initialise() override { return true; }
  uint16_t width() override { return 128; }
  uint16_t height() override { return 64; }
  void show(const uint8_t* frame, uint32_t size) override;
  void text(uint8_t line, const char* words) override;

 private:
  static constexpr uint8_t linesMax = 8;
  static constexpr uint32_t columnsMax = 31;
  StderrLog& log_;
  Files& files_;
  char lines_[linesMax][columnsMax + 1] = {};
};

}  // namespace cx::host
