// Whole packs on one bus of virtual time: a gateway's command reaches all at once, and the master's totals are right.
#include <cstring>

#include "../check.hpp"
#include "../hex.hpp"
#include "../random.hpp"
#include "pack/pack.hpp"

using namespace cx;
using namespace cx::pack;

namespace {

constexpr unsigned packsMax = 32;
constexpr uint64_t stepMs = 2;

class FleetPort final : public CanPort {
 public:
  can::Frame out;
  bool isPending = false;
  unsigned lost = 0;

  void arrives(const can::Frame& frame) {
    if (count_ == room) lost++;
    else in_[(first_ + count_++) % room] = frame;
  }
  bool receive(can::Frame& frame) override {
    if (count_ == 0) return false;
    frame = in_[first_];
    first_ = (first_ + 1) % room;
    count_--;
    return true;
  }
  bool send(const can::Frame& frame) override {
    out = frame;
    isPending = true;
    return true;
  }
  CanSend sent() override { return isPending ? CanSend::pending : CanSend::sent; }
  void abort() override { isPending = false; }
  bool isBusOff() override { return false; }
  void recover() override {}

 private:
  static constexpr size_t room = 64;
  can::Frame in_[room];
  size_t first_ = 0;
  size_t count_ = 0;
};

class GoodBms final : public BytePort {
 public:
  size_t read(MutableSpan out) override {
    if (!isAsked_) return 0;
    isAsked_ = false;
    const Hex<16> bytes("01030402100064fba5");
    std::memcpy(out.data(), bytes.bytes, bytes.size);
    return bytes.size;
  }
  bool send(ByteSpan) override { return isAsked_ = true; }
  bool isSending() override { return false; }

 private:
  bool isAsked_ = false;
};

class NoFlash final : public hal::Storage {
 public:
  hal::Io get(const char*, uint8_t*, uint32_t) override { return {hal::Code::notFound, 0}; }
  hal::Code put(const char*, const uint8_t*, uint32_t) override { return hal::Code::ok; }
  hal::Code remove(const char*) override { return hal::Code::ok; }
};

class SteadyBoard final : public PackBoard {
 public:
  Relays relays;
  MeasuredPower measure() override { return {300, 1000, 0, 0}; }
  void setRelays(const Relays& now) override { relays = now; }
  void show(const Pixel (&)[barPixels], const uint8_t (&)[3], const Leds&) override {}
};

struct Member {
  FleetPort port;
  GoodBms bms;
  NoFlash flash;
  SteadyBoard board;
  Pack pack{{port, bms, flash, nullptr, board}, bmsVoltageAndCurrent};
};

// The bus with its members; what a gateway hears is counted.
struct Fleet {
  Member members[packsMax];
  unsigned count = 0;
  uint64_t now = 1000;
  unsigned acks = 0;
  unsigned masterSenders = 0;
  uint32_t lastMaster = 0;
  can::TotalsBattery battery;
  can::TotalsGrid grid;
  can::TotalsSolarHome solarHome;

  void begin(unsigned packs, uint64_t seed) {
    SeededRandom random(seed);
    count = packs;
    for (unsigned i = 0; i < packs; i++) {
      HardwareNumber mac;
      for (uint8_t& byte : mac.bytes) byte = random.byte();
      mac.bytes[5] &= 0xe3;  // so that many want the same id
      PackBoot boot;
      boot.mac = mac;
      boot.seed = static_cast<uint32_t>(random.next());
      members[i].pack.begin(boot, now);
    }
  }
  void toAll(const can::Frame& frame, const Member* from) {
    for (unsigned i = 0; i < count; i++)
      if (&members[i] != from) members[i].port.arrives(frame);
    if (frame.isExtended) return;
    if (frame.id >= 0x280 && frame.id <= 0x29f) acks++;
    (void)can::decode(frame, battery);
    can::TotalsGrid third;
    can::TotalsSolarHome second;
    if (can::kindOf(frame) == can::Kind::totalsBattery && frame.id != lastMaster) {
      lastMaster = frame.id;
      masterSenders++;
    }
    if (can::kindOf(frame) == can::Kind::totalsGrid && can::decode(frame, third) == can::Fault::none) grid = third;
    if (can::kindOf(frame) == can::Kind::totalsSolarHome && can::decode(frame, second) == can::Fault::none) solarHome = second;
  }
  void pass(uint64_t ms) {
    for (uint64_t i = 0; i < ms; i += stepMs) {
      now += stepMs;
      for (unsigned at = 0; at < count; at++) members[at].pack.step(now);
      // Eight frames fit into 2 ms at 500 kbit/s; the lowest identifiers win.
      for (int slot = 0; slot < 8; slot++) {
        Member* winner = nullptr;
        for (unsigned at = 0; at < count; at++) {
          Member& member = members[at];
          if (member.port.isPending && (winner == nullptr || rankOf(member.port.out) < rankOf(winner->port.out))) winner = &member;
        }
        if (winner == nullptr) break;
        winner->port.isPending = false;
        toAll(winner->port.out, winner);
      }
    }
  }
  static uint32_t rankOf(const can::Frame& frame) { return frame.isExtended ? frame.id : frame.id << 18; }
  unsigned masters() const {
    unsigned found = 0;
    for (unsigned i = 0; i < count; i++) found += members[i].pack.election().isMaster() ? 1 : 0;
    return found;
  }
};

Fleet fleet;

}  // namespace

TEST("32 whole packs, of which many want the same id, settle to one master whose totals are right") {
  fleet.begin(packsMax, 42);
  fleet.pass(20'000);
  CHECK_EQ(fleet.masters(), 1u);
  CHECK_EQ(fleet.masterSenders, 1u);
  uint32_t taken = 0;
  for (const Member& member : fleet.members) {
    CHECK(member.pack.claim().isSettled());
    CHECK_EQ(member.port.lost, 0u);
    taken |= uint32_t{1} << member.pack.claim().nodeId();
  }
  CHECK_EQ(taken, 0xffffffffu);
  CHECK_EQ(fleet.battery.packsOnline, 32);
  CHECK_EQ(fleet.battery.stateOfCharge, 40);
  CHECK_EQ(fleet.battery.battery, 32 * 52);
  CHECK_EQ(fleet.grid.grid, 32 * 300);
  CHECK_EQ(fleet.solarHome.home, 32 * 1000);
  CHECK_EQ(fleet.solarHome.solar, 32 * (1000 + 52 - 300));
}

TEST("one command to all is one frame, is acted on at once, and each pack acknowledges it once") {
  const unsigned before = fleet.acks;
  can::SetRelay relay;
  relay.target = everyNode;
  relay.relay = can::Relay::pump;
  relay.isOn = true;
  fleet.toAll(can::encode(relay), nullptr);
  fleet.pass(10);
  for (const Member& member : fleet.members) CHECK(member.board.relays.pump);
  fleet.pass(1000);
  CHECK_EQ(fleet.acks, before + packsMax);
}
