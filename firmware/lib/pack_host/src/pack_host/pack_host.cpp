#include "pack_host/pack_host.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <initializer_list>
#include <sys/signalfd.h>
#include <unistd.h>

namespace cx::pack {
namespace {

using hal::LogLevel;

constexpr uint64_t busyWaitMs = 10;      // while a deadline of some 100 ms runs: the BMS's answer, a claim
constexpr uint64_t idleWaitMs = 50;      // the lights' own pace
constexpr uint32_t quickRoundsMax = 64;  // rounds in a row without any sleep, then one is forced
constexpr int forcedSleepMs = 2;

PackFirmwareSettings settingsFrom(const PackOptions& options, const TrustAnchors& anchors) {
  PackFirmwareSettings settings;
  settings.isUnsignedAllowed = options.host.isUnsignedAllowed;
  settings.anchors = &anchors;  // read at begin()
  (void)settings.vendor.assign(options.host.vendor != nullptr ? options.host.vendor : host::defaultVendor);
  return settings;
}

}  // namespace

PackHost::PackHost(const PackOptions& options, host::StderrLog& log)
    : options_(options),
      log_(log),
      storage_(files_),
      slots_(files_),
      watchdog_(options.host.watchdogPipe),
      system_(options),
      slcan_(options.canLine),
      socketCan_(options.can),
      can_(options.canLine.kind == LineKind::none ? static_cast<HostCan&>(socketCan_) : slcan_),
      bms_(options.bmsLine),
      kit_(payloadKeys_),
      firmware_({clock_, entropy_, storage_, slots_, system_, log, kit_}, settingsFrom(options, anchors_)),
      pack_({can_, options.bmsLine.kind == LineKind::none ? static_cast<BytePort&>(noBms_) : bms_, storage_, &retained_, board_, &firmware_}, *options.bmsMap) {}

bool PackHost::open() {
  const char* const state = options_.host.state;
  if (!files_.open(state)) {
    log_.print(LogLevel::error, "the state folder %s can't be opened: %s", state, std::strerror(errno));
    return false;
  }
  if (slots_.load(options_.host.slot, options_.host.isSafe) != hal::Code::ok) {
    log_.print(LogLevel::error, "there is no boot record in %s: start the pack through cxpack", state);
    return false;
  }
  if (storage_.load() != hal::Code::ok) log_.print(LogLevel::warn, "the stored settings are damaged and start anew");
  if (!system_.loadMac(files_, entropy_, options_)) log_.print(LogLevel::warn, "the hardware number can't be kept in %s", state);
  if (!retained_.map(options_.host.retainedMemory)) log_.print(LogLevel::warn, "there is no memory that outlives a restart");
  for (const char* name : {host::anchorsFile, host::payloadKeysFile}) {
    const hal::Code code = name == host::anchorsFile ? host::loadAnchors(files_, anchors_) : payloadKeys_.load(files_);
    if (code == hal::Code::ok || code == hal::Code::notFound) continue;
    log_.print(LogLevel::error, "%s in %s is damaged: start once with --%s FILE", name, state, name);
    return false;
  }
  const char* fault = nullptr;
  if (options_.board != nullptr && !board_.listen(options_.board, fault)) {
    log_.print(LogLevel::error, "--board %s can't be made: %s", options_.board, fault);
    return false;
  }
  return true;
}

void PackHost::turn(uint64_t nowMs) {
  can_.step(nowMs);
  if (options_.bmsLine.kind != LineKind::none) bms_.step(nowMs);
  board_.step();
  SocketWish wish;
  if (board_.takeWish(wish) && !pack_.requestSocket(wish.socket, wish.isOn)) {
    log_.print(LogLevel::warn, "too many requests for sockets are under way: that for socket %u is dropped", wish.socket);
  }
  pack_.step(nowMs);
  events_.tell(pack_, can_.isUp() ? nullptr : can_.fault());
  watchdog_.feed();
}

int PackHost::waitMs(uint64_t nowMs) const {
  if (can_.hasUnread()) return 0;
  uint64_t wait = pack_.claim().isSettled() && pack_.bms().isIdle() ? idleWaitMs : busyWaitMs;
  const uint64_t claim = pack_.claim().dueMs();
  if (claim <= nowMs) wait = 0;
  else if (claim - nowMs < wait) wait = claim - nowMs;
  return static_cast<int>(wait);
}

int PackHost::run() {
  sigset_t watched;
  sigemptyset(&watched);
  for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&watched, number);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // whoever read the events is gone: the pack isn't
  const int signals = ::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);

  const hal::BootInfo info = slots_.boot();
  PackBoot boot;
  boot.mac = system_.mac();
  boot.version = system_.version();
  boot.installation = options_.installation;
  boot.reset = system_.resetReason();
  boot.rolledBack = info.rolledBackReason;
  entropy_.fill(reinterpret_cast<uint8_t*>(&boot.seed), sizeof boot.seed);
  events_.boot(system_.identity(), boot.version, boot.reset);
  pack_.begin(boot, clock_.monotonicMs());
  watchdog_.start();

  uint32_t quickRounds = 0;
  while (!system_.isEnding()) {
    turn(clock_.monotonicMs());
    if (system_.isEnding()) break;
    struct pollfd sources[4 + boardClientsMax];
    int count = 0;
    sources[count++] = {signals, POLLIN, 0};
    count += can_.waitFor(sources + count);
    count += bms_.waitFor(sources + count);
    count += board_.waitFor(sources + count);
    const uint64_t before = clock_.monotonicMs();
    const int ready = ::poll(sources, static_cast<nfds_t>(count), waitMs(before));
    if (ready > 0 && (sources[0].revents & POLLIN) != 0) {
      log_.print(LogLevel::info, "stopped by a signal");
      pack_.flush();
      ::close(signals);
      return 0;
    }
    quickRounds = clock_.monotonicMs() == before ? quickRounds + 1 : 0;
    if (quickRounds < quickRoundsMax) continue;
    quickRounds = 0;
    (void)::poll(sources, 1, forcedSleepMs);
  }
  pack_.flush();
  ::close(signals);
  return system_.isRestarting() ? host::exitRestart : host::exitTerminate;
}

}  // namespace cx::pack
