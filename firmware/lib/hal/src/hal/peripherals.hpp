// Sensors that are read and actuators that are set. Values are thousandths of their unit: no floats in core.
#pragma once
#include <cstdint>

#include "hal/code.hpp"

namespace cx::hal {

struct Channel {
  const char* name;    // "temperature": [a-z0-9-], unique on the node
  const char* unit;    // SenML unit, "Cel", "%RH", "/"
  int32_t minMilli;    // range, in thousandths of the unit
  int32_t maxMilli;
};

class Sensors {
 public:
  virtual uint8_t count() = 0;
  virtual Channel channel(uint8_t index) = 0;  // index < count()
  // again: a measurement is under way. io, timedOut: it didn't answer.
  virtual Code read(uint8_t index, int32_t& milli) = 0;

 protected:
  ~Sensors() = default;
};

class Actuators {
 public:
  virtual uint8_t count() = 0;
  virtual Channel channel(uint8_t index) = 0;
  virtual Code set(uint8_t index, int32_t milli) = 0;  // invalid: out of range, nothing moved
  virtual Code get(uint8_t index, int32_t& milli) = 0;
  // Makes the node visible to a person for a few seconds (LED, display, log).
  virtual void identify() = 0;

 protected:
  ~Actuators() = default;
};

}  // namespace cx::hal
