// A few small values that outlive power: configuration, the last finished rev, a cause of restart.
#pragma once
#include <cstdint>

#include "hal/code.hpp"

namespace cx::hal {

constexpr uint32_t storageKeyMax = 15;      // the limit of ESP-IDF's NVS
constexpr uint32_t storageValueMax = 1024;  // bytes a value
constexpr uint32_t storageKeysMax = 32;     // full: put() of a new key is noSpace

class Storage {
 public:
  // Whole value or invalid when it doesn't fit `capacity`. notFound: never put. corrupt: its check failed.
  virtual Io get(const char* key, uint8_t* out, uint32_t capacity) = 0;
  // After ok the value outlives power. Power lost within: the old value or the new one, never a mix and never none.
  virtual Code put(const char* key, const uint8_t* data, uint32_t size) = 0;
  // ok also where there was none.
  virtual Code remove(const char* key) = 0;

 protected:
  ~Storage() = default;
};

}  // namespace cx::hal
