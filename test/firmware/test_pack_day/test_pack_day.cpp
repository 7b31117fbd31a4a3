// A whole day of a whole pack on the files that its process has: nothing is written, whatever the sun and the house do.
#include <cstring>

#include "../check.hpp"
#include "../fake_clock.hpp"
#include "../hex.hpp"
#include "../test_boot/volatile_files.hpp"
#include "hal_host/boot_loader.hpp"
#include "hal_host/file_image_slots.hpp"
#include "hal_host/file_storage.hpp"
#include "hal_host/stderr_log.hpp"
#include "pack/pack.hpp"
#include "pack/crc16_modbus.hpp"
#include "payload_kit.hpp"

using namespace cx;
using namespace cx::pack;

namespace {

constexpr uint64_t stepMs = 50;
constexpr uint64_t dayMs = 86'400'000;

// A bus with somebody on it, who says the time each minute.
class DayCan final : public CanPort {
 public:
  can::Frame next;
  bool hasNext = false;
  unsigned sentFrames = 0;
  bool receive(can::Frame& out) override {
    out = next;
    const bool had = hasNext;
    hasNext = false;
    return had;
  }
  bool send(const can::Frame&) override {
    sentFrames++;
    return true;
  }
  CanSend sent() override { return CanSend::sent; }
  void abort() override {}
  bool isBusOff() override { return false; }
  void recover() override {}
};

// The battery's voltage goes up and down with the day.
class DayBms final : public BytePort {
 public:
  uint16_t decivolts = 528;
  int16_t centiamperes = 0;
  bool isSilent = false;
  size_t read(MutableSpan out) override {
    if (!isAsked_ || isSilent) return 0;
    isAsked_ = false;
    uint8_t reply[9] = {1, 3, 4, static_cast<uint8_t>(decivolts >> 8), static_cast<uint8_t>(decivolts), static_cast<uint8_t>(centiamperes >> 8), static_cast<uint8_t>(centiamperes)};
    const uint16_t crc = crc16Modbus(reply, 7);
    reply[7] = static_cast<uint8_t>(crc);
    reply[8] = static_cast<uint8_t>(crc >> 8);
    std::memcpy(out.data(), reply, sizeof reply);
    return sizeof reply;
  }
  bool send(ByteSpan) override {
    isAsked_ = true;
    return true;
  }
  bool isSending() override { return false; }

 private:
  bool isAsked_ = false;
};

class DayBoard final : public PackBoard {
 public:
  MeasuredPower power;
  Relays relays;
  unsigned changes = 0;
  MeasuredPower measure() override { return power; }
  void setRelays(const Relays& now) override {
    changes += now.grid != relays.grid || now.output != relays.output || now.pump != relays.pump || now.heater != relays.heater ? 1 : 0;
    relays = now;
  }
  void show(const Pixel (&)[barPixels], const uint8_t (&)[3], const Leds&) override {}
};

class DayMemory final : public hal::RetainedMemory {
 public:
  uint8_t bytes[hal::retainedSize] = {};
  void load(uint8_t (&out)[hal::retainedSize]) override { std::memcpy(out, bytes, sizeof bytes); }
  void store(const uint8_t (&in)[hal::retainedSize]) override { std::memcpy(bytes, in, sizeof bytes); }
};

class DaySystem final : public hal::System {
 public:
  hal::Identity identity() override { return {"2.5.0", "energy-pack", "24a160b1c2d3"}; }
  hal::ResetReason resetReason() override { return hal::ResetReason::powerOn; }
  hal::MemoryFigures memory() override { return {}; }
  void restart() override {}
  void terminate(uint32_t) override {}
};

class AnySlot final : public host::SlotReader {
 public:
  hal::Code digestOf(hal::Slot, uint32_t, uint8_t* digest) override {
    std::memset(digest, 7, hal::digestSize);
    return hal::Code::ok;
  }
};

VolatileFiles files;

}  // namespace

