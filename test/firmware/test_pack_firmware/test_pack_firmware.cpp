// Firmware by CAN as the pack sees it: what it takes, what it refuses, and what it does while it is at it.
#include "pack_bench.hpp"

using namespace cx;
using namespace cx::pack;

namespace {

SuitPlan fullPlan(PackBench& it, uint32_t sequence = 5) {
  SuitPlan plan = it.planOf(it.image, sequence);
  plan.variants = {it.variantOf(PayloadKind::full)};
  return plan;
}

}  // namespace

TEST("an image comes by CAN, proves itself and is told of by its digest, number and version") {
  PackBench it;
  it.run(5000);
  CHECK(it.gateway.running == sha256(it.runningImage) && it.gateway.version == "1.0.0");
  it.offer(fullPlan(it));
  CHECK(it.runUntil([&] { return it.isDone(); }));
  CHECK_EQ(it.gateway.state.manifestSequence, 5u);
  it.run(1000);
  CHECK(it.gateway.version == "2.0.0");
  CHECK_EQ(it.faults, 0u);
}

TEST("a compressed payload is asked for where the manifest offers one that the pack has memory for, else the next") {
  PackBench it;
  SuitPlan plan = fullPlan(it);
  plan.variants.insert(plan.variants.begin(), it.variantOf(PayloadKind::deflate));
  it.offer(plan);
  CHECK(it.runUntil([&] { return it.isDone(); }));
  CHECK(it.gateway.wanted == sha256(plan.variants[0].payload));
  PackBench small;
  plan.variants[0].window = 32768;
  small.offer(plan);
  CHECK(small.runUntil([&] { return small.isDone(); }));
  CHECK(small.gateway.wanted == sha256(small.image));
}

TEST("what isn't signed by its maker, for another model, older or too large is refused with its reason, and nothing is written") {
  struct Case {
    const char* reason;
    void (*spoil)(PackBench& it, SuitPlan& plan, Bytes& envelope);
  };
  static constexpr Case cases[] = {
      {"unknown-signer", [](PackBench& it, SuitPlan& plan, Bytes& envelope) { envelope = envelopeOf(plan, {&it.stranger}); }},
      {"manifest-unsigned", [](PackBench&, SuitPlan& plan, Bytes& envelope) { envelope = envelopeOf(plan, {}); }},
      {"bad-signature", [](PackBench&, SuitPlan&, Bytes& envelope) { envelope[110] ^= 1; }},
      {"wrong-class", [](PackBench& it, SuitPlan& plan, Bytes& envelope) { plan.model = "sensor", envelope = envelopeOf(plan, {&it.maker}); }},
      {"wrong-device", [](PackBench& it, SuitPlan& plan, Bytes& envelope) { plan.device = "aabb10203045", envelope = envelopeOf(plan, {&it.maker}); }},
      {"image-too-large", [](PackBench& it, SuitPlan& plan, Bytes& envelope) { plan.size = packFlashSize, envelope = envelopeOf(plan, {&it.maker}); }},
      {"manifest-malformed", [](PackBench&, SuitPlan&, Bytes& envelope) { envelope.assign(300, 0xFF); }},
  };
  for (const Case& each : cases) {
    PackBench it;
    it.run(5000);
    SuitPlan plan = fullPlan(it);
    Bytes envelope = envelopeOf(plan, {&it.maker});
    each.spoil(it, plan, envelope);
    const uint32_t operations = it.power->flash.operations();
    it.offer(plan, envelope);
    CHECK(it.runUntil([&] { return it.gateway.step == TestGateway::Step::failed && !it.gateway.reason.empty(); }));
    CHECK(it.gateway.last == CommandResult::refused);
    if (it.gateway.reason != each.reason) {
      std::printf("  %s instead of %s\n", it.gateway.reason.c_str(), each.reason);
      check::failed(__FILE__, __LINE__, each.reason);
    }
    CHECK_EQ(it.power->flash.operations(), operations);
    CHECK_EQ(it.errors[static_cast<uint8_t>(can::PackError::firmwareRefused)], 1u);
    CHECK(!it.power->firmware.holdsRelays());
  }
}

