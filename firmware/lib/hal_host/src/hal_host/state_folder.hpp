// The folder that one node owns: its files, the lock that keeps a second supervisor out, the first image.
#pragma once
#include "hal_host/boot_loader.hpp"
#include "hal_host/folder_files.hpp"
#include "hal_host/image_file.hpp"

namespace cx::host {

enum class Lock : uint8_t { taken, held /* by another */, failed /* errno */ };

class StateFolder {
 public:
  StateFolder() = default;
  StateFolder(const StateFolder&) = delete;
  StateFolder& operator=(const StateFolder&) = delete;
  ~StateFolder();

  bool open(const char* path);  // false: errno says why
  // Waits up to a second: a supervisor that was killed takes its node with it, a moment later.
  Lock lock();
  // The lock lives as long as any descriptor of it: the node keeps it too, so that two never run on one folder.
  int lockDescriptor() const { return lock_; }
  // Copies an image into a slot, durably.
  Code copyIn(const char* path, const ImageFacts& facts, hal::Slot slot);
  FolderFiles& files() { return files_; }

 private:
  FolderFiles files_;
  int lock_ = -1;
};

// Checks slots by reading them, and keeps the last one open: what was checked is what runs.
class OpenSlot final : public SlotReader {
 public:
  explicit OpenSlot(const FolderFiles& files) : files_(files) {}
  ~OpenSlot();
  Code digestOf(hal::Slot slot, uint32_t size, uint8_t* digest) override;
  int descriptor() const { return file_; }

 private:
  const FolderFiles& files_;
  int file_ = -1;
};

}  // namespace cx::host
