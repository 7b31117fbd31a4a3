// A node that installs what its anchors signed: what is done, and what is refused before a byte of the slot changes.
#include "check.hpp"
#include "signed_bench.hpp"

using namespace cx;

namespace {

// Offers it, and sees it refused with this reason on action and attempt, and no operation in any slot.
void refuses(const char* file, int line, SignedBench& it, const SuitPlan& plan, const Bytes& envelope, const char* reason) {
  const auto slots = it.bench.flash.begin() + sim::firstSlotSector * sim::sectorSize;
  const std::vector<uint8_t> before(slots, it.bench.flash.begin() + sim::Flash::usable(benchFlashSize));
  it.offer(1, plan, envelope);
  const bool isSaid = it.runUntilSaid(1);
  const bool isRight = isSaid && it.outcome() == std::string("1 refused ") + reason && it.bench.manager.heard.attemptReason == reason;
  if (!isRight) {
    std::printf("  %s on the action, %s on the attempt, not %s\n", it.outcome().c_str(), it.bench.manager.heard.attemptReason.c_str(), reason);
    check::failed(file, line, reason);
  }
  CHECK(std::equal(before.begin(), before.end(), slots));
  CHECK(it.version() == "1.0.0");
  CHECK_EQ(it.bench.manager.artifactRequests, 0);
}

#define REFUSES(it, plan, envelope, reason) refuses(__FILE__, __LINE__, it, plan, envelope, reason)

SuitPlan fullPlan(SignedBench& it, uint32_t sequence = 5) {
  SuitPlan plan = it.planOf(it.image, sequence);
  plan.variants = {it.variantOf(PayloadKind::full)};
  return plan;
}

void installs(SignedBench& it, uint32_t rev, const SuitPlan& plan) {
  it.offer(rev, plan);
  CHECK(it.runUntilSaid(rev));
  CHECK(it.outcome() == std::to_string(rev) + " done");
}

}  // namespace

TEST("a signed image is installed, confirmed, and its sequence number is told from then on") {
  SignedBench it;
  CHECK_EQ(it.bench.manager.heard.sequence, 0u);
  installs(it, 1, fullPlan(it));
  CHECK(it.isNew() && !it.bench.node().state().boot.trial);
  CHECK_EQ(it.bench.manager.heard.sequence, 5u);
  CHECK_EQ(it.bench.manager.manifestRequests > 0 ? 1 : 0, 1);
  CHECK_EQ(it.flashFaults(), 0u);
}

TEST("each kind of payload makes the same image") {
  for (const PayloadKind kind : {PayloadKind::deflate, PayloadKind::delta}) {
    SignedBench it;
    SuitPlan plan = it.planOf(it.image, 5);
    plan.variants = {it.variantOf(kind), it.variantOf(PayloadKind::full)};
    installs(it, 1, plan);
    CHECK(it.isNew());
    CHECK_EQ(it.flashFaults(), 0u);
  }
}

TEST("the smallest variant that can be applied within the budget is fetched, wherever it stands in the manifest") {
  SignedBench it;
  it.bench.settings.attemptBudget = newImageSize - 1;
  it.bench.boot(hal::ResetReason::powerOn);
  it.bench.run(10000);
  SuitPlan plan = it.planOf(it.image, 5);
  SuitVariant foreign = it.variantOf(PayloadKind::delta);
  foreign.base = sha256(it.image);
  foreign.payload = deltaOf(it.image, it.image, true);
  plan.variants = {it.variantOf(PayloadKind::full), foreign, it.variantOf(PayloadKind::deflate)};
  CHECK(foreign.payload.size() < plan.variants[2].payload.size());
  it.offer(1, plan);
  it.serve(plan.variants[2].payload);
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 done" && it.isNew());
  // A half is not enough for any of them.
  it.bench.settings.attemptBudget = newImageSize / 2;
  it.bench.boot(hal::ResetReason::powerOn);
  it.bench.run(10000);
  plan.sequence = 6;
  plan.digest = sha256(it.runningImage);
  plan.size = static_cast<uint32_t>(it.runningImage.size());
  foreign.base = sha256(it.runningImage);
  plan.variants = {foreign, it.variantOf(PayloadKind::deflate)};
  it.offer(2, plan);
  CHECK(it.runUntilSaid(2));
  CHECK(it.outcome() == "2 refused over-budget");
}

