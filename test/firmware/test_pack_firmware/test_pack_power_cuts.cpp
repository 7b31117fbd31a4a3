// Power is pulled from the pack within every operation that an update by CAN asks of its flash, from the manifest to the
// confirmed image. Whatever the point: a whole image boots, the running slot was never written, the gateway is told where
// to go on, and the update ends well.
#include "pack_bench.hpp"

using namespace cx;
using namespace cx::pack;

namespace {

constexpr uint32_t sequence = 5;
constexpr uint32_t cutsMax = 400;

// From now on, at each reset. Three in a row within a minute are as bad as crashes: then the boot loader asks for SAFE.
void checkBoots(PackBench& it, bool maySafe = false) {
  it.onBoot = [maySafe](PackCycle& cycle) {
    const std::string version = cycle.slots.image().version;
    const bool isWhole = cycle.outcome == sim::BootOutcome::image && (maySafe || !cycle.slots.boot().safe) && (version == "1.0.0" || version == "2.0.0");
    if (!isWhole) check::failed(__FILE__, __LINE__, "no whole image boots");
  };
}

// A gateway that gets no answer begins again; one that was told of the end offers again what isn't there.
bool runThrough(PackBench& it, const SuitPlan& plan) {
  for (int i = 0; i < 20; i++) {
    if (it.runUntil([&] { return it.isDone() || it.gateway.step == TestGateway::Step::failed; }, 60000) && it.isDone()) return true;
    if (it.gateway.isOver() && it.version() == "1.0.0") it.offer(plan);
  }
  return false;
}

// `damage`: what power that goes leaves of the operation is drawn from it.
void cutEverywhere(PayloadKind kind, bool isEncrypted, const char* name, uint64_t damage = 0) {
  uint32_t cut = 1;
  for (;; ++cut) {
    PackBench it;
    it.endCycle();
    it.cutAt = it.operations + cut;
    it.cutSeed = damage * cutsMax + cut;
    checkBoots(it);
    it.boot(hal::ResetReason::powerOn);
    SuitPlan plan = it.planOf(it.image, sequence);
    plan.variants = {it.variantOf(kind)};
    if (isEncrypted) {
      plan.variants[0].payload = encryptedOf(plan.variants[0].payload);
      plan.variants[0].encryptionInfo = encryptionInfoOf();
    }
    it.offer(plan);
    const bool isThrough = runThrough(it, plan);
    it.run(70000);  // the boot counts as good
    const bool isRight = isThrough && it.isDone() && it.version() == "2.0.0" && it.power->firmware.imageSequence() == sequence && it.faults == 0 &&
                         it.power->flash.faults() == 0;
    if (!isRight) {
      std::printf("  %s, cut at %u: runs %s, step %d, last %d, faults %u\n", name, cut, it.version().c_str(), static_cast<int>(it.gateway.step),
                  static_cast<int>(it.gateway.last), it.faults);
      check::failed(__FILE__, __LINE__, name);
    }
    if (it.cuts == 0) break;
    CHECK_EQ(it.cuts, 1);
    if (cut == cutsMax) return check::failed(__FILE__, __LINE__, name);
  }
  CHECK(cut > 30);
}

}  // namespace

TEST("power pulled from a pack within any operation of an update by a full image leaves one that boots and ends it") {
  for (uint64_t damage = 0; damage < 4; damage++) cutEverywhere(PayloadKind::full, false, "full", damage);
}
TEST("power pulled from a pack within any operation of an update by deflate leaves one that boots and ends it") {
  for (uint64_t damage = 0; damage < 4; damage++) cutEverywhere(PayloadKind::deflate, false, "deflate", damage);
}
TEST("power pulled from a pack within any operation of an update by a delta leaves one that boots and ends it") {
  cutEverywhere(PayloadKind::delta, false, "delta");
}
TEST("power pulled from a pack within any operation of an update by encrypted deflate leaves one that boots and ends it") {
  cutEverywhere(PayloadKind::deflate, true, "encrypted deflate");
}

TEST("after each cut of a full image the transfer goes on at the last durable sector, not at its start") {
  uint32_t resumed = 0;
  uint32_t lastResume = 0;
  for (uint32_t block = 5; block < 29; block += 6) {
    PackBench it;
    SuitPlan plan = it.planOf(it.image, sequence);
    plan.variants = {it.variantOf(PayloadKind::full)};
    it.run(4000);
    it.offer(plan);
    CHECK(it.runUntil([&] { return it.power->firmware.receiver().phase() == can::FirmwarePhase::payload && it.power->firmware.receiver().nextBlock() == block; }));
    it.boot(hal::ResetReason::powerOn);
    CHECK(it.runUntil([&] { return it.isDone(); }));
    CHECK_EQ(it.gateway.nextOfPayload, block / 4 * 4);
    resumed += it.gateway.nextOfPayload > lastResume ? 1 : 0;
    lastResume = it.gateway.nextOfPayload;
  }
  CHECK_EQ(resumed, 4u);
}

TEST("power lost in every phase, once and three times, leaves a pack that boots and ends the update") {
  static constexpr can::FirmwarePhase phases[] = {can::FirmwarePhase::entered,  can::FirmwarePhase::manifest,  can::FirmwarePhase::accepted,
                                                  can::FirmwarePhase::payload,  can::FirmwarePhase::verifying, can::FirmwarePhase::staged};
  for (const can::FirmwarePhase phase : phases) {
    for (const int times : {1, 3}) {
      PackBench it;
      SuitPlan plan = it.planOf(it.image, sequence);
      plan.variants = {it.variantOf(PayloadKind::full)};
      checkBoots(it, times > 1);
      it.run(4000);
      it.offer(plan);
      int done = 0;
      while (done < times && it.runUntil([&] { return it.power->firmware.receiver().phase() == phase; }, 60000)) {
        it.boot(hal::ResetReason::powerOn);
        done++;
      }
      CHECK(done > 0);
      CHECK(runThrough(it, plan));
      CHECK_EQ(it.faults, 0u);
    }
  }
}
