#include "hal_host/boot_record.hpp"

#include <cstring>

#include "hal_host/record_bytes.hpp"

namespace cx::host {

namespace {

// Little-endian:
//   0 magic "CXBR"   4 layout 1   8 sequence   12 active, trial, running, safe   16 boots of the image, reset reason,
//   last failure, roll-back reason   20 boots in all   24 digest rolled back   56 slot a   96 slot b: used (4), size,
//   digest   136 zero (4)   140 SHA-256 of the 140 bytes before
constexpr uint32_t magic = 0x52425843;
constexpr uint32_t layout = 1;
constexpr uint32_t checkedSize = bootRecordSize - hal::digestSize;
const char* const copies[2] = {"boot-0", "boot-1"};

void checksum(const uint8_t* bytes, uint8_t* out) { checksumOf(bytes, checkedSize, out); }

bool slotFrom(uint8_t number, hal::Slot& slot) {
  slot = static_cast<hal::Slot>(number);
  return slot == hal::Slot::a || slot == hal::Slot::b || slot == hal::Slot::none;
}

}  // namespace

void leaveTrial(BootRecord& record, hal::RollbackReason reason) {
  record.rolledBackReason = reason;
  std::memcpy(record.rolledBackDigest, record.entryOf(record.trial).digest, hal::digestSize);
  record.trial = hal::Slot::none;
  record.lastFailure = hal::RollbackReason::none;
  record.bootCount = 0;
}

void encodeBootRecord(const BootRecord& record, uint8_t* out) {
  std::memset(out, 0, bootRecordSize);
  put32(out, magic);
  put32(out + 4, layout);
  put32(out + 8, record.sequence);
  out[12] = static_cast<uint8_t>(record.active);
  out[13] = static_cast<uint8_t>(record.trial);
  out[14] = static_cast<uint8_t>(record.running);
  out[15] = record.isSafe ? 1 : 0;
  out[16] = record.bootCount;
  out[17] = static_cast<uint8_t>(record.resetReason);
  out[18] = static_cast<uint8_t>(record.lastFailure);
  out[19] = static_cast<uint8_t>(record.rolledBackReason);
  put32(out + 20, record.bootsTotal);
  std::memcpy(out + 24, record.rolledBackDigest, hal::digestSize);
  for (unsigned i = 0; i < 2; i++) {
    uint8_t* at = out + 56 + 40 * i;
    put32(at, record.slots[i].isUsed ? 1 : 0);
    put32(at + 4, record.slots[i].size);
    std::memcpy(at + 8, record.slots[i].digest, hal::digestSize);
  }
  checksum(out, out + checkedSize);
}

bool decodeBootRecord(const uint8_t* bytes, uint32_t size, BootRecord& record) {
  uint8_t expected[hal::digestSize];
  if (size != bootRecordSize || get32(bytes) != magic || get32(bytes + 4) != layout) return false;
  checksum(bytes, expected);
  if (std::memcmp(expected, bytes + checkedSize, hal::digestSize) != 0) return false;

  BootRecord read;
  read.sequence = get32(bytes + 8);
  if (!slotFrom(bytes[12], read.active) || !slotFrom(bytes[13], read.trial) || !slotFrom(bytes[14], read.running)) return false;
  if (read.active == hal::Slot::none || read.trial == read.active) return false;
  read.isSafe = bytes[15] != 0;
  read.bootCount = bytes[16];
  read.resetReason = static_cast<hal::ResetReason>(bytes[17]);
  read.lastFailure = static_cast<hal::RollbackReason>(bytes[18]);
  read.rolledBackReason = static_cast<hal::RollbackReason>(bytes[19]);
  read.bootsTotal = get32(bytes + 20);
  std::memcpy(read.rolledBackDigest, bytes + 24, hal::digestSize);
  for (unsigned i = 0; i < 2; i++) {
    const uint8_t* at = bytes + 56 + 40 * i;
    read.slots[i].isUsed = get32(at) != 0;
    read.slots[i].size = get32(at + 4);
    std::memcpy(read.slots[i].digest, at + 8, hal::digestSize);
  }
  record = read;
  return true;
}

Code BootRecordStore::load(BootRecord& record) {
  bool isThere = false;
  bool isValid = false;
  for (const char* name : copies) {
    uint8_t bytes[bootRecordSize + 1];  // one more than a record has, to notice a longer file
    const Io io = files_.read(name, 0, bytes, sizeof bytes);
    if (io.code == Code::notFound) continue;
    isThere = true;
    BootRecord copy;
    if (io.code != Code::ok || !decodeBootRecord(bytes, io.size, copy)) continue;
    if (!isValid || copy.sequence > record.sequence) record = copy;
    isValid = true;
  }
  if (isValid) return Code::ok;
  return isThere ? Code::corrupt : Code::notFound;
}

Code BootRecordStore::save(BootRecord& record) {
  uint8_t bytes[bootRecordSize];
  record.sequence++;
  encodeBootRecord(record, bytes);
  // The copies take turns, so the one being replaced is never the only good one.
  const Code code = replaceFile(files_, copies[record.sequence & 1], bytes, sizeof bytes);
  if (code != Code::ok) record.sequence--;
  return code;
}

}  // namespace cx::host