TEST("an encrypted payload is installed where the key is, also one that is packed") {
  for (const PayloadKind kind : {PayloadKind::full, PayloadKind::deflate}) {
    SignedBench it;
    SuitPlan plan = it.planOf(it.image, 5);
    SuitVariant variant = it.variantOf(kind);
    variant.payload = encryptedOf(variant.payload);
    variant.encryptionInfo = encryptionInfoOf();
    plan.variants = {variant};
    installs(it, 1, plan);
    CHECK(it.isNew());
  }
}

TEST("an image that fails its trial leaves the sequence number as it was, and may come again") {
  SignedBench it;
  it.image = imageOf("CXSIM 2.0.0 sensor-fault\n", newImageSize);
  it.offer(1, fullPlan(it, 5));
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 failed self-test");
  CHECK_EQ(it.bench.manager.heard.sequence, 0u);
  it.image = imageOf("CXSIM 2.0.0 ok\n", newImageSize);
  installs(it, 2, fullPlan(it, 4));
  CHECK_EQ(it.bench.manager.heard.sequence, 4u);
}

TEST("a number that couldn't be stored at its confirmation isn't lost: nothing older is installed after it") {
  uint32_t unkept = 0;
  for (uint32_t failing = 1; failing <= 10; ++failing) {
    SignedBench it;
    bool isArmed = false;
    it.bench.onBoot = [&](PowerCycle& cycle) {
      cycle.keys.key = payloadKey;
      if (cycle.slots.boot().trial && !isArmed) cycle.flash.failFrom(failing), isArmed = true;
    };
    it.offer(1, fullPlan(it, 5));
    CHECK(it.runUntilSaid(1));
    it.bench.run(20000);
    const bool wasNew = it.isNew() && !it.bench.node().state().boot.trial;
    const uint32_t counter = it.bench.node().state().imageSequence;
    if (wasNew && counter != 5) ++unkept;
    it.bench.power->flash.failFrom(0);
    const Bytes older = imageOf("CXSIM 1.5.0 ok\n", newImageSize);
    SuitPlan plan = it.planOf(older, 4);
    plan.variants = {SignedBench::fullOf(older)};
    it.offer(2, plan);
    CHECK(it.runUntilSaid(2));
    if (wasNew) CHECK(it.outcome() == "2 refused sequence-too-low");
  }
  CHECK(unkept > 0);
}

TEST("a revert manifest is an update like any other: the older image under the next higher number") {
  SignedBench it;
  installs(it, 1, fullPlan(it, 5));
  SuitPlan revert = it.planOf(it.runningImage, 6);
  revert.variants = {SignedBench::fullOf(it.runningImage)};
  installs(it, 2, revert);
  CHECK(it.version() == "1.0.0");
  CHECK_EQ(it.bench.manager.heard.sequence, 6u);
}

TEST("boot-previous brings the image before back without a byte, for this node alone, and not twice") {
  SignedBench it;
  installs(it, 1, fullPlan(it, 5));
  SuitPlan back = it.planOf(it.runningImage, 6);
  back.kind = ManifestKind::bootPrevious;
  back.device = "n2";
  const int requests = it.bench.manager.artifactRequests;
  it.offer(2, back);
  CHECK(it.runUntilSaid(2));
  CHECK(it.outcome() == "2 refused wrong-device");
  back.device = "n1";
  installs(it, 3, back);
  CHECK(it.version() == "1.0.0");
  CHECK_EQ(it.bench.manager.artifactRequests, requests);
  CHECK_EQ(it.bench.manager.heard.sequence, 6u);
  SuitPlan again = it.planOf(it.image, 6);
  again.kind = ManifestKind::bootPrevious;
  again.device = "n1";
  it.offer(4, again);
  CHECK(it.runUntilSaid(4));
  CHECK(it.outcome() == "4 refused sequence-reused");
}

TEST("boot-previous of an image that isn't in the other slot is refused") {
  SignedBench it;
  SuitPlan back = it.planOf(it.image, 6);
  back.kind = ManifestKind::bootPrevious;
  back.device = "n1";
  REFUSES(it, back, envelopeOf(back, {&it.maker}), "no-previous-image");
}

