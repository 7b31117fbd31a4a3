// Power is lost within every operation that a full update asks of the flash, from the manifest to the confirmed image, for
// each kind of payload. Whatever the point: a whole image boots, the running slot was never written, and the next try ends
// well. And power is lost in every state of the attempt, between two operations.
#include <algorithm>

#include "check.hpp"
#include "signed_bench.hpp"

using namespace cx;

namespace {

constexpr uint32_t sequence = 5;
constexpr uint32_t settleMs = 90000;  // after the end was told: the registration that follows, and the boot counts as good
constexpr uint32_t cutsMax = 400;

enum class Form : uint8_t { full, deflate, plainDelta, packedDelta };
enum class Wrap : uint8_t { none, gcm, ccm };
struct Payload {
  const char* name;
  Form form;
  Wrap wrap;
};
// Every form that the profile has, in every wrap that it has.
constexpr Payload payloads[] = {
    {"full", Form::full, Wrap::none},
    {"full in A128GCM", Form::full, Wrap::gcm},
    {"full in AES-CCM", Form::full, Wrap::ccm},
    {"deflate", Form::deflate, Wrap::none},
    {"deflate in A128GCM", Form::deflate, Wrap::gcm},
    {"deflate in AES-CCM", Form::deflate, Wrap::ccm},
    {"delta", Form::plainDelta, Wrap::none},
    {"delta in A128GCM", Form::plainDelta, Wrap::gcm},
    {"delta in AES-CCM", Form::plainDelta, Wrap::ccm},
    {"delta by heatshrink", Form::packedDelta, Wrap::none},
    {"delta by heatshrink in A128GCM", Form::packedDelta, Wrap::gcm},
    {"delta by heatshrink in AES-CCM", Form::packedDelta, Wrap::ccm},
};

SuitPlan planFor(SignedBench& it, const Payload& payload) {
  SuitPlan plan = it.planOf(it.image, sequence);
  SuitVariant variant = it.variantOf(payload.form == Form::full ? PayloadKind::full : payload.form == Form::deflate ? PayloadKind::deflate : PayloadKind::delta);
  if (payload.form == Form::plainDelta) variant.payload = deltaOf(it.runningImage, it.image);
  if (payload.wrap != Wrap::none) {
    const PayloadCipher cipher = payload.wrap == Wrap::gcm ? PayloadCipher::gcm : PayloadCipher::ccm;
    variant.payload = encryptedOf(variant.payload, cipher);
    variant.encryptionInfo = encryptionInfoOf(cipher);
  }
  plan.variants = {variant};
  return plan;
}

// The update is over: the new image runs, confirmed, and its number counts.
void checkEnd(SignedBench& it, const Payload& payload, uint32_t cut) {
  const bool isRight = it.isNew() && !it.bench.node().state().boot.trial && it.bench.node().state().imageSequence == sequence &&
                       it.bench.manager.heard.sequence == sequence && it.flashFaults() == 0 && it.bench.node().lifeFaults() == 0;
  if (isRight) return;
  std::printf("  %s, cut at %u: %s, runs %s, number %u, faults %u\n", payload.name, cut, it.outcome().c_str(), it.version().c_str(),
              it.bench.node().state().imageSequence, it.flashFaults());
  check::failed(__FILE__, __LINE__, payload.name);
}

// From now on, at each reset.
void checkBoots(SignedBench& it) {
  it.bench.onBoot = [&](PowerCycle& cycle) {
    cycle.keys.key = payloadKey;
    const std::string version = cycle.slots.image().version;
    const bool isWhole = cycle.outcome == sim::BootOutcome::image && !cycle.slots.boot().safe && (version == "1.0.0" || version == "2.0.0");
    if (!isWhole) check::failed(__FILE__, __LINE__, "no whole image boots");
  };
}

// From the offer to the end, with a check of what boots after each reset.
void runThrough(SignedBench& it, const Payload& payload, uint32_t cut) {
  checkBoots(it);
  for (int i = 0; i < 400; ++i) {
    it.bench.run(1000);
    if (it.bench.saw("1 done") && it.bench.manager.heard.sequence == sequence && it.bench.manager.heard.wasConfirmed) return;
  }
  std::printf("  %s, cut at %u: it never ended\n", payload.name, cut);
}

// One operation further each time, the boots with them, until the update and what follows it are over before the cut.
void cutEverywhere(const Payload& payload, uint64_t seed) {
  uint32_t cut = 1;
  for (;; ++cut) {
    SignedBench it;
    it.bench.endCycle();
    it.bench.cutAt = it.bench.operations + cut;
    it.bench.cutSeed = seed;
    it.bench.boot(hal::ResetReason::powerOn);
    it.offer(1, planFor(it, payload));
    runThrough(it, payload, cut);
    it.bench.run(settleMs);
    checkEnd(it, payload, cut);
    if (it.bench.cuts == 0) break;
    CHECK_EQ(it.bench.cuts, 1);
    if (cut == cutsMax) return check::failed(__FILE__, __LINE__, payload.name);
  }
  CHECK(cut > 30);
}

void cutEverywhere(Form form) {
  for (const Payload& payload : payloads) {
    if (payload.form == form) cutEverywhere(payload, static_cast<uint64_t>(payload.wrap) + 1);
  }
}

}  // namespace