TEST("a pack that trusts nobody takes nothing, also where images that nobody signed are allowed") {
  for (const bool isUnsignedAllowed : {false, true}) {
    PackBench it;
    it.settings.anchors = nullptr;
    it.settings.isUnsignedAllowed = isUnsignedAllowed;
    it.wipe();
    it.run(3000);
    it.offer(fullPlan(it));
    CHECK(it.runUntil([&] { return it.gateway.step == TestGateway::Step::failed && !it.gateway.reason.empty(); }, 60000));
    CHECK(it.gateway.reason == "unknown-signer");
    CHECK_EQ(it.faults, 0u);
  }
}

TEST("a number that was used, or a lower one, brings nothing back") {
  PackBench it;
  it.offer(fullPlan(it, 7));
  CHECK(it.runUntil([&] { return it.isDone(); }));
  for (const uint32_t sequence : {7u, 6u}) {
    SuitPlan plan = it.planOf(it.runningImage, sequence);
    SuitVariant variant;
    variant.payload = it.runningImage;
    plan.variants = {variant};
    it.gateway.reason.clear();
    it.offer(plan);
    CHECK(it.runUntil([&] { return it.gateway.step == TestGateway::Step::failed && !it.gateway.reason.empty(); }));
    CHECK(it.gateway.reason == (sequence == 7 ? "sequence-reused" : "sequence-too-low"));
  }
  CHECK(it.version() == "2.0.0");
}

TEST("a manifest that names one pack is for its hardware number, and brings its previous image back") {
  PackBench it;
  it.offer(fullPlan(it));
  CHECK(it.runUntil([&] { return it.isDone(); }));
  it.run(5000);
  SuitPlan back = it.planOf(it.runningImage, 6);
  back.kind = ManifestKind::bootPrevious;
  back.device = "aabb10203044";
  it.offer(back);
  CHECK(it.runUntil([&] { return it.version() == "1.0.0" && it.gateway.running == sha256(it.runningImage) && !it.gateway.state.isTrial && it.gateway.state.manifestSequence == 6; }));
}

TEST("other trust anchors come by the same way, and count from the next manifest on") {
  PackBench it;
  SuitPlan plan;
  plan.model = "pack";
  plan.kind = ManifestKind::anchors;
  plan.keySet = it.stranger.keySet();
  it.offer(plan);
  CHECK(it.runUntil([&] { return it.gateway.state.phase == can::FirmwarePhase::applied; }, 20000));
  it.offer(fullPlan(it));
  CHECK(it.runUntil([&] { return it.gateway.reason == "unknown-signer"; }));
  const SuitPlan next = fullPlan(it);
  it.offer(next, envelopeOf(next, {&it.stranger}));
  CHECK(it.runUntil([&] { return it.isDone(); }));
}

TEST("lost and doubled frames cost time, never the image") {
  for (uint64_t seed = 1; seed <= 3; seed++) {
    PackBench it(seed);
    it.gateway.lossPercent = 1;
    it.gateway.doublePercent = 5;
    it.offer(fullPlan(it));
    CHECK(it.runUntil([&] { return it.isDone(); }, 1'200'000));
    CHECK(it.gateway.blocksSent > 30);
    CHECK_EQ(it.faults, 0u);
  }
}