TEST("anchors are replaced by a manifest that the present ones signed, and by no other") {
  SignedBench it;
  SuitSigner next(77);
  SuitPlan plan;
  plan.kind = ManifestKind::anchors;
  plan.sequence = 1;
  plan.keySet = next.keySet();
  it.offer(1, plan, envelopeOf(plan, {&next}));
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 refused unknown-signer");
  it.offer(2, plan, envelopeOf(plan, {&it.maker}));
  CHECK(it.runUntilSaid(2));
  CHECK(it.outcome() == "2 done");
  CHECK(it.bench.manager.heard.attempts.back() == "succeeded");
  // From now on, also after a reset: the new key, and the old one no more.
  it.bench.boot(hal::ResetReason::powerOn);
  it.bench.run(10000);
  it.offer(3, fullPlan(it));
  CHECK(it.runUntilSaid(3));
  CHECK(it.outcome() == "3 refused unknown-signer");
  it.offer(4, fullPlan(it), envelopeOf(fullPlan(it), {&next}));
  CHECK(it.runUntilSaid(4));
  CHECK(it.outcome() == "4 done");
  plan.keySet = it.maker.keySet();
  it.offer(5, plan, envelopeOf(plan, {&next}));
  CHECK(it.runUntilSaid(5));
  CHECK(it.outcome() == "5 refused sequence-reused");
}

TEST("what nobody signed is refused, with a manifest and without") {
  {
    SignedBench it;
    REFUSES(it, fullPlan(it), envelopeOf(fullPlan(it), {}), "manifest-unsigned");
  }
  SignedBench it;
  it.bench.settings.isUnsignedAllowed = true;  // without effect, as there are anchors
  it.bench.boot(hal::ResetReason::powerOn);
  it.bench.run(10000);
  it.offerAction(1, sha256(it.image), newImageSize, false);
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 refused manifest-unsigned");
}

TEST("a stranger's signature, a changed manifest and a cut one are refused") {
  {
    SignedBench it;
    REFUSES(it, fullPlan(it), envelopeOf(fullPlan(it), {&it.stranger}), "unknown-signer");
  }
  {
    SignedBench it;
    Bytes envelope = envelopeOf(fullPlan(it), {&it.maker});
    envelope[envelope.size() - 5] ^= 1;
    REFUSES(it, fullPlan(it), envelope, "manifest-digest");
  }
  {
    SignedBench it;
    Bytes envelope = envelopeOf(fullPlan(it), {&it.maker});
    envelope.resize(envelope.size() - 1);
    REFUSES(it, fullPlan(it), envelope, "manifest-truncated");
  }
  SignedBench it;
  REFUSES(it, fullPlan(it), Bytes(2049, 0), "manifest-too-large");
}

TEST("a manifest nested too deep is refused") {
  SignedBench it;
  REFUSES(it, fullPlan(it), Bytes({0xD8, 0x6B, 0xA1, 0x02, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x00}), "manifest-too-deep");
}

TEST("an image for another vendor or class is refused") {
  {
    SignedBench it;
    SuitPlan plan = fullPlan(it);
    plan.vendor = "other.example";
    REFUSES(it, plan, envelopeOf(plan, {&it.maker}), "wrong-vendor");
  }
  SignedBench it;
  SuitPlan plan = fullPlan(it);
  plan.model = "another";
  REFUSES(it, plan, envelopeOf(plan, {&it.maker}), "wrong-class");
}

TEST("an older manifest is refused when it is replayed, and one under the same number for another image") {
  SignedBench it;
  installs(it, 1, fullPlan(it, 5));
  SuitPlan older = it.planOf(it.runningImage, 4);
  older.variants = {SignedBench::fullOf(it.runningImage)};
  it.offer(2, older);
  CHECK(it.runUntilSaid(2));
  CHECK(it.outcome() == "2 refused sequence-too-low");
  older.sequence = 5;
  it.offer(3, older);
  CHECK(it.runUntilSaid(3));
  CHECK(it.outcome() == "3 refused sequence-reused");
  CHECK(it.isNew());
}

TEST("an image larger than the slot is refused by what the manifest says") {
  SignedBench it;
  SuitPlan plan = fullPlan(it);
  plan.size = benchFlashSize;
  REFUSES(it, plan, envelopeOf(plan, {&it.maker}), "image-too-large");
}