TEST("power lost within any operation of an update by a full image, plain or encrypted, leaves a node that boots and ends it") {
  cutEverywhere(Form::full);
}
TEST("power lost within any operation of an update by deflate, plain or encrypted, leaves a node that boots and ends it") {
  cutEverywhere(Form::deflate);
}
TEST("power lost within any operation of an update by a delta, plain or encrypted, leaves a node that boots and ends it") {
  cutEverywhere(Form::plainDelta);
}
TEST("power lost within any operation of an update by a packed delta, plain or encrypted, leaves a node that boots and ends it") {
  cutEverywhere(Form::packedDelta);
}

TEST("power lost in any state of the attempt, once and twice, leaves a node that boots and ends it") {
  struct Moment {
    const char* name;
    bool (*isNow)(SignedBench& it);
  };
  static constexpr auto isIn = [](SignedBench& it, AttemptState state) { return !it.bench.node().attempt().update.empty() && it.bench.node().attempt().state == state; };
  static constexpr Moment moments[] = {
      {"the manifest is asked for", [](SignedBench& it) { return isIn(it, AttemptState::accepted); }},
      {"downloading", [](SignedBench& it) { return isIn(it, AttemptState::downloading) && it.bench.node().attempt().percent > 40; }},
      {"verifying", [](SignedBench& it) { return isIn(it, AttemptState::verifying); }},
      {"staged", [](SignedBench& it) { return isIn(it, AttemptState::staged); }},
      {"on trial", [](SignedBench& it) { return it.bench.node().state().boot.trial; }},
      {"confirmed, and nobody knows", [](SignedBench& it) { return it.isNew() && !it.bench.node().state().boot.trial && !it.bench.saw("1 done"); }},
  };
  for (const Payload& payload : payloads) {
    for (const Moment& moment : moments) {
      for (const int times : {1, 2}) {
        SignedBench it;
        it.bench.settings.downloadRate = 20000;
        it.bench.boot(hal::ResetReason::powerOn);
        it.bench.run(10000);
        it.offer(1, planFor(it, payload));
        int done = 0;
        for (int i = 0; i < 60000 && done < times && !it.bench.saw("1 done"); ++i) {
          it.bench.run(1);
          if (!moment.isNow(it)) continue;
          ++done;
          it.bench.boot(hal::ResetReason::powerOn);
        }
        if (done == 0) check::failed(__FILE__, __LINE__, moment.name);
        runThrough(it, payload, 0);
        checkEnd(it, payload, 0);
      }
    }
  }
}

TEST("power lost within any operation that brings the previous image back leaves a node that boots and ends it") {
  uint32_t cut = 1;
  for (;; ++cut) {
    SignedBench it;
    SuitPlan first = it.planOf(it.image, sequence - 1);
    first.variants = {it.variantOf(PayloadKind::full)};
    it.offer(1, first);
    CHECK(it.runUntilSaid(1) && it.isNew());
    it.bench.run(settleMs);
    it.bench.endCycle();
    it.bench.cutAt = it.bench.operations + cut;
    checkBoots(it);
    it.bench.boot(hal::ResetReason::powerOn);
    SuitPlan back = it.planOf(it.runningImage, sequence);
    back.kind = ManifestKind::bootPrevious;
    back.device = "n1";
    it.offer(2, back);
    CHECK(it.runUntilSaid(2));
    it.bench.run(settleMs);
    CHECK(it.outcome() == "2 done");
    CHECK(it.version() == "1.0.0" && !it.bench.node().state().boot.trial);
    CHECK_EQ(it.bench.manager.heard.sequence, sequence);
    CHECK_EQ(it.flashFaults(), 0u);
    if (it.bench.cuts == 0) break;
    CHECK(cut < cutsMax);
  }
  CHECK(cut > 8);
}

