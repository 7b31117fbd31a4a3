#include "pack/settings_store.hpp"

#include "pack/crc16_modbus.hpp"
#include "pack/import_limit.hpp"

namespace cx::pack {
namespace {

constexpr const char* key = "pack";
constexpr uint8_t layout = 1;
constexpr uint32_t recordSize = 23;

// layout modes options nodeId deviceType ecoLimit(2) touStart(2) touEnd(2) importLimit empty(4) full(4) 0 CRC-16(2, low first)
void pack(const Kept& kept, uint8_t (&out)[recordSize]) {
  const PackSettings& s = kept.settings;
  uint8_t at = 0;
  const auto put = [&out, &at](uint32_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) out[at++] = static_cast<uint8_t>(value >> (8 * i));
  };
  put(layout, 1);
  put((s.selfConsumption ? 1U : 0U) | (s.eco ? 2U : 0U) | (s.timeOfUse ? 4U : 0U) | (s.backup ? 8U : 0U) | (s.gridLimit ? 16U : 0U), 1);
  put((s.ecoShedsOutput ? 1U : 0U) | (s.areLoadsBehindInverter ? 2U : 0U), 1);
  put(kept.nodeId, 1);
  put(static_cast<uint32_t>(kept.deviceType), 1);
  put(s.ecoLimitWatts, 2);
  put(s.touStart, 2);
  put(s.touEnd, 2);
  put(s.importLimitKwh, 1);
  put(s.charge.emptyMillivolts, 4);
  put(s.charge.fullMillivolts, 4);
  put(0, 1);
  const uint16_t crc = crc16Modbus(out, at);
  out[at++] = static_cast<uint8_t>(crc);
  out[at] = static_cast<uint8_t>(crc >> 8);
}

// False: not a record of ours.
bool unpack(const uint8_t (&in)[recordSize], Kept& kept) {
  const uint16_t crc = crc16Modbus(in, recordSize - 2);
  if (in[recordSize - 2] != (crc & 0xff) || in[recordSize - 1] != crc >> 8) return false;
  uint8_t at = 0;
  const auto take = [&in, &at](int bytes) {
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | in[at++];
    return value;
  };
  if (take(1) != layout) return false;
  PackSettings& s = kept.settings;
  const uint32_t modes = take(1);
  s.selfConsumption = (modes & 1U) != 0;
  s.eco = (modes & 2U) != 0;
  s.timeOfUse = (modes & 4U) != 0;
  s.backup = (modes & 8U) != 0;
  s.gridLimit = (modes & 16U) != 0;
  const uint32_t options = take(1);
  s.ecoShedsOutput = (options & 1U) != 0;
  s.areLoadsBehindInverter = (options & 2U) != 0;
  kept.nodeId = static_cast<uint8_t>(take(1));
  const uint32_t type = take(1);
  if (type != 1 && type != 2) return false;
  kept.deviceType = static_cast<can::DeviceType>(type);
  s.ecoLimitWatts = static_cast<uint16_t>(take(2));
  s.touStart = static_cast<uint16_t>(take(2));
  s.touEnd = static_cast<uint16_t>(take(2));
  s.importLimitKwh = static_cast<uint8_t>(take(1));
  s.charge.emptyMillivolts = take(4);
  s.charge.fullMillivolts = take(4);
  return s.touStart < minutesPerDay && s.touEnd < minutesPerDay && s.importLimitKwh >= importLimitMinKwh &&
         s.importLimitKwh <= importLimitMaxKwh && s.charge.emptyMillivolts < s.charge.fullMillivolts;
}

}  // namespace

Kept SettingsStore::load() {
  uint8_t bytes[recordSize];
  const hal::Io io = storage_.get(key, bytes, sizeof bytes);
  Kept kept;
  const bool isStored = io.code == hal::Code::ok && io.size == recordSize && unpack(bytes, kept);
  stored_ = isStored ? kept : Kept();
  seen_ = stored_;
  return stored_;
}

void SettingsStore::step(const Kept& now, uint64_t nowMs) {
  if (!(now == seen_)) {
    seen_ = now;
    changedAtMs_ = nowMs;
  }
  if (now == stored_ || nowMs - changedAtMs_ < settingsQuietMs) return;
  if (hasFailed_ && nowMs - failedAtMs_ < settingsRetryMs) return;
  write(now, nowMs);
}

void SettingsStore::flush(const Kept& now, uint64_t nowMs) {
  if (!(now == stored_)) write(now, nowMs);
}

void SettingsStore::write(const Kept& now, uint64_t nowMs) {
  uint8_t bytes[recordSize];
  pack(now, bytes);
  writes_++;
  hasFailed_ = storage_.put(key, bytes, sizeof bytes) != hal::Code::ok;
  failedAtMs_ = nowMs;
  if (hasFailed_) return;
  stored_ = now;
}

}  // namespace cx::pack