TEST("a manifest for another image than the action's is refused") {
  SignedBench it;
  SuitPlan other = it.planOf(imageOf("CXSIM 3.0.0 ok\n", newImageSize), 5);
  other.variants = {SignedBench::fullOf(imageOf("CXSIM 3.0.0 ok\n", newImageSize))};
  REFUSES(it, fullPlan(it), envelopeOf(other, {&it.maker}), "manifest-mismatch");
}

TEST("a URI to another host is refused, whoever signed it") {
  SignedBench it;
  SuitPlan plan = fullPlan(it);
  plan.variants[0].uri = "http://evil.example/artifacts/" + hexOf(sha256(it.image));
  REFUSES(it, plan, envelopeOf(plan, {&it.maker}), "foreign-uri");
}

TEST("a patch for another base is refused, and the full image isn't fetched in its place unless it stands in the manifest") {
  SignedBench it;
  SuitPlan plan = it.planOf(it.image, 5);
  plan.variants = {it.variantOf(PayloadKind::delta)};
  plan.variants[0].base = sha256(it.image);
  REFUSES(it, plan, envelopeOf(plan, {&it.maker}), "wrong-base");
}

TEST("a variant over the byte budget isn't begun") {
  SignedBench it;
  it.bench.settings.attemptBudget = 20000;
  it.bench.boot(hal::ResetReason::powerOn);
  it.bench.run(10000);
  REFUSES(it, fullPlan(it), envelopeOf(fullPlan(it), {&it.maker}), "over-budget");
}

TEST("an encrypted payload whose key isn't there is refused") {
  SignedBench it;
  it.bench.onBoot = nullptr;
  it.bench.boot(hal::ResetReason::powerOn);
  it.bench.run(10000);
  SuitPlan plan = fullPlan(it);
  plan.variants[0].payload = encryptedOf(it.image);
  plan.variants[0].encryptionInfo = encryptionInfoOf();
  REFUSES(it, plan, envelopeOf(plan, {&it.maker}), "no-payload-key");
}

TEST("a deflate bomb ends at the image's size, and what runs isn't touched") {
  SignedBench it;
  SuitPlan plan = it.planOf(it.image, 5);
  plan.variants = {it.variantOf(PayloadKind::deflate)};
  plan.variants[0].payload = deflateOf(Bytes(newImageSize * 3, 0));
  it.offer(1, plan);
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 failed payload-overflow");
  CHECK(it.version() == "1.0.0");
  CHECK_EQ(it.flashFaults(), 0u);
}

TEST("the last bytes of a payload that make a long image are undone in turns, not in one") {
  SignedBench it;
  it.image = Bytes(74000, 0);
  const char head[] = "CXSIM 2.0.0 ok\n";
  std::memcpy(it.image.data(), head, sizeof head - 1);
  // Of zlib: nothing but the longest repeats, which with the tag are one piece of the cipher, taken at once.
  Bytes packed(110, 0);
  const uint8_t begin[] = {0xed, 0xc1, 0xb1, 0x11, 0x00, 0x10, 0x10, 0x00, 0x30, 0xb5, 0x29, 0x4c, 0xf0, 0xe7, 0xac, 0xa0, 0x52, 0xa8, 0x34, 0x76, 0x50, 0xd8, 0xbf, 0xb3, 0x87, 0x4b, 0xd2, 0xf7, 0x1a, 0xb3, 0xb4, 0xa8, 0x51, 0xcb, 0x3d, 0x39, 0x01};
  const uint8_t end[] = {0xc0, 0x0f, 0x1e};
  std::memcpy(packed.data(), begin, sizeof begin);
  std::memcpy(packed.data() + packed.size() - sizeof end, end, sizeof end);
  SuitPlan plan = it.planOf(it.image, 5);
  SuitVariant variant;
  variant.kind = PayloadKind::deflate;
  variant.payload = encryptedOf(packed);
  variant.encryptionInfo = encryptionInfoOf();
  plan.variants = {variant};
  uint32_t before = 0, most = 0, turns = 0;
  it.bench.onTurn = [&](PowerCycle& cycle) {
    const uint32_t now = cycle.flash.operations();
    if (now > before && now - before > most) most = now - before;
    if (now > before + 3) ++turns;
    before = now;
    return false;
  };
  it.offer(1, plan);
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 done" && it.isNew());
  // A sector is erased, written and noted; eight pieces of 4 KiB are a turn's share, and some records are written with them.
  CHECK(turns > 1);
  CHECK(most <= 8 * 3 + 8);
}

