// A node over the simulated port and a manager made of core's own CoAP server, on one virtual clock.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hal_sim/sim_parts.hpp"
#include "node.hpp"
#include "payload_kit.hpp"
#include "sensor/sensor_profile.hpp"
#include "sha256.hpp"

constexpr uint32_t benchFlashSize = 256 * 1024;

inline cx::hal::Address addressOf(const char* text, uint16_t port) {
  cx::hal::Address address;
  (void)cx::hal::parseAddress(text, port, address);
  return address;
}

inline std::vector<uint8_t> imageOf(const char* head, uint32_t size) {
  std::vector<uint8_t> image(size);
  for (uint32_t i = 0; i < size; ++i) image[i] = static_cast<uint8_t>(i * 131 + (i >> 8U) * 17);
  std::memcpy(image.data(), head, std::strlen(head));
  return image;
}

inline void digestOf(const std::vector<uint8_t>& image, uint8_t* out) {
  cx::Sha256 hash;
  hash.update(cx::ByteSpan(image.data(), image.size()));
  hash.finish(out);
}

// What the node said of its life, as the manager heard it.
struct Heard {
  int registrations = 0;
  int environments = 0;
  int beats = 0;
  int installs = 0;
  uint32_t lastRev = 0;
  uint32_t sequence = 0;
  bool wasConfirmed = false;
  std::string version;
  std::vector<std::string> results;   // "rev outcome reason", each once
  std::vector<std::string> attempts;  // states in order, each change once
  std::string attemptReason;          // the last one said
};

// Answers as a manager does; what a test wants otherwise it sets.
class FakeManager final : public cx::CoapService {
 public:
  FakeManager(cx::hal::UdpSocket& socket, cx::hal::Clock& clock, cx::hal::Entropy& entropy) : endpoint_(socket, clock, entropy, memory_.memory()) {
    (void)endpoint_.start(5683, cx::Span<const cx::CoapRoute>(routes_), this);
  }
  // Where the artifact is; only before the node asks for it.
  void serveAt(const std::string& path) {
    artifactPath_ = path;
    routes_[artifactRoute].path = artifactPath_;
  }
  cx::CoapEndpoint& endpoint() { return endpoint_; }

  bool isSilent = false;      // as if it were off
  bool isForgetful = false;   // heartbeats are answered 4.04
  std::vector<uint8_t> environment;
  std::vector<uint8_t> action;  // offered as long as the node's r is below `actionRev`
  uint32_t actionRev = 0;
  std::vector<uint8_t> artifact;
  std::vector<uint8_t> manifest;  // of the update; empty: 4.04
  uint8_t etag = 1;               // of the artifact
  int forbids = 0;                // so often the artifact is 4.03 first: the token is too old
  int artifactRequests = 0;
  int manifestRequests = 0;
  std::vector<uint8_t> installAction;
  int installWaits = 0;  // so often "not yet" comes first
  Heard heard;

