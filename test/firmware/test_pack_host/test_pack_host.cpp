// A pack's lines on Linux: serial-line CAN against an adapter that the test plays, the board's lines, the flags.
#include <cstring>

#include "../check.hpp"
#include "pack_host/board_line.hpp"
#include "pack_host/pack_options.hpp"
#include "pack_host/retained_page.hpp"
#include "pack_host/serial_bms.hpp"
#include "pack_host/slcan_can.hpp"
#include "pty_pair.hpp"

using namespace cx;
using namespace cx::pack;

namespace {

bool is(const char* a, const char* b) { return std::strcmp(a, b) == 0; }
bool has(const char* text, const char* part) { return std::strstr(text, part) != nullptr; }

can::Frame frame(uint32_t id, bool isExtended, std::initializer_list<uint8_t> bytes) {
  can::Frame out;
  out.id = id;
  out.isExtended = isExtended;
  for (const uint8_t byte : bytes) out.data[out.length++] = byte;
  return out;
}

bool isSame(const can::Frame& a, const can::Frame& b) {
  return a.id == b.id && a.isExtended == b.isExtended && a.length == b.length && std::memcmp(a.data, b.data, a.length) == 0;
}

ByteSpan bytes(const char* text) { return asBytes(text); }

// A controller on one end of a line, with an adapter on the other that the test plays.
struct Adapter {
  PtyPair pty;
  LineTarget target;
  SlcanCan can{target};
  uint64_t now = 1000;

  Adapter() {
    CHECK(parseLineTarget(pty.device, target));
    pass(1);
  }
  void pass(uint64_t ms) {
    now += ms;
    can.step(now);
  }
  // Waits for what the adapter said: the kernel hands it over by a worker.
  void hears(const char* text) {
    pty.say(text);
    struct pollfd source;
    if (can.waitFor(&source) == 1) (void)::poll(&source, 1, 200);
    pass(1);
  }
  void open() {
    (void)pty.heard();
    hears("\a\r\r\rF00\r");
    CHECK(can.isUp());
  }
};

}  // namespace

TEST("frames as lines of serial-line CAN, and back") {
  struct Row {
    const char* line;
    can::Frame frame;
  };
  const Row rows[] = {
      {"t1230", frame(0x123, false, {})},
      {"t7FF81122334455667788", frame(0x7ff, false, {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88})},
      {"T1C10203080400112233AB00FF", frame(0x1c102030, true, {0x04, 0x00, 0x11, 0x22, 0x33, 0xab, 0x00, 0xff})},
      {"T000000011FE", frame(1, true, {0xfe})},
  };
  for (const Row& row : rows) {
    uint8_t line[slcanLineMax];
    const size_t size = writeSlcanLine(row.frame, line);
    CHECK_EQ(size, std::strlen(row.line) + 1);
    CHECK(std::memcmp(line, row.line, size - 1) == 0);
    CHECK_EQ(line[size - 1], '\r');
    can::Frame back;
    CHECK(readSlcanLine(bytes(row.line), back));
    CHECK(isSame(back, row.frame));
  }
  can::Frame back;
  CHECK(readSlcanLine(bytes("t12a2beef"), back));
  CHECK(isSame(back, frame(0x12a, false, {0xbe, 0xef})));
  CHECK(readSlcanLine(bytes("t12A2BEEF0F00"), back));  // with a time stamp
  CHECK(isSame(back, frame(0x12a, false, {0xbe, 0xef})));
}

TEST("lines that are no data frame are none") {
  const char* const wrong[] = {"", "t", "t12", "t123", "t1239", "t1231", "t1231A", "t12310", "t1231AAB", "t8000", "t12G0", "T2000000000", "T1C1020300X", "r1230", "x1230", "t1231AAXXXX", "t1230\r"};
  for (const char* line : wrong) {
    can::Frame out;
    CHECK(!readSlcanLine(bytes(line), out));
  }
}

