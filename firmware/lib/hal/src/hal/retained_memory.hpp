// A few bytes that outlive a reset but not power off (the RTC memory of an ESP). What they hold after power on is
// anything at all: whoever reads them checks them.
#pragma once
#include <cstdint>

namespace cx::hal {

constexpr uint32_t retainedSize = 32;  // bytes

class RetainedMemory {
 public:
  virtual void load(uint8_t (&out)[retainedSize]) = 0;
  // When it returns, a reset finds these bytes. Cheap: it is called for each protected message.
  virtual void store(const uint8_t (&bytes)[retainedSize]) = 0;

 protected:
  ~RetainedMemory() = default;
};

}  // namespace cx::hal
