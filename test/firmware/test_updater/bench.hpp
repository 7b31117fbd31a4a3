// A board without a network: the updater over simulated flash, fed by a scripted download.
#pragma once
#include <vector>

#include "hal_sim/sim_parts.hpp"
#include "node_memory.hpp"
#include "payload_kit.hpp"
#include "sensor/sensor_profile.hpp"
#include "sha256.hpp"
#include "manager_manifest.hpp"
#include "updater.hpp"

constexpr uint32_t flashSize = 256 * 1024;

// Gives `content` from the asked offset, `perPoll` bytes a poll, and does what the test scripted.
class ScriptedDownload final : public cx::Download {
 public:
  std::vector<uint8_t> content;
  uint32_t perPoll = 1000;
  uint64_t cutAt = UINT64_MAX;      // the connection is cut once, at this offset
  uint16_t refuseCode = 0;          // every start ends with it
  bool mayRetry = false;
  bool ignoresRanges = false;
  bool wrongSize = false;
  bool stalls = false;
  uint8_t etag = 1;
  int starts = 0;
  uint64_t taken = 0;  // bytes, whatever was asked for twice counted twice
  uint64_t lastOffset = 0;
  size_t lastValidatorSize = 0;

  cx::Status start(const cx::DownloadRequest& request, cx::DownloadSink& sink) override {
    ++starts;
    sink_ = &sink;
    lastOffset = request.offset;
    lastValidatorSize = request.validator.size();
    const bool isChanged = !request.validator.empty() && request.validator[0] != etag;
    at_ = ignoresRanges || isChanged ? 0 : request.offset;
    isStarted_ = false;
    return cx::Status::ok;
  }
  void poll() override {
    if (sink_ == nullptr || stalls) return;
    if (refuseCode != 0) return finish(cx::Status::refused, refuseCode);
    if (!isStarted_) {
      isStarted_ = true;
      const cx::DownloadStart start{at_, content.size() + (wrongSize ? 1 : 0), cx::ByteSpan(&etag, 1)};
      const cx::Status status = sink_->onStart(start);
      if (status != cx::Status::ok) return finish(status, 200);
      return;
    }
    if (at_ >= cutAt) {
      cutAt = UINT64_MAX;
      mayRetry = true;
      return finish(cx::Status::closed, 0);
    }
    if (at_ == content.size()) return finish(cx::Status::ok, 200);
    const size_t size = content.size() - at_ < perPoll ? content.size() - at_ : perPoll;
    const cx::Status status = sink_->onBytes(at_, cx::ByteSpan(content.data() + at_, size));
    if (status == cx::Status::again) return;
    if (status != cx::Status::ok) return finish(status, 200);
    at_ += size;
    taken += size;
  }
  void cancel() override { sink_ = nullptr; }
  bool isRunning() const override { return sink_ != nullptr; }
  uint64_t nextDueMs() const override { return 1; }

 private:
  void finish(cx::Status status, uint16_t code) {
    cx::DownloadSink* sink = sink_;
    sink_ = nullptr;
    sink->onEnd(cx::DownloadEnd{status, code, mayRetry, 0});
  }
  cx::DownloadSink* sink_ = nullptr;
  uint64_t at_ = 0;
  bool isStarted_ = false;
};

inline std::vector<uint8_t> imageOf(const char* head, uint32_t size) {
  std::vector<uint8_t> image(size);
  for (uint32_t i = 0; i < size; ++i) image[i] = static_cast<uint8_t>(i * 131 + (i >> 8U) * 17 + head[6]);
  std::memcpy(image.data(), head, std::strlen(head));
  return image;
}

inline std::vector<uint8_t> factoryFlash() {
  std::vector<uint8_t> flash(flashSize, 0xFF);
  const std::vector<uint8_t> image = imageOf("CXSIM 1.0.0 ok\n", 9000);
  cx::sim::Flash medium(flash.data(), flashSize);
  cx::sim::Storage storage(medium, 0, cx::sim::storageSectorsPerArea);
  cx::sim::Slots slots(medium, storage);
  (void)slots.install(image.data(), static_cast<uint32_t>(image.size()));
  return flash;
}

