// The whole node against a scripted manager: what it does when nobody answers, when it is forgotten, told, updated, cut off.
#include "check.hpp"
#include "node_bench.hpp"

using namespace cx;

namespace {

constexpr uint8_t restartCommand = 1, terminateCommand = 2, identifyCommand = 3, unknownCommand = 9;

// A request to the node from any address, and what it answered.
class Asker final : public CoapResponseHandler {
 public:
  explicit Asker(Bench& bench, const char* from) : bench_(bench), wire_(addressOf(from, 5683)) {
    wire_.peer = &bench.nodeWire;
    endpoint_ = std::make_unique<CoapEndpoint>(wire_, bench.clock, entropy_, memory_.memory());
    (void)endpoint_->start(5683, Span<const CoapRoute>(), nullptr);
  }
  uint8_t ask(uint8_t method, const char* path, ByteSpan payload = ByteSpan()) {
    CoapRequest request;
    request.to = bench_.nodeWire.address;
    request.method = method;
    request.path = path;
    request.payload = payload;
    if (!payload.empty()) request.contentFormat = coap::format::cbor;
    code = 0;
    (void)endpoint_->request(request, *this);
    bench_.nodeWire.peer = &wire_;
    for (int i = 0; i < 20 && code == 0; ++i) {
      endpoint_->poll();
      (void)bench_.node().step(bench_.clock.nowMs);
      endpoint_->poll();
    }
    bench_.nodeWire.peer = &bench_.managerWire;
    return code;
  }
  uint8_t code = 0;

 private:
  void onResponse(CoapRequestId, const CoapResponse& response) override { code = response.code; }
  void onRequestEnded(CoapRequestId, Status) override {}
  Bench& bench_;
  Wire wire_;
  sim::Entropy entropy_{5};
  CoapStorage<CoapLimitsSmall> memory_;
  std::unique_ptr<CoapEndpoint> endpoint_;
};

}  // namespace

TEST("without a manager the node searches for ever, ever more slowly, and stays in discovery") {
  Bench bench;
  bench.manager.isSilent = true;
  bench.run(3600000);
  CHECK(bench.node().phase() == Phase::discovery);
  CHECK_EQ(bench.manager.heard.registrations, 0);
  bench.manager.isSilent = false;
  bench.run(330000);
  CHECK(bench.node().phase() == Phase::operational);
}

TEST("it registers, reads the environment and beats at the interval it was given") {
  Bench bench;
  bench.run(60000);
  CHECK(bench.node().phase() == Phase::operational);
  CHECK_EQ(bench.manager.heard.registrations, 1);
  CHECK_EQ(bench.manager.heard.environments, 1);
  CHECK(bench.manager.heard.beats >= 11 && bench.manager.heard.beats <= 14);
  CHECK_EQ(bench.node().lifeFaults(), 0u);
}

TEST("a manager that forgot it is told again who it is, within ten seconds") {
  Bench bench;
  bench.run(20000);
  bench.manager.isForgetful = true;
  bench.run(6000);
  bench.manager.isForgetful = false;
  bench.run(11000);
  CHECK(bench.manager.heard.registrations >= 2);
  CHECK(bench.node().phase() == Phase::operational);
}

TEST("three missed heartbeats and a failed registration lead back to discovery") {
  Bench bench;
  bench.run(20000);
  bench.manager.isSilent = true;
  bench.run(40000);
  CHECK(bench.node().phase() == Phase::operational);
  bench.run(60000);
  CHECK(bench.node().phase() == Phase::discovery);
  bench.manager.isSilent = false;
  bench.run(300000);
  CHECK(bench.node().phase() == Phase::operational);
}

TEST("a restart is done once, remembered over it, and reported until somebody listened") {
  Bench bench;
  bench.run(10000);
  bench.offerCommand(1, restartCommand, "c1");
  bench.run(60000);
  CHECK_EQ(bench.boots, 2u);
  CHECK_EQ(bench.node().state().lastRev, 1u);
  CHECK(bench.saw("1 done"));
  // The same command under another rev, as a manager does that lost its memory of the answer.
  bench.offerCommand(2, restartCommand, "c1");
  bench.run(30000);
  CHECK_EQ(bench.boots, 2u);
  CHECK(bench.saw("2 done"));
}

