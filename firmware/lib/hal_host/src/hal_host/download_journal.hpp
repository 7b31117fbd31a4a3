// How much of which image is durable in the idle slot. Two records in one file that take turns, each with a checksum: a
// torn write loses the newest step, not the journal.
#pragma once
#include <cstdint>

#include "hal/image_slots.hpp"
#include "hal_host/files.hpp"

namespace cx::host {

struct DownloadProgress {
  hal::Slot slot = hal::Slot::none;
  hal::ImageIdentity image;
  uint32_t durable = 0;  // bytes from the start of the slot
};

class DownloadJournal {
 public:
  explicit DownloadJournal(Files& files) : files_(files) {}
  // notFound: nothing is under way (or what was written down can't be read any more, which comes to the same).
  Code load(DownloadProgress& progress);
  Code save(const DownloadProgress& progress);
  Code clear();

 private:
  Files& files_;
  uint32_t sequence_ = 0;
};

}  // namespace cx::host
