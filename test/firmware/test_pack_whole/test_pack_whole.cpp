// One whole pack between a bus, a BMS, flash and a board that a test plays.
#include <cstring>

#include "../check.hpp"
#include "../hex.hpp"
#include "pack/pack.hpp"

using namespace cx;
using namespace cx::pack;
using can::CommandResult;

namespace {

class ScriptedCan final : public CanPort {
 public:
  bool isAlone = false;
  bool isOff = false;
  unsigned seen[2048] = {};
  unsigned claims = 0;
  can::Frame last[2048];

  void arrives(const can::Frame& frame) {
    if (count_ < 8) in_[count_++] = frame;
  }
  bool receive(can::Frame& out) override {
    if (count_ == 0) return false;
    out = in_[0];
    count_--;
    for (size_t i = 0; i < count_; i++) in_[i] = in_[i + 1];
    return true;
  }
  bool send(const can::Frame& frame) override {
    outcome_ = isAlone ? CanSend::pending : CanSend::sent;
    if (isAlone) return true;
    if (frame.isExtended) {
      claims++;
    } else {
      seen[frame.id]++;
      last[frame.id] = frame;
    }
    return true;
  }
  CanSend sent() override { return outcome_; }
  void abort() override { outcome_ = CanSend::idle; }
  bool isBusOff() override { return isOff; }
  void recover() override {}

 private:
  can::Frame in_[9];
  size_t count_ = 0;
  CanSend outcome_ = CanSend::idle;
};

// Answers each request at once with `reply`; empty: silent.
class ScriptedBms final : public BytePort {
 public:
  const char* reply = "";
  unsigned asked = 0;
  size_t read(MutableSpan out) override {
    if (!isAsked_) return 0;
    isAsked_ = false;
    const Hex<16> bytes(reply);
    std::memcpy(out.data(), bytes.bytes, bytes.size);
    return bytes.size;
  }
  bool send(ByteSpan) override {
    asked++;
    isAsked_ = true;
    return true;
  }
  bool isSending() override { return false; }

 private:
  bool isAsked_ = false;
};

class FakeFlash final : public hal::Storage {
 public:
  uint8_t value[64] = {};
  uint32_t size = 0;
  unsigned puts = 0;
  hal::Io get(const char*, uint8_t* out, uint32_t capacity) override {
    if (size == 0 || size > capacity) return {hal::Code::notFound, 0};
    std::memcpy(out, value, size);
    return {hal::Code::ok, size};
  }
  hal::Code put(const char*, const uint8_t* data, uint32_t length) override {
    puts++;
    std::memcpy(value, data, length);
    size = length;
    return hal::Code::ok;
  }
  hal::Code remove(const char*) override { return hal::Code::ok; }
};

class FakeRetained final : public hal::RetainedMemory {
 public:
  uint8_t kept[hal::retainedSize] = {};
  void load(uint8_t (&out)[hal::retainedSize]) override { std::memcpy(out, kept, sizeof kept); }
  void store(const uint8_t (&bytes)[hal::retainedSize]) override { std::memcpy(kept, bytes, sizeof kept); }
};

class FakeBoard final : public PackBoard {
 public:
  MeasuredPower power;
  Relays relays{false, false, true, true};
  Leds leds;
  uint8_t digits[3] = {};
  MeasuredPower measure() override { return power; }
  void setRelays(const Relays& now) override { relays = now; }
  void show(const Pixel (&)[barPixels], const uint8_t (&shown)[3], const Leds& lit) override {
    leds = lit;
    std::memcpy(digits, shown, sizeof digits);
  }
};

struct Bench {
  ScriptedCan can;
  ScriptedBms bms;
  FakeBoard board;
  FakeFlash& flash;
  FakeRetained& retained;
  Pack pack;
  uint64_t now = 50'000;