TEST("a command whose outcome power took away is told as interrupted, and isn't done again") {
  bool wasInterrupted = false;
  for (uint32_t cut = 1; cut <= 24; ++cut) {
    // A manager that was told that the node has it doesn't offer it again.
    const bool isOfferedAgain = cut <= 12;
    Bench bench;
    bench.run(10000);
    bench.offerCommand(1, identifyCommand, "c1");
    bench.power->flash.cutPowerAfter(1 + cut % 12);
    bench.onTurn = [&bench, isOfferedAgain](PowerCycle& power) {
      if (power.flash.hasPower()) return false;
      bench.managerWire.inbox.clear();  // what it would have said without power
      if (!isOfferedAgain) bench.manager.actionRev = 0;
      bench.boot(cx::hal::ResetReason::powerOn);
      return true;
    };
    bench.run(30000);
    const bool isTold = bench.saw("1 done") || bench.saw("1 failed interrupted");
    // Without an offer it is told if it was begun.
    CHECK_EQ(bench.node().state().lastRev, isTold ? 1u : 0u);
    if (isOfferedAgain) CHECK(isTold);
    if (!isOfferedAgain) wasInterrupted = wasInterrupted || bench.saw("1 failed interrupted");
  }
  CHECK(wasInterrupted);
}

TEST("a command that was acknowledged to a call of the manager has an outcome, wherever power goes") {
  constexpr int64_t nowMs = 2000000000000;
  for (const int64_t expiresMs : {int64_t{0}, nowMs - 1000}) {
    bool wasAcknowledged = false, wasInterrupted = false;
    for (uint32_t cut = 1; cut <= 16; ++cut) {
      Bench bench;
      bench.run(10000);
      bench.clock.setWallMs(nowMs);
      const std::vector<uint8_t> command = Bench::commandOf(1, identifyCommand, "c1", expiresMs);
      Asker manager(bench, "10.0.0.1");
      bench.power->flash.cutPowerAfter(cut);
      const bool isAcknowledged = manager.ask(coap::code::put, "update", ByteSpan(command.data(), command.size())) == coap::code::changed;
      const bool wasCut = !bench.power->flash.hasPower();
      bench.managerWire.inbox.clear();
      // The manager never offers again what was acknowledged, everything else it does.
      if (!isAcknowledged) bench.offer(1, command);
      bench.boot(hal::ResetReason::powerOn);
      bench.run(30000);
      CHECK_EQ(bench.node().state().lastRev, 1u);
      CHECK(bench.saw("1 done") || bench.saw("1 failed interrupted") || bench.saw("1 refused expired"));
      wasAcknowledged = wasAcknowledged || (isAcknowledged && wasCut);
      wasInterrupted = wasInterrupted || bench.saw("1 failed interrupted");
    }
    CHECK_EQ(wasAcknowledged, expiresMs == 0);  // an expired one is over before its acknowledgement
    CHECK_EQ(wasInterrupted, expiresMs == 0);
  }
}

TEST("a command that can't be stored is neither acknowledged nor done, and doesn't count as done when it comes again") {
  Bench bench;
  bench.run(10000);
  bench.power->flash.cutPowerAfter(1);  // the medium is dead from then on, the node isn't
  const std::vector<uint8_t> command = Bench::commandOf(1, restartCommand, "c1");
  Asker manager(bench, "10.0.0.1");
  for (int i = 0; i < 3; ++i) {
    CHECK_EQ(manager.ask(coap::code::put, "update", ByteSpan(command.data(), command.size())), coap::code::serviceUnavailable);
  }
  CHECK(bench.node().phase() == Phase::operational);
  bench.offer(1, command);
  bench.run(10000);
  CHECK(bench.saw("1 failed not-stored"));
  CHECK_EQ(bench.boots, 1u);
}

