#include "hal_sim/sim_core.h"

#include <new>

#include "hal_sim/sim_parts.hpp"
#include "node.hpp"
#include "payload_kit.hpp"
#include "sensor/sensor_profile.hpp"

namespace {

using namespace cx::sim;

constexpr uint32_t crashAfterMs = 5;  // an image that crashes does so that long after power on: before a manager can have answered

uint8_t slotOf(cx::hal::Slot slot) { return slot == cx::hal::Slot::b ? 1 : 0; }

}  // namespace

// Two stages: the boot loader decides what runs before the parts that know the image are made.
struct cx_sim {
  explicit cx_sim(const cx_sim_config& config)
      : callbacks(config.callbacks),
        flash(config.flash, config.flash_size),
        storage(flash, 0, storageSectorsPerArea),
        slots(flash, storage),
        entropy(config.seed),
        coap(callbacks),
        mqtt(callbacks, CX_SIM_STREAM_MQTT),
        http(callbacks, CX_SIM_STREAM_HTTP),
        log(callbacks, static_cast<cx::hal::LogLevel>(config.log_level)),
        sensors(config.seed),
        hal{clock, entropy, network, coap, mqtt, http, storage, slots, watchdog, system, log, sensors, actuators, nullptr, nullptr},
        profile(sensors) {}

  cx_sim_callbacks callbacks;
  Flash flash;
  Storage storage;
  Slots slots;
  Clock clock;
  Entropy entropy;
  Network network;
  UdpSocket coap;
  TcpStream mqtt;
  TcpStream http;
  Watchdog watchdog;
  System system;
  LogSink log;
  Sensors sensors;
  Actuators actuators;
  cx::hal::Hal hal;
  cx::SensorProfile profile;
  cx::NodeStorage<cx::NodeLimitsSmall> memory;
  cx::TrustAnchors anchors;
  cx::NoPayloadKeys keys;
  cx::PayloadKit<4096> kit{keys};
  char model[49] = {};
  char hardware[33] = {};
  uint64_t startedMs = 0;
  bool hasNode = false;
  alignas(cx::Node) unsigned char nodeBytes[sizeof(cx::Node)];

  cx::Node& node() { return *std::launder(reinterpret_cast<cx::Node*>(nodeBytes)); }
  const cx::Node& node() const { return *std::launder(reinterpret_cast<const cx::Node*>(nodeBytes)); }
};

uint32_t cx_sim_size(void) { return static_cast<uint32_t>(sizeof(cx_sim)); }

int cx_sim_install(uint8_t* flashBytes, uint32_t flashSize, const uint8_t* image, uint32_t size) {
  Flash flash(flashBytes, flashSize);
  Storage storage(flash, 0, storageSectorsPerArea);
  Slots slots(flash, storage);
  return slots.install(image, size) == cx::hal::Code::ok ? 0 : 1;
}

cx_sim* cx_sim_create(void* memory, const cx_sim_config* config) {
  if (config->abi != CX_SIM_ABI) return nullptr;
  cx_sim* sim = new (memory) cx_sim(*config);
  sim->clock.nowMs = config->now_ms;
  sim->startedMs = config->now_ms;
  sim->flash.cutPowerAfter(config->cut_power_after);
  std::strncpy(sim->model, config->model, sizeof sim->model - 1);
  std::strncpy(sim->hardware, config->hardware, sizeof sim->hardware - 1);
  sim->system.reason = static_cast<cx::hal::ResetReason>(config->reset_reason);
  const BootOutcome outcome = sim->slots.bootLoader(sim->system.reason);
  if (outcome != BootOutcome::image) {
    sim->system.ending = outcome == BootOutcome::blank ? CX_SIM_BLANK : CX_SIM_NO_POWER;
    return sim;
  }
  const ImageText& image = sim->slots.image();
  sim->system.version = image.version;
  sim->system.model = sim->model;
  sim->system.hardware = sim->hardware;
  sim->sensors.isFaulty = image.behaviour == Behaviour::sensorFault;
  sim->coap.isDeaf = image.behaviour == Behaviour::deaf;
  cx::NodeSettings settings;
  settings.id.assignCut(config->id);
  settings.managerHost.assignCut(config->manager_host);
  settings.managerPort = config->manager_port;
  settings.discoverPort = config->discover_port;
  settings.preferredWay = config->prefer_coap != 0 ? cx::DownloadWay::coap : cx::DownloadWay::http;
  settings.usesQBlock = config->q_block != 0;
  settings.downloadRate = config->download_rate;
  if (config->vendor != nullptr) settings.vendor.assignCut(config->vendor);
  settings.isUnsignedAllowed = config->anchors == nullptr;
  if (config->anchors != nullptr && cx::readKeySet(cx::ByteSpan(config->anchors, config->anchors_size), sim->anchors) == cx::ManifestReason::none) {
    settings.anchors = &sim->anchors;
  }
  cx::NodeMemory parts = sim->memory.memory();
  parts.tools = &sim->kit;
  new (sim->nodeBytes) cx::Node(sim->hal, sim->profile, settings, parts);
  sim->hasNode = true;
  return sim;
}

