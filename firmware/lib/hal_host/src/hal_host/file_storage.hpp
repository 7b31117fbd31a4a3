// All values in one small file that is replaced as a whole: every put() is atomic and durable, also over several keys.
#pragma once
#include "hal/storage.hpp"
#include "hal_host/files.hpp"

namespace cx::host {

class FileStorage final : public hal::Storage {
 public:
  // `name` stays valid as long as the storage.
  explicit FileStorage(Files& files, const char* name = "settings") : files_(files), name_(name) {}
  // corrupt: the file was there but not whole; values are gone, and get() says so until the first put().
  hal::Code load();

  hal::Io get(const char* key, uint8_t* out, uint32_t capacity) override;
  hal::Code put(const char* key, const uint8_t* data, uint32_t size) override;
  hal::Code remove(const char* key) override;

 private:
  // The content is a row of entries: length of the key, its bytes, length of the value (2), its bytes.
  static constexpr uint32_t contentMax = hal::storageKeysMax * (1 + hal::storageKeyMax + 2 + 256);
  static constexpr uint32_t headSize = 8;    // magic, size of the content
  static constexpr uint32_t digestSize = 32;

  struct Entry {
    uint32_t offset = 0;  // in content_
    uint32_t length = 0;
    const uint8_t* value = nullptr;
    uint32_t size = 0;
  };
  bool find(const char* key, Entry& entry, uint32_t& keys) const;
  hal::Code save(const uint8_t* content, uint32_t size);

  Files& files_;
  const char* name_;
  bool isCorrupt_ = false;
  uint32_t size_ = 0;
  uint8_t content_[contentMax];
};

}  // namespace cx::host