 private:
  static constexpr uint8_t any = cx::coap::method::get | cx::coap::method::put | cx::coap::method::post;
  static constexpr size_t artifactRoute = 5;
  cx::CoapRoute routes_[7] = {
      {"register", any, 0, false, cx::CoapReplay::again, ";rt=\"coxswain.manager\"", true},
      {"environment", any, 0, false, cx::CoapReplay::again, "", true},
      {"status", any, 0, false, cx::CoapReplay::again, "", true},
      {"updates/up/status", any, 0, false, cx::CoapReplay::again, "", true},
      {"updates/up/install", any, 0, false, cx::CoapReplay::again, "", true},
      {"artifacts/x", any, 0, false, cx::CoapReplay::again, "", true},
      {"updates/up/manifest", any, 0, false, cx::CoapReplay::again, "", true},
  };
  static void fill(cx::CoapReply& reply, const std::vector<uint8_t>& bytes, uint16_t format) {
    std::memcpy(reply.buffer.data(), bytes.data(), bytes.size());
    reply.size = bytes.size();
    reply.contentFormat = format;
  }
  void onRequest(const cx::CoapServerRequest& request, cx::CoapReply& reply) override {
    switch (request.route) {
      case 0: return onRegister(request, reply);
      case 1: ++heard.environments; return fill(reply, environment, cx::coap::format::cbor);
      case 2: return onStatus(request, reply);
      case 3: return onAttempt(request);
      case 4:
        ++heard.installs;
        if (installWaits > 0) {
          --installWaits;
          reply.code = cx::coap::code::serviceUnavailable;
          reply.maxAge = 3;
          return;
        }
        return fill(reply, installAction, cx::coap::format::cbor);
      case artifactRoute:
        ++artifactRequests;
        if (forbids > 0) {
          --forbids;
          reply.code = cx::coap::code::forbidden;
          return;
        }
        (void)reply.etag.assign(cx::ByteSpan(&etag, 1));
        return serve(source_, artifact, reply);
      default:
        ++manifestRequests;
        if (manifest.empty()) {
          reply.code = cx::coap::code::notFound;
          return;
        }
        return serve(manifestSource_, manifest, reply);
    }
  }
  struct Source final : cx::CoapBodySource {
    const std::vector<uint8_t>* bytes = nullptr;
    size_t read(uint64_t offset, cx::MutableSpan out) override {
      if (offset >= bytes->size()) return 0;
      const size_t size = out.size() < bytes->size() - offset ? out.size() : bytes->size() - offset;
      std::memcpy(out.data(), bytes->data() + offset, size);
      return size;
    }
  };
  static void serve(Source& source, const std::vector<uint8_t>& bytes, cx::CoapReply& reply) {
    source.bytes = &bytes;
    reply.source = &source;
    reply.size = bytes.size();
    reply.contentFormat = cx::coap::format::octets;
  }
  void onRegister(const cx::CoapServerRequest& request, cx::CoapReply& reply) {
    ++heard.registrations;
    static constexpr cx::WireKey keys[] = {{1, "id"}, {5, "version"}, {9, "confirmed"}, {12, "lastRev"}, {13, "seq"}};
    cx::WireReader reader(cx::WireFormat::cbor, request.payload);
    cx::FixedText<63> id;
    cx::FixedText<32> version;
    uint8_t key = 0;
    (void)reader.enterMap();
    while (reader.next(keys, key) == cx::Status::ok) {
      if (key == 1) (void)reader.readText(id);
      if (key == 5) (void)reader.readText(version);
      if (key == 9) (void)reader.readBool(heard.wasConfirmed);
      if (key == 12) (void)reader.readUint(heard.lastRev);
      if (key == 13) (void)reader.readUint(heard.sequence);
    }
    heard.version = std::string(version.view());
    const cx::Expected<cx::ByteSpan> body = cx::encodeWire(cx::WireFormat::cbor, reply.buffer, [&](cx::WireMap& map) {
      map.text(1, "id", id);
      map.uint(2, "lifetime", 90000);
      map.uint(3, "poll", 5);
      map.uint(4, "rev", 0);
    });
    reply.size = body->size();
    reply.contentFormat = cx::coap::format::cbor;
    reply.code = heard.registrations == 1 ? cx::coap::code::created : cx::coap::code::changed;
  }
  void onStatus(const cx::CoapServerRequest& request, cx::CoapReply& reply) {
    ++heard.beats;
    if (isForgetful) {
      reply.code = cx::coap::code::notFound;
      return;
    }
    readResult(request.payload);
    std::string_view rev;
    (void)request.query("r", rev);
    const uint32_t number = static_cast<uint32_t>(cx::parseUint(rev).valueOr(0));
    heard.lastRev = number;
    if (number < actionRev) fill(reply, action, cx::coap::format::cbor);
  }
  void readResult(cx::ByteSpan payload) {
    static constexpr cx::WireKey keys[] = {{0, "result"}};
    static constexpr cx::WireKey inner[] = {{1, "rev"}, {2, "outcome"}, {3, "reason"}};
    cx::WireReader reader(cx::WireFormat::cbor, payload);
    uint8_t key = 0;
    (void)reader.enterMap();
    if (reader.next(keys, key) != cx::Status::ok) return;
    uint32_t rev = 0;
    uint8_t outcome = 0;
    cx::Reason reason;
    (void)reader.enterMap();
    while (reader.next(inner, key) == cx::Status::ok) {
      if (key == 1) (void)reader.readUint(rev);
      if (key == 2) (void)reader.readEnum(outcome, cx::outcomeWords);
      if (key == 3) (void)reader.readText(reason);
    }
    std::string text = std::to_string(rev) + " " + cx::outcomeWord(static_cast<cx::Outcome>(outcome));
    if (!reason.empty()) text += " " + std::string(reason.view());
    if (heard.results.empty() || heard.results.back() != text) heard.results.push_back(text);
  }
  void onAttempt(const cx::CoapServerRequest& request) {
    static constexpr cx::WireKey keys[] = {{2, "state"}, {5, "reason"}};
    cx::WireReader reader(cx::WireFormat::cbor, request.payload);
    uint8_t key = 0;
    uint32_t state = 0;
    cx::Reason reason;
    (void)reader.enterMap();
    while (reader.next(keys, key) == cx::Status::ok) {
      if (key == 2) (void)reader.readUint(state);
      if (key == 5) (void)reader.readText(reason);
    }
    if (state == 0) return;
    heard.attemptReason = std::string(reason.view());
    const std::string word = cx::attemptStateWord(static_cast<cx::AttemptState>(state));
    if (heard.attempts.empty() || heard.attempts.back() != word) heard.attempts.push_back(word);
  }
  Source source_, manifestSource_;
  std::string artifactPath_;
  cx::CoapStorage<cx::CoapLimitsHost> memory_;
  cx::CoapEndpoint endpoint_;
};