uint64_t cx_sim_step(cx_sim* sim, uint64_t nowMs) {
  if (sim->system.ending != CX_SIM_RUNNING) return UINT64_MAX;
  sim->clock.nowMs = nowMs;
  if (sim->slots.image().behaviour == Behaviour::crash && nowMs - sim->startedMs >= crashAfterMs) {
    sim->system.ending = CX_SIM_CRASHED;
    return UINT64_MAX;
  }
  uint64_t due = sim->node().step(nowMs);
  // The boot loader's own limit on a trial, should the image not have given itself up.
  if (sim->slots.boot().trial && nowMs - sim->startedMs >= trialLimitMs) {
    (void)sim->slots.expireTrial();
    sim->system.ending = CX_SIM_RESTART;
  }
  if (!sim->flash.hasPower()) sim->system.ending = CX_SIM_NO_POWER;
  if (sim->system.ending != CX_SIM_RUNNING) return UINT64_MAX;
  if (sim->slots.image().behaviour == Behaviour::crash && due > sim->startedMs + crashAfterMs) due = sim->startedMs + crashAfterMs;
  if (sim->coap.hasDatagram() || sim->mqtt.hasNews() || sim->http.hasNews()) return nowMs;
  return due;
}

void cx_sim_datagram_in(cx_sim* sim, const cx_sim_address* from, int toMulticast, const uint8_t* bytes, uint32_t size) {
  sim->coap.arrive(fromC(*from), toMulticast != 0, bytes, size);
}

void cx_sim_stream_connected(cx_sim* sim, uint32_t stream, int isConnected) {
  (stream == CX_SIM_STREAM_MQTT ? sim->mqtt : sim->http).onConnected(isConnected != 0);
}

uint32_t cx_sim_stream_in(cx_sim* sim, uint32_t stream, const uint8_t* bytes, uint32_t size) {
  return (stream == CX_SIM_STREAM_MQTT ? sim->mqtt : sim->http).arrive(bytes, size);
}

void cx_sim_stream_ended(cx_sim* sim, uint32_t stream) { (stream == CX_SIM_STREAM_MQTT ? sim->mqtt : sim->http).onEnded(); }

int cx_sim_ending(const cx_sim* sim) { return sim->system.ending; }

void cx_sim_cut_power_after(cx_sim* sim, uint32_t operations) { sim->flash.cutPowerAfter(operations); }

void cx_sim_status_of(const cx_sim* sim, cx_sim_status* out) {
  *out = cx_sim_status();
  out->flash_faults = sim->flash.faults();
  out->flash_operations = sim->flash.operations();
  std::strncpy(out->version, sim->slots.image().version, sizeof out->version - 1);
  if (!sim->hasNode) return;
  const cx::Node& node = sim->node();
  const cx::NodeState& state = node.state();
  out->phase = static_cast<uint8_t>(node.phase());
  out->is_trial = state.boot.trial ? 1 : 0;
  out->is_registered = state.isRegistered ? 1 : 0;
  out->is_broker_connected = node.broker().isConnected() ? 1 : 0;
  out->attempt_state = node.attempt().update.empty() ? 0 : static_cast<uint8_t>(node.attempt().state);
  out->attempt_percent = node.attempt().percent;
  out->slot = slotOf(state.boot.running);
  out->rolled_back = state.boot.rolledBack ? 1 : 0;
  std::memcpy(out->digest, state.boot.runningDigest, sizeof out->digest);
  out->last_rev = state.lastRev;
  out->life_faults = node.lifeFaults();
  out->boots = state.boot.bootsTotal;
}
