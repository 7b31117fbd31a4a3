// What a pack answers, tells and shows: commands, telemetry, the master's totals, indicators.
#include <cstring>

#include "../check.hpp"
#include "../random.hpp"
#include "pack/indicators.hpp"
#include "pack/pack_commands.hpp"
#include "pack/site_totals.hpp"
#include "pack/telemetry_frames.hpp"

using namespace cx;
using namespace cx::pack;
using can::CommandResult;

namespace {

class FakeTarget final : public CommandTarget {
 public:
  unsigned calls = 0;
  uint16_t limit = 0;
  CommandResult result = CommandResult::ok;
  CommandResult onCommand(const can::SetMode&) override { return called(); }
  CommandResult onCommand(const can::SetEcoLimit& command) override {
    limit = command.limit;
    return called();
  }
  CommandResult onCommand(const can::RequestStatus&) override { return called(); }
  CommandResult onCommand(const can::SetTou&) override { return called(); }
  CommandResult onCommand(const can::SetGridLimit&) override { return called(); }
  CommandResult onCommand(const can::ResetGrid&) override { return called(); }
  CommandResult onCommand(const can::SetRelay&) override { return called(); }
  CommandResult onCommand(const can::OtaEnter&) override { return called(); }
  CommandResult onCommand(const can::FactoryReset&) override { return called(); }
  CommandResult onCommand(const can::RestoreLast&) override { return called(); }

 private:
  CommandResult called() {
    calls++;
    return result;
  }
};

constexpr uint8_t node = 9;

CommandResult resultOf(const can::Frame& frame, FakeTarget& target) {
  can::Frame answer;
  CHECK(runCommand(frame, node, target, answer));
  can::CommandAck ack;
  CHECK(can::decode(answer, ack) == can::Fault::none);
  CHECK_EQ(ack.node, node);
  CHECK_EQ(ack.code, frame.id & 0x7f);
  CHECK_EQ(ack.sequence, frame.data[1]);
  return ack.result;
}

unsigned lit(const Pixel (&bar)[barPixels], const Pixel& colour) {
  unsigned count = 0;
  for (const Pixel& pixel : bar) count += pixel == colour ? 1 : 0;
  return count;
}

}  // namespace

TEST("an unknown code, a wrong length and a value out of range are answered by their reason and reach no handler") {
  FakeTarget target;
  can::Frame frame;
  frame.length = 4;
  frame.data[0] = node;
  frame.data[1] = 77;
  for (uint32_t id = 0x200; id <= 0x27f; id++) {
    if (id >= 0x201 && id <= 0x20a) continue;
    frame.id = id;
    CHECK(resultOf(frame, target) == CommandResult::unknownCommand);
  }
  const uint8_t lengths[] = {4, 4, 2, 6, 4, 2, 4, 2, 2, 6};
  for (uint32_t code = 1; code <= 10; code++) {
    frame.id = 0x200 + code;
    for (uint8_t length = 2; length <= 8; length++) {
      frame.length = length;
      if (length != lengths[code - 1]) CHECK(resultOf(frame, target) == CommandResult::wrongLength);
    }
  }
  can::SetMode mode;
  mode.target = node;
  mode.mode = can::PackMode::eco;
  frame = can::encode(mode);
  frame.data[2] = 6;
  CHECK(resultOf(frame, target) == CommandResult::outOfRange);
  CHECK_EQ(target.calls, 0u);
}

TEST("what is no command, is for another node or too short to say for whom is not answered") {
  FakeTarget target;
  can::Frame answer;
  can::RequestStatus request;
  request.target = node;
  const can::Frame good = can::encode(request);
  can::Frame frame = good;
  const uint32_t others[] = {0x1ff, 0x280, 0x103, 0x7ff, 0x003};
  for (const uint32_t id : others) {
    frame.id = id;
    CHECK(!runCommand(frame, node, target, answer));
  }
  frame = good;
  frame.isExtended = true;
  CHECK(!runCommand(frame, node, target, answer));
  frame = good;
  frame.data[0] = node + 1;
  CHECK(!runCommand(frame, node, target, answer));
  frame = good;
  for (frame.length = 0; frame.length < 2; frame.length++) CHECK(!runCommand(frame, node, target, answer));
  CHECK_EQ(target.calls, 0u);
}

