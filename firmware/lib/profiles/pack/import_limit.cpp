#include "pack/import_limit.hpp"

#include <cstring>

#include "pack/crc16_modbus.hpp"

namespace cx::pack {
namespace {

constexpr uint64_t centiKwh = 36'000'000;  // W ms
constexpr uint8_t layout = 1;
constexpr uint8_t magic[3] = {'i', 'm', 'p'};
constexpr uint32_t checkedSize = 18;  // bytes before the checksum

}  // namespace

// magic(3) layout(1) flags(1: b0 lock-out, b1 energy day known) 0 energyDay(4) W*ms(8) CRC-16(2); the rest is 0.
void ImportLimit::save(uint8_t (&bytes)[hal::retainedSize]) const {
  std::memset(bytes, 0, sizeof bytes);
  std::memcpy(bytes, magic, sizeof magic);
  bytes[3] = layout;
  bytes[4] = static_cast<uint8_t>((isLockedOut_ ? 1 : 0) | (hasEnergyDay_ ? 2 : 0));
  for (uint32_t i = 0; i < 4; i++) bytes[6 + i] = static_cast<uint8_t>(static_cast<uint32_t>(energyDay_) >> (24 - 8 * i));
  for (uint32_t i = 0; i < 8; i++) bytes[10 + i] = static_cast<uint8_t>(wattMs_ >> (56 - 8 * i));
  const uint16_t checksum = crc16Modbus(bytes, checkedSize);
  bytes[checkedSize] = static_cast<uint8_t>(checksum >> 8);
  bytes[checkedSize + 1] = static_cast<uint8_t>(checksum);
}

bool ImportLimit::load(const uint8_t (&bytes)[hal::retainedSize]) {
  if (std::memcmp(bytes, magic, sizeof magic) != 0 || bytes[3] != layout || bytes[4] > 3) return false;
  const uint16_t checksum = crc16Modbus(bytes, checkedSize);
  if (bytes[checkedSize] != checksum >> 8 || bytes[checkedSize + 1] != (checksum & 0xff)) return false;
  isLockedOut_ = (bytes[4] & 1U) != 0;
  hasEnergyDay_ = (bytes[4] & 2U) != 0;
  uint32_t day = 0;
  for (uint32_t i = 0; i < 4; i++) day = day << 8 | bytes[6 + i];
  energyDay_ = static_cast<int32_t>(day);
  wattMs_ = 0;
  for (uint32_t i = 0; i < 8; i++) wattMs_ = wattMs_ << 8 | bytes[10 + i];
  return true;
}

void ImportLimit::tick(uint64_t nowMs, int32_t gridWatts, bool isOn, uint8_t limitKwh, const LocalTime* time) {
  if (hasTicked_ && gridWatts > 0) wattMs_ += static_cast<uint64_t>(gridWatts) * (nowMs - lastTickMs_);
  hasTicked_ = true;
  lastTickMs_ = nowMs;
  if (time != nullptr) {
    // A clock that is put back takes the day along without a reset: else the count would never end once a gateway had
    // been years ahead.
    if (hasEnergyDay_ && time->energyDay > energyDay_) {
      wattMs_ = 0;
      isLockedOut_ = false;
    }
    energyDay_ = time->energyDay;
    hasEnergyDay_ = true;
  }
  if (!isOn) isLockedOut_ = false;
  else if (wattMs_ >= limitKwh * (100 * centiKwh)) isLockedOut_ = true;
}

can::CommandResult ImportLimit::reset() {
  if (isLockedOut_) return can::CommandResult::forbiddenByLockOut;
  wattMs_ = 0;
  return can::CommandResult::ok;
}

can::CommandResult ImportLimit::restore(const can::RestoreLast& last, const LocalTime* time) {
  if (time == nullptr || time->energyDayOfMonth != last.day) return can::CommandResult::otherEnergyDay;
  const uint64_t wattMs = last.imported * centiKwh;
  if (wattMs > wattMs_) wattMs_ = wattMs;
  if (last.isLockedOut) isLockedOut_ = true;
  energyDay_ = time->energyDay;
  hasEnergyDay_ = true;
  return can::CommandResult::ok;
}

uint16_t ImportLimit::imported() const {
  const uint64_t count = wattMs_ / centiKwh;
  return count > UINT16_MAX ? UINT16_MAX : static_cast<uint16_t>(count);
}

can::ImportLimitState ImportLimit::state(bool isOn) const {
  if (isLockedOut_) return can::ImportLimitState::lockedOut;
  return isOn ? can::ImportLimitState::counting : can::ImportLimitState::off;
}

}  // namespace cx::pack
