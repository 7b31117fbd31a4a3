#include "hal_host/host_hal.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <initializer_list>
#include <net/if.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace cx::host {

namespace {

using hal::LogLevel;

constexpr int longestSleepMs = 1000;     // the watchdog must be fed meanwhile
constexpr uint32_t quickRoundsMax = 64;  // rounds in a row without any sleep, then one is forced
constexpr int forcedSleepMs = 2;

uint16_t indexOf(const char* name) { return name == nullptr ? uint16_t{0} : static_cast<uint16_t>(::if_nametoindex(name)); }

}  // namespace

HostHal::HostHal(const Options& options, StderrLog& log, SecureParts secureParts)
    : options_(options),
      log_(log),
      interface_(indexOf(options.interface)),
      network_(interface_),
      coap_(interface_),
      secureParts_(secureParts),
      storage_(files_),
      numbers_(files_, numbersFile),
      keeper_(files_, numbers_, options.id, log),
      slots_(files_),
      watchdog_(options.watchdogPipe),
      system_(options, watchdog_),
      sensors_(clock_, entropy_),
      actuators_(log, options.profile == Profile::sensor),
      display_(log, files_),
      services_(options.logFile, options.state, findSystemctl()) {}

bool HostHal::open() {
  if (options_.interface != nullptr && interface_ == 0) {
    log_.print(LogLevel::error, "there is no interface %s", options_.interface);
    return false;
  }
  if (!files_.open(options_.state)) {
    log_.print(LogLevel::error, "the state folder %s can't be opened: %s", options_.state, std::strerror(errno));
    return false;
  }
  if (slots_.load(options_.slot, options_.isSafe) != Code::ok) {
    log_.print(LogLevel::error, "there is no boot record in %s: start the node through cxnode", options_.state);
    return false;
  }
  if (storage_.load() != Code::ok) log_.print(LogLevel::warn, "the stored settings are damaged and start anew");
  char fault[optionFaultMax];
  const Code code = loadCredentials(files_, credentials_, fault);
  if (code != Code::ok && code != Code::notFound) {
    // Without them it would go on in the clear.
    log_.print(LogLevel::error, "%s in %s: %s", credentialsFile, options_.state, fault);
    return false;
  }
  if (code == Code::ok) {
    if (eraseEnrolment(files_) != Code::ok) log_.print(LogLevel::warn, "%s in %s can't be erased, and is of no use any more", enrolmentFile, options_.state);
  } else {
    const Code enrolment = loadEnrolment(files_, enrolment_, fault);
    if (enrolment != Code::ok && enrolment != Code::notFound) {
      log_.print(LogLevel::error, "%s in %s: %s", enrolmentFile, options_.state, fault);
      return false;
    }
    isEnrolling_ = enrolment == Code::ok;
  }
  const Code anchors = loadAnchors(files_, anchors_);
  hasAnchors_ = anchors == Code::ok;
  if (!hasAnchors_ && anchors != Code::notFound) {
    log_.print(LogLevel::error, "%s in %s is damaged: start once with --anchors FILE", anchorsFile, options_.state);
    return false;
  }
  const Code payloadKeys = payloadKeys_.load(files_);
  if (payloadKeys != Code::ok && payloadKeys != Code::notFound) {
    log_.print(LogLevel::error, "%s in %s is damaged: start once with --payload-keys FILE", payloadKeysFile, options_.state);
    return false;
  }
  if (isDtls() && !secureSocket()) return false;
  if (!credentials_.tlsCa().empty() && !secureStreams()) return false;
  if (numbers_.load() != Code::ok) log_.print(LogLevel::error, "the sequence numbers in %s are damaged", options_.state);
  if (!system_.loadHardwareNumber(files_, entropy_)) log_.print(LogLevel::warn, "the hardware number can't be kept in %s", options_.state);
  return true;
}

