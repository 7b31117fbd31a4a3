// Update manifests: the vectors that schemas/wire/suit made and reads alike, and what no vector can show.
#include <cstdio>

#include "../generated/update_manifest_vectors.hpp"
#include "check.hpp"
#include "hex.hpp"
#include "manifest_check.hpp"
#include "p256.hpp"
#include "suit_manifest.hpp"

using namespace cx;

namespace {

constexpr size_t hexMax = 20000;

class Tools final : public PayloadTools {
 public:
  explicit Tools(const vectors::ManifestTarget& target) : target_(target) {}
  uint32_t windowMax() override { return target_.windowMax; }
  bool takesDelta(uint32_t format, uint32_t memory) override { return format == target_.deltaFormat && memory <= target_.deltaMemory; }
  bool canDecrypt(ByteSpan info) override { return isHex(info, vectors::manifestKnownKeyHex); }
  PayloadDecoder* decoderFor(const PayloadVariant&) override { return nullptr; }

 private:
  const vectors::ManifestTarget& target_;
};

// The node of the vectors.
struct World {
  explicit World(const vectors::ManifestTarget& of) : tools(of), running(of.runningHex) {
    uuid5(uuidOfDns, vectors::manifestDomain, vendorId);
    uuid5(vendorId, vectors::manifestModel, classId);
    uuid5(vendorId, vectors::manifestNode, deviceId);
    const Hex<512> keys(vectors::manifestAnchorsHex);
    CHECK(readKeySet(keys.view(), anchors) == ManifestReason::none);
    target.vendorId = vendorId;
    target.classId = classId;
    target.deviceId = deviceId;
    target.imageSequence = target.anchorsSequence = of.sequence;
    target.runningDigest = running.bytes;
    target.slotSize = of.slotSize;
    target.byteBudget = of.budget;
    target.previousDigest = previous.bytes;
    target.previousSize = vectors::manifestPreviousSize;
  }
  ManifestReason judge(ByteSpan bytes) {
    ManifestReason reason = readEnvelope(bytes, envelope);
    if (reason == ManifestReason::none) reason = verifyEnvelope(envelope, anchors, check);
    if (reason == ManifestReason::none) reason = readManifest(envelope, manifest, newAnchors);
    if (reason != ManifestReason::none) return reason;
    verdict = checkManifest(manifest, target, tools);
    return verdict.reason;
  }

  Tools tools;
  Hex<32> running;
  Hex<32> previous{vectors::manifestPreviousHex};
  uint8_t vendorId[uuidSize], classId[uuidSize], deviceId[uuidSize];
  TrustAnchors anchors, newAnchors;
  SoftwareSignatureCheck check;
  ManifestTarget target;
  SuitEnvelope envelope;
  UpdateManifest manifest;
  ManifestVerdict verdict;
};

const Hex<hexMax>& bytesOf(const char* hex) {
  static Hex<hexMax> bytes("");
  bytes = Hex<hexMax>(hex);
  return bytes;
}

const char* kindWord(ManifestKind kind) {
  return kind == ManifestKind::install ? "install" : kind == ManifestKind::bootPrevious ? "boot-previous" : "anchors";
}

}  // namespace

TEST("vendors, models and nodes have the identifiers of the vectors") {
  World world(vectors::goodManifests[0].target);
  CHECK(isHex(ByteSpan(world.vendorId), vectors::manifestVendorHex));
  CHECK(isHex(ByteSpan(world.classId), vectors::manifestClassHex));
  CHECK(isHex(ByteSpan(world.deviceId), vectors::manifestDeviceHex));
}

TEST("each good manifest is understood as it was meant, and its variant chosen") {
  for (const vectors::GoodManifestVector& each : vectors::goodManifests) {
    World world(each.target);
    const ManifestReason reason = world.judge(bytesOf(each.hex).view());
    const bool isThis = reason == ManifestReason::none && std::string_view(kindWord(world.manifest.kind)) == each.kind &&
                        world.manifest.sequence == each.sequence && world.manifest.size == each.size &&
                        isHex(ByteSpan(world.manifest.digest, 32), each.digestHex) && world.verdict.hasVariant == (each.variant >= 0) &&
                        (each.variant < 0 || variantOf(world.manifest, static_cast<uint32_t>(each.variant)).digest == world.verdict.variant.digest);
    if (!isThis) std::printf("  %s: %s\n", each.name, manifestReasonWord(reason));
    CHECK(isThis);
  }
}

TEST("each bad manifest is refused with its own reason") {
  for (const vectors::BadManifestVector& each : vectors::badManifests) {
    World world(each.target);
    const ManifestReason reason = world.judge(bytesOf(each.hex).view());
    if (std::string_view(manifestReasonWord(reason)) != each.reason) std::printf("  %s: %s, not %s\n", each.name, manifestReasonWord(reason), each.reason);
    CHECK(std::string_view(manifestReasonWord(reason)) == each.reason);
  }
}

TEST("every beginning of a good manifest is truncated, and nothing else") {
  const Hex<hexMax>& whole = bytesOf(vectors::goodManifests[0].hex);
  for (size_t size = 0; size < whole.size; ++size) {
    SuitEnvelope envelope;
    CHECK(readEnvelope(whole.view().first(size), envelope) == ManifestReason::manifestTruncated);
  }
}

TEST("no changed bit anywhere leads to an installation") {
  World world(vectors::goodManifests[1].target);
  Hex<hexMax> bytes = bytesOf(vectors::goodManifests[2].hex);
  for (size_t bit = 0; bit < bytes.size * 8; ++bit) {
    bytes.bytes[bit / 8] = static_cast<uint8_t>(bytes.bytes[bit / 8] ^ 1U << bit % 8);
    CHECK(world.judge(bytes.view()) != ManifestReason::none);
    bytes.bytes[bit / 8] = static_cast<uint8_t>(bytes.bytes[bit / 8] ^ 1U << bit % 8);
  }
  CHECK(world.judge(bytes.view()) == ManifestReason::none);
}

TEST("an action for another image than the manifest's is refused") {
  World world(vectors::goodManifests[0].target);
  const Hex<32> digest(vectors::goodManifests[0].digestHex);
  world.target.askedDigest = digest.bytes;
  world.target.askedSize = vectors::goodManifests[0].size;
  CHECK(world.judge(bytesOf(vectors::goodManifests[0].hex).view()) == ManifestReason::none);
  world.target.askedSize += 1;
  CHECK(world.judge(bytesOf(vectors::goodManifests[0].hex).view()) == ManifestReason::manifestMismatch);
  world.target.askedSize -= 1;
  world.target.askedDigest = world.running.bytes;
  CHECK(world.judge(bytesOf(vectors::goodManifests[0].hex).view()) == ManifestReason::manifestMismatch);
}

TEST("without trust anchors nobody is known") {
  World world(vectors::goodManifests[0].target);
  world.anchors.count = 0;
  CHECK(world.judge(bytesOf(vectors::goodManifests[0].hex).view()) == ManifestReason::unknownSigner);
}