inline cx::Action actionFor(const std::vector<uint8_t>& image, uint32_t rev = 1) {
  cx::Action action;
  action.rev = rev;
  action.kind = cx::ActionKind::update;
  action.update.assignCut("up");
  action.attempt.assignCut("a-1");
  action.uris[0].assignCut("http://10.0.0.1/artifacts/x");
  action.uris[1].assignCut("coap://10.0.0.1/artifacts/x");
  action.uriCount = 2;
  action.size = static_cast<uint32_t>(image.size());
  action.hasDigest = true;
  cx::Sha256 hash;
  hash.update(cx::ByteSpan(image.data(), image.size()));
  hash.finish(action.digest);
  return action;
}

// One power cycle over the caller's flash.
struct Board {
  explicit Board(std::vector<uint8_t>& bytes, uint32_t cutAfter = 0)
      : flash(bytes.data(), static_cast<uint32_t>(bytes.size())),
        storage(flash, 0, cx::sim::storageSectorsPerArea),
        slots(flash, storage),
        coap(callbacks),
        mqtt(callbacks, 0),
        httpStream(callbacks, 1),
        sink(callbacks, cx::hal::LogLevel::error),
        sensors(1),
        hal{clock, entropy, network, coap, mqtt, httpStream, storage, slots, watchdog, system, sink, sensors, actuators, nullptr, nullptr},
        profile(sensors),
        ring(logBytes),
        log(sink, clock, ring),
        endpoint(coap, clock, entropy, memory.memory()),
        context{hal, endpoint, log, settings, state, profile, scratch},
        updaterContext{clock, entropy, storage, slots, nullptr, &network, &httpStream, log, settings},
        manifest(context, updaterContext, trust, tools, envelope),
        updater(updaterContext, manifest, &http, &coapDownload, chunk) {
    settings.isUnsignedAllowed = true;
    (void)trust.load(storage, cx::TrustAnchors());
    flash.cutPowerAfter(cutAfter);
    boot = slots.bootLoader(system.reason);
    state.boot = slots.boot();
  }
  // Until the updater has a result, the power is gone, or nothing can come any more.
  cx::UpdaterResult run(uint64_t limitMs = 4000000) {
    for (uint64_t end = clock.nowMs + limitMs; clock.nowMs < end && flash.hasPower();) {
      updater.poll(clock.nowMs);
      if (updater.isJudged()) updater.proceed(clock.nowMs);
      const cx::UpdaterResult result = updater.takeResult();
      if (result != cx::UpdaterResult::none) return result;
      const uint64_t due = updater.nextDueMs();
      clock.nowMs = due > clock.nowMs && due < end ? due : clock.nowMs + 1;
    }
    return cx::UpdaterResult::none;
  }
  void turn() {
    updater.poll(++clock.nowMs);
    if (updater.isJudged()) updater.proceed(clock.nowMs);
  }
  bool runs(const char* version) const { return std::strcmp(slots.image().version, version) == 0; }

  cx_sim_callbacks callbacks = {};
  cx::sim::Flash flash;
  cx::sim::Storage storage;
  cx::sim::Slots slots;
  cx::sim::Clock clock;
  cx::sim::Entropy entropy{1};
  cx::sim::Network network;
  cx::sim::UdpSocket coap;
  cx::sim::TcpStream mqtt;
  cx::sim::TcpStream httpStream;
  cx::sim::Watchdog watchdog;
  cx::sim::System system;
  cx::sim::LogSink sink;
  cx::sim::Sensors sensors;
  cx::sim::Actuators actuators;
  cx::hal::Hal hal;
  cx::SensorProfile profile;
  uint8_t logBytes[512];
  uint8_t scratch[512];
  uint8_t chunk[1024];
  cx::LogRing ring;
  cx::Log log;
  cx::NodeSettings settings;
  cx::NodeState state;
  cx::CoapStorage<cx::CoapLimitsSmall> memory;
  cx::CoapEndpoint endpoint;
  cx::NodeContext context;
  ScriptedDownload http;
  ScriptedDownload coapDownload;
  cx::TrustStore trust;
  cx::NoPayloadKeys keys;
  cx::PayloadKit<4096> tools{keys};
  uint8_t envelope[cx::suitEnvelopeMax];
  cx::UpdaterContext updaterContext;
  cx::ManagerManifest manifest;
  cx::Updater updater;
  cx::sim::BootOutcome boot;
};