TEST("an idle day writes no byte to any file of a pack's process, through sun, night, shedding, lock-out and a silent BMS") {
  AnySlot reader;
  host::BootLoader loader(files, reader);
  hal::ImageIdentity image;
  image.size = 4096;
  std::memset(image.digest, 7, sizeof image.digest);
  CHECK(loader.install(hal::Slot::a, image) == hal::Code::ok);
  host::BootChoice choice;
  CHECK(loader.prepare(host::RunEnd::power, choice) == hal::Code::ok);

  host::FileStorage storage(files);
  CHECK(storage.load() == hal::Code::ok);
  host::FileImageSlots slots(files);
  CHECK(slots.load(hal::Slot::a, false) == hal::Code::ok);
  host::StderrLog log("pack", hal::LogLevel::error);
  FakeClock clock;
  FakeEntropy entropy;
  DaySystem system;
  NoPayloadKeys keys;
  PayloadKit<2048> kit(keys);
  PackFirmwareSettings settings;
  CHECK(isOk(settings.vendor.assign("vendor.example")));
  PackFirmware firmware({clock, entropy, storage, slots, system, log, kit}, settings);
  DayCan can;
  DayBms bms;
  DayBoard board;
  DayMemory memory;
  Pack pack({can, bms, storage, &memory, board, &firmware}, bmsVoltageAndCurrent);
  PackBoot boot;
  boot.mac = {{0x24, 0xa1, 0x60, 0xb1, 0xc2, 0xd3}};
  uint64_t now = 1000;
  pack.begin(boot, now);
  const auto pass = [&](uint64_t ms) {
    for (const uint64_t end = now + ms; now < end; now += stepMs) pack.step(now);
  };
  const auto command = [&](auto sent) {
    sent.target = 127;
    can.next = can::encode(sent);
    can.hasNext = true;
    pass(100);
  };
  // Everything that a household can switch on, once.
  pass(5000);
  for (const can::PackMode mode : {can::PackMode::selfConsumption, can::PackMode::eco, can::PackMode::gridLimit}) {
    can::SetMode on;
    on.mode = mode;
    on.isOn = true;
    command(on);
  }
  can::SetEcoLimit eco;
  eco.limit = 4000;
  command(eco);
  for (const can::Relay load : {can::Relay::pump, can::Relay::heater}) {
    can::SetRelay close;
    close.relay = load;
    close.isOn = true;
    command(close);
  }
  pass(120'000);  // a good boot is noted after a minute

  const long before = files.changes();
  const uint32_t writesBefore = pack.flashWrites();
  const unsigned framesBefore = can.sentFrames;
  const unsigned relaysBefore = board.changes;
  bool wasLockedOut = false;
  bool wasShed = false;
  bool wasStale = false;
  for (uint64_t at = 0; at < dayMs; at += 60'000) {
    const uint64_t minute = (at / 60'000 + 12 * 60) % 1440;
    can::Time time;
    time.hour = static_cast<uint8_t>(minute / 60);
    time.minute = static_cast<uint8_t>(minute % 60);
    time.day = static_cast<uint8_t>(at / 60'000 + 12 * 60 < 1440 ? 3 : 4);
    time.month = 6;
    time.year = 2026;
    can.next = can::encode(time);
    can.hasNext = true;
    const bool isSunny = minute > 7 * 60 && minute < 19 * 60;
    bms.decivolts = static_cast<uint16_t>(isSunny ? 464 + (minute - 7 * 60) / 5 : 600 - (minute + 1440 - 19 * 60) % 1440 / 5);
    bms.centiamperes = static_cast<int16_t>(isSunny ? 1500 : -1500);
    bms.isSilent = minute >= 3 * 60 && minute < 3 * 60 + 20;
    board.power.home = static_cast<int32_t>(500 + minute % 240 * 20);
    board.power.pool = board.relays.pump ? 800 : 0;
    board.power.heater = board.relays.heater ? 2000 : 0;
    board.power.grid = board.relays.grid ? 3000 : 0;
    pass(60'000);
    wasLockedOut = wasLockedOut || pack.modes().importLimit().isLockedOut();
    wasShed = wasShed || !board.relays.heater;
    wasStale = wasStale || pack.bms().state() == can::BmsState::stale;
  }
  CHECK(wasLockedOut && wasShed && wasStale);
  CHECK(board.changes > relaysBefore + 3);
  CHECK(can.sentFrames > framesBefore + 400'000);  // 7 frames and 3 pages each 2 s
  CHECK_EQ(files.changes(), before);
  CHECK_EQ(pack.flashWrites(), writesBefore);

  // And one that isn't idle writes once.
  can::SetMode off;
  off.mode = can::PackMode::eco;
  command(off);
  pass(10'000);
  CHECK(files.changes() > before);
  CHECK_EQ(pack.flashWrites(), writesBefore + 1);
}