TEST("a command called in during an update isn't acknowledged: it would wait for the update, and not be offered again") {
  Bench bench;
  bench.settings.downloadRate = 1000;
  bench.boot(hal::ResetReason::powerOn);
  bench.run(10000);
  bench.offerUpdate(1, imageOf("CXSIM 2.0.0 ok\n", 60000));
  bench.run(10000);
  CHECK(bench.node().phase() == Phase::maintenance);
  const std::vector<uint8_t> command = Bench::commandOf(2, identifyCommand, "c2");
  Asker manager(bench, "10.0.0.1");
  CHECK_EQ(manager.ask(coap::code::put, "update", ByteSpan(command.data(), command.size())), coap::code::serviceUnavailable);
  CHECK_EQ(bench.node().state().lastRev, 0u);
}

TEST("terminate tells its outcome before the power goes") {
  Bench bench;
  bench.run(10000);
  bench.offerCommand(1, terminateCommand, "c1");
  bench.run(30000);
  CHECK_EQ(bench.power->system.ending, static_cast<int>(CX_SIM_TERMINATED));
  CHECK(bench.saw("1 done"));
}

TEST("an unknown command is refused and blocks nothing") {
  Bench bench;
  bench.run(10000);
  bench.offerCommand(1, unknownCommand, "c1");
  bench.run(10000);
  CHECK(bench.saw("1 refused unsupported"));
  bench.offerCommand(2, identifyCommand, "c2");
  bench.run(10000);
  CHECK(bench.saw("2 done"));
}

TEST("an expired command is refused, not done") {
  Bench bench;
  bench.run(10000);
  bench.clock.setWallMs(2000000000000);
  bench.offerCommand(1, restartCommand, "c1", 1999999999000);
  bench.run(10000);
  CHECK(bench.saw("1 refused expired"));
  CHECK_EQ(bench.boots, 1u);
}

TEST("its resources answer the manager and nobody else") {
  Bench bench;
  bench.run(10000);
  Asker stranger(bench, "10.0.9.9");
  CHECK_EQ(stranger.ask(coap::code::get, "health"), coap::code::unauthorized);
  CHECK_EQ(stranger.ask(coap::code::post, "system/restart"), coap::code::unauthorized);
  CHECK_EQ(stranger.ask(coap::code::get, ".well-known/core"), coap::code::content);
  Asker manager(bench, "10.0.0.1");
  for (const char* path : {"health", "metrics", "services", "logs", "mode", "update", "system/config"}) {
    CHECK_EQ(manager.ask(coap::code::get, path), coap::code::content);
  }
  const uint8_t garbage[] = {0xFF, 0x00, 0x13};
  CHECK_EQ(manager.ask(coap::code::put, "update", garbage), coap::code::badRequest);
  CHECK_EQ(manager.ask(coap::code::put, "mode", garbage), coap::code::badRequest);
  CHECK(bench.node().phase() == Phase::operational);
}

TEST("no job is taken when the manager wasn't heard for two minutes") {
  Bench bench;
  bench.run(10000);
  bench.manager.isSilent = true;
  bench.run(20000);  // still operational, one heartbeat missed
  bench.clock.nowMs += 121000;
  (void)bench.node().step(bench.clock.nowMs);
  const uint8_t maintenance[] = {0xA1, 0x01, 0x02};
  Asker manager(bench, "10.0.0.1");
  CHECK_EQ(manager.ask(coap::code::put, "mode", maintenance), coap::code::serviceUnavailable);
}

TEST("a person may hold it in maintenance and let it go, and a forgotten hold ends by itself") {
  Bench bench;
  bench.run(10000);
  const uint8_t maintenance[] = {0xA1, 0x01, 0x02}, operational[] = {0xA1, 0x01, 0x01};
  Asker manager(bench, "10.0.0.1");
  CHECK_EQ(manager.ask(coap::code::put, "mode", maintenance), coap::code::changed);
  bench.run(5000);
  CHECK(bench.node().phase() == Phase::maintenance);
  CHECK_EQ(manager.ask(coap::code::put, "mode", operational), coap::code::changed);
  bench.run(1000);
  CHECK(bench.node().phase() == Phase::operational);
  CHECK_EQ(manager.ask(coap::code::put, "mode", maintenance), coap::code::changed);
  bench.run(1000);
  CHECK(bench.node().phase() == Phase::maintenance);
  bench.run(620000);
  CHECK(bench.node().phase() == Phase::operational);
}