TEST("payloads that can't be undone, or are of another size, end the attempt with their reason") {
  {
    SignedBench it;
    SuitPlan plan = it.planOf(it.image, 5);
    plan.variants = {it.variantOf(PayloadKind::deflate)};
    plan.variants[0].payload[0] = 7;  // a block type that doesn't exist
    it.offer(1, plan);
    CHECK(it.runUntilSaid(1));
    CHECK(it.outcome() == "1 failed payload-malformed");
  }
  {
    SignedBench it;
    SuitPlan plan = it.planOf(it.image, 5);
    plan.variants = {it.variantOf(PayloadKind::delta)};
    // A sequential patch, unpacked: one run of differences, as long as the image and longer than the base.
    Bytes patch = {0x00, 0xB0, 0xD4, 0x03, 0x00, 0xB0, 0xD4, 0x03};
    patch.resize(patch.size() + newImageSize, 0);
    plan.variants[0].payload = patch;
    it.offer(1, plan);
    CHECK(it.runUntilSaid(1));
    CHECK(it.outcome() == "1 failed payload-malformed");
    CHECK(it.version() == "1.0.0");
    CHECK_EQ(it.flashFaults(), 0u);
  }
  SignedBench it;
  SuitPlan plan = fullPlan(it);
  it.offer(1, plan);
  it.bench.manager.artifact.push_back(0);
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 failed payload-size");
}

TEST("an artifact that was changed never becomes bootable") {
  SignedBench it;
  it.offer(1, fullPlan(it));
  it.bench.manager.artifact[20000] ^= 1;
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 failed artifact-changed");
  CHECK(it.version() == "1.0.0");
}

TEST("an artifact that changes under the download is fetched from its start") {
  for (const PayloadKind kind : {PayloadKind::full, PayloadKind::deflate}) {
    SignedBench it;
    it.bench.settings.downloadRate = 4000;
    it.bench.boot(hal::ResetReason::powerOn);
    it.bench.run(10000);
    SuitPlan plan = it.planOf(it.image, 5);
    plan.variants = {it.variantOf(kind)};
    it.offer(1, plan);
    it.bench.manager.artifact[100] ^= 1;
    it.bench.run(6000);
    it.serve(plan.variants[0].payload);
    it.bench.manager.etag = 2;
    CHECK(it.runUntilSaid(1));
    CHECK(it.outcome() == "1 done");
    CHECK(it.isNew());
  }
}

TEST("an old token makes the node ask for its action again, and the attempt goes on") {
  SignedBench it;
  it.offer(1, fullPlan(it));
  it.bench.manager.forbids = 2;
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 done");
  CHECK(it.isNew());
}

TEST("a token that stays wrong ends the attempt after five tries") {
  SignedBench it;
  it.offer(1, fullPlan(it));
  it.bench.manager.forbids = 1000;
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 failed token-expired");
  CHECK(it.bench.manager.artifactRequests <= 6);
}

TEST("a manifest that isn't there ends the attempt") {
  SignedBench it;
  it.offer(1, fullPlan(it), {});
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 refused coap-404");
}

TEST("a clock that jumps changes nothing of an attempt") {
  SignedBench it;
  it.bench.settings.downloadRate = 4000;
  it.bench.boot(hal::ResetReason::powerOn);
  it.bench.run(10000);
  it.offer(1, fullPlan(it));
  for (const int64_t wallMs : {int64_t{0}, int64_t{4102444800000}, int64_t{1}, int64_t{1700000000000}}) {
    it.bench.run(2000);
    it.bench.clock.setWallMs(wallMs);
  }
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 done");
}

