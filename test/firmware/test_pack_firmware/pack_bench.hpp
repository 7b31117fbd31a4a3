// A whole pack on simulated flash, with its boot loader, a bus that may lose frames, and a gateway.
#pragma once
#include <memory>

#include "../check.hpp"
#include "../hex.hpp"
#include "../test_signed_updates/payload_maker.hpp"
#include "hal_sim/sim_parts.hpp"
#include "pack/pack.hpp"
#include "payload_kit.hpp"
#include "test_gateway.hpp"

namespace cx::pack {

constexpr uint32_t packFlashSize = 256 * 1024;
constexpr uint32_t newImageSize = 30000;  // seven whole sectors and a part

inline Bytes imageOf(const char* head, uint32_t size) {
  Bytes image(size);
  for (uint32_t i = 0; i < size; ++i) image[i] = static_cast<uint8_t>(i * 131 + (i >> 8U) * 17);
  std::memcpy(image.data(), head, std::strlen(head));
  return image;
}

class BenchCan final : public CanPort {
 public:
  std::deque<can::Frame> in;
  std::deque<can::Frame> out;
  bool isAlone = false;
  bool receive(can::Frame& frame) override {
    if (in.empty()) return false;
    frame = in.front();
    in.pop_front();
    return true;
  }
  bool send(const can::Frame& frame) override {
    if (!isAlone) out.push_back(frame);
    outcome_ = isAlone ? CanSend::pending : CanSend::sent;
    return true;
  }
  CanSend sent() override { return outcome_; }
  void abort() override { outcome_ = CanSend::idle; }
  bool isBusOff() override { return false; }
  void recover() override {}

 private:
  CanSend outcome_ = CanSend::idle;
};

// Answers at once.
class BenchBms final : public BytePort {
 public:
  bool isSilent = false;
  size_t read(MutableSpan out) override {
    if (!isAsked_ || isSilent) return 0;
    isAsked_ = false;
    const Hex<16> bytes("01030402100064fba5");
    std::memcpy(out.data(), bytes.bytes, bytes.size);
    return bytes.size;
  }
  bool send(ByteSpan) override { return isAsked_ = true; }
  bool isSending() override { return false; }

 private:
  bool isAsked_ = false;
};

class BenchBoard final : public PackBoard {
 public:
  MeasuredPower power;
  Relays relays;
  MeasuredPower measure() override { return power; }
  void setRelays(const Relays& now) override { relays = now; }
  void show(const Pixel (&)[barPixels], const uint8_t (&)[3], const Leds&) override {}
};

// Everything that goes with the power.
struct PackCycle {
  PackCycle(Bytes& bytes, sim::Clock& clock, const PackFirmwareSettings& settings, hal::ResetReason reason, uint64_t seed, uint32_t cutAfter, uint64_t cutSeed)
      : flash(bytes.data(), static_cast<uint32_t>(bytes.size())),
        storage(flash, 0, sim::storageSectorsPerArea),
        slots(flash, storage),
        entropy(seed),
        sink(callbacks, hal::LogLevel::info),
        firmware({clock, entropy, storage, slots, system, sink, kit}, settings),
        pack({can, bms, storage, nullptr, board, &firmware}, bmsVoltageAndCurrent) {
    system.reason = reason;
    flash.cutPowerAfter(cutAfter, cutSeed);
    outcome = slots.bootLoader(system.reason);
    system.version = slots.image().version;
    system.model = "pack";
    system.hardware = "aabb10203044";
  }
  sim::Flash flash;
  sim::Storage storage;
  sim::Slots slots;
  cx_sim_callbacks callbacks = {};
  sim::Entropy entropy;
  sim::System system;
  sim::LogSink sink;
  struct Keys final : PayloadKeys {
    const uint8_t* find(ByteSpan) override { return payloadKey; }
  } keys;
  PayloadKit<4096> kit{keys};
  BenchCan can;
  BenchBms bms;
  BenchBoard board;
  PackFirmware firmware;
  Pack pack;
  sim::BootOutcome outcome;
};

class PackBench {
 public:
  static constexpr uint8_t node = 4;  // MAC[5] & 0x1F

  explicit PackBench(uint64_t seed = 1) : maker(seed), stranger(seed + 100), gateway(node, seed), flash_(packFlashSize, 0xFF) {
    const Bytes set = maker.keySet();
    (void)(readKeySet(spanOf(set), anchors) == ManifestReason::none);
    settings.vendor.assignCut("vendor.example");
    settings.anchors = &anchors;
    wipe();
  }
  // As it leaves the factory.
  void wipe() {
    endCycle();
    flash_.assign(packFlashSize, 0xFF);
    sim::Flash medium(flash_.data(), packFlashSize);
    sim::Storage storage(medium, 0, sim::storageSectorsPerArea);
    sim::Slots slots(medium, storage);
    (void)slots.install(runningImage.data(), static_cast<uint32_t>(runningImage.size()));
    boot(hal::ResetReason::powerOn);
  }