  Bench(FakeFlash& storage, FakeRetained& memory, PackBoot boot = {})
      : flash(storage), retained(memory), pack({can, bms, storage, &memory, board}, bmsVoltageAndCurrent) {
    bms.reply = "01030402100064fba5";
    boot.mac = {{0xaa, 0xbb, 0x10, 0x20, 0x30, 0x44}};
    boot.seed = 5;
    pack.begin(boot, now);
  }
  void pass(uint64_t ms) {
    for (uint64_t i = 0; i < ms; i += 5) {
      now += 5;
      pack.step(now);
    }
  }
  template <class Command>
  CommandResult command(Command sent) {
    sent.target = 4;
    sent.sequence++;
    const unsigned before = can.seen[0x284];
    can.arrives(can::encode(sent));
    pass(300);
    CHECK_EQ(can.seen[0x284], before + 1);
    can::CommandAck ack;
    CHECK(can::decode(can.last[0x284], ack) == can::Fault::none);
    return ack.result;
  }
  void clock(uint8_t hour, uint8_t day) {
    can::Time time;
    time.hour = hour;
    time.day = day;
    time.month = 6;
    time.year = 2026;
    can.arrives(can::encode(time));
    pass(10);
  }
};

FakeFlash flash;
FakeRetained retained;
void fresh() {
  flash = FakeFlash();
  retained = FakeRetained();
}

can::SetRelay relay(can::Relay which, bool isOn) {
  can::SetRelay out;
  out.relay = which;
  out.isOn = isOn;
  return out;
}

}  // namespace

