// A battery pack on simulated flash, for JavaScript: its boot loader, its firmware and its CAN controller, on virtual time.
//
//   install(flash, image) -> 0, create(flash, config) -> handle, step(handle, nowMs) -> ending,
//   frame(handle, id, isExtended, bytes), sending(handle) -> [id, isExtended, bytes] or null, sent(handle, isOk),
//   status(handle), cut(handle, operations), house(handle, gridW, homeW, decivolts, centiamperes), busOff(handle, isOff) -> wantsBack
//
// The flash is the caller's Buffer and must outlive the handle; sim-pack.ts keeps both together.
#include <cstdlib>
#include <deque>
#include <new>
#include <vector>

#include "addon-call.hpp"
#include "hal_sim/sim_parts.hpp"
#include "pack/crc16_modbus.hpp"
#include "pack/pack.hpp"
#include "payload_kit.hpp"

namespace {

using namespace cx;
using namespace cx::pack;

// What a controller's receive queue holds; full: the newest is lost.
constexpr size_t receiveMax = 256;

class SimCan final : public CanPort {
 public:
  bool isDeaf = false;
  void arrive(const can::Frame& frame) {
    if (in_.size() < receiveMax) in_.push_back(frame);
    else lost++;
  }
  // Given to the controller and not yet told how it ended.
  const can::Frame* sending() const { return outcome_ == CanSend::pending && !isDeaf ? &frame_ : nullptr; }
  void ended(bool isOk) {
    if (outcome_ == CanSend::pending) outcome_ = isOk ? CanSend::sent : CanSend::failed;
  }
  bool receive(can::Frame& out) override {
    if (in_.empty() || isDeaf) return false;
    out = in_.front();
    in_.pop_front();
    return true;
  }
  bool send(const can::Frame& frame) override {
    frame_ = frame;
    outcome_ = CanSend::pending;
    return true;
  }
  CanSend sent() override {
    const CanSend now = outcome_;
    if (now == CanSend::sent || now == CanSend::failed) outcome_ = CanSend::idle;
    return now;
  }
  void abort() override { outcome_ = CanSend::idle; }
  bool isBusOff() override { return isOff; }
  void recover() override { wantsBack = true; }
  uint32_t lost = 0;
  // The controller left the bus; the firmware asks for it to come back.
  bool isOff = false;
  bool wantsBack = false;

 private:
  std::deque<can::Frame> in_;
  can::Frame frame_;
  CanSend outcome_ = CanSend::idle;
};

// Answers at once.
class SimBms final : public BytePort {
 public:
  // 52.8 V and 1 A unless somebody says otherwise.
  uint16_t decivolts = 528;
  int16_t centiamperes = 100;

  size_t read(MutableSpan out) override {
    if (!isAsked_ || out.size() < replyBytes) return 0;
    isAsked_ = false;
    uint8_t* reply = out.data();
    const uint16_t current = static_cast<uint16_t>(centiamperes);
    const uint8_t head[] = {0x01, 0x03, 0x04, high(decivolts), low(decivolts), high(current), low(current)};
    std::memcpy(reply, head, sizeof head);
    const uint16_t crc = crc16Modbus(reply, sizeof head);
    reply[7] = low(crc);
    reply[8] = high(crc);
    return replyBytes;
  }
  bool send(ByteSpan) override { return isAsked_ = true; }
  bool isSending() override { return false; }

 private:
  static constexpr size_t replyBytes = 9;
  static uint8_t high(uint16_t value) { return static_cast<uint8_t>(value >> 8); }
  static uint8_t low(uint16_t value) { return static_cast<uint8_t>(value & 0xff); }
  bool isAsked_ = false;
};

class SimBoard final : public PackBoard {
 public:
  MeasuredPower power;
  MeasuredPower measure() override { return power; }
  void setRelays(const Relays&) override {}
  void show(const Pixel (&)[barPixels], const uint8_t (&)[3], const Leds&) override {}
};

struct Handle {
  Handle(uint8_t* bytes, uint32_t size, uint64_t seed)
      : flash(bytes, size), storage(flash, 0, sim::storageSectorsPerArea), slots(flash, storage), entropy(seed), sink(callbacks, hal::LogLevel::error) {}

  cx_sim_callbacks callbacks = {};
  sim::Flash flash;
  sim::Storage storage;
  sim::Slots slots;
  sim::Clock clock;
  sim::Entropy entropy;
  sim::System system;
  sim::LogSink sink;
  NoPayloadKeys keys;
  PayloadKit<4096> kit{keys};
  SimCan can;
  SimBms bms;
  SimBoard board;
  TrustAnchors anchors;
  char hardware[13] = {};
  uint64_t startedMs = 0;
  // Made once the boot loader has decided what runs.
  alignas(PackFirmware) unsigned char firmwareBytes[sizeof(PackFirmware)];
  alignas(Pack) unsigned char packBytes[sizeof(Pack)];
  bool hasPack = false;