TEST("after a power loss a packed download goes on where its image was durable, not at its start") {
  for (const PayloadKind kind : {PayloadKind::deflate, PayloadKind::delta, PayloadKind::full}) {
    SignedBench it;
    it.bench.settings.downloadRate = 4000;
    it.bench.boot(hal::ResetReason::powerOn);
    it.bench.run(10000);
    SuitPlan plan = it.planOf(it.image, 5);
    plan.variants = {it.variantOf(kind)};
    const uint32_t size = static_cast<uint32_t>(plan.variants[0].payload.size());
    it.offer(1, plan);
    for (int i = 0; i < 200 && it.bench.node().attempt().bytes < size / 8 * 7; ++i) it.bench.run(100);
    CHECK(it.bench.node().attempt().bytes >= size / 8 * 7);
    it.bench.settings.downloadRate = 0;
    it.bench.boot(hal::ResetReason::powerOn);
    it.bench.manager.artifactRequests = 0;
    CHECK(it.runUntilSaid(1));
    CHECK(it.outcome() == "1 done");
    // In blocks of 256 bytes. A decoder's place is kept each 16 KiB of the image, of which there are less than two.
    CHECK(it.bench.manager.artifactRequests < static_cast<int>(size / 256 * 7 / 10));
    CHECK_EQ(it.flashFaults(), 0u);
  }
}

TEST("a checkpoint whose part of the image another download overwrote is no place to go on from") {
  SignedBench it;
  it.bench.settings.downloadRate = 4000;
  it.bench.boot(hal::ResetReason::powerOn);
  it.bench.run(10000);
  SuitPlan plan = it.planOf(it.image, 5);
  SuitVariant variant = it.variantOf(PayloadKind::full);  // the one decoder that reads nothing back to go on
  variant.payload = encryptedOf(variant.payload);
  variant.encryptionInfo = encryptionInfoOf();
  plan.variants = {variant};
  it.offer(1, plan);
  for (int i = 0; i < 200 && it.bench.node().attempt().bytes < 26000; ++i) it.bench.run(100);
  CHECK(it.bench.node().attempt().bytes >= 26000);
  const Bytes other = imageOf("CXSIM 3.0.0 ok\n", newImageSize);
  SuitPlan between = it.planOf(other, 6);
  between.variants = {SignedBench::fullOf(other)};
  it.offer(2, between);
  const auto isBetween = [&] { return it.bench.node().attempt().state == AttemptState::downloading && it.bench.node().attempt().bytes < 20000; };
  for (int i = 0; i < 600 && !(isBetween() && it.bench.node().attempt().bytes > 9000); ++i) it.bench.run(100);
  CHECK(isBetween());
  plan.sequence = 7;
  it.offer(3, plan);
  CHECK(it.runUntilSaid(3));
  CHECK(it.outcome() == "3 done" && it.isNew());
  CHECK_EQ(it.flashFaults(), 0u);
}

TEST("in SAFE a signed update brings the node back, and one that nobody signed doesn't") {
  SignedBench it;
  it.bench.manager.isSilent = true;
  for (int i = 0; i < 4; ++i) it.bench.boot(hal::ResetReason::crash);  // boots of which none became healthy
  it.bench.run(5000);
  CHECK(it.bench.node().phase() == Phase::safe);
  it.bench.manager.isSilent = false;
  it.offerAction(1, sha256(it.image), newImageSize, false);
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 refused manifest-unsigned");
  CHECK(it.bench.node().phase() == Phase::safe);
  it.offer(2, fullPlan(it));
  CHECK(it.runUntilSaid(2));
  CHECK(it.outcome() == "2 done");
  CHECK(it.isNew() && it.bench.node().phase() == Phase::operational);
}

TEST("a trust record that can't be read leaves a node that takes no update, rather than one that takes any") {
  SignedBench it;
  const uint8_t rubbish[] = {9, 9, 9};
  CHECK(it.bench.power->storage.put("trust", rubbish, sizeof rubbish) == hal::Code::ok);
  it.bench.boot(hal::ResetReason::powerOn);
  it.bench.run(10000);
  it.offer(1, fullPlan(it));
  CHECK(it.runUntilSaid(1));
  CHECK(it.outcome() == "1 refused unknown-signer");
  it.bench.settings.isUnsignedAllowed = true;
  it.bench.boot(hal::ResetReason::powerOn);
  it.bench.run(10000);
  it.offerAction(2, sha256(it.image), newImageSize, false);
  CHECK(it.runUntilSaid(2));
  CHECK(it.outcome() == "2 refused manifest-unsigned");
  CHECK(it.version() == "1.0.0");
}