  SuitSigner maker, stranger;
  TrustAnchors anchors;
  PackFirmwareSettings settings;
  sim::Clock clock;
  TestGateway gateway;
  Bytes runningImage = imageOf("CXSIM 1.0.0 ok\n", 9000);
  Bytes image = imageOf("CXSIM 2.0.0 ok\n", newImageSize);
  std::unique_ptr<PackCycle> power;
  std::function<void(PackCycle&)> onBoot;
  uint32_t cutAt = 0;  // power goes within this operation of the flash, counted over all boots; 0: never
  uint64_t cutSeed = 0;
  uint32_t operations = 0, faults = 0;
  int cuts = 0;
  int boots = 0;
  bool isGatewayOn = true;
  bool isBusBroken = false;   // for the next boots
  uint32_t telemetry = 0;     // frames of the pack that aren't about firmware
  uint32_t heard = 0;         // frames of the pack
  uint32_t errors[16] = {};   // reports of each kind

  SuitPlan planOf(const Bytes& of, uint32_t sequence) const {
    SuitPlan plan;
    plan.sequence = sequence;
    plan.model = "pack";
    plan.digest = sha256(of);
    plan.size = static_cast<uint32_t>(of.size());
    return plan;
  }
  SuitVariant variantOf(PayloadKind kind) const {
    SuitVariant variant;
    variant.kind = kind;
    variant.base = sha256(runningImage);
    variant.payload = kind == PayloadKind::full ? image : kind == PayloadKind::deflate ? deflateOf(image) : deltaOf(runningImage, image);
    return variant;
  }
  void offer(const SuitPlan& plan) { offer(plan, envelopeOf(plan, {&maker})); }
  void offer(const SuitPlan& plan, const Bytes& envelope) {
    std::vector<Bytes> payloads;
    for (const SuitVariant& each : plan.variants) payloads.push_back(each.payload);
    gateway.offer(envelope, payloads, plan.digest);
  }

  void boot(hal::ResetReason reason) {
    endCycle();
    const uint32_t cutAfter = cutAt > operations ? cutAt - operations : 0;
    power = std::make_unique<PackCycle>(flash_, clock, settings, reason, ++boots, cutAfter, cutSeed);
    if (!power->flash.hasPower()) {  // it went while the boot loader was at work
      endCycle();
      power = std::make_unique<PackCycle>(flash_, clock, settings, hal::ResetReason::powerOn, ++boots, 0, 0);
    }
    power->can.isAlone = isBusBroken;
    if (onBoot) onBoot(*power);
    PackBoot packBoot;
    packBoot.mac = {{0xaa, 0xbb, 0x10, 0x20, 0x30, 0x44}};
    packBoot.reset = power->system.reason;
    packBoot.rolledBack = power->slots.boot().rolledBackReason;
    power->pack.begin(packBoot, clock.nowMs);
  }
  void endCycle() {
    if (power == nullptr) return;
    operations += power->flash.operations();
    faults += power->flash.faults();
    if (!power->flash.hasPower()) ++cuts, cutAt = 0;
    power.reset();
  }
  void run(uint64_t ms) {
    for (const uint64_t end = clock.nowMs + ms; clock.nowMs < end; clock.nowMs++) turn();
  }
  // True: until then.
  template <class Condition>
  bool runUntil(Condition condition, uint64_t limitMs = 300000) {
    for (const uint64_t end = clock.nowMs + limitMs; clock.nowMs < end; clock.nowMs++) {
      turn();
      if (condition()) return true;
    }
    return false;
  }
  // The new image runs and has proven itself, and the gateway was told so.
  bool isDone() {
    return power->firmware.imageSequence() != 0 && !power->slots.boot().trial && power->slots.boot().runningSize == newImageSize && !gateway.state.isTrial &&
           gateway.running == sha256(image) && gateway.state.manifestSequence != 0;
  }
  std::string version() { return power->slots.image().version; }

 private:
  void turn() {
    if (isGatewayOn) {
      gateway.turn(clock.nowMs);
      for (int i = 0; i < 8 && !gateway.out.empty(); i++) {
        power->can.in.push_back(gateway.out.front());
        gateway.out.pop_front();
      }
    } else {
      gateway.out.clear();
    }
    power->pack.step(clock.nowMs);
    if (!power->flash.hasPower()) return boot(hal::ResetReason::powerOn);
    for (; !power->can.out.empty(); power->can.out.pop_front()) {
      const can::Frame& frame = power->can.out.front();
      heard++;
      can::ErrorReport report;
      if (can::decode(frame, report) == can::Fault::none) errors[static_cast<uint8_t>(report.error)]++;
      if (!frame.isExtended && (frame.id < 0x280 || (frame.id & 0x780) == 0x300)) telemetry++;
      if (isGatewayOn && loss_.below(100) >= gateway.lossPercent) gateway.hear(frame);
    }
    if (power->system.ending != CX_SIM_RUNNING) boot(hal::ResetReason::restart);
  }

  Bytes flash_;
  SeededRandom loss_{7};
};

}  // namespace cx::pack
