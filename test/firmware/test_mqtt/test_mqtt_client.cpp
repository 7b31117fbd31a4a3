#include "../fake_clock.hpp"
#include "../fake_tcp.hpp"
#include "check.hpp"
#include "hex.hpp"
#include "mqtt_client.hpp"

using namespace cx;

namespace {

struct Events final : MqttHandler {
  int connected = 0;
  int messages = 0;
  int published = 0;
  int granted = 0;
  int refused = 0;
  int closed = 0;
  MqttClose why = MqttClose::asked;
  FixedText<64> topic;
  FixedBytes<256> payload;
  MqttClient* echoTo = nullptr;      // publishes from inside onMqttMessage
  MqttClient* abortOn = nullptr;     // aborts from inside onMqttMessage
  MqttClient* leaveOn = nullptr;     // disconnects from inside onMqttMessage
  MqttClient* reconnectOn = nullptr; // connects from inside onMqttClosed
  MqttConnect options;
  void onMqttConnected(bool) override { connected++; }
  void onMqttMessage(std::string_view name, ByteSpan bytes, bool) override {
    messages++;
    (void)topic.assign(name);
    (void)payload.assign(bytes);
    if (echoTo != nullptr) (void)echoTo->publish("echo", bytes, 0, false).status();
    if (abortOn != nullptr) abortOn->abort();
    if (leaveOn != nullptr) leaveOn->disconnect();
  }
  void onMqttPublished(uint16_t) override { published++; }
  void onMqttSubscribed(uint16_t, bool isGranted) override { isGranted ? granted++ : refused++; }
  void onMqttClosed(MqttClose reason) override {
    closed++;
    why = reason;
    if (reconnectOn != nullptr) CHECK(isOk(reconnectOn->connect(options, *this)));
  }
};

struct MqttFixture {
  FakeClock clock;
  FakeTcp tcp;
  uint8_t in[128];
  uint8_t out[160];
  MqttClient client{tcp, clock, in, out};
  Events events;
  MqttConnect options;

  MqttFixture() {
    options.to.family = 4;
    options.to.port = 1883;
    options.clientId = "n1";
    options.keepAliveS = 60;
  }
  void connect() {
    CHECK_EQ(client.connect(options, events), Status::ok);
    turns(4);
    receive("20020000");
    CHECK_EQ(events.connected, 1);
    tcp.forgetWritten();
  }
  void turns(int count = 1) {
    for (int i = 0; i < count; i++) client.poll();
  }
  void pass(uint64_t ms) {
    clock.nowMs += ms;
    client.poll();
  }
  void receive(std::string_view hex) {
    tcp.send(Hex<300>(hex).view());
    turns(6);
  }
  bool wrote(std::string_view hex) {
    const bool isSame = isHex(ByteSpan(tcp.written, tcp.writtenSize), hex);
    tcp.forgetWritten();
    return isSame;
  }
};

}  // namespace

TEST("CONNECT is sent, CONNACK makes it usable, and until then nothing can be published") {
  MqttFixture f;
  CHECK_EQ(f.client.publish("t", ByteSpan(), 0, false).status(), Status::closed);
  CHECK_EQ(f.client.connect(f.options, f.events), Status::ok);
  CHECK_EQ(f.client.connect(f.options, f.events), Status::busy);
  f.turns(3);
  CHECK(f.wrote("100e00044d515454" "0402003c00026e31"));
  CHECK_EQ(f.client.publish("t", ByteSpan(), 0, false).status(), Status::closed);
  f.receive("20020000");
  CHECK(f.client.isConnected() && f.events.connected == 1);
}

