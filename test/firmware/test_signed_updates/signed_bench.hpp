// A node with a trust anchor, its manager, and whoever signs its images.
#pragma once
#include "../test_node/node_bench.hpp"
#include "payload_maker.hpp"
#include "suit_signer.hpp"

constexpr uint32_t newImageSize = 30000;  // seven whole sectors and a part

class SignedBench {
 public:
  explicit SignedBench(uint64_t seed = 1) : maker(seed), stranger(seed + 100) {
    const Bytes set = maker.keySet();
    (void)(cx::readKeySet(spanOf(set), anchors) == cx::ManifestReason::none);
    bench.settings.vendor.assignCut("vendor.example");
    bench.settings.isUnsignedAllowed = false;
    bench.settings.anchors = &anchors;
    bench.onBoot = [](PowerCycle& cycle) { cycle.keys.key = payloadKey; };
    bench.boot(cx::hal::ResetReason::powerOn);
    bench.run(10000);
  }

  Bytes image = imageOf("CXSIM 2.0.0 ok\n", newImageSize);
  Bytes runningImage = imageOf("CXSIM 1.0.0 ok\n", 9000);

  SuitPlan planOf(const Bytes& of, uint32_t sequence) const {
    SuitPlan plan;
    plan.sequence = sequence;
    plan.digest = sha256(of);
    plan.size = static_cast<uint32_t>(of.size());
    return plan;
  }
  static SuitVariant fullOf(const Bytes& of) {
    SuitVariant variant;
    variant.payload = of;
    return variant;
  }
  SuitVariant variantOf(cx::PayloadKind kind) const {
    SuitVariant variant;
    variant.kind = kind;
    variant.base = sha256(runningImage);
    variant.payload = kind == cx::PayloadKind::full ? image : kind == cx::PayloadKind::deflate ? deflateOf(image) : deltaOf(runningImage, image, true);
    return variant;
  }
  // The action of a manifest that was signed by its maker, and its first variant as the artifact.
  void offer(uint32_t rev, const SuitPlan& plan) { offer(rev, plan, envelopeOf(plan, {&maker})); }
  void offer(uint32_t rev, const SuitPlan& plan, const Bytes& envelope) {
    const bool isAnchors = plan.kind == cx::ManifestKind::anchors;
    const Bytes digest = isAnchors ? sha256(plan.keySet) : plan.digest;
    const uint32_t size = isAnchors ? static_cast<uint32_t>(plan.keySet.size()) : plan.size;
    bench.manager.manifest = envelope;
    if (!plan.variants.empty()) serve(plan.variants[0].payload);
    offerAction(rev, digest, size, true);
  }
  void serve(const Bytes& payload) {
    bench.manager.artifact = payload;
    bench.manager.serveAt("artifacts/" + hexOf(sha256(payload)));
  }
  void offerAction(uint32_t rev, const Bytes& digest, uint32_t size, bool hasManifest) {
    uint8_t buffer[500];
    const cx::Expected<cx::ByteSpan> bytes = cx::encodeWire(cx::WireFormat::cbor, buffer, [&](cx::WireMap& map) {
      map.uint(1, "rev", rev);
      map.uint(2, "kind", 1);
      map.text(4, "update", "up");
      map.text(5, "attempt", "a-1");
      if (hasManifest) map.text(6, "manifest", "coap://elsewhere.example/updates/up/manifest");
      map.list(7, "uris", 1, [](cx::WireWriter& writer, uint32_t) { writer.putText("coap://10.0.0.1:5683/artifacts/any?ep=n1&attempt=a-1"); });
      map.uint(8, "size", size);
      map.digest(9, "digest", digest.data());
    });
    bench.offer(rev, std::vector<uint8_t>(bytes->begin(), bytes->end()));
  }
  // Until the manager heard what became of it; false: never.
  bool runUntilSaid(uint32_t rev, uint32_t limitMs = 600000) {
    for (uint32_t passed = 0; passed < limitMs; passed += 500) {
      bench.run(500);
      for (const std::string& each : bench.manager.heard.results) {
        if (each.rfind(std::to_string(rev) + " ", 0) == 0) return true;
      }
    }
    return false;
  }
  std::string outcome() const { return bench.manager.heard.results.empty() ? "" : bench.manager.heard.results.back(); }
  std::string version() { return bench.power->slots.image().version; }
  bool isNew() { return version() == "2.0.0"; }
  uint32_t flashOperations() const { return bench.operations + bench.power->flash.operations(); }
  uint32_t flashFaults() const { return bench.faults + bench.power->flash.faults(); }

  SuitSigner maker, stranger;
  cx::TrustAnchors anchors;
  Bench bench;
};
