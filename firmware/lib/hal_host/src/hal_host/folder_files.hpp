// Files of one real folder. Every name is looked up below the folder's descriptor, so a renamed folder changes nothing.
#pragma once
#include "hal_host/files.hpp"

namespace cx::host {

class FolderFiles final : public Files {
 public:
  FolderFiles() = default;
  FolderFiles(const FolderFiles&) = delete;
  FolderFiles& operator=(const FolderFiles&) = delete;
  ~FolderFiles();

  // Makes the folder (not its parents) where there is none. False: errno says why.
  bool open(const char* path);
  bool openExisting(const char* path);
  int descriptor() const { return folder_; }

  Io read(const char* name, uint32_t offset, uint8_t* out, uint32_t capacity) override;
  Code write(const char* name, uint32_t offset, const uint8_t* data, uint32_t size) override;
  Code resize(const char* name, uint32_t size) override;
  Code size(const char* name, uint32_t& out) override;
  Code sync(const char* name) override;
  Code rename(const char* from, const char* to) override;
  Code remove(const char* name) override;
  Code syncFolder() override;

 private:
  int openForWriting(const char* name) const;
  int folder_ = -1;
};

// errno as the hardware layer's words.
Code codeOf(int error);

}  // namespace cx::host