TEST("a broker that refuses, isn't there, or stays silent closes with its reason") {
  MqttFixture refused;
  CHECK_EQ(refused.client.connect(refused.options, refused.events), Status::ok);
  refused.receive("20020005");
  CHECK(refused.events.why == MqttClose::refused && refused.client.returnCode() == 5 && refused.client.isIdle() && !refused.tcp.isOpen);
  MqttFixture absent;
  absent.tcp.onConnect = FakeTcp::Connect::refuse;
  CHECK_EQ(absent.client.connect(absent.options, absent.events), Status::ok);
  CHECK_EQ(absent.events.closed, 0);
  absent.turns();
  CHECK_EQ(absent.events.why, MqttClose::connectFailed);
  MqttFixture slow;
  slow.tcp.onConnect = FakeTcp::Connect::later;
  CHECK_EQ(slow.client.connect(slow.options, slow.events), Status::ok);
  slow.pass(9999);
  CHECK_EQ(slow.events.closed, 0);
  slow.pass(1);
  CHECK_EQ(slow.events.why, MqttClose::connectFailed);
  MqttFixture silent;
  CHECK_EQ(silent.client.connect(silent.options, silent.events), Status::ok);
  silent.turns(3);
  silent.pass(10000);
  CHECK_EQ(silent.events.why, MqttClose::keepAliveTimeout);
  MqttFixture large;
  static char name[200];
  for (char& c : name) c = 'x';
  large.options.clientId = std::string_view(name, sizeof name);
  CHECK_EQ(large.client.connect(large.options, large.events), Status::tooLarge);
}

TEST("messages out: QoS 0 at once, QoS 1 until its acknowledgement") {
  MqttFixture f;
  f.connect();
  CHECK_EQ(f.client.publish("t", asBytes("a"), 0, true).valueOr(9), 0);
  const Expected<uint16_t> id = f.client.publish("t", asBytes("b"), 1, false);
  CHECK_EQ(id.valueOr(0), 1);
  CHECK_EQ(f.client.inFlight(), 1U);
  f.turns();
  CHECK(f.wrote("31040001746132060001740001" "62"));
  f.receive("40020002");
  CHECK_EQ(f.events.published, 0);
  f.receive("40020001");
  f.receive("40020001");
  CHECK(f.events.published == 1 && f.client.inFlight() == 0);
}

TEST("what is too large never goes, what finds no room goes later") {
  MqttFixture f;
  f.connect();
  static const uint8_t payload[160] = {};
  CHECK_EQ(f.client.publish("t", ByteSpan(payload, 160), 0, false).status(), Status::tooLarge);
  CHECK_EQ(f.client.publish("+", ByteSpan(), 0, false).status(), Status::invalid);
  f.tcp.writeStep = 0;
  CHECK(f.client.publish("t", ByteSpan(payload, 100), 0, false).hasValue());
  CHECK_EQ(f.client.publish("t", ByteSpan(payload, 100), 0, false).status(), Status::again);
  CHECK(f.client.room() < 105);
  f.turns(3);
  f.tcp.writeStep = 7;
  f.turns(3);
  CHECK(f.client.publish("t", ByteSpan(payload, 100), 0, false).hasValue());
  for (size_t i = 0; i < mqttInFlightMax; i++) {
    f.turns(2);
    CHECK(f.client.publish("t", ByteSpan(), 1, false).hasValue());
  }
  f.turns(3);
  CHECK_EQ(f.client.publish("t", ByteSpan(), 1, false).status(), Status::again);
  CHECK_EQ(f.client.subscribe("t", 1).status(), Status::again);
  CHECK(f.client.publish("t", ByteSpan(), 0, false).hasValue());
}

TEST("a subscription is granted or refused by its own id") {
  MqttFixture f;
  f.connect();
  const Expected<uint16_t> first = f.client.subscribe("cx/nodes/n1/cmd/#", 1);
  const Expected<uint16_t> second = f.client.subscribe("other", 0);
  CHECK(first.valueOr(0) == 1 && second.valueOr(0) == 2);
  f.receive("40020001");  // an acknowledgement of another kind isn't its answer
  CHECK_EQ(f.client.inFlight(), 2U);
  f.receive("90030001019003000280");
  CHECK(f.events.granted == 1 && f.events.refused == 1 && f.client.inFlight() == 0);
}