  PackFirmware& firmware() { return *std::launder(reinterpret_cast<PackFirmware*>(firmwareBytes)); }
  Pack& pack() { return *std::launder(reinterpret_cast<Pack*>(packBytes)); }
};

napi_value install(napi_env env, napi_callback_info info) {
  Call call(env, info);
  size_t flashSize = 0, imageSize = 0;
  uint8_t* flash = call.bytes(0, flashSize);
  uint8_t* image = call.bytes(1, imageSize);
  if (flash == nullptr || image == nullptr) return fail(env, "install(flash, image) takes two Uint8Arrays");
  sim::Flash medium(flash, static_cast<uint32_t>(flashSize));
  sim::Storage storage(medium, 0, sim::storageSectorsPerArea);
  sim::Slots slots(medium, storage);
  return numberOf(env, slots.install(image, static_cast<uint32_t>(imageSize)) == hal::Code::ok ? 0 : 1);
}

void destroy(napi_env, void* data, void*) { delete static_cast<Handle*>(data); }

napi_value create(napi_env env, napi_callback_info info) {
  Call call(env, info);
  size_t flashSize = 0;
  uint8_t* flash = call.bytes(0, flashSize);
  const napi_value object = call.values[1];
  if (flash == nullptr) return fail(env, "create(flash, config) takes a Uint8Array first");
  Handle* handle = new Handle(flash, static_cast<uint32_t>(flashSize), static_cast<uint64_t>(call.fieldNumber(object, "seed")));
  napi_value out;
  napi_create_external(env, handle, destroy, nullptr, &out);
  handle->clock.nowMs = handle->startedMs = static_cast<uint64_t>(call.fieldNumber(object, "nowMs"));
  handle->flash.cutPowerAfter(static_cast<uint32_t>(call.fieldNumber(object, "cutPowerAfter")), handle->startedMs);
  handle->system.reason = static_cast<hal::ResetReason>(call.fieldNumber(object, "resetReason"));
  const sim::BootOutcome outcome = handle->slots.bootLoader(handle->system.reason);
  if (outcome != sim::BootOutcome::image) {
    handle->system.ending = outcome == sim::BootOutcome::blank ? CX_SIM_BLANK : CX_SIM_NO_POWER;
    return out;
  }
  const std::string hardware = call.textOf(call.field(object, "hardware"));
  PackBoot boot;
  if (hardware.size() != 12 || !isOk(parseHex(hardware, MutableSpan(boot.mac.bytes)))) return fail(env, "a hardware number is 12 hexadecimal digits");
  std::memcpy(handle->hardware, hardware.data(), 12);
  handle->system.version = handle->slots.image().version;
  handle->system.model = "pack";
  handle->system.hardware = handle->hardware;
  handle->can.isDeaf = handle->slots.image().behaviour == sim::Behaviour::deaf;
  PackFirmwareSettings settings;
  settings.vendor.assignCut(call.textOf(call.field(object, "vendor")));
  size_t anchorsSize = 0;
  const uint8_t* anchors = call.bytesOf(call.field(object, "anchors"), anchorsSize);
  if (anchors != nullptr && readKeySet(ByteSpan(anchors, anchorsSize), handle->anchors) == ManifestReason::none) settings.anchors = &handle->anchors;
  const PackFirmwarePorts ports{handle->clock, handle->entropy, handle->storage, handle->slots, handle->system, handle->sink, handle->kit};
  new (handle->firmwareBytes) PackFirmware(ports, settings);
  new (handle->packBytes) Pack({handle->can, handle->bms, handle->storage, nullptr, handle->board, &handle->firmware()}, bmsVoltageAndCurrent);
  handle->hasPack = true;
  boot.seed = static_cast<uint32_t>(handle->entropy.next());
  boot.reset = handle->system.reason;
  boot.rolledBack = handle->slots.boot().rolledBackReason;
  handle->pack().begin(boot, handle->clock.nowMs);
  return out;
}

napi_value step(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Handle& it = *call.handleOf<Handle>();
  if (it.system.ending == CX_SIM_RUNNING) {
    it.clock.nowMs = static_cast<uint64_t>(call.number(1));
    const bool isCrashing = it.slots.image().behaviour == sim::Behaviour::crash && it.clock.nowMs - it.startedMs >= 5;
    if (!isCrashing) it.pack().step(it.clock.nowMs);
    if (isCrashing) it.system.ending = CX_SIM_CRASHED;
    if (it.slots.boot().trial && it.clock.nowMs - it.startedMs >= sim::trialLimitMs) {
      (void)it.slots.expireTrial();
      it.system.ending = CX_SIM_RESTART;
    }
    if (!it.flash.hasPower()) it.system.ending = CX_SIM_NO_POWER;
  }
  return numberOf(env, it.system.ending);
}

napi_value frame(napi_env env, napi_callback_info info) {
  Call call(env, info);
  size_t size = 0;
  const uint8_t* bytes = call.bytes(3, size);
  can::Frame frame;
  frame.id = static_cast<uint32_t>(call.number(1));
  frame.isExtended = call.boolean(2);
  frame.length = static_cast<uint8_t>(size < 8 ? size : 8);
  if (bytes != nullptr) std::memcpy(frame.data, bytes, frame.length);
  call.handleOf<Handle>()->can.arrive(frame);
  return nullptr;
}

napi_value sending(napi_env env, napi_callback_info info) {
  Call call(env, info);
  const can::Frame* frame = call.handleOf<Handle>()->can.sending();
  napi_value out, value, buffer;
  if (frame == nullptr) {
    napi_get_null(env, &out);
    return out;
  }
  napi_create_array_with_length(env, 3, &out);
  napi_set_element(env, out, 0, numberOf(env, frame->id));
  napi_get_boolean(env, frame->isExtended, &value);
  napi_set_element(env, out, 1, value);
  void* data = nullptr;
  napi_create_arraybuffer(env, frame->length, &data, &buffer);
  if (frame->length > 0) std::memcpy(data, frame->data, frame->length);
  napi_create_typedarray(env, napi_uint8_array, frame->length, buffer, 0, &value);
  napi_set_element(env, out, 2, value);
  return out;
}

napi_value sent(napi_env env, napi_callback_info info) {
  Call call(env, info);
  call.handleOf<Handle>()->can.ended(call.boolean(1));
  return nullptr;
}

napi_value status(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Handle& it = *call.handleOf<Handle>();
  napi_value out, value;
  napi_create_object(env, &out);
  const auto put = [&](const char* name, double number) { napi_set_named_property(env, out, name, numberOf(env, number)); };
  const hal::BootInfo boot = it.slots.boot();
  put("isTrial", boot.trial ? 1 : 0);
  put("isRolledBack", boot.rolledBack ? 1 : 0);
  put("boots", boot.bootsTotal);
  put("flashFaults", it.flash.faults());
  put("flashOperations", it.flash.operations());
  put("lostFrames", it.can.lost);
  put("node", it.hasPack && it.pack().claim().isSettled() ? it.pack().claim().nodeId() : -1);
  put("isMaster", it.hasPack && it.pack().election().isMaster() ? 1 : 0);
  put("ecoLimit", it.hasPack ? it.pack().settings().ecoLimitWatts : 0);
  put("phase", it.hasPack ? static_cast<double>(it.firmware().receiver().phase()) : 0);
  put("nextBlock", it.hasPack ? it.firmware().receiver().nextBlock() : 0);
  put("imageSequence", it.hasPack ? it.firmware().imageSequence() : 0);
  napi_create_string_utf8(env, it.slots.image().version, NAPI_AUTO_LENGTH, &value);
  napi_set_named_property(env, out, "version", value);
  return out;
}

napi_value cut(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Handle& it = *call.handleOf<Handle>();
  it.flash.cutPowerAfter(static_cast<uint32_t>(call.number(1)), it.clock.nowMs);
  return nullptr;
}

napi_value house(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Handle& it = *call.handleOf<Handle>();
  it.board.power.grid = static_cast<int32_t>(call.number(1));
  it.board.power.home = static_cast<int32_t>(call.number(2));
  it.bms.decivolts = static_cast<uint16_t>(call.number(3));
  it.bms.centiamperes = static_cast<int16_t>(call.number(4));
  return nullptr;
}

napi_value busOff(napi_env env, napi_callback_info info) {
  Call call(env, info);
  SimCan& can = call.handleOf<Handle>()->can;
  can.isOff = call.boolean(1);
  const bool wantsBack = can.wantsBack;
  can.wantsBack = false;
  napi_value out;
  napi_get_boolean(env, wantsBack, &out);
  return out;
}

}  // namespace

NAPI_MODULE_INIT() {
  static const AddonFunction table[] = {{"install", install}, {"create", create},   {"step", step}, {"frame", frame},
                                        {"sending", sending}, {"sent", sent}, {"status", status}, {"cut", cut},
                                        {"house", house}, {"busOff", busOff}};
  return exported(env, exports, table);
}