// One socket of the bench: what is sent waits until the other side's turn.
struct Wire final : cx::hal::UdpSocket {
  struct Row {
    cx::hal::Address from;
    std::vector<uint8_t> bytes;
  };
  explicit Wire(const cx::hal::Address& own) : address(own) {}
  cx::hal::Address address;
  Wire* peer = nullptr;
  bool isCut = false;
  std::vector<Row> inbox;
  cx::hal::Code open(uint16_t) override { return cx::hal::Code::ok; }
  void close() override {}
  uint16_t localPort() override { return address.port; }
  cx::hal::Code join(const cx::hal::Address&) override { return cx::hal::Code::ok; }
  cx::hal::Code send(const cx::hal::Address&, const uint8_t* data, uint32_t size) override {
    if (!isCut && peer != nullptr && !peer->isCut) peer->inbox.push_back({address, std::vector<uint8_t>(data, data + size)});
    return cx::hal::Code::ok;
  }
  cx::hal::Code receive(cx::hal::Datagram& datagram, uint8_t* buffer, uint32_t capacity) override {
    if (inbox.empty()) return cx::hal::Code::again;
    const Row row = inbox.front();
    inbox.erase(inbox.begin());
    datagram = cx::hal::Datagram();
    datagram.from = row.from;
    datagram.size = row.bytes.size() < capacity ? static_cast<uint32_t>(row.bytes.size()) : capacity;
    std::memcpy(buffer, row.bytes.data(), datagram.size);
    return cx::hal::Code::ok;
  }
};

// A small board that can keep MQTT while it is updated.
struct RoomyLimits : cx::NodeLimitsSmall {
  static constexpr bool isEnvelopeShared = false;
};

// Everything that goes with the power.
struct PowerCycle {
  PowerCycle(std::vector<uint8_t>& bytes, cx::sim::Clock& sharedClock, Wire& wire, cx::hal::ResetReason reason, uint64_t seed, uint32_t cutAfter = 0, uint64_t cutSeed = 0)
      : flash(bytes.data(), static_cast<uint32_t>(bytes.size())),
        storage(flash, 0, cx::sim::storageSectorsPerArea),
        slots(flash, storage),
        entropy(seed),
        mqtt(callbacks, 0),
        http(callbacks, 1),
        sink(callbacks, cx::hal::LogLevel::info),
        sensors(seed),
        hal{sharedClock, entropy, network, wire, mqtt, http, storage, slots, watchdog, system, sink, sensors, actuators, nullptr, nullptr},
        profile(sensors) {
    callbacks.stream_connect = [](void*, uint32_t, const cx_sim_address*) {};
    callbacks.stream_close = [](void*, uint32_t) {};
    callbacks.stream_out = [](void*, uint32_t, const uint8_t*, uint32_t) {};
    system.reason = reason;
    flash.cutPowerAfter(cutAfter, cutSeed);
    outcome = slots.bootLoader(system.reason);
    system.version = slots.image().version;
    system.model = "sim";
    system.hardware = "5111";
    sensors.isFaulty = slots.image().behaviour == cx::sim::Behaviour::sensorFault;
  }
  cx_sim_callbacks callbacks = {};
  cx::sim::Flash flash;
  cx::sim::Storage storage;
  cx::sim::Slots slots;
  cx::sim::Entropy entropy;
  cx::sim::Network network;
  cx::sim::TcpStream mqtt;
  cx::sim::TcpStream http;
  cx::sim::Watchdog watchdog;
  cx::sim::System system;
  cx::sim::LogSink sink;
  cx::sim::Sensors sensors;
  cx::sim::Actuators actuators;
  cx::hal::Hal hal;
  cx::SensorProfile profile;
  cx::sim::BootOutcome outcome;
  struct Keys final : cx::PayloadKeys {
    const uint8_t* key = nullptr;
    const uint8_t* find(cx::ByteSpan) override { return key; }
  } keys;
  cx::PayloadKit<4096> kit{keys};
  cx::NodeStorage<cx::NodeLimitsSmall> memory;
  cx::NodeStorage<RoomyLimits> roomy;
  std::unique_ptr<cx::Node> node;
};