TEST("messages in: whole ones only, acknowledged when QoS 1, byte by byte as well") {
  MqttFixture f;
  f.connect();
  f.tcp.readStep = 1;
  f.tcp.isStuttering = true;
  f.tcp.send(Hex<64>("3206000174001061" "300400017462").view());
  f.turns(200);
  CHECK(f.events.messages == 2 && f.events.topic.view() == "t" && asText(f.events.payload.view()) == "b");
  CHECK(f.wrote("40020010"));
}

TEST("the broker's mistakes close the connection with a reason") {
  struct Case {
    const char* hex;
    MqttClose why;
  };
  const Case cases[] = {{"20020000", MqttClose::malformed}, {"340700017400016161", MqttClose::malformed}, {"5002000a", MqttClose::malformed},
                        {"6202000a", MqttClose::malformed}, {"b002000a", MqttClose::malformed}, {"400100", MqttClose::malformed},
                        {"4002000000", MqttClose::malformed}, {"d00100", MqttClose::malformed}, {"30ff01", MqttClose::oversized},
                        {"30ffffff7f", MqttClose::oversized}, {"f0", MqttClose::malformed}, {"3003000123", MqttClose::malformed}};
  for (const Case& item : cases) {
    MqttFixture f;
    f.connect();
    f.receive(item.hex);
    CHECK_EQ(f.events.why, item.why);
    CHECK(f.events.closed == 1 && f.client.isIdle() && !f.tcp.isOpen);
  }
  MqttFixture early;
  CHECK_EQ(early.client.connect(early.options, early.events), Status::ok);
  early.receive("d000");
  CHECK_EQ(early.events.why, MqttClose::malformed);
}

TEST("a quiet connection is kept alive, and one whose broker is gone is noticed") {
  MqttFixture f;
  f.connect();
  CHECK_EQ(f.client.nextDueMs(), f.clock.nowMs + 45000);
  f.pass(44999);
  CHECK(f.wrote(""));
  f.pass(1);
  CHECK(f.wrote("c000"));
  f.receive("d000");
  f.pass(45000);
  CHECK(f.wrote("c000"));
  CHECK_EQ(f.client.nextDueMs(), f.clock.nowMs + 10000);
  f.pass(9999);
  CHECK_EQ(f.events.closed, 0);
  f.pass(1);
  CHECK_EQ(f.events.why, MqttClose::keepAliveTimeout);
}

TEST("who only talks asks as well whether somebody listens, and a missing acknowledgement ends it") {
  MqttFixture f;
  f.connect();
  for (int i = 0; i < 6; i++) {
    CHECK(f.client.publish("t", ByteSpan(), 0, false).hasValue());
    f.pass(10000);
  }
  CHECK(slice(f.tcp.wrote(), f.tcp.wrote().size() - 2) == std::string_view("\xC0\x00", 2));
  f.receive("d000");
  CHECK(f.client.publish("t", ByteSpan(), 1, false).hasValue());
  f.pass(29999);
  CHECK_EQ(f.events.closed, 0);
  f.pass(1);
  CHECK_EQ(f.events.why, MqttClose::keepAliveTimeout);
}

TEST("saying goodbye sends what is queued first, and doesn't wait for ever") {
  MqttFixture f;
  f.connect();
  CHECK(f.client.publish("t", asBytes("x"), 1, false).hasValue());
  f.client.disconnect();
  CHECK_EQ(f.client.publish("t", ByteSpan(), 0, false).status(), Status::closed);
  f.turns();
  CHECK(f.wrote("3206000174000178e000"));
  CHECK(f.events.why == MqttClose::asked && f.events.closed == 1 && !f.tcp.isOpen);
  MqttFixture stuck;
  stuck.connect();
  stuck.tcp.writeStep = 0;
  stuck.client.disconnect();
  stuck.pass(1999);
  CHECK_EQ(stuck.events.closed, 0);
  stuck.pass(1);
  CHECK_EQ(stuck.events.closed, 1);
  MqttFixture early;
  CHECK_EQ(early.client.connect(early.options, early.events), Status::ok);
  early.client.disconnect();
  early.turns();
  CHECK(early.events.closed == 1 && early.events.why == MqttClose::asked);
}

