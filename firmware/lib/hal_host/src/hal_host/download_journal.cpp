#include "hal_host/download_journal.hpp"

#include <cstring>

#include "hal_host/record_bytes.hpp"

namespace cx::host {

namespace {

// Little-endian: 0 magic "CXDJ"   4 sequence   8 slot   12 durable   16 size   20 digest   52 SHA-256 of the 52 before
constexpr uint32_t magic = 0x4A445843;
constexpr uint32_t checkedSize = 52;
constexpr uint32_t recordSize = checkedSize + hal::digestSize;
constexpr uint32_t spacing = 512;  // the records never share a sector
const char* const file = "download";

void checksum(const uint8_t* bytes, uint8_t* out) { checksumOf(bytes, checkedSize, out); }

bool decode(const uint8_t* bytes, uint32_t& sequence, DownloadProgress& progress) {
  uint8_t expected[hal::digestSize];
  checksum(bytes, expected);
  if (get32(bytes) != magic || std::memcmp(expected, bytes + checkedSize, hal::digestSize) != 0) return false;
  sequence = get32(bytes + 4);
  progress.slot = bytes[8] == 0 ? hal::Slot::a : hal::Slot::b;
  progress.durable = get32(bytes + 12);
  progress.image.size = get32(bytes + 16);
  std::memcpy(progress.image.digest, bytes + 20, hal::digestSize);
  return progress.durable <= progress.image.size;
}

}  // namespace

Code DownloadJournal::load(DownloadProgress& progress) {
  bool isFound = false;
  for (uint32_t i = 0; i < 2; i++) {
    uint8_t bytes[recordSize];
    const Io io = files_.read(file, i * spacing, bytes, sizeof bytes);
    if (io.code == Code::notFound) return Code::notFound;
    if (io.code != Code::ok || io.size != recordSize) continue;
    uint32_t sequence = 0;
    DownloadProgress read;
    if (!decode(bytes, sequence, read)) continue;
    if (isFound && sequence <= sequence_) continue;
    isFound = true;
    sequence_ = sequence;
    progress = read;
  }
  return isFound ? Code::ok : Code::notFound;
}

Code DownloadJournal::save(const DownloadProgress& progress) {
  uint8_t bytes[recordSize] = {};
  put32(bytes, magic);
  put32(bytes + 4, sequence_ + 1);
  bytes[8] = static_cast<uint8_t>(progress.slot);
  put32(bytes + 12, progress.durable);
  put32(bytes + 16, progress.image.size);
  std::memcpy(bytes + 20, progress.image.digest, hal::digestSize);
  checksum(bytes, bytes + checkedSize);
  Code code = files_.write(file, ((sequence_ + 1) & 1) * spacing, bytes, sizeof bytes);
  if (code == Code::ok) code = files_.sync(file);
  if (code == Code::ok) sequence_++;
  return code;
}

Code DownloadJournal::clear() {
  const Code code = files_.remove(file);
  return code == Code::ok ? files_.syncFolder() : code;
}

}  // namespace cx::host