TEST("power lost within any operation that replaces trust anchors ends with the new ones, and the attempt is done") {
  for (uint32_t cut = 1;; ++cut) {
    SignedBench it;
    it.bench.cutSeed = cut % 4;
    SuitSigner next(77);
    SuitPlan plan;
    plan.kind = ManifestKind::anchors;
    plan.sequence = 1;
    plan.keySet = next.keySet();
    it.bench.endCycle();
    it.bench.cutAt = it.bench.operations + cut;
    it.bench.boot(hal::ResetReason::powerOn);
    it.offer(1, plan);
    CHECK(it.runUntilSaid(1));
    const bool wasCut = it.bench.cuts > 0;
    CHECK(it.outcome() == "1 done" && it.bench.manager.heard.results.size() == 1);
    const std::vector<std::string>& attempts = it.bench.manager.heard.attempts;
    CHECK(std::find(attempts.begin(), attempts.end(), "failed") == attempts.end());
    SuitPlan image = it.planOf(it.image, 9);
    image.variants = {it.variantOf(PayloadKind::full)};
    it.offer(2, image, envelopeOf(image, {&next}));
    CHECK(it.runUntilSaid(2));
    CHECK(it.outcome() == "2 done");
    CHECK_EQ(it.flashFaults(), 0u);
    if (!wasCut) break;
    CHECK(cut < 60);
  }
}

TEST("power lost within any operation of a second try isn't taken for the rollback of the first") {
  uint32_t cut = 1;
  for (;; ++cut) {
    SignedBench it;
    const SuitPlan plan = planFor(it, payloads[cut % 2 == 0 ? 0 : 3]);
    it.bench.silencesAtBoot = true;  // the image works, but the manager can't be reached: no fault of the image
    it.offer(1, plan);
    it.bench.run(400000);
    it.bench.silencesAtBoot = it.bench.manager.isSilent = false;
    CHECK(it.runUntilSaid(1) && it.outcome() == "1 failed manager-unreachable");
    it.bench.run(settleMs);
    it.bench.manager.heard.attempts.clear();
    it.bench.endCycle();
    it.bench.cutAt = it.bench.operations + cut;
    it.bench.cutSeed = cut % 4;
    checkBoots(it);
    it.bench.boot(hal::ResetReason::powerOn);
    it.offer(2, plan);
    CHECK(it.runUntilSaid(2));
    it.bench.run(settleMs);
    const std::vector<std::string>& attempts = it.bench.manager.heard.attempts;
    const bool isLie = std::find(attempts.begin(), attempts.end(), "rolled-back") != attempts.end();
    if (it.outcome() != "2 done" || isLie || !it.isNew()) {
      std::printf("  cut at %u: %s%s, runs %s\n", cut, it.outcome().c_str(), isLie ? ", rolled back on the attempt" : "", it.version().c_str());
      check::failed(__FILE__, __LINE__, "the second try");
    }
    CHECK_EQ(it.flashFaults(), 0u);
    if (it.bench.cuts == 0) break;
    CHECK(cut < cutsMax);
  }
  CHECK(cut > 8);
}

// What the slot holds of an earlier download is given up: of another image, or of this one whose content changed.
TEST("power lost within any operation that gives up what is downloaded leaves a node that boots and ends the update") {
  // An erase that is cut short leaves a sector in one of four ways: each of them is met.
  for (uint32_t round = 0; round < 5; ++round) {
    const bool isOther = round == 0;
    uint32_t cut = 1;
    for (;; ++cut) {
      SignedBench it;
      it.bench.settings.downloadRate = 8000;
      it.bench.boot(hal::ResetReason::powerOn);
      it.bench.run(10000);
      const Bytes other = imageOf("CXSIM 3.0.0 ok\n", newImageSize);
      SuitPlan before = it.planOf(isOther ? other : it.image, sequence);
      before.variants = {SignedBench::fullOf(isOther ? other : it.image)};
      it.offer(1, before);
      for (int i = 0; i < 200 && it.bench.node().attempt().percent < 70; ++i) it.bench.run(100);
      CHECK(it.bench.node().attempt().percent >= 70);
      it.bench.settings.downloadRate = 0;
      it.bench.endCycle();
      it.bench.cutAt = it.bench.operations + cut;
      it.bench.cutSeed = round;
      checkBoots(it);
      it.bench.boot(hal::ResetReason::powerOn);
      it.bench.manager.etag = 2;
      it.offer(2, planFor(it, payloads[0]));
      CHECK(it.runUntilSaid(2));
      it.bench.run(settleMs);
      CHECK(it.outcome() == "2 done");
      checkEnd(it, payloads[0], cut);
      if (it.bench.cuts == 0) break;
      CHECK(cut < cutsMax);
    }
    CHECK(cut > 30);
  }
}