bool HostHal::secureSocket() {
  if (secureParts_.socket == nullptr) {
    log_.print(LogLevel::error, "this image is built without DTLS: install cxnode-node-dtls instead");
    return false;
  }
  secure_ = secureParts_.socket(coap_, clock_, entropy_, log_);
  if (credentials_.dtls.isSet() && secure_->secure(credentials_.dtls, options_.managerHost)) return true;
  log_.print(LogLevel::error, "the dtls of the credentials can't be used: is it PEM, of P-256, and the key that of the certificate?");
  return false;
}

// Without TLS the node goes on: the manager gives it no address of TLS then, and a broker in the open only where the fleet allows it.
bool HostHal::secureStreams() {
  if (secureParts_.stream == nullptr) return true;
  secureMqtt_ = secureParts_.stream(mqtt_, credentials_, entropy_, log_);
  secureHttp_ = secureParts_.stream(http_, credentials_, entropy_, log_);
  if (secureMqtt_ != nullptr && secureHttp_ != nullptr) return true;
  log_.print(LogLevel::error, "the ca of the credentials, or dtls.certificate with its key, can't be used for TLS: is it PEM?");
  return false;
}

hal::Hal HostHal::parts(hal::Sensors* sensors) {
  const bool isBoard = options_.profile == Profile::sensor;
  hal::Sensors* const own = isBoard ? static_cast<hal::Sensors*>(&sensors_) : &noSensors_;
  hal::UdpSocket& socket = secure_ != nullptr ? static_cast<hal::UdpSocket&>(*secure_) : coap_;
  hal::TcpStream& mqtt = secureMqtt_ != nullptr ? static_cast<hal::TcpStream&>(*secureMqtt_) : mqtt_;
  hal::TcpStream& http = secureHttp_ != nullptr ? static_cast<hal::TcpStream&>(*secureHttp_) : http_;
  return hal::Hal{clock_, entropy_, network_, socket, mqtt, http, storage_, slots_, watchdog_, system_, log_,
                  sensors != nullptr ? *sensors : *own, actuators_, isBoard ? &display_ : nullptr, isBoard ? nullptr : &services_, &numbers_};
}

int HostHal::run(Stepper& stepper) {
  sigset_t watched;
  sigemptyset(&watched);
  for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&watched, number);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  const int signals = ::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);

  uint32_t quickRounds = 0;
  while (system_.ending() == Ending::none) {
    uint64_t due = stepper.step(clock_.monotonicMs());
    if (secure_ != nullptr && secure_->nextDueMs() < due) due = secure_->nextDueMs();
    for (const SecureStream* const stream : {secureMqtt_, secureHttp_}) {
      if (stream != nullptr && stream->hasUnread()) due = 0;
    }
    if (system_.ending() != Ending::none) break;

    struct pollfd sources[8];
    int count = 0;
    sources[count++] = {signals, POLLIN, 0};
    count += coap_.waitFor(sources + count);
    count += mqtt_.waitFor(sources + count);
    count += http_.waitFor(sources + count);
    count += services_.waitFor(sources + count);
    const uint64_t now = clock_.monotonicMs();
    const int sleepMs = due <= now ? 0 : due - now > static_cast<uint64_t>(longestSleepMs) ? longestSleepMs : static_cast<int>(due - now);
    const int ready = ::poll(sources, static_cast<nfds_t>(count), sleepMs);
    if (ready > 0 && (sources[0].revents & POLLIN) != 0) {
      log_.print(LogLevel::info, "stopped by a signal");
      ::close(signals);
      return 0;
    }
    // Whatever core forgets to read, or asks for in the past again and again, must not cost a whole processor.
    const bool isQuick = clock_.monotonicMs() == now;
    quickRounds = isQuick ? quickRounds + 1 : 0;
    if (quickRounds < quickRoundsMax) continue;
    quickRounds = 0;
    (void)::poll(sources, 1, forcedSleepMs);
  }
  ::close(signals);
  return system_.ending() == Ending::restart ? exitRestart : exitTerminate;
}

}  // namespace cx::host
