// Boot loader and image slots over Flash: the rules of HAL.md, with a sector as the durable block.
//
//   sectors 0..7     two storage areas (settings, records, the boot record)
//   then per slot    one sector of journal, the rest is the image
#pragma once
#include "hal/image_slots.hpp"
#include "hal/system.hpp"
#include "hal_sim/sim_flash.hpp"
#include "hal_sim/sim_storage.hpp"

namespace cx::sim {

constexpr uint32_t storageSectorsPerArea = 4;
constexpr uint32_t firstSlotSector = 2 * storageSectorsPerArea;
constexpr uint32_t trialLimitMs = 300000;
constexpr uint32_t imageTextMax = 31;

// What a simulated image says of itself in its first bytes: "CXSIM 1.1.0 sensor-fault\n", the rest is free.
enum class Behaviour : uint8_t { ok, sensorFault, crash, deaf };
struct ImageText {
  char version[imageTextMax + 1] = {};
  Behaviour behaviour = Behaviour::ok;
};

enum class BootOutcome : uint8_t { image, blank, noPower };

class Slots final : public hal::ImageSlots {
 public:
  Slots(Flash& flash, Storage& storage) : flash_(flash), storage_(storage) {}

  // Plays the boot loader. blank: no image was ever installed.
  BootOutcome bootLoader(hal::ResetReason& reason);
  // A factory image into slot A of a blank flash.
  hal::Code install(const uint8_t* image, uint32_t size);
  const ImageText& image() const { return image_; }
  // The boot loader's own limit of a trial is over.
  hal::Code expireTrial() { return leaveTrial(hal::RollbackReason::notConfirmedInTime); }

  hal::BootInfo boot() override { return info_; }
  uint32_t slotSize() override { return (sectorsPerSlot() - 1) * sectorSize; }
  hal::Code begin(const hal::ImageIdentity& identity) override;
  uint32_t durable() override;
  hal::Code restart() override;
  hal::Code write(uint32_t offset, const uint8_t* data, uint32_t size) override;
  // Makes a last, short block durable; a short block in the middle stays in RAM until it is full.
  hal::Code flush() override;
  hal::Io read(uint32_t offset, uint8_t* out, uint32_t capacity) override;
  hal::Io readRunning(uint32_t offset, uint8_t* out, uint32_t capacity) override;
  bool previous(hal::ImageIdentity& out) override;
  hal::Code tryPrevious() override;
  hal::Code makeTrial() override;
  hal::Code confirm() override;
  hal::Code rollBack(hal::RollbackReason reason) override;
  hal::Code forgetRollback() override;
  hal::Code markHealthy() override;
  hal::Code abandon() override;

 private:
  struct Record {
    uint8_t current = 0;
    uint8_t previous = 255;
    uint8_t pending = 255;   // the next boot takes it, on trial
    uint8_t isTrial = 0;
    uint8_t bootCount = 0;
    uint8_t rolledBack = 0;
    uint8_t reason = 0;
    uint8_t isImage[2] = {};
    uint32_t bootsTotal = 0;
    uint32_t size[2] = {};
    uint8_t digest[2][hal::digestSize] = {};
    uint8_t rolledBackDigest[hal::digestSize] = {};
    uint32_t downloadSize[2] = {};  // whose journal the slot's is; 0: nobody's
    uint8_t downloadDigest[2][hal::digestSize] = {};
  };
  uint32_t sectorsPerSlot() const { return (flash_.size() / sectorSize - firstSlotSector) / 2; }
  uint32_t journalSector(uint8_t slot) const { return firstSlotSector + slot * sectorsPerSlot(); }
  uint32_t imageSector(uint8_t slot) const { return journalSector(slot) + 1; }
  uint8_t idle() const { return info_.running == hal::Slot::b ? 0 : 1; }
  hal::Code store();
  bool digestHolds(uint8_t slot) const;
  void leaveSlot(hal::RollbackReason reason);
  hal::Code leaveTrial(hal::RollbackReason reason);
  hal::Code program(uint32_t sector, uint32_t size);
  hal::Code openJournal();
  void readImageText(uint8_t slot);

  Flash& flash_;
  Storage& storage_;
  Record record_;
  hal::BootInfo info_;
  ImageText image_;
  bool isBegun_ = false;
  hal::ImageIdentity identity_;
  uint32_t durable_ = 0;
  uint32_t end_ = 0;  // of what was taken by write()
  uint8_t buffer_[sectorSize] = {};
};

}  // namespace cx::sim