TEST("each command reaches its handler once, for this node and for all, and its result is what is answered") {
  FakeTarget target;
  can::SetEcoLimit limit;
  limit.target = node;
  limit.sequence = 200;
  limit.limit = 4321;
  CHECK(resultOf(can::encode(limit), target) == CommandResult::ok);
  CHECK_EQ(target.limit, 4321);
  limit.target = everyNode;
  target.result = CommandResult::forbiddenByEco;
  CHECK(resultOf(can::encode(limit), target) == CommandResult::forbiddenByEco);
  CHECK_EQ(target.calls, 2u);
}

TEST("a battery never heard of isn't 0 V, and an old current is no power") {
  PackModes modes;
  modes.begin(nullptr);
  TelemetryInput in;
  can::Frame frames[telemetryFrames];
  writeTelemetry(in, modes, PackSettings(), frames);
  can::PackBattery battery;
  can::PackPower power;
  CHECK(can::decode(frames[1], battery) == can::Fault::none);
  CHECK(battery.bmsState == can::BmsState::fault);
  CHECK_EQ(battery.stateOfCharge, can::PackBattery::noStateOfCharge);
  CHECK_EQ(battery.voltage, can::PackBattery::noVoltage);
  CHECK_EQ(battery.current, can::PackBattery::noCurrent);
  in.hasReading = true;
  in.bmsState = can::BmsState::stale;
  in.battery.millivolts = 52800;
  in.battery.centiamperes = 100;
  writeTelemetry(in, modes, PackSettings(), frames);
  CHECK(can::decode(frames[1], battery) == can::Fault::none);
  CHECK_EQ(battery.stateOfCharge, 40);
  CHECK(battery.bmsState == can::BmsState::stale);
  CHECK(can::decode(frames[2], power) == can::Fault::none);
  CHECK_EQ(power.battery, can::PackPower::noBattery);
  CHECK_EQ(power.solar, can::PackPower::noSolar);
}

TEST("values that don't fit their field are its end, and each of the seven frames can be read") {
  PackModes modes;
  modes.begin(nullptr);
  TelemetryInput in;
  in.node = 31;
  in.hasReading = true;
  in.bmsState = can::BmsState::ok;
  in.battery.millivolts = 6'553'500;
  in.battery.centiamperes = -32768;
  in.power = {90000, 90000, 90000, -5};
  in.balance = {0, 90000, true};
  can::Frame frames[telemetryFrames];
  writeTelemetry(in, modes, PackSettings(), frames);
  for (size_t i = 0; i < telemetryFrames; i++) {
    CHECK_EQ(frames[i].id, 0x100 + 8 * 31 + i);
    CHECK(can::visit(frames[i], [](const auto&) {}) == can::Fault::none);
  }
  can::PackPower power;
  CHECK(can::decode(frames[2], power) == can::Fault::none);
  CHECK_EQ(power.grid, 32767);
  CHECK_EQ(power.solar, 32767);
  CHECK_EQ(power.battery, -32767);
  can::PackLoads loads;
  CHECK(can::decode(frames[3], loads) == can::Fault::none);
  CHECK_EQ(loads.pool, 65535);
  CHECK_EQ(loads.heater, 0);
  can::PackBattery battery;
  CHECK(can::decode(frames[1], battery) == can::Fault::none);
  CHECK_EQ(battery.voltage, 65534);
  CHECK_EQ(battery.current, -32767);
  CHECK(battery.batteryState == can::BatteryState::discharging);
}

