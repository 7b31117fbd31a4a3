// The few file operations that slots, boot record and storage stand on. One folder, names without a slash. An interface,
// so that a test can stop the world at the n-th operation and lose whatever wasn't synced.
#pragma once
#include <cstdint>

#include "hal/code.hpp"

namespace cx::host {

using hal::Code;
using hal::Io;

class Files {
 public:
  // notFound: no such file. A read at or after the end gives size 0.
  virtual Io read(const char* name, uint32_t offset, uint8_t* out, uint32_t capacity) = 0;
  // Creates the file where there is none. All of it or an error; after an error any part may be written.
  virtual Code write(const char* name, uint32_t offset, const uint8_t* data, uint32_t size) = 0;
  // Cuts or extends (with zeros) to exactly `size`; creates the file where there is none.
  virtual Code resize(const char* name, uint32_t size) = 0;
  virtual Code size(const char* name, uint32_t& out) = 0;
  // What was written to the file outlives power after this.
  virtual Code sync(const char* name) = 0;
  // Replaces `to` in one step. Durable only after syncFolder().
  virtual Code rename(const char* from, const char* to) = 0;
  // ok also where there was none. Durable only after syncFolder().
  virtual Code remove(const char* name) = 0;
  virtual Code syncFolder() = 0;

 protected:
  ~Files() = default;
};

// Whole content in one durable step: beside it, sync, rename, sync of the folder. Power lost within: old or new.
Code replaceFile(Files& files, const char* name, const uint8_t* data, uint32_t size);

constexpr uint32_t fileNameMax = 31;

}  // namespace cx::host
