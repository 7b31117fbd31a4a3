// The two slots as files, the download journal and the node's side of the boot record.
#pragma once
#include "hal/image_slots.hpp"
#include "hal_host/boot_record.hpp"
#include "hal_host/download_journal.hpp"

namespace cx::host {

constexpr uint32_t defaultSlotSize = 8u << 20;  // bytes
constexpr uint32_t durableBlock = 16u << 10;    // bytes that a power loss may cost a download

const char* slotFile(hal::Slot slot);  // "slot-a", "slot-b"

class FileImageSlots final : public hal::ImageSlots {
 public:
  explicit FileImageSlots(Files& files, uint32_t slotSize = defaultSlotSize)
      : files_(files), records_(files), journal_(files), slotSize_(slotSize) {}
  // Reads the record that the boot loader wrote before it started this program. What runs, and whether in SAFE, is as
  // the boot loader says: where the medium was full the record is older than that.
  Code load(hal::Slot running, bool isSafe);
  const BootRecord& record() const { return record_; }

  hal::BootInfo boot() override;
  uint32_t slotSize() override { return slotSize_; }
  Code begin(const hal::ImageIdentity& identity) override;
  uint32_t durable() override { return progress_.durable; }
  Code restart() override;
  Code write(uint32_t offset, const uint8_t* data, uint32_t size) override;
  Code flush() override;
  Io read(uint32_t offset, uint8_t* out, uint32_t capacity) override;
  Io readRunning(uint32_t offset, uint8_t* out, uint32_t capacity) override;
  bool previous(hal::ImageIdentity& out) override;
  Code tryPrevious() override;
  Code makeTrial() override;
  Code confirm() override;
  Code rollBack(hal::RollbackReason reason) override;
  Code forgetRollback() override;
  Code markHealthy() override;
  Code abandon() override;

 private:
  hal::Slot idle() const { return hal::otherOf(record_.running); }
  // Changes a copy of the record and keeps it only when it is durable.
  Code commit(const BootRecord& changed);

  Files& files_;
  BootRecordStore records_;
  DownloadJournal journal_;
  uint32_t slotSize_;
  BootRecord record_;
  DownloadProgress progress_;  // slot none: begin() wasn't called
  uint32_t written_ = 0;       // where the next write goes
};

}  // namespace cx::host