TEST("a cut, a reset and an abort: the first two are told, the last is not") {
  MqttFixture cut;
  cut.connect();
  cut.tcp.isPeerClosed = true;
  cut.turns();
  CHECK_EQ(cut.events.why, MqttClose::connectionLost);
  MqttFixture reset;
  reset.connect();
  CHECK(reset.client.publish("t", ByteSpan(), 0, false).hasValue());
  reset.tcp.isReset = true;
  reset.turns();
  CHECK(reset.events.why == MqttClose::connectionLost && reset.events.closed == 1);
  MqttFixture aborted;
  aborted.connect();
  aborted.client.abort();
  aborted.turns(3);
  CHECK(aborted.events.closed == 0 && aborted.client.isIdle() && !aborted.tcp.isOpen);
}

TEST("after a goodbye from inside a message nothing more is heard, and the message isn't acknowledged behind it") {
  MqttFixture f;
  f.connect();
  f.events.leaveOn = &f.client;
  f.receive("320600017400106132060001740011613206000174001261");
  CHECK_EQ(f.events.messages, 1);
  CHECK(f.wrote("e000"));
  CHECK(f.events.closed == 1 && f.events.why == MqttClose::asked);
}

TEST("handlers may publish, abort and connect again from inside their calls") {
  MqttFixture f;
  f.connect();
  f.events.echoTo = &f.client;
  f.receive("3206000174001061");
  CHECK(f.wrote("300700046563686f61" "40020010"));
  f.events.abortOn = &f.client;
  f.receive("320600017400106132060001740011613206000174001261");
  CHECK(f.events.messages == 2 && f.client.isIdle());
  MqttFixture g;
  g.events.options = g.options;
  g.connect();
  g.events.reconnectOn = &g.client;
  g.receive("f030040001746220020000");
  CHECK(g.events.closed == 1 && !g.client.isIdle() && g.events.messages == 0);
  g.receive("20020000");
  CHECK(g.events.connected == 2 && g.client.isConnected());
}

TEST("acknowledgements that find no room make the broker wait instead of being lost") {
  MqttFixture f;
  f.connect();
  f.tcp.writeStep = 0;
  while (f.client.publish("t", ByteSpan(), 0, false).hasValue()) {
  }
  for (int i = 1; i <= 6; i++) {
    char hex[] = "320500017400f0";
    hex[12] = static_cast<char>('0' + i);
    f.receive(hex);
  }
  const int taken = f.events.messages;
  CHECK(taken >= 1 && taken < 6);
  f.tcp.writeStep = UINT32_MAX;
  f.turns(10);
  CHECK_EQ(f.events.messages, 6);
  CHECK(slice(f.tcp.wrote(), f.tcp.wrote().size() - 4) == std::string_view("\x40\x02\x00\x60", 4));
}

TEST("random bytes from a broker close the connection or are taken, never more") {
  SeededRandom random(77);
  for (int i = 0; i < 3000; i++) {
    MqttFixture f;
    f.connect();
    uint8_t bytes[100];
    const size_t size = random.below(sizeof bytes);
    for (size_t at = 0; at < size; at++) bytes[at] = random.below(3) == 0 ? static_cast<uint8_t>(random.below(16)) : random.byte();
    if (size > 0) bytes[0] = static_cast<uint8_t>(0x30U | (bytes[0] & 0x0FU));
    f.tcp.send(ByteSpan(bytes, size));
    f.turns(4);
    CHECK(f.events.closed <= 1);
  }
}
