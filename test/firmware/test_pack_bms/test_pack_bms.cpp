// The BMS over Modbus RTU: what is refused, what is retried when, and what a pack knows meanwhile.
#include <cstring>

#include "../check.hpp"
#include "../hex.hpp"
#include "../random.hpp"
#include "pack/bms_poller.hpp"
#include "pack/crc16_modbus.hpp"
#include "pack/state_of_charge.hpp"

using namespace cx;
using namespace cx::pack;

namespace {

constexpr const char* goodReply = "010304021000" "64fba5";

// A line whose other end is told by a test. Bytes take their time: about 1 ms each.
class FakeLine final : public BytePort {
 public:
  uint64_t nowMs = 0;
  bool refusesToSend = false;
  bool isStuck = false;
  unsigned sent = 0;
  uint64_t sentAtMs = 0;
  uint8_t request[16] = {};
  size_t requestSize = 0;

  size_t read(MutableSpan out) override {
    if (isBusy()) return 0;
    size_t size = 0;
    while (size < out.size() && taken_ < size_) out[size++] = bytes_[taken_++];
    return size;
  }
  bool send(ByteSpan frame) override {
    if (refusesToSend) return false;
    sent++;
    sentAtMs = nowMs;
    requestSize = frame.size();
    std::memcpy(request, frame.data(), frame.size());
    return true;
  }
  bool isSending() override { return isBusy(); }

