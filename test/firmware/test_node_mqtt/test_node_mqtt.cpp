// What a node says and hears on MQTT, over its whole life: will, availability, telemetry, maintenance, commands, ota/start.
#include "check.hpp"
#include "fake_broker.hpp"

using namespace cx;

namespace {

constexpr const char* availability = "cx/nodes/n1/availability";
constexpr const char* telemetry = "cx/nodes/n1/telemetry";
constexpr const char* progress = "cx/nodes/n1/ota/progress";

struct Connected {
  Connected() {
    bench.manager.environment = Bench::environmentOf("10.0.0.1");
    bench.run(10000);
  }
  Bench bench;
  FakeBroker broker{bench};
};

}  // namespace

TEST("a broker that refuses is tried again and again, and the node stays operational") {
  Bench bench;
  FakeBroker broker(bench);
  broker.isDown = true;
  bench.manager.environment = Bench::environmentOf("10.0.0.1");
  bench.run(300000);
  CHECK(bench.node().phase() == Phase::operational);
  CHECK_EQ(broker.connects, 0);
  broker.isDown = false;
  bench.run(61000);
  CHECK_EQ(broker.connects, 1);
  CHECK_EQ(bench.node().state().mqttReconnects, 0u);
}

TEST("a broker that is to be spoken to by TLS is never spoken to in the open by a node that has none, and its status says why") {
  Bench bench;
  FakeBroker broker(bench);
  bench.manager.environment = Bench::environmentOf("10.0.0.1", true);
  bench.run(300000);
  CHECK(bench.node().phase() == Phase::operational);
  CHECK_EQ(broker.connects, 0);
  CHECK(bench.node().state().brokerFault.view() == "no-tls");
}

TEST("it connects with a will, says online, subscribes to its own topics and reports at its interval") {
  Connected it;
  CHECK(it.broker.willTopic == availability && it.broker.willPayload == "offline");
  CHECK_EQ(it.broker.count(availability, "online"), 1);
  CHECK(it.broker.filters.size() == 2 && it.broker.filters[0] == "cx/nodes/n1/ota/start" && it.broker.filters[1] == "cx/nodes/n1/cmd/+");
  it.bench.run(60000);
  CHECK(it.broker.count(telemetry) >= 6 && it.broker.count(telemetry) <= 8);
  CHECK(it.broker.count("cx/nodes/n1/status") == it.broker.count(telemetry));
  for (const Published& each : it.broker.published) CHECK(each.isRetained == (each.topic != telemetry));
}

TEST("a connection that is lost is made again, and counted") {
  Connected it;
  it.broker.isDown = true;
  it.bench.run(5000);
  CHECK(!it.bench.node().broker().isConnected());
  it.broker.isDown = false;
  it.bench.run(61000);
  CHECK(it.bench.node().broker().isConnected());
  CHECK_EQ(it.bench.node().state().mqttReconnects, 1u);
  CHECK_EQ(it.broker.count(availability, "online"), 2);
}

TEST("maintenance is announced before a clean DISCONNECT, and no telemetry follows until it is over") {
  Connected it;
  it.bench.settings.downloadRate = 3000;
  it.bench.boot(hal::ResetReason::powerOn);
  it.bench.run(5000);
  it.bench.offerUpdate(1, imageOf("CXSIM 2.0.0 ok\n", 12000));
  for (int i = 0; i < 100 && it.bench.node().phase() != Phase::maintenance; ++i) it.bench.run(100);
  it.bench.run(100);
  CHECK(it.broker.last(availability) == "maintenance");
  CHECK_EQ(it.broker.disconnects, 1);
  const int reports = it.broker.count(telemetry);
  it.bench.run(2000);
  CHECK(it.bench.node().phase() == Phase::maintenance);
  CHECK_EQ(it.broker.count(telemetry), reports);
  it.bench.run(60000);
  CHECK(it.bench.saw("1 done"));
  CHECK(it.broker.last(availability) == "online");
  CHECK_EQ(it.broker.connects, 3);
}

TEST("a board with room stays connected in maintenance and publishes its own progress, without telemetry") {
  Connected it;
  it.bench.settings.downloadRate = 3000;
  it.bench.isRoomy = true;
  it.bench.boot(hal::ResetReason::powerOn);
  it.bench.run(5000);
  const uint8_t keep[] = {0xA3, 0x01, 0x02, 0x02, 0x03, 0x0C, 0xA1, 0x04, 0xF5};  // {rev: 2, kind: config, config: {keep: true}}
  it.bench.offer(2, std::vector<uint8_t>(keep, keep + sizeof keep));
  it.bench.run(10000);
  CHECK(it.bench.saw("2 done"));
  const int disconnects = it.broker.disconnects;
  it.bench.offerUpdate(3, imageOf("CXSIM 2.0.0 ok\n", 30000));
  for (int i = 0; i < 100 && it.bench.node().phase() != Phase::maintenance; ++i) it.bench.run(100);
  const int reports = it.broker.count(telemetry);
  it.bench.run(6000);
  CHECK(it.bench.node().phase() == Phase::maintenance);
  CHECK(it.bench.node().broker().isConnected());
  CHECK_EQ(it.broker.disconnects, disconnects);
  CHECK(it.broker.last(availability) == "maintenance");
  CHECK(it.broker.count(progress) >= 4);
  CHECK_EQ(it.broker.count(telemetry), reports);
  it.bench.run(60000);
  CHECK(it.bench.saw("3 done"));
}

TEST("ota/start makes it ask for the action, wait as told, and update") {
  Connected it;
  it.bench.manager.installWaits = 2;
  it.bench.offerUpdate(1, imageOf("CXSIM 2.0.0 ok\n", 12000));
  it.bench.manager.installAction = it.bench.manager.action;
  it.bench.manager.actionRev = 0;
  it.broker.send("cx/nodes/n1/ota/start", "{\"update\":\"up\"}");
  it.bench.run(60000);
  CHECK(it.bench.manager.heard.installs == 3);
  CHECK(it.bench.manager.heard.version == "2.0.0");
  CHECK(it.bench.saw("1 done"));
}

TEST("ota/start with a bare address is not accepted") {
  Connected it;
  it.broker.send("cx/nodes/n1/ota/start", "http://10.0.0.1/firmware.bin");
  it.broker.send("cx/nodes/n1/ota/start", "{not json");
  it.bench.run(20000);
  CHECK_EQ(it.bench.manager.heard.installs, 0);
  CHECK(it.bench.node().phase() == Phase::operational);
}

TEST("a command by MQTT is done once and acknowledged each time") {
  Connected it;
  const std::string body = "{\"command\":\"identify\",\"id\":\"m1\"}";
  it.broker.send("cx/nodes/n1/cmd/identify", body);
  it.bench.run(2000);
  it.broker.send("cx/nodes/n1/cmd/identify", body);
  it.bench.run(2000);
  CHECK_EQ(it.broker.count("cx/nodes/n1/cmd/identify/ack", "{\"id\":\"m1\",\"result\":\"done\"}"), 2);
  it.broker.send("cx/nodes/n1/cmd/dance", "{\"id\":\"m2\"}");
  it.bench.run(2000);
  CHECK_EQ(it.broker.count("cx/nodes/n1/cmd/dance/ack"), 0);
}