TEST("an adapter's channel is opened at 500 kbit/s, and counts as open once it gave its status") {
  Adapter adapter;
  CHECK(is(adapter.pty.heard(), "\rC\rS6\rO\rF\r"));
  CHECK(!adapter.can.isUp());
  CHECK(adapter.can.isBusOff() == false);  // it is being opened: nothing is wrong yet
  CHECK(!adapter.can.send(frame(0x100, false, {1})));
  adapter.hears("\a\r\r\r");
  CHECK(!adapter.can.isUp());
  adapter.hears("F00\r");
  CHECK(adapter.can.isUp());
  CHECK(is(adapter.can.fault(), ""));
}

TEST("a frame is sent when the adapter says so, and failed when it says that") {
  Adapter adapter;
  adapter.open();
  CHECK(adapter.can.send(frame(0x123, false, {0xaa, 0xbb})));
  CHECK(!adapter.can.send(frame(0x124, false, {})));  // one at a time
  CHECK(is(adapter.pty.heard(), "t1232AABB\r"));
  CHECK(adapter.can.sent() == CanSend::pending);
  adapter.hears("z\r");
  CHECK(adapter.can.sent() == CanSend::sent);
  CHECK(adapter.can.sent() == CanSend::idle);
  CHECK(adapter.can.send(frame(1, true, {})));
  CHECK(is(adapter.pty.heard(), "T000000010\r"));
  adapter.hears("Z\r");
  CHECK(adapter.can.sent() == CanSend::sent);
  CHECK(adapter.can.send(frame(0x125, false, {})));
  (void)adapter.pty.heard();
  adapter.hears("\r");  // some say nothing but that
  CHECK(adapter.can.sent() == CanSend::sent);
  CHECK(adapter.can.send(frame(0x126, false, {})));
  (void)adapter.pty.heard();
  adapter.hears("\a");
  CHECK(adapter.can.sent() == CanSend::failed);
  CHECK(adapter.can.sent() == CanSend::idle);
}

TEST("a frame that is taken back closes the channel and opens it again, and its late answer is nobody's") {
  Adapter adapter;
  adapter.open();
  CHECK(adapter.can.send(frame(0x123, false, {})));
  (void)adapter.pty.heard();
  adapter.can.abort();
  CHECK(is(adapter.pty.heard(), "\rC\rS6\rO\rF\r"));
  CHECK(adapter.can.sent() == CanSend::idle);
  CHECK(!adapter.can.send(frame(0x124, false, {})));
  adapter.hears("z\r\a\r\r\rF00\r");
  CHECK(adapter.can.send(frame(0x124, false, {})));
  CHECK(adapter.can.sent() == CanSend::pending);
}

TEST("an adapter that answers nothing is taken to be open after a second, and its frames to be out") {
  Adapter adapter;
  (void)adapter.pty.heard();
  adapter.pass(999);
  CHECK(!adapter.can.isUp());
  adapter.pass(10);
  CHECK(adapter.can.isUp());
  CHECK(adapter.can.send(frame(0x123, false, {})));
  CHECK(adapter.can.sent() == CanSend::sent);
  adapter.hears("t10010A\r");
  can::Frame out;
  CHECK(adapter.can.receive(out));
}

TEST("an adapter that refuses is asked again each second, and the reason is told") {
  Adapter adapter;
  (void)adapter.pty.heard();
  adapter.hears("\a\a\a\a");
  adapter.pass(1000);
  CHECK(!adapter.can.isUp());
  CHECK(has(adapter.can.fault(), "refuses"));
  CHECK(is(adapter.pty.heard(), "\rC\rS6\rO\rF\r"));
  adapter.hears("\a\r\r\rF00\r");
  CHECK(adapter.can.isUp());
}

TEST("bus-off is told by the status after a frame failed, and ends when the channel was opened anew") {
  Adapter adapter;
  adapter.open();
  adapter.pass(1000);
  CHECK(adapter.can.send(frame(0x123, false, {})));
  (void)adapter.pty.heard();
  adapter.hears("\a");
  CHECK(is(adapter.pty.heard(), "F\r"));
  adapter.hears("FA4\r");  // error passive and a bus error, as alone on the bus: that isn't off
  CHECK(!adapter.can.isBusOff());
  adapter.hears("F14\r");
  CHECK(adapter.can.isBusOff());
  CHECK(!adapter.can.isUp());
  CHECK(has(adapter.can.fault(), "off the bus"));
  adapter.pass(600);
  CHECK(is(adapter.pty.heard(), "F\r"));  // looks whether it came back by itself
  adapter.hears("F14\r");
  CHECK(adapter.can.isBusOff());
  adapter.can.recover();
  CHECK(is(adapter.pty.heard(), "\rC\rS6\rO\rF\r"));
  adapter.hears("\r\r\rF00\r");
  CHECK(!adapter.can.isBusOff());
  CHECK(adapter.can.isUp());
}