TEST("the totals leave out what packs don't know and packs silent for 120 s") {
  SiteTotals totals;
  can::Frame pages[totalsPages];
  can::TotalsBattery battery;
  totals.write(3, 1000, pages);
  CHECK(can::decode(pages[0], battery) == can::Fault::none);
  CHECK_EQ(battery.packsOnline, 0);
  CHECK_EQ(battery.stateOfCharge, can::TotalsBattery::noStateOfCharge);
  for (uint8_t at = 0; at < 32; at++) {
    can::PackBattery charge;
    charge.node = at;
    charge.stateOfCharge = at < 16 ? 40 : 61;
    charge.bmsState = at == 0 ? can::BmsState::stale : can::BmsState::ok;
    totals.receive(can::encode(charge), at == 31 ? 1000 : 100'000);
    can::PackPower power;
    power.node = at;
    power.grid = power.home = 30000;
    power.battery = at == 0 ? can::PackPower::noBattery : -30000;
    power.solar = at == 0 ? can::PackPower::noSolar : 20000;
    totals.receive(can::encode(power), at == 31 ? 1000 : 100'000);
    can::PackLoads loads;
    loads.node = at;
    loads.imported = 60000;
    totals.receive(can::encode(loads), at == 31 ? 1000 : 100'000);
  }
  totals.write(3, 121'000, pages);
  CHECK(can::decode(pages[0], battery) == can::Fault::none);
  CHECK_EQ(battery.node, 3);
  CHECK_EQ(battery.packsOnline, 31);
  CHECK_EQ(battery.stateOfCharge, (15 * 40 + 15 * 61) / 30);
  CHECK_EQ(battery.battery, -30 * 30000);
  can::TotalsSolarHome second;
  CHECK(can::decode(pages[1], second) == can::Fault::none);
  CHECK_EQ(second.solar, 30 * 20000);
  CHECK_EQ(second.home, 31 * 30000);
  can::TotalsGrid third;
  CHECK(can::decode(pages[2], third) == can::Fault::none);
  CHECK_EQ(third.grid, 31 * 30000);
  CHECK_EQ(third.imported, 31u * 60000u);
}

TEST("a charge never read is a dark bar and three dashes, never 0 %") {
  Pixel bar[barPixels];
  uint8_t digits[3];
  Shown shown;
  shown.isCharging = true;
  drawBar(shown, 0, bar);
  CHECK_EQ(lit(bar, pixelDark), 10u);
  drawDigits(shown, 0, digits);
  for (const uint8_t digit : digits) CHECK_EQ(digit, 0x40);
}

TEST("the bar is green above 20 % and red at it, never empty, and a blue pulse sweeps over it while charging") {
  Pixel bar[barPixels];
  Shown shown;
  shown.hasCharge = true;
  const uint8_t percent[] = {100, 99, 21, 20, 10, 9, 0};
  const unsigned green[] = {10, 9, 2, 0, 0, 0, 0};
  const unsigned red[] = {0, 0, 0, 2, 1, 1, 1};
  for (unsigned i = 0; i < sizeof percent; i++) {
    shown.percent = percent[i];
    drawBar(shown, 12345, bar);
    CHECK_EQ(lit(bar, pixelGreen), green[i]);
    CHECK_EQ(lit(bar, pixelRed), red[i]);
    CHECK_EQ(lit(bar, pixelBlue), 0u);
  }
  shown.isCharging = true;
  for (unsigned step = 0; step < 20; step++) {
    drawBar(shown, step * 100 + 99, bar);
    CHECK_EQ(lit(bar, pixelBlue), 1u);
    CHECK(bar[step % 10] == pixelBlue);
  }
}

TEST("the digits have no leading zeros, blink below 15 % and are steady from there on") {
  uint8_t digits[3];
  Shown shown;
  shown.hasCharge = true;
  shown.percent = 100;
  drawDigits(shown, 600, digits);
  CHECK(digits[0] == 0x06 && digits[1] == 0x3f && digits[2] == 0x3f);
  shown.percent = 15;
  for (uint64_t now = 0; now < 2000; now += 100) {
    drawDigits(shown, now, digits);
    CHECK(digits[0] == 0 && digits[1] == 0x06 && digits[2] == 0x6d);
  }
  shown.percent = 14;
  for (uint64_t now = 0; now < 2000; now += 100) {
    drawDigits(shown, now, digits);
    CHECK_EQ(digits[2], now % 1000 < 500 ? 0x66 : 0);
  }
  shown.percent = 0;
  drawDigits(shown, 0, digits);
  CHECK(digits[0] == 0 && digits[1] == 0 && digits[2] == 0x3f);
}

TEST("green is steady as master and blinks slowly otherwise, yellow blinks at 1 Hz, red stands for a fault") {
  Shown shown;
  shown.warnsOfLoad = true;
  unsigned yellow = 0;
  unsigned green = 0;
  for (uint64_t now = 0; now < 10'000; now += 100) {
    yellow += drawLeds(shown, now).yellow ? 1 : 0;
    green += drawLeds(shown, now).green ? 1 : 0;
    CHECK_EQ(drawLeds(shown, now).yellow, drawLeds(shown, now + 1000).yellow);
    CHECK(!drawLeds(shown, now).red);
  }
  CHECK_EQ(yellow, 50u);
  CHECK_EQ(green, 50u);
  shown.isMaster = shown.hasFault = true;
  shown.warnsOfLoad = false;
  for (uint64_t now = 0; now < 10'000; now += 100) CHECK(drawLeds(shown, now).green && drawLeds(shown, now).red && !drawLeds(shown, now).yellow);
}