  void arrives(const char* hex) { arrives(Hex<64>(hex).view()); }
  void arrives(ByteSpan bytes) {
    if (taken_ == size_) taken_ = size_ = 0;
    if (size_ + bytes.size() > sizeof bytes_) return;  // as a UART whose buffer is full
    std::memcpy(bytes_ + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }

 private:
  bool isBusy() const { return sent > 0 && (isStuck || nowMs < sentAtMs + 9); }
  uint8_t bytes_[256] = {};
  size_t size_ = 0;
  size_t taken_ = 0;
};

struct Bench {
  FakeLine line;
  BmsPoller poller;
  explicit Bench(const BmsMap& map = bmsVoltageAndCurrent) : poller(line, map) { line.nowMs = 5000; }
  void step() { poller.step(line.nowMs); }
  void pass(uint64_t ms) {
    for (uint64_t i = 0; i < ms; i++) {
      line.nowMs++;
      step();
    }
  }
  // A request that is answered by `hex` 20 ms later.
  void answer(const char* hex) {
    const unsigned before = line.sent;
    for (int i = 0; i < 3000 && line.sent == before; i++) pass(1);
    pass(20);
    line.arrives(hex);
    pass(1);
  }
};

}  // namespace

TEST("every corruption of one byte of a good reply is refused") {
  const Hex<16> good(goodReply);
  CHECK(readModbusReply(bmsVoltageAndCurrent, bmsVoltageAndCurrent.blocks[0], good.view()) == ModbusReply::ok);
  for (size_t at = 0; at < good.size; at++) {
    for (unsigned flip = 1; flip < 256; flip++) {
      uint8_t bytes[16];
      std::memcpy(bytes, good.bytes, good.size);
      bytes[at] = static_cast<uint8_t>(bytes[at] ^ flip);
      const ModbusReply reply = readModbusReply(bmsVoltageAndCurrent, bmsVoltageAndCurrent.blocks[0], ByteSpan(bytes, good.size));
      if (reply == ModbusReply::ok || reply == ModbusReply::incomplete) check::failed(__FILE__, __LINE__, "a corrupted reply passed");
    }
  }
}

TEST("a reply of another slave, function or length, with its CRC right, or with bytes behind it is garbled") {
  uint8_t bytes[16];
  const Hex<16> good(goodReply);
  const auto isGarbled = [&bytes](size_t size) {
    const uint16_t crc = crc16Modbus(bytes, size - 2);
    bytes[size - 2] = static_cast<uint8_t>(crc);
    bytes[size - 1] = static_cast<uint8_t>(crc >> 8);
    return readModbusReply(bmsVoltageAndCurrent, bmsVoltageAndCurrent.blocks[0], ByteSpan(bytes, size)) == ModbusReply::garbled;
  };
  const uint8_t wrong[] = {2, 4, 6};
  for (size_t at = 0; at < 3; at++) {
    std::memcpy(bytes, good.bytes, good.size);
    CHECK(!isGarbled(9));
    bytes[at] = wrong[at];
    CHECK(isGarbled(9));
  }
  std::memcpy(bytes, good.bytes, good.size);
  bytes[9] = 0;
  CHECK(readModbusReply(bmsVoltageAndCurrent, bmsVoltageAndCurrent.blocks[0], ByteSpan(bytes, 10)) == ModbusReply::garbled);
  for (size_t size = 0; size < 9; size++)
    CHECK(readModbusReply(bmsVoltageAndCurrent, bmsVoltageAndCurrent.blocks[0], ByteSpan(bytes, size)) == ModbusReply::incomplete);
}

TEST("the request is the page's, with the CRC's low byte first") {
  Bench bench;
  bench.step();
  CHECK(isHex(ByteSpan(bench.line.request, bench.line.requestSize), "010300000002c40b"));
}

TEST("a silent BMS is asked four times, at 100, 200 and 400 ms of back-off, and then there is a fault and no reading") {
  Bench bench;
  bench.step();
  uint64_t at = bench.line.nowMs;
  CHECK_EQ(bench.line.sent, 1u);
  for (const uint64_t backOff : bmsBackOffMs) {
    // 9 ms of sending, 100 of waiting, and the back-off.
    bench.pass(9 + 100 + backOff - 1);
    const unsigned before = bench.line.sent;
    CHECK(bench.poller.fault() == BmsFault::none);
    bench.pass(1);
    CHECK_EQ(bench.line.sent, before + 1);
    CHECK_EQ(bench.line.sentAtMs - at, 9 + 100 + backOff);
    at = bench.line.sentAtMs;
  }
  bench.pass(109);
  CHECK(bench.poller.fault() == BmsFault::silent);
  CHECK(bench.poller.state() == can::BmsState::fault);
  CHECK(!bench.poller.hasReading());
  CHECK_EQ(bench.line.sent, 4u);
  bench.pass(2000 - (bench.line.nowMs - 5000) - 1);
  CHECK_EQ(bench.line.sent, 4u);
  bench.pass(1);
  CHECK_EQ(bench.line.sent, 5u);
}

TEST("52.8 V and 1 A are read, and when the BMS falls silent they stay, marked stale, until it speaks again") {
  Bench bench;
  bench.answer(goodReply);
  CHECK(bench.poller.state() == can::BmsState::ok);
  CHECK_EQ(bench.poller.reading().millivolts, 52800u);
  CHECK_EQ(bench.poller.reading().centiamperes, 100);
  CHECK_EQ(stateOfCharge(bench.poller.reading().millivolts), 40);
  const uint64_t readAt = bench.poller.readAtMs();
  bench.pass(2000 + 1200);
  CHECK(bench.poller.fault() == BmsFault::silent);
  CHECK(bench.poller.state() == can::BmsState::stale);
  CHECK_EQ(bench.poller.reading().millivolts, 52800u);
  CHECK_EQ(bench.poller.readAtMs(), readAt);
  bench.answer(goodReply);
  CHECK(bench.poller.state() == can::BmsState::ok);
  CHECK(bench.poller.fault() == BmsFault::none);
}

TEST("one garbled reply is retried and harms nothing; four in a row are a fault of their own") {
  Bench bench;
  bench.answer("0103040210006400a5");
  CHECK(bench.poller.fault() == BmsFault::none);
  CHECK(!bench.poller.hasReading());
  bench.answer(goodReply);
  CHECK(bench.poller.state() == can::BmsState::ok);
  for (int i = 0; i < 4; i++) bench.answer("0203040210006400a5");
  CHECK(bench.poller.fault() == BmsFault::garbled);
  CHECK(bench.poller.state() == can::BmsState::stale);
}

TEST("a BMS that refuses says so, and is no reading") {
  Bench bench;
  for (int i = 0; i < 4; i++) bench.answer("018302c0f1");
  CHECK(bench.poller.fault() == BmsFault::refused);
  CHECK(!bench.poller.hasReading());
}

TEST("a reply in pieces is put together, and one that ends half-way is garbled when its time is up") {
  Bench bench;
  bench.step();
  bench.pass(12);
  bench.line.arrives("010304");
  bench.pass(30);
  bench.line.arrives("0210");
  bench.pass(30);
  bench.line.arrives("0064fba5");
  bench.pass(1);
  CHECK(bench.poller.state() == can::BmsState::ok);
  for (int i = 0; i < 4; i++) {
    bench.answer("01030402");
    bench.pass(100);
  }
  CHECK(bench.poller.fault() == BmsFault::garbled);
}

TEST("a reply that is late is thrown away before the next request") {
  Bench bench;
  bench.step();
  bench.pass(150);
  bench.line.arrives("01030402ee00009bbe");
  bench.answer(goodReply);
  CHECK_EQ(bench.poller.reading().millivolts, 52800u);
}

TEST("a line that takes no frame, or never gets rid of it, is a silent BMS and holds up nothing") {
  Bench bench;
  bench.line.refusesToSend = true;
  bench.step();
  bench.pass(1000);
  CHECK(bench.poller.fault() == BmsFault::silent);
  Bench stuck;
  stuck.line.isStuck = true;
  stuck.step();
  stuck.pass(1500);
  CHECK(stuck.poller.fault() == BmsFault::silent);
}

TEST("discharging currents are negative, and alarms come from a block of their own, all or nothing") {
  Bench bench(bmsWithAlarms);
  bench.answer("0103040210ff38ba6c");
  CHECK(isHex(ByteSpan(bench.line.request, bench.line.requestSize), "010300100003040e"));
  CHECK(!bench.poller.hasReading());
  bench.pass(20);
  bench.line.arrives("0103068000000100046eb6");
  bench.pass(1);
  CHECK(bench.poller.hasReading());
  CHECK_EQ(bench.poller.reading().centiamperes, -200);
  CHECK_EQ(bench.poller.reading().alarms, 0x80000001u);
  CHECK_EQ(bench.poller.reading().warnings, 4);
}

TEST("whatever bytes come, the poller goes on, and reads nothing that isn't a reply") {
  SeededRandom random(7);
  Bench bench;
  for (int i = 0; i < 20000; i++) {
    if (random.below(10) == 0) {
      uint8_t noise[24];
      const size_t size = random.below(sizeof noise);
      for (size_t at = 0; at < size; at++) noise[at] = random.byte();
      bench.line.arrives(ByteSpan(noise, size));
      bench.pass(2);
    }
    bench.pass(1);
  }
  CHECK(!bench.poller.hasReading());
  CHECK(bench.poller.fault() != BmsFault::none);
  bench.answer(goodReply);
  CHECK(bench.poller.hasReading());
}
