// Memory that outlives a soft reset and not a loss of power: a page that the supervisor holds and every image maps. With
// the supervisor it is gone, as the RTC memory of a chip is with its supply.
#pragma once

#include "hal/retained_memory.hpp"

namespace cx::pack {

class RetainedPage final : public hal::RetainedMemory {
 public:
  RetainedPage() = default;
  RetainedPage(const RetainedPage&) = delete;
  RetainedPage& operator=(const RetainedPage&) = delete;
  ~RetainedPage();

  // Of the supervisor's descriptor. False: there is none, and nothing is retained.
  bool map(int descriptor);
  void load(uint8_t (&out)[hal::retainedSize]) override;
  void store(const uint8_t (&bytes)[hal::retainedSize]) override;

 private:
  uint8_t* page_ = nullptr;
};

}  // namespace cx::pack