TEST("alone on the bus a pack's modes go on: it reads its BMS, opens the grid at 85 % and is master for itself") {
  fresh();
  {
    Bench first(flash, retained);
    first.pass(4000);
    can::SetMode mode;
    mode.mode = can::PackMode::selfConsumption;
    mode.isOn = true;
    CHECK(first.command(mode) == CommandResult::ok);
    first.pass(5000);
  }
  Bench bench(flash, retained);
  bench.can.isAlone = true;
  bench.bms.reply = "010304025800647bb3";
  bench.pass(20'000);
  CHECK(bench.pack.election().isMaster());
  CHECK(bench.pack.sender().dropped() > 20);
  CHECK(!bench.board.relays.grid);
  CHECK(bench.pack.settings().selfConsumption);
}

TEST("off the bus a pack goes on too, shows red, and tells of it when it is back") {
  fresh();
  Bench bench(flash, retained);
  bench.pass(5000);
  CHECK(!bench.board.leds.red);
  bench.can.isOff = true;
  bench.pass(5000);
  CHECK(bench.board.leds.red);
  bench.can.isOff = false;
  bench.pass(1000);
  CHECK(!bench.board.leds.red);
  CHECK_EQ(bench.can.seen[0x604], 1u);
  CHECK_EQ(bench.can.last[0x604].data[0], static_cast<uint8_t>(can::PackError::busOff));
}

TEST("a pack claims, announces and tells everything every 2 s, as master the totals too") {
  fresh();
  Bench bench(flash, retained);
  CHECK(bench.board.relays.grid && bench.board.relays.output && !bench.board.relays.pump && !bench.board.relays.heater);
  bench.pass(2190);
  CHECK_EQ(bench.can.claims, 3u);
  for (const unsigned seen : bench.can.seen) CHECK_EQ(seen, 0u);
  bench.pass(20'000);
  CHECK_EQ(bench.can.seen[0x304], 1u);
  for (uint32_t offset = 0; offset < 7; offset++) CHECK(bench.can.seen[0x100 + 8 * 4 + offset] >= 9 && bench.can.seen[0x100 + 8 * 4 + offset] <= 11);
  CHECK(bench.can.seen[0x127] >= 3 * 9);
  can::PackBattery battery;
  CHECK(can::decode(bench.can.last[0x121], battery) == can::Fault::none);
  CHECK_EQ(battery.stateOfCharge, 40);
  CHECK_EQ(battery.voltage, 528);
  CHECK_EQ(bench.board.digits[1], 0x66);
}

TEST("a BMS that falls silent is told once, with the last charge kept as stale") {
  fresh();
  Bench bench(flash, retained);
  bench.pass(5000);
  bench.bms.reply = "";
  bench.pass(20'000);
  CHECK_EQ(bench.can.seen[0x604], 1u);
  CHECK_EQ(bench.can.last[0x604].data[0], static_cast<uint8_t>(can::PackError::bmsSilent));
  can::PackBattery battery;
  CHECK(can::decode(bench.can.last[0x121], battery) == can::Fault::none);
  CHECK(battery.bmsState == can::BmsState::stale);
  CHECK_EQ(battery.stateOfCharge, 40);
  CHECK(bench.board.leds.red);
}

TEST("a relay that was opened and still carries a load is reported as stuck, by its number") {
  fresh();
  Bench bench(flash, retained);
  bench.pass(5000);
  bench.board.power.heater = 800;
  bench.pass(10'000);
  CHECK_EQ(bench.can.seen[0x604], 1u);
  can::ErrorReport report;
  CHECK(can::decode(bench.can.last[0x604], report) == can::Fault::none);
  CHECK(report.error == can::PackError::relayStuck);
  CHECK_EQ(report.detail, static_cast<int32_t>(can::Relay::heater));
}

TEST("commands act in the turn they come, are answered once, and are refused by their reason") {
  fresh();
  Bench bench(flash, retained);
  bench.pass(4000);
  CHECK(bench.command(relay(can::Relay::pump, true)) == CommandResult::ok);
  CHECK(bench.board.relays.pump);
  can::SetMode mode;
  mode.mode = can::PackMode::backup;
  mode.isOn = true;
  CHECK(bench.command(mode) == CommandResult::ok);
  CHECK(bench.command(relay(can::Relay::grid, false)) == CommandResult::forbiddenByBackup);
  can::RestoreLast last;
  last.day = 1;
  CHECK(bench.command(last) == CommandResult::otherEnergyDay);
  CHECK(bench.command(can::OtaEnter{}) == CommandResult::refused);
  CHECK(bench.command(can::FactoryReset{}) == CommandResult::ok);
  CHECK(!bench.pack.settings().backup);
}

TEST("a lock-out outlives a soft reset with the same time, and settings outlive it by one write each") {
  fresh();
  {
    Bench bench(flash, retained);
    bench.pass(4000);
    bench.clock(12, 3);
    can::SetGridLimit limit;
    limit.isOn = true;
    limit.limit = 2;
    CHECK(bench.command(limit) == CommandResult::ok);
    bench.board.power.grid = 1'000'000;
    bench.pass(10'000);
    CHECK(!bench.board.relays.grid);
    CHECK(bench.command(relay(can::Relay::grid, true)) == CommandResult::forbiddenByLockOut);
    CHECK_EQ(flash.puts, 2u);  // the node id, and the limit
  }
  Bench again(flash, retained);
  CHECK(!again.board.relays.grid);
  again.pass(20'000);
  CHECK(!again.board.relays.grid);
  again.clock(13, 3);
  again.pass(20'000);
  CHECK(!again.board.relays.grid);
  again.clock(5, 4);
  again.pass(3000);
  CHECK(again.board.relays.grid);
  CHECK_EQ(flash.puts, 2u);
}

TEST("an idle hour of a whole pack writes nothing to flash") {
  fresh();
  Bench bench(flash, retained);
  bench.pass(10'000);
  const unsigned before = flash.puts;
  for (uint8_t minute = 0; minute < 60; minute++) {
    bench.clock(12, 3);
    bench.pass(60'000);
  }
  CHECK_EQ(flash.puts, before);
}

TEST("a pack tells once that the watchdog reset it, or why its new image was left") {
  fresh();
  PackBoot boot;
  boot.reset = hal::ResetReason::watchdog;
  can::ErrorReport report;
  {
    Bench bench(flash, retained, boot);
    bench.pass(70'000);
    CHECK_EQ(bench.can.seen[0x604], 1u);
    CHECK(can::decode(bench.can.last[0x604], report) == can::Fault::none);
    CHECK(report.error == can::PackError::watchdogReset);
  }
  boot.reset = hal::ResetReason::rollback;
  boot.rolledBack = hal::RollbackReason::notConfirmedInTime;
  {
    Bench bench(flash, retained, boot);
    bench.pass(70'000);
    CHECK_EQ(bench.can.seen[0x604], 1u);
    CHECK(can::decode(bench.can.last[0x604], report) == can::Fault::none);
    CHECK(report.error == can::PackError::rolledBack);
    CHECK_EQ(report.detail, static_cast<int32_t>(hal::RollbackReason::notConfirmedInTime));
  }
  // Later boots say nothing of it, though the boot record still knows.
  boot.reset = hal::ResetReason::restart;
  Bench bench(flash, retained, boot);
  bench.pass(70'000);
  CHECK_EQ(bench.can.seen[0x604], 0u);
}

TEST("the version that the image is stamped with goes out in state and announce") {
  fresh();
  PackBoot boot;
  boot.version = {3, 17};
  Bench bench(flash, retained, boot);
  bench.pass(5000);
  can::PackState state;
  CHECK(can::decode(bench.can.last[0x120], state) == can::Fault::none);
  CHECK_EQ(state.firmwareMajor, 3);
  CHECK_EQ(state.firmwareMinor, 17);
  can::Announce announce;
  CHECK(can::decode(bench.can.last[0x304], announce) == can::Fault::none);
  CHECK_EQ(announce.firmwareMajor, 3);
  CHECK_EQ(announce.firmwareMinor, 17);
}

TEST("a pack whose id a higher MAC claims sends nothing more with it, not even an answer, and takes the next one") {
  fresh();
  Bench bench(flash, retained);
  bench.pass(10'000);
  const unsigned writes = flash.puts;
  can::NodeIdClaim claim;
  claim.nodeId = 4;
  const uint8_t higher[6] = {0xff, 0xbb, 0x10, 0x20, 0x30, 0x45};
  claim.macEnd = 0x203045;
  claim.deviceType = can::DeviceType::energyPack;
  std::memcpy(claim.mac, higher, sizeof higher);
  can::SetMode mode;
  mode.target = 127;
  mode.mode = can::PackMode::backup;
  mode.isOn = true;
  bench.can.arrives(can::encode(claim));
  bench.can.arrives(can::encode(mode));
  std::memset(bench.can.seen, 0, sizeof bench.can.seen);
  bench.pass(490);
  for (const unsigned seen : bench.can.seen) CHECK_EQ(seen, 0u);
  CHECK(!bench.pack.election().isMaster());
  bench.pass(20'000);
  CHECK_EQ(bench.pack.claim().nodeId(), 5);
  for (uint32_t id = 0x120; id <= 0x127; id++) CHECK_EQ(bench.can.seen[id], 0u);
  CHECK_EQ(bench.can.seen[0x284] + bench.can.seen[0x304] + bench.can.seen[0x604], 0u);
  CHECK(bench.can.seen[0x128] >= 9u);
  CHECK_EQ(flash.puts, writes + 1);
}

TEST("a socket is asked for three times at most, by one sequence, until the gateway says that it is so") {
  fresh();
  Bench bench(flash, retained);
  CHECK(bench.pack.requestSocket(7, true));
  CHECK(!bench.pack.requestSocket(128, true));
  bench.pass(2000);
  CHECK_EQ(bench.can.seen[0x584], 0u);  // not before its announce
  bench.pass(20'000);
  CHECK_EQ(bench.can.seen[0x584], 3u);
  can::SocketRequest first;
  CHECK(can::decode(bench.can.last[0x584], first) == can::Fault::none);
  CHECK_EQ(first.socket, 7);
  CHECK(first.isOn);
  CHECK_EQ(first.sequence, 1);
  CHECK(bench.pack.requestSocket(7, false));
  bench.pass(100);
  can::SocketState state;
  state.socket = 7;
  state.isOn = true;  // as it was: the request goes on
  bench.can.arrives(can::encode(state));
  bench.pass(2000);
  CHECK_EQ(bench.can.seen[0x584], 5u);
  state.isOn = false;
  bench.can.arrives(can::encode(state));
  bench.pass(20'000);
  CHECK_EQ(bench.can.seen[0x584], 5u);
}

TEST("four sockets at once can be asked for, and a fifth is refused until one is through") {
  fresh();
  Bench bench(flash, retained);
  for (uint8_t socket = 0; socket < 4; socket++) CHECK(bench.pack.requestSocket(socket, true));
  CHECK(!bench.pack.requestSocket(4, true));
  CHECK(bench.pack.requestSocket(3, false));
  bench.pass(20'000);
  CHECK(bench.pack.requestSocket(4, true));
}

TEST("a setting that still waits is written before an end that was asked for") {
  fresh();
  Bench bench(flash, retained);
  bench.pass(10'000);
  const unsigned writes = flash.puts;
  can::SetMode mode;
  mode.mode = can::PackMode::backup;
  mode.isOn = true;
  CHECK(bench.command(mode) == CommandResult::ok);
  CHECK_EQ(flash.puts, writes);
  bench.pack.flush();
  CHECK_EQ(flash.puts, writes + 1);
  bench.pack.flush();
  CHECK_EQ(flash.puts, writes + 1);
}

TEST("without an id, since all 32 are taken, a pack is silent with 11 bits, shows red, and its modes go on") {
  fresh();
  Bench bench(flash, retained);
  bench.board.power.heater = 800;  // told by an error, once it may speak
  for (int round = 0; round < 3; round++) {
    for (uint8_t node = 0; node < 32; node++) {
      can::NodeIdClaim claim;
      claim.nodeId = node;
      claim.deviceType = can::DeviceType::energyPack;
      claim.mac[0] = 0xff;
      claim.mac[5] = node;
      claim.macEnd = node;
      bench.can.arrives(can::encode(claim));
      bench.pass(10);
    }
  }
  const unsigned claims = bench.can.claims;
  bench.pass(20'000);
  CHECK(bench.pack.claim().phase() == NodeClaim::Phase::crowded);
  for (const unsigned seen : bench.can.seen) CHECK_EQ(seen, 0u);
  CHECK(bench.board.leds.red);
  CHECK(!bench.pack.election().isMaster());
  CHECK(bench.board.relays.grid && bench.board.relays.output);
  bench.pass(60'000);
  CHECK_EQ(bench.can.claims, claims + 1);
  // Those that never sent a frame of a settled node are gone after 120 s, and the pack takes its place.
  bench.pass(130'000);
  CHECK(bench.pack.claim().isSettled());
  CHECK(!bench.board.leds.red);
  CHECK(bench.can.seen[0x604] >= 1u);
}

TEST("a pack announces itself every 60 s, and tells everything at once when it is asked to") {
  fresh();
  Bench bench(flash, retained);
  bench.pass(10'000);
  const unsigned announces = bench.can.seen[0x304];
  bench.pass(600'000);
  CHECK_EQ(bench.can.seen[0x304], announces + 10);
  // Just after its own telemetry.
  unsigned states = bench.can.seen[0x120];
  while (bench.can.seen[0x120] == states) bench.pass(5);
  bench.pass(200);
  states = bench.can.seen[0x120];
  CHECK(bench.command(can::RequestStatus{}) == CommandResult::ok);
  for (uint32_t id = 0x120; id < 0x127; id++) CHECK(bench.can.seen[id] >= states + 1);
}

TEST("the BMS is asked every 2 s, and relays, telemetry and power follow at the same pace") {
  fresh();
  Bench bench(flash, retained);
  bench.pass(10'000);
  const unsigned asked = bench.bms.asked;
  const unsigned told = bench.can.seen[0x122];
  bench.pass(200'000);
  CHECK(bench.bms.asked >= asked + 99 && bench.bms.asked <= asked + 101);
  CHECK(bench.can.seen[0x122] >= told + 99 && bench.can.seen[0x122] <= told + 101);
}

TEST("what an installer says of a house holds from the start, over a factory reset too, and is written once") {
  fresh();
  PackBoot boot;
  boot.installation.hasLoadsBehindInverter = boot.installation.areLoadsBehindInverter = true;
  boot.installation.hasEcoShedsOutput = true;
  boot.installation.ecoShedsOutput = false;
  boot.installation.hasCharge = true;
  boot.installation.charge = {44'800, 57'600};
  unsigned writes = 0;
  {
    Bench bench(flash, retained, boot);
    bench.board.power = {0, 2000, 500, 500};
    bench.pass(10'000);
    can::PackPower power;
    CHECK(can::decode(bench.can.last[0x122], power) == can::Fault::none);
    CHECK_EQ(power.solar, 2000 + 52);  // 52.8 V and 1 A into the battery, and the house alone
    can::PackBattery battery;
    CHECK(can::decode(bench.can.last[0x121], battery) == can::Fault::none);
    CHECK_EQ(battery.stateOfCharge, 62);
    CHECK(!bench.pack.settings().ecoShedsOutput);
    CHECK(bench.command(can::FactoryReset{}) == CommandResult::ok);
    CHECK(bench.pack.settings().areLoadsBehindInverter);
    bench.pass(10'000);
    writes = flash.puts;
    CHECK_EQ(writes, 1u);
  }
  // Kept: the next start needn't say it again.
  Bench again(flash, retained);
  again.pass(10'000);
  CHECK(again.pack.settings().areLoadsBehindInverter);
  CHECK_EQ(again.pack.settings().charge.fullMillivolts, 57'600u);
  CHECK_EQ(flash.puts, writes);
}