TEST("a good image is fetched, tried, confirmed and reported, and its action is done") {
  Bench bench;
  bench.run(10000);
  bench.offerUpdate(1, imageOf("CXSIM 2.0.0 ok\n", 12000));
  bench.run(60000);
  CHECK(bench.manager.heard.version == "2.0.0");
  CHECK(bench.manager.heard.wasConfirmed);
  CHECK(bench.saw("1 done"));
  CHECK(!bench.node().state().boot.trial);
  const std::vector<std::string>& attempts = bench.manager.heard.attempts;
  CHECK(attempts.size() >= 3 && attempts.front() == "downloading" && attempts.back() == "succeeded");
  CHECK_EQ(bench.power->flash.faults(), 0u);
  CHECK_EQ(bench.node().lifeFaults(), 0u);
}

TEST("an image that fails its self-test rolls back by itself and says why") {
  Bench bench;
  bench.run(10000);
  bench.offerUpdate(1, imageOf("CXSIM 2.0.0 sensor-fault\n", 12000));
  bench.run(60000);
  CHECK(bench.manager.heard.version == "1.0.0");
  CHECK(bench.saw("1 failed self-test"));
  CHECK(bench.manager.heard.attempts.back() == "rolled-back");
  CHECK_EQ(bench.boots, 3u);
}

TEST("an image that can't reach the manager is left after five minutes, which isn't held against it") {
  Bench bench;
  bench.run(10000);
  bench.offerUpdate(1, imageOf("CXSIM 2.0.0 ok\n", 12000));
  bench.silencesAtBoot = true;
  bench.run(320000);
  CHECK_EQ(bench.boots, 3u);
  bench.silencesAtBoot = false;
  bench.manager.isSilent = false;
  bench.run(320000);
  CHECK(bench.manager.heard.version == "1.0.0");
  CHECK(bench.saw("1 failed manager-unreachable"));
}

TEST("a cancelled update ends between two blocks and the node goes on as before") {
  Bench bench;
  bench.settings.downloadRate = 1000;
  bench.boot(hal::ResetReason::powerOn);
  bench.run(10000);
  bench.offerUpdate(1, imageOf("CXSIM 2.0.0 ok\n", 60000));
  bench.run(10000);
  CHECK(bench.node().phase() == Phase::maintenance);
  bench.offer(1, {0xA2, 0x01, 0x01, 0x02, 0x00});  // {rev: 1, kind: none}
  bench.run(20000);
  CHECK(bench.node().phase() == Phase::operational);
  CHECK(bench.saw("1 cancelled cancelled"));
  CHECK(bench.manager.heard.attempts.back() == "cancelled");
  CHECK_EQ(bench.boots, 2u);
}

TEST("a later action waits for the update under way, which would count as finished with it") {
  Bench bench;
  bench.settings.downloadRate = 1000;
  bench.boot(hal::ResetReason::powerOn);
  bench.run(10000);
  bench.offerUpdate(1, imageOf("CXSIM 2.0.0 ok\n", 40000));
  bench.run(10000);
  const std::vector<uint8_t> update = bench.manager.action;
  bench.offerCommand(2, identifyCommand, "c2");
  bench.run(10000);
  CHECK_EQ(bench.node().state().lastRev, 0u);
  bench.offer(1, update);
  bench.run(120000);
  CHECK(bench.saw("1 done"));
  bench.offerCommand(2, identifyCommand, "c2");
  bench.run(10000);
  CHECK(bench.saw("2 done"));
}