TEST("received frames come in order, whatever stands between them, and none is lost while nobody reads") {
  Adapter adapter;
  adapter.open();
  adapter.hears("t1001AA\rr1000\rgarbage that is much longer than any line of serial-line CAN\r\n\at1011BB\rt1");
  can::Frame out;
  CHECK(adapter.can.receive(out));
  CHECK_EQ(out.id, 0x100u);
  CHECK(adapter.can.hasUnread());
  CHECK(adapter.can.receive(out));
  CHECK_EQ(out.id, 0x101u);
  CHECK(!adapter.can.receive(out));
  CHECK(!adapter.can.hasUnread());
  adapter.hears("021CC\r");
  CHECK(adapter.can.receive(out));
  CHECK_EQ(out.id, 0x102u);
  for (unsigned i = 0; i < 2 * slcanInboxMax; i++) {
    char line[16];
    std::snprintf(line, sizeof line, "t%03X0\r", i);
    adapter.pty.say(line);
  }
  unsigned next = 0;
  for (int i = 0; i < 200 && next < 2 * slcanInboxMax; i++) {
    adapter.pass(1);
    adapter.pass(1);
    while (adapter.can.receive(out)) CHECK_EQ(out.id, next++);
    struct pollfd source;
    if (adapter.can.waitFor(&source) == 1) (void)::poll(&source, 1, 20);
  }
  CHECK_EQ(next, 2 * slcanInboxMax);
}

TEST("an adapter that is pulled out fails the frame under way, and is looked for until it is back") {
  Adapter adapter;
  adapter.open();
  CHECK(adapter.can.send(frame(0x123, false, {})));
  adapter.pty.unplug();
  adapter.pass(1);
  CHECK(adapter.can.sent() == CanSend::failed);
  CHECK(adapter.can.isBusOff());
  CHECK(!adapter.can.isUp());
  CHECK(!adapter.can.send(frame(0x123, false, {})));
  CHECK(!is(adapter.can.fault(), ""));
  for (int i = 0; i < 100; i++) adapter.pass(100);
  CHECK(!adapter.can.isUp());
  // The same path may be another line now: whatever is there is opened from the start.
  PtyPair other;
  adapter.target.path = other.device;
  for (int i = 0; i < 30; i++) adapter.pass(100);
  CHECK(has(other.heard(), "\rC\rS6\rO\rF\r"));
}

TEST("the BMS's line is raw: every byte goes and comes as it is, at 9600 8N1") {
  PtyPair pty;
  LineTarget target;
  CHECK(parseLineTarget(pty.device, target));
  SerialBms bms(target);
  bms.step(1);
  CHECK(bms.isOpen());
  const uint8_t all[] = {0x01, 0x03, 0x0a, 0x0d, 0x11, 0x13, 0x1a, 0x7f, 0xff, 0x04};
  CHECK(bms.send(ByteSpan(all)));
  const char* const heard = pty.heard();
  CHECK(std::memcmp(heard, all, sizeof all) == 0);
  CHECK(!bms.isSending());
  CHECK_EQ(::write(pty.end, all, sizeof all), static_cast<ssize_t>(sizeof all));
  uint8_t in[32];
  size_t size = 0;
  struct pollfd source;
  for (int i = 0; i < 50 && size < sizeof all; i++) {
    CHECK_EQ(bms.waitFor(&source), 1);
    (void)::poll(&source, 1, 200);
    size += bms.read(MutableSpan(in + size, sizeof in - size));
  }
  CHECK_EQ(size, sizeof all);
  CHECK(std::memcmp(in, all, sizeof all) == 0);
  struct termios settings;
  const int device = ::open(pty.device, O_RDWR | O_NOCTTY);
  CHECK_EQ(::tcgetattr(device, &settings), 0);
  CHECK_EQ(::cfgetospeed(&settings), static_cast<speed_t>(B9600));
  CHECK_EQ(settings.c_cflag & CSIZE, static_cast<tcflag_t>(CS8));
  CHECK_EQ(settings.c_cflag & (PARENB | CSTOPB), 0u);
  ::close(device);
}

