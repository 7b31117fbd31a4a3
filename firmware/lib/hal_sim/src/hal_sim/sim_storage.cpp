#include "hal_sim/sim_storage.hpp"

#include <cstring>

namespace cx::sim {

using hal::Code;

namespace {

// Record: head word | key and value, padded | crc word. Head: 0xC0 | key size 4 bits, removed 1 bit | value size 16 bits.
// Area: magic word | generation word | crc of both; written last to first, so that a whole head means a whole erase.
constexpr uint32_t areaMagic = 0x31584353;
constexpr uint32_t areaHead = 12;
constexpr uint32_t recordMax = 4 + 16 + hal::storageValueMax + 4;

uint32_t crcOf(const uint8_t* bytes, uint32_t size, uint32_t crc = 0xFFFFFFFF) {
  for (uint32_t i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return crc == 0xFFFFFFFF ? 0 : crc;  // never the erased pattern
}

uint32_t padded(uint32_t size) { return (size + writeUnit - 1) / writeUnit * writeUnit; }

}  // namespace

Code Storage::begin(uint32_t area, uint32_t generation) {
  for (uint32_t i = 0; i < sectors_; ++i) {
    const Code code = flash_.erase(first_ + area * sectors_ + i);
    if (code != Code::ok) return code;
  }
  uint32_t head[3] = {areaMagic, generation, 0};
  head[2] = crcOf(reinterpret_cast<const uint8_t*>(head), 8);
  area_ = area;
  generation_ = generation;
  end_ = areaOffset(area) + areaHead;
  return flash_.write(areaOffset(area), reinterpret_cast<const uint8_t*>(head), sizeof head);
}

Code Storage::mount() {
  bool isFound = false;
  for (uint32_t area = 0; area < 2; ++area) {
    uint32_t head[3];
    if (flash_.read(areaOffset(area), reinterpret_cast<uint8_t*>(head), sizeof head) != Code::ok) return Code::io;
    if (head[0] != areaMagic || head[2] != crcOf(reinterpret_cast<const uint8_t*>(head), 8)) continue;
    if (isFound && head[1] < generation_) continue;
    isFound = true;
    area_ = area;
    generation_ = head[1];
  }
  if (!isFound) return begin(0, 1);
  const uint32_t limit = areaOffset(area_) + areaSize();
  end_ = areaOffset(area_) + areaHead;
  Record record;
  bool isWhole = false;
  uint32_t next = 0;
  while (at(end_, limit, record, isWhole, next)) end_ = next;
  // Power may have left the end of a record and not its head: nothing can be written over that.
  for (uint32_t offset = end_; offset < limit; offset += writeUnit) {
    uint32_t word = 0;
    if (flash_.read(offset, reinterpret_cast<uint8_t*>(&word), writeUnit) != Code::ok) return Code::io;
    if (word != 0xFFFFFFFF) end_ = limit;
  }
  return Code::ok;
}

bool Storage::at(uint32_t offset, uint32_t end, Record& record, bool& isWhole, uint32_t& next) const {
  uint8_t bytes[recordMax];
  uint32_t head = 0;
  if (offset + 8 > end || flash_.read(offset, reinterpret_cast<uint8_t*>(&head), 4) != Code::ok) return false;
  if (head == 0xFFFFFFFF) return false;
  record.keySize = static_cast<uint8_t>(head >> 16U & 0x0F);
  record.isRemoved = (head >> 20U & 1U) != 0;
  record.size = head & 0xFFFFU;
  record.offset = offset;
  isWhole = head >> 24U == 0xC0 && record.size <= hal::storageValueMax;
  const uint32_t body = isWhole ? padded(record.keySize + record.size) : 0;
  if (!isWhole || offset + 4 + body + 4 > end) {  // a head that power cut off: nothing behind it was written
    isWhole = false;
    next = end;
    return true;
  }
  if (flash_.read(offset, bytes, 4 + body + 4) != Code::ok) return false;
  uint32_t crc = 0;
  std::memcpy(&crc, bytes + 4 + body, 4);
  isWhole = crc == crcOf(bytes, 4 + body);
  std::memcpy(record.key, bytes + 4, record.keySize);
  record.key[record.keySize] = '\0';
  next = offset + 4 + body + 4;
  return true;
}

bool Storage::find(const char* key, Record& found) const {
  bool isFound = false;
  uint32_t offset = areaOffset(area_) + areaHead;
  Record record;
  bool isWhole = false;
  uint32_t next = 0;
  while (offset < end_ && at(offset, end_, record, isWhole, next)) {
    if (isWhole && std::strcmp(record.key, key) == 0) {
      found = record;
      isFound = !record.isRemoved;
    }
    offset = next;
  }
  return isFound;
}

hal::Io Storage::get(const char* key, uint8_t* out, uint32_t capacity) {
  if (!flash_.hasPower()) return {Code::io, 0};
  Record record;
  if (!find(key, record)) return {Code::notFound, 0};
  if (record.size > capacity) return {Code::invalid, 0};
  uint8_t body[16 + hal::storageValueMax];
  const Code code = flash_.read(record.offset + 4, body, padded(record.keySize + record.size));
  if (code != Code::ok) return {code, 0};
  std::memcpy(out, body + record.keySize, record.size);
  return {Code::ok, record.size};
}

Code Storage::append(const char* key, const uint8_t* data, uint32_t size, bool isRemoved) {
  const uint32_t keySize = static_cast<uint32_t>(std::strlen(key));
  if (keySize == 0 || keySize > hal::storageKeyMax || size > hal::storageValueMax) return Code::invalid;
  uint8_t bytes[recordMax] = {};
  const uint32_t body = padded(keySize + size);
  const uint32_t whole = 4 + body + 4;
  if (end_ + whole > areaOffset(area_) + areaSize()) return Code::noSpace;
  const uint32_t head = 0xC0000000U | (isRemoved ? 1U << 20U : 0U) | keySize << 16U | size;
  std::memcpy(bytes, &head, 4);
  std::memcpy(bytes + 4, key, keySize);
  if (size > 0) std::memcpy(bytes + 4 + keySize, data, size);
  const uint32_t crc = crcOf(bytes, 4 + body);
  std::memcpy(bytes + 4 + body, &crc, 4);
  const Code code = flash_.write(end_, bytes, whole);
  if (code == Code::ok) end_ += whole;
  return code;
}

Code Storage::compact() {
  const uint32_t oldArea = area_;
  const uint32_t oldStart = areaOffset(area_) + areaHead;
  const uint32_t oldEnd = end_;
  // The new area gets its head last: until then the old one is in force.
  const uint32_t newArea = 1 - oldArea;
  for (uint32_t i = 0; i < sectors_; ++i) {
    const Code code = flash_.erase(first_ + newArea * sectors_ + i);
    if (code != Code::ok) return code;
  }
  uint32_t to = areaOffset(newArea) + areaHead;
  uint32_t offset = oldStart;
  Record record, latest;
  bool isWhole = false;
  uint32_t next = 0;
  while (offset < oldEnd && at(offset, oldEnd, record, isWhole, next)) {
    if (isWhole && !record.isRemoved && find(record.key, latest) && latest.offset == record.offset) {
      uint8_t bytes[recordMax];
      const uint32_t whole = next - offset;
      Code code = flash_.read(offset, bytes, whole);
      if (code == Code::ok) code = flash_.write(to, bytes, whole);
      if (code != Code::ok) return code;
      to += whole;
    }
    offset = next;
  }
  uint32_t head[3] = {areaMagic, generation_ + 1, 0};
  head[2] = crcOf(reinterpret_cast<const uint8_t*>(head), 8);
  const Code code = flash_.write(areaOffset(newArea), reinterpret_cast<const uint8_t*>(head), sizeof head);
  if (code != Code::ok) return code;
  area_ = newArea;
  generation_ += 1;
  end_ = to;
  return Code::ok;
}

Code Storage::put(const char* key, const uint8_t* data, uint32_t size) {
  Code code = append(key, data, size, false);
  if (code != Code::noSpace) return code;
  code = compact();
  return code == Code::ok ? append(key, data, size, false) : code;
}

Code Storage::remove(const char* key) {
  Record record;
  if (!flash_.hasPower()) return Code::io;
  if (!find(key, record)) return Code::ok;
  Code code = append(key, nullptr, 0, true);
  if (code != Code::noSpace) return code;
  code = compact();
  return code == Code::ok ? append(key, nullptr, 0, true) : code;
}

}  // namespace cx::sim