TEST("a download whose server goes silent is resumed, and the node is found by its heartbeats meanwhile") {
  Bench bench;
  bench.settings.downloadRate = 4000;
  bench.boot(hal::ResetReason::powerOn);
  bench.run(10000);
  bench.offerUpdate(1, imageOf("CXSIM 2.0.0 ok\n", 60000));
  bench.run(8000);
  bench.manager.isSilent = true;
  bench.run(120000);
  CHECK(bench.node().phase() == Phase::maintenance);
  bench.manager.isSilent = false;
  bench.run(180000);
  CHECK(bench.manager.heard.version == "2.0.0");
  CHECK(bench.saw("1 done"));
}

TEST("in SAFE an update over the air still brings it back") {
  Bench bench;
  bench.manager.isSilent = true;
  for (int i = 0; i < 3; ++i) bench.boot(hal::ResetReason::crash);  // four boots in all, none healthy
  bench.run(5000);
  CHECK(bench.node().phase() == Phase::safe);
  bench.manager.isSilent = false;
  bench.offerUpdate(1, imageOf("CXSIM 2.0.0 ok\n", 12000));
  bench.run(120000);
  CHECK(bench.manager.heard.version == "2.0.0");
  CHECK(bench.node().phase() == Phase::operational);
  CHECK(bench.saw("1 done"));
}

TEST("SAFE tries a normal boot after an hour") {
  Bench bench;
  bench.manager.isSilent = true;
  for (int i = 0; i < 3; ++i) bench.boot(hal::ResetReason::crash);
  bench.run(5000);
  CHECK(bench.node().phase() == Phase::safe);
  const uint64_t boots = bench.boots;
  bench.run(3610000);
  CHECK(bench.boots > boots);
}

TEST("new credentials are kept once the manager was reached with them") {
  Bench bench;
  bench.run(10000);
  bench.offerEnvironment(1, "10.0.0.7");
  bench.manager.environment = Bench::environmentOf("10.0.0.7");
  bench.run(60000);
  CHECK_EQ(bench.boots, 2u);
  CHECK(bench.saw("1 done"));
  CHECK(bench.node().state().environment.mqtt.host.view() == "10.0.0.7");
}

TEST("new credentials of which only the digest was told are read from the manager and go on trial too") {
  Bench bench;
  bench.run(10000);
  bench.manager.environment = Bench::environmentOf("10.0.0.7");
  bench.offer(1, {0xA2, 0x01, 0x01, 0x02, 0x02});  // {rev: 1, kind: environment}
  bench.run(60000);
  CHECK_EQ(bench.boots, 2u);
  CHECK(bench.saw("1 done"));
  CHECK(bench.node().state().environment.mqtt.host.view() == "10.0.0.7");
}

TEST("new credentials that don't reach the manager are taken back after three minutes, and that is reported") {
  Bench bench;
  bench.run(10000);
  bench.offerEnvironment(1, "10.0.0.7");
  bench.silencesAtBoot = true;
  bench.run(100000);
  CHECK_EQ(bench.boots, 2u);
  bench.run(100000);
  CHECK_EQ(bench.boots, 3u);
  bench.silencesAtBoot = false;
  bench.manager.isSilent = false;
  bench.run(320000);
  CHECK(bench.saw("1 failed manager-unreachable"));
  CHECK(bench.node().state().environment.mqtt.host.view().empty());
}

TEST("power lost at every write of a credentials trial leaves one of the two sets in force") {
  for (uint32_t cut = 1; cut < 20; ++cut) {
    Bench bench;
    bench.run(10000);
    bench.offerEnvironment(1, "10.0.0.7");
    bench.power->flash.cutPowerAfter(cut);
    for (int i = 0; i < 200 && bench.boots == 1 && bench.power->flash.hasPower(); ++i) bench.run(100);
    bench.manager.environment = Bench::environmentOf("10.0.0.7");
    bench.boot(hal::ResetReason::powerOn);
    bench.run(120000);
    CHECK(bench.node().phase() == Phase::operational);
    CHECK(bench.saw("1 done"));
    CHECK_EQ(bench.power->flash.faults(), 0u);
  }
}