TEST("a board's line sets what it names and nothing else, and a bad one sets nothing") {
  BoardCurrents currents;
  currents.pool = 7;
  SocketWish wish;
  CHECK(readBoardLine(bytes("{\"amperes\":{\"grid\":4.5,\"heater\":9.0909}}"), currents, wish) == nullptr);
  CHECK_EQ(currents.grid, 4500);
  CHECK_EQ(currents.heater, 9091);
  CHECK_EQ(currents.home, 0);
  CHECK_EQ(currents.pool, 7);
  CHECK(!wish.isSet);
  CHECK(readBoardLine(bytes(" {\"socket\":127, \"on\":true} "), currents, wish) == nullptr);
  CHECK(wish.isSet && wish.socket == 127 && wish.isOn);
  const char* const wrong[] = {
      "", "[]", "4", "{", "{\"amperes\":4}", "{\"amperes\":{\"grid\":1,\"sun\":4}}", "{\"amperes\":{\"grid\":-1}}", "{\"amperes\":{\"grid\":100.001}}",
      "{\"amperes\":{\"grid\":\"4\"}}", "{\"amperes\":{\"grid\":1}", "{\"amperes\":{\"grid\":1}}x", "{\"socket\":1}", "{\"on\":true}", "{\"socket\":128,\"on\":true}",
      "{\"socket\":1,\"on\":1}", "{\"relays\":{}}"};
  for (const char* line : wrong) {
    BoardCurrents untouched = currents;
    SocketWish none;
    CHECK(readBoardLine(bytes(line), untouched, none) != nullptr);
    CHECK(std::memcmp(&untouched, &currents, sizeof currents) == 0);
    CHECK(!none.isSet);
  }
}

TEST("relays and lights as lines") {
  uint8_t out[boardLineMax] = {};
  Relays relays;
  relays.heater = true;
  size_t size = writeRelaysLine(relays, MutableSpan(out));
  const char expected[] = "{\"relays\":{\"grid\":true,\"output\":true,\"pump\":false,\"heater\":true}}\n";
  CHECK_EQ(size, sizeof expected - 1);
  CHECK(std::memcmp(out, expected, size) == 0);
  Shown shown;
  shown.hasCharge = true;
  shown.percent = 20;
  Pixel bar[barPixels];
  uint8_t digits[3];
  drawBar(shown, 0, bar);
  drawDigits(shown, 0, digits);
  Leds leds;
  leds.red = true;
  size = writeLightsLine(bar, digits, leds, MutableSpan(out));
  const char lights[] = "{\"lights\":{\"bar\":\"rr........\",\"digits\":\" 20\",\"green\":false,\"yellow\":false,\"red\":true}}\n";
  CHECK_EQ(size, sizeof lights - 1);
  CHECK(std::memcmp(out, lights, size) == 0);
  char text[4];
  const uint8_t dashes[3] = {0x40, 0x40, 0x40};
  readDigits(dashes, text);
  CHECK(is(text, "---"));
}