class Bench {
 public:
  explicit Bench(const char* head = "CXSIM 1.0.0 ok\n") : flash(benchFlashSize, 0xFF) {
    nodeWire.peer = &managerWire;
    managerWire.peer = &nodeWire;
    const std::vector<uint8_t> image = imageOf(head, 9000);
    cx::sim::Flash medium(flash.data(), benchFlashSize);
    cx::sim::Storage storage(medium, 0, cx::sim::storageSectorsPerArea);
    cx::sim::Slots slots(medium, storage);
    (void)slots.install(image.data(), static_cast<uint32_t>(image.size()));
    settings.id.assignCut("n1");
    settings.managerHost.assignCut("10.0.0.1");
    settings.preferredWay = cx::DownloadWay::coap;
    settings.isUnsignedAllowed = true;
    manager.environment = environmentOf("");
    boot(cx::hal::ResetReason::powerOn);
  }
  void boot(cx::hal::ResetReason reason) {
    endCycle();
    const uint32_t cutAfter = cutAt > operations ? cutAt - operations : 0;
    power = std::make_unique<PowerCycle>(flash, clock, nodeWire, reason, ++boots, cutAfter, cutSeed);
    if (!power->flash.hasPower()) {  // it went while the boot loader was at work
      endCycle();
      power = std::make_unique<PowerCycle>(flash, clock, nodeWire, cx::hal::ResetReason::powerOn, ++boots, 0);
    }
    nodeWire.inbox.clear();
    if (onBoot) onBoot(*power);
    if (power->outcome == cx::sim::BootOutcome::image) {
      cx::NodeMemory memory = isRoomy ? power->roomy.memory() : power->memory.memory();
      memory.tools = &power->kit;
      power->node = std::make_unique<cx::Node>(power->hal, power->profile, settings, memory);
    }
  }
  // Counts what the flash did since power on.
  void endCycle() {
    if (power == nullptr) return;
    operations += power->flash.operations();
    faults += power->flash.faults();
    if (!power->flash.hasPower()) ++cuts, cutAt = 0;
    power.reset();
  }
  // Both sides take turns until then; a node that ends is booted again, unless the test wants to see the end.
  void run(uint32_t ms) {
    for (const uint64_t end = clock.nowMs + ms; clock.nowMs < end;) {
      uint64_t due = power->node->step(clock.nowMs);
      if (cutAt != 0 && !power->flash.hasPower()) {
        boot(cx::hal::ResetReason::powerOn);
        continue;
      }
      if (power->system.ending != CX_SIM_RUNNING) {
        if (!bootsAgain || power->system.ending == CX_SIM_TERMINATED) return;
        boot(cx::hal::ResetReason::restart);
        manager.isSilent = manager.isSilent || silencesAtBoot;
        continue;
      }
      if (onTurn && onTurn(*power)) due = clock.nowMs + 1;
      managerWire.isCut = manager.isSilent;
      if (manager.isSilent) managerWire.inbox.clear();
      manager.endpoint().poll();
      if (manager.endpoint().nextDueMs() < due) due = manager.endpoint().nextDueMs();
      if (!nodeWire.inbox.empty() || !managerWire.inbox.empty()) due = clock.nowMs + 1;
      if (due <= clock.nowMs) due = clock.nowMs + 1;
      clock.nowMs = due < end ? due : end;
    }
  }
  cx::Node& node() { return *power->node; }
  bool saw(const char* result) const {
    for (const std::string& each : manager.heard.results) {
      if (each == result) return true;
    }
    return false;
  }
  static std::vector<uint8_t> environmentOf(const char* brokerHost, bool isTls = false) {
    cx::Environment environment;
    environment.mqtt.isTls = isTls;
    environment.mqtt.host.assignCut(brokerHost);
    environment.pollS = 5;
    environment.reportS = 10;
    environment.root.assignCut("cx");
    uint8_t buffer[900];
    const cx::Expected<cx::ByteSpan> bytes = cx::encodeEnvironment(environment, buffer);
    return std::vector<uint8_t>(bytes->begin(), bytes->end());
  }
  void offer(uint32_t rev, std::vector<uint8_t> bytes) {
    manager.actionRev = rev;
    manager.action = std::move(bytes);
  }
  void offerUpdate(uint32_t rev, const std::vector<uint8_t>& image) {
    manager.artifact = image;
    uint8_t digest[32];
    digestOf(image, digest);
    uint8_t buffer[400];
    const cx::Expected<cx::ByteSpan> bytes = cx::encodeWire(cx::WireFormat::cbor, buffer, [&](cx::WireMap& map) {
      map.uint(1, "rev", rev);
      map.uint(2, "kind", 1);
      map.text(4, "update", "up");
      map.text(5, "attempt", "a-1");
      map.list(7, "uris", 1, [](cx::WireWriter& writer, uint32_t) { writer.putText("coap://10.0.0.1:5683/artifacts/x?ep=n1&attempt=a-1"); });
      map.uint(8, "size", image.size());
      map.digest(9, "digest", digest);
      map.text(10, "version", "2.0.0");
    });
    offer(rev, std::vector<uint8_t>(bytes->begin(), bytes->end()));
  }
  static std::vector<uint8_t> commandOf(uint32_t rev, uint8_t command, const char* id, int64_t expiresMs = 0) {
    uint8_t buffer[100];
    const cx::Expected<cx::ByteSpan> bytes = cx::encodeWire(cx::WireFormat::cbor, buffer, [&](cx::WireMap& map) {
      map.uint(1, "rev", rev);
      map.uint(2, "kind", 4);
      map.uint(13, "command", command);
      map.text(14, "id", id);
      if (expiresMs != 0) map.instant(15, "expires", expiresMs);
    });
    return std::vector<uint8_t>(bytes->begin(), bytes->end());
  }
  void offerCommand(uint32_t rev, uint8_t command, const char* id, int64_t expiresMs = 0) { offer(rev, commandOf(rev, command, id, expiresMs)); }
  void offerEnvironment(uint32_t rev, const char* brokerHost) {
    uint8_t buffer[900];
    const cx::Expected<cx::ByteSpan> bytes = cx::encodeWire(cx::WireFormat::cbor, buffer, [&](cx::WireMap& map) {
      map.uint(1, "rev", rev);
      map.uint(2, "kind", 2);
      map.map(11, "environment", [&](cx::WireMap& environment) {
        environment.map(1, "mqtt", [&](cx::WireMap& mqtt) {
          mqtt.text(1, "host", brokerHost);
          mqtt.uint(2, "port", 1883);
        });
      });
    });
    offer(rev, std::vector<uint8_t>(bytes->begin(), bytes->end()));
  }

  std::vector<uint8_t> flash;
  cx::sim::Clock clock;
  cx::sim::Entropy managerEntropy{99};
  Wire nodeWire{addressOf("10.0.1.1", 5683)};
  Wire managerWire{addressOf("10.0.0.1", 5683)};
  cx::NodeSettings settings;
  FakeManager manager{managerWire, clock, managerEntropy};
  std::unique_ptr<PowerCycle> power;
  uint32_t cutAt = 0;       // power goes within this operation of the flash, counted over all boots; 0: never
  uint64_t cutSeed = 0;     // of the damage that the cut does
  uint32_t operations = 0;  // of the cycles that are over
  uint32_t faults = 0;
  int cuts = 0;
  bool isRoomy = false;  // from the next boot on
  bool bootsAgain = true;
  bool silencesAtBoot = false;  // the manager goes away in the very moment of the next boot
  uint64_t boots = 0;
  std::function<void(PowerCycle&)> onBoot;  // between the boot loader and the node
  std::function<bool(PowerCycle&)> onTurn;  // after each step; true: something is waiting for the node
};