TEST("relays stay as they are and telemetry goes on while an image comes, and the modes rule again after 60 s of silence") {
  PackBench it;
  it.run(4000);
  can::SetMode mode;
  mode.target = PackBench::node;
  mode.mode = can::PackMode::selfConsumption;
  mode.isOn = true;
  it.offer(fullPlan(it));
  CHECK(it.runUntil([&] { return it.power->firmware.receiver().nextBlock() == 12 && it.power->firmware.receiver().phase() == can::FirmwarePhase::payload; }));
  it.power->can.in.push_back(can::encode(mode));
  it.isGatewayOn = false;
  it.telemetry = 0;
  it.power->board.relays.grid = false;
  it.run(58'000);
  // 40 %, between 10 and 50: Self-Consumption would hold the safe state, closed.
  CHECK(it.power->firmware.holdsRelays());
  CHECK(it.telemetry > 28 * 10);
  it.run(4'000);
  CHECK(!it.power->firmware.holdsRelays());
  CHECK(it.power->firmware.receiver().phase() == can::FirmwarePhase::idle);
  it.isGatewayOn = true;
  CHECK(it.runUntil([&] { return it.isDone(); }));
  CHECK_EQ(it.gateway.nextOfPayload, 12u);
}

TEST("an image that nobody hears on the bus is left, and the pack tells why") {
  PackBench deaf;
  deaf.offer(fullPlan(deaf));
  CHECK(deaf.runUntil([&] { return deaf.version() == "2.0.0"; }));
  deaf.power->can.isAlone = true;
  CHECK(deaf.runUntil([&] { return deaf.version() == "1.0.0"; }));
  CHECK(deaf.runUntil([&] { return deaf.gateway.state.wasRolledBack && deaf.gateway.rolledBack == sha256(deaf.image); }, 10000));
  CHECK(deaf.gateway.state.rollbackReason == can::RollbackReason::selfTest);
  CHECK_EQ(deaf.gateway.state.manifestSequence, 0u);
  CHECK(deaf.gateway.running == sha256(deaf.runningImage));
}

TEST("a BMS that is silent and known to be is no reason to leave an image") {
  PackBench it;
  it.onBoot = [](PackCycle& cycle) { cycle.bms.isSilent = true; };
  it.offer(fullPlan(it));
  CHECK(it.runUntil([&] { return it.isDone(); }));
}

TEST("an image that crashes three times is left by the boot loader, and that is told") {
  PackBench it;
  it.offer(fullPlan(it));
  CHECK(it.runUntil([&] { return it.version() == "2.0.0"; }));
  for (int i = 0; i < 3; i++) it.boot(hal::ResetReason::crash);
  CHECK(it.version() == "1.0.0");
  CHECK(it.runUntil([&] { return it.gateway.state.wasRolledBack && it.gateway.state.rollbackReason == can::RollbackReason::crash; }, 10000));
  // The same image may come again: who forbids it is the manager.
  it.offer(fullPlan(it));
  CHECK(it.runUntil([&] { return it.isDone(); }));
}

TEST("a pack whose image crashed three times keeps its relays in the safe state, and takes the image that helps") {
  PackBench it;
  it.run(61000);
  for (int i = 0; i < 3; i++) it.boot(hal::ResetReason::crash);
  CHECK(!it.power->firmware.trial().boot().safe);
  it.boot(hal::ResetReason::crash);
  CHECK(it.power->firmware.trial().boot().safe && it.power->firmware.holdsRelays());
  it.run(5000);
  CHECK(it.gateway.state.isSafe);
  it.offer(fullPlan(it));
  CHECK(it.runUntil([&] { return it.isDone(); }));
  CHECK(!it.power->firmware.trial().boot().safe && !it.power->firmware.holdsRelays());
}

TEST("a minute without an end makes a boot a good one, with one write") {
  PackBench it;
  it.run(59000);
  const uint32_t before = it.power->flash.operations();
  CHECK(it.power->slots.boot().bootCount == 1);
  it.run(20000);
  CHECK(it.power->slots.boot().bootCount == 0);
  CHECK_EQ(it.power->flash.operations(), before + 1);
  it.run(600000);
  CHECK_EQ(it.power->flash.operations(), before + 1);
}

TEST("a pack on trial takes no other image before it has proven itself") {
  PackBench it;
  it.offer(fullPlan(it));
  CHECK(it.runUntil([&] { return it.version() == "2.0.0"; }));
  it.offer(fullPlan(it, 9));
  CHECK(it.runUntil([&] { return it.gateway.state.isTrial; }));
  it.run(3000);
  CHECK(it.power->firmware.receiver().phase() == can::FirmwarePhase::idle);
  CHECK(it.runUntil([&] { return !it.power->firmware.trial().isOnTrial(); }));
}