TEST("flags of a pack: what is wrong is said with the flag, and a node's that mean nothing here are refused") {
  struct Row {
    const char* words[3];
    const char* part;  // of the fault; null: none
  };
  const Row rows[] = {
      {{"--can", "can0", nullptr}, nullptr},
      {{"--can", "socket://127.0.0.1:7070", nullptr}, nullptr},
      {{"--can", "tcp://127.0.0.1:7070", nullptr}, nullptr},
      {{"--can", "unix:/run/can.sock", nullptr}, nullptr},
      {{"--can=socket://[::1]:7070", nullptr, nullptr}, nullptr},
      {{"--can=./bus.sock", nullptr, nullptr}, nullptr},
      {{"--can", "/dev/ttyACM0", nullptr}, nullptr},
      {{"--can", "socket://127.0.0.1", nullptr}, "--can \"socket://127.0.0.1\" isn't tcp://ADDRESS:PORT"},
      {{"--can", "socket://127.0.0.1:0", nullptr}, "isn't tcp"},
      {{"--can", "socket://host.example:70000", nullptr}, "isn't tcp"},
      {{"--can", "udp://127.0.0.1:7070", nullptr}, "isn't tcp"},
      {{"--can", "unix:", nullptr}, "isn't tcp"},
      {{"--can", "", nullptr}, "isn't an interface"},
      {{"--can", "a name too long for one", nullptr}, "isn't an interface"},
      {{"--can", nullptr, nullptr}, "--can needs a value"},
      {{"--bms", "/dev/ttyUSB0", nullptr}, nullptr},
      {{"--bms", "ttyUSB0", nullptr}, "isn't the path"},
      {{"--bms-map", "alarms", nullptr}, nullptr},
      {{"--bms-map", "all", nullptr}, "is none of: basic, alarms"},
      {{"--hardware", "24a160b1c2d3", nullptr}, nullptr},
      {{"--hardware", "24:A1:60:B1:C2:D3", nullptr}, nullptr},
      {{"--hardware", "24a160b1c2", nullptr}, "isn't a MAC"},
      {{"--hardware", "25a160b1c2d3", nullptr}, "isn't a MAC of one device"},
      {{"--hardware", "000000000000", nullptr}, "isn't a MAC"},
      {{"--hardware", "24a160b1c2d3e4", nullptr}, "isn't a MAC"},
      {{"--watchdog-time", "0", nullptr}, "isn't a number of seconds"},
      {{"--loads-behind-inverter", "yes", nullptr}, nullptr},
      {{"--loads-behind-inverter", "1", nullptr}, "is none of: yes, no"},
      {{"--eco-sheds-output", "off", nullptr}, "is none of: yes, no"},
      {{"--charge-range", "44800-57600", nullptr}, nullptr},
      {{"--charge-range", "57600-44800", nullptr}, "isn't EMPTY-FULL in millivolts"},
      {{"--charge-range", "44.8-57.6", nullptr}, "isn't EMPTY-FULL"},
      {{"--charge-range", "44800-57600V", nullptr}, "isn't EMPTY-FULL"},
      {{"--unsigned-updates", nullptr, nullptr}, nullptr},
      {{"--manager", "coap://127.0.0.1", nullptr}, "there is no flag --manager; see cxpack --help"},
      {{"--slot", "a", nullptr}, "there is no flag --slot"},
      {{"can0", nullptr, nullptr}, "\"can0\" is not a flag"},
  };
  for (const Row& row : rows) {
    PackOptions options;
    char fault[host::optionFaultMax] = {};
    int count = 0;
    while (count < 3 && row.words[count] != nullptr) count++;
    CHECK_EQ(parsePackOptions(count, row.words, host::Unknown::refuse, options, fault), row.part == nullptr);
    if (row.part != nullptr && !has(fault, row.part)) check::failed(__FILE__, __LINE__, fault);
  }
  PackOptions options;
  CHECK_EQ(options.host.watchdogSeconds, 10u);
  char fault[host::optionFaultMax] = {};
  const char* const newer[] = {"--not-yet-known", "--slot", "b", "--hardware", "24a160b1c2d3", "--retained-memory", "5"};
  CHECK(parsePackOptions(7, newer, host::Unknown::skip, options, fault));
  CHECK(options.host.slot == hal::Slot::b);
  CHECK_EQ(options.host.retainedMemory, 5);
  CHECK_EQ(options.mac.bytes[5], 0xd3);
}

TEST("without memory from a supervisor nothing is retained, and that reads as zeros") {
  RetainedPage page;
  CHECK(!page.map(-1));
  uint8_t kept[hal::retainedSize];
  std::memset(kept, 0xff, sizeof kept);
  page.store(kept);
  page.load(kept);
  for (const uint8_t byte : kept) CHECK_EQ(byte, 0);
}
