// Randomness fit for tokens, message ids, jitter and keys.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cx::hal {

class Entropy {
 public:
  // Fills the whole buffer or doesn't return: a port without good entropy must fail at start, not here.
  virtual void fill(uint8_t* out, size_t size) = 0;

 protected:
  ~Entropy() = default;
};

}  // namespace cx::hal
