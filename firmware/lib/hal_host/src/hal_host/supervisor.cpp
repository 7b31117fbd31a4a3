#include "hal_host/supervisor.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <initializer_list>
#include <poll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hal/retained_memory.hpp"
#include "hal_host/anchors_file.hpp"
#include "hal_host/credentials.hpp"
#include "hal_host/host_clock.hpp"
#include "hal_host/host_enrolment.hpp"
#include "hal_host/host_system.hpp"
#include "hal_host/payload_key_file.hpp"
#include "hal_host/watchdog_pipe.hpp"

namespace cx::host {

namespace {

using hal::LogLevel;

constexpr uint32_t stopGraceMs = 5000;     // between asking a node to end and ending it
constexpr uint32_t firstPauseMs = 100;     // after a first failure; doubles with each in a row
constexpr uint32_t longestPauseMs = 30000;
constexpr uint32_t steadyMs = 60000;       // a run of this length ends a row of failures
constexpr uint32_t longestWaitMs = 60000;  // in one poll
constexpr uint32_t frozenMs = 2000;        // a poll that took so much too long: the supervisor itself stood still

uint64_t nowMs() {
  struct timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);  // stands still while the machine sleeps, as the node does
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

// A word of our own command line, in place.
void scrub(char* word) {
  const size_t length = std::strlen(word);
  std::memset(word, 0, length);
  std::memcpy(word, scrubbedClaim, sizeof scrubbedClaim);
}

const char* defaultImage(const char* program, bool needsTls) {
  static char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path - 40);
  if (length <= 0) return nullptr;
  path[length] = '\0';
  char* const slash = std::strrchr(path, '/');
  if (slash == nullptr) return nullptr;
  std::snprintf(slash + 1, 40, "%s-node%s", program, needsTls ? "-dtls" : "");
  return path;
}

}  // namespace

Supervisor::Supervisor(const Options& options, int flagCount, char* const* flags, StderrLog& log)
    : options_(options), flagCount_(flagCount), flags_(flags), log_(log), slot_(folder_.files()), loader_(folder_.files(), slot_) {}

int Supervisor::installFirst(const char* why) {
  const char* const path = options_.image != nullptr ? options_.image : defaultImage(options_.program, needsTls_);
  ImageFacts facts;
  const ImageFault fault = path == nullptr ? ImageFault::unreadable : inspectImage(path, facts);
  if (fault != ImageFault::none) {
    const bool isSystem = fault == ImageFault::unreadable;
    log_.print(LogLevel::error, "%s, and %s can't be installed: %s%s%s; name another with --image FILE", why,
               path == nullptr ? "no image" : path, explain(fault), isSystem ? ": " : "", isSystem ? std::strerror(errno) : "");
    return fault == ImageFault::unreadable ? exitNoImage : exitBadImage;
  }
  Code code = folder_.copyIn(path, facts, hal::Slot::a);
  if (code == Code::ok) code = loader_.install(hal::Slot::a, facts.identity);
  if (code != Code::ok) {
    log_.print(LogLevel::error, "%s can't be installed into the folder %s: %s", path, options_.state, hal::nameOf(code));
    return exitState;
  }
  log_.print(LogLevel::info, "%s: installed %s, version %s, into slot a", why, path, facts.descriptor.version);
  return 0;
}

int Supervisor::takeCredentials() {
  static uint8_t bytes[credentialsMax];
  static Credentials credentials;
  char fault[optionFaultMax];
  int size = 0;
  bool isThere = options_.credentials != nullptr;
  if (options_.credentials != nullptr) {
    size = readCredentialsFile(options_.credentials, bytes, fault);
    if (size < 0 || !parseCredentials(ByteSpan(bytes, static_cast<size_t>(size)), credentials, fault)) {
      log_.print(LogLevel::error, "--credentials: %s", fault);
      return exitUsage;
    }
  } else {
    const Code code = loadCredentials(folder_.files(), credentials, fault);
    if (code != Code::ok && code != Code::notFound) {
      log_.print(LogLevel::error, "%s: %s", credentialsFile, fault);
      return exitState;
    }
    isThere = code == Code::ok;
  }
  const char* why = nullptr;
  const bool hasDtls = credentials.dtls.isSet();
  needsTls_ = options_.isDtls || (hasDtls && !credentials.hasOscore) || !credentials.ca.empty();
  // Whether the manager speaks TLS is known when it has answered.
  if (options_.claim != nullptr || options_.batchKey != nullptr) needsTls_ = true;
  if (!credentials.id.empty() && options_.id[0] != '\0' && credentials.id.view() != options_.id) {
    why = "are those of another node than --id names";
  } else if (options_.isDtls && !hasDtls) {
    why = "hold no dtls, which coaps:// needs: name a file with it by --credentials FILE";
  } else if (!options_.isDtls && hasDtls && !credentials.hasOscore && options_.managerHost[0] != '\0') {
    why = "hold dtls alone: the manager is coaps://HOST then";
  }
  if (why != nullptr) {
    log_.print(LogLevel::error, "the credentials %s", why);
    return exitUsage;
  }
  if (size == 0 || importCredentials(folder_.files(), ByteSpan(bytes, static_cast<size_t>(size)), credentials, fault)) return takeEnrolment(isThere);
  log_.print(LogLevel::error, "%s", fault);
  return exitState;
}

int Supervisor::takeEnrolment(bool hasCredentials) {
  if (options_.claim == nullptr && options_.batchKey == nullptr) return 0;
  const char* const flag = options_.claim != nullptr ? "--claim" : "--batch-key";
  int code = 0;
  char fault[optionFaultMax];
  HardwareId hardware = {};
  HostEntropy entropy;
  if (options_.claim != nullptr && options_.batchKey != nullptr) {
    log_.print(LogLevel::error, "a node enrols by --claim or by --batch-key: leave one out");
    code = exitUsage;
  } else if (options_.credentials != nullptr) {
    log_.print(LogLevel::error, "--credentials are what %s would get: leave one out", flag);
    code = exitUsage;
  } else if (hasCredentials) {
    log_.print(LogLevel::info, "this node has credentials: %s is passed over. To enrol anew, stop it and remove %s/%s", flag, options_.state, credentialsFile);
  } else if (options_.isDtls) {
    log_.print(LogLevel::error, "%s gives keys for OSCORE: the manager is coap://HOST then", flag);
    code = exitUsage;
  } else if (!loadHardwareId(folder_.files(), entropy, options_.hardware, hardware)) {
    log_.print(LogLevel::error, "the hardware number can't be kept in %s", options_.state);
    code = exitState;
  } else if (!importEnrolment(folder_.files(), options_, hardware, fault)) {
    log_.print(LogLevel::error, "%s: %s", flag, fault);
    code = exitUsage;
  }
  // Who lists processes shall not see it; the node finds what was made of it in the folder.
  if (options_.claim != nullptr) scrub(const_cast<char*>(options_.claim));
  return code;
}

int Supervisor::takeAnchors() {
  char fault[optionFaultMax];
  if (options_.anchors == nullptr || importAnchors(folder_.files(), options_.anchors, fault)) return 0;
  log_.print(LogLevel::error, "--anchors: %s", fault);
  return exitUsage;
}

int Supervisor::takePayloadKeys() {
  char fault[optionFaultMax];
  if (options_.payloadKeys == nullptr || importPayloadKeys(folder_.files(), options_.payloadKeys, fault)) return 0;
  log_.print(LogLevel::error, "--payload-keys: %s", fault);
  return exitUsage;
}

int Supervisor::prepareState() {
  if (!folder_.open(options_.state)) {
    log_.print(LogLevel::error, "the state folder %s can't be opened: %s", options_.state, std::strerror(errno));
    return exitState;
  }
  switch (folder_.lock()) {
    case Lock::taken: break;
    case Lock::held:
      log_.print(LogLevel::error, "the state folder %s is in use by another %s: stop that one, or give --state another folder",
                 options_.state, options_.program);
      return exitLocked;
    case Lock::failed:
      log_.print(LogLevel::error, "the state folder %s can't be locked: %s", options_.state, std::strerror(errno));
      return exitState;
  }
  int code = takeCredentials();
  if (code == 0) code = takeAnchors();
  if (code == 0) code = takePayloadKeys();
  if (code != 0) return code;
  switch (loader_.load()) {
    case Code::ok: return 0;
    case Code::notFound: return installFirst("first start");
    case Code::corrupt: return installFirst("both copies of the boot record are damaged");
    default: log_.print(LogLevel::error, "the boot record in %s can't be read", options_.state); return exitState;
  }
}

int Supervisor::run() {
  sigset_t watched;
  sigemptyset(&watched);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&watched, number);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the limit is a full disk (EFBIG), for the node too: exec keeps what is ignored
  signals_ = ::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals_ < 0) return exitSystem;
  retained_ = ::memfd_create("retained", MFD_CLOEXEC);
  if (retained_ < 0 || ::ftruncate(retained_, hal::retainedSize) != 0) return exitSystem;
  int code = prepareState();
  if (code != 0) return code;

  RunEnd end = RunEnd::power;
  while (!isStopping_) {
    BootChoice choice;
    if (loader_.prepare(end, choice) != Code::ok) {
      code = installFirst("no slot passes its check");
      if (code != 0) return code;
      if (loader_.prepare(RunEnd::power, choice) != Code::ok) return exitBadImage;
    }
    say(choice);
    if (!runOnce(choice, end)) break;
  }
  loader_.noteEnd(end);
  return exitCode_;
}

void Supervisor::say(const BootChoice& choice) const {
  const BootRecord& record = loader_.record();
  if (!choice.isRecorded) log_.print(LogLevel::warn, "the boot record can't be written (is the disk full?): this boot isn't counted");
  if (record.resetReason == hal::ResetReason::rollback) {
    log_.print(LogLevel::warn, "rolled back to slot %s: %s", choice.slot == hal::Slot::b ? "b" : "a", hal::nameOf(record.rolledBackReason));
  }
  log_.print(LogLevel::info, "boot %u of slot %s%s%s after %s", record.bootCount, choice.slot == hal::Slot::b ? "b" : "a",
             choice.trial ? ", on trial" : "", choice.safe ? ", SAFE" : "", hal::nameOf(record.resetReason));
}

bool Supervisor::runOnce(const BootChoice& choice, RunEnd& end) {
  NodeProcess node;
  NodeStart start;
  start.image = slot_.descriptor();
  start.lock = folder_.lockDescriptor();
  start.retained = retained_;
  start.program = options_.program;
  start.choice = &choice;
  start.resetReason = loader_.record().resetReason;
  start.flagCount = flagCount_;
  start.flags = flags_;
  bool isImage = false;
  const uint64_t startedMs = nowMs();
  const int error = node.start(start, isImage);
  if (error != 0) {
    log_.print(LogLevel::error, "slot %s can't be started: %s", choice.slot == hal::Slot::b ? "b" : "a", std::strerror(error));
    end = isImage && error != ENOMEM && error != EAGAIN ? RunEnd::notStarted : RunEnd::crash;
  } else {
    end = watch(node, choice);
  }
  wakeAfterMs_ = node.wakeAfterMs();
  if (isStopping_ || end == RunEnd::stopped) return false;
  if (end == RunEnd::wake) {
    if (wakeAfterMs_ == 0) {
      log_.print(LogLevel::info, "the node terminated");
      end = RunEnd::stopped;
      return false;
    }
    log_.print(LogLevel::info, "the node sleeps for %u ms", wakeAfterMs_);
    return pause(wakeAfterMs_);
  }
  if (end == RunEnd::restart) {
    failures_ = 0;
    return true;
  }
  if (nowMs() - startedMs >= steadyMs) failures_ = 0;
  const uint32_t doubled = firstPauseMs << (failures_ < 9 ? failures_ : 9);
  failures_++;
  return pause(doubled < longestPauseMs ? doubled : longestPauseMs);
}

RunEnd Supervisor::watch(NodeProcess& node, const BootChoice& choice) {
  uint64_t aliveMs = nowMs();
  uint64_t trialEndMs = choice.trial ? aliveMs + uint64_t{options_.trialSeconds} * 1000 : UINT64_MAX;
  uint64_t killMs = UINT64_MAX;  // when a node that was asked to end is ended
  bool isKilled = false;
  RunEnd verdict = RunEnd::crash;  // of a node that this loop kills
  for (;;) {
    int status = 0;
    if (node.hasEnded(status)) {
      if (isStopping_) return RunEnd::stopped;
      if (WIFEXITED(status) && WEXITSTATUS(status) == exitNotEnrolled) {
        exitCode_ = exitNotEnrolled;
        return RunEnd::stopped;
      }
      return isKilled ? verdict : endOf(status);
    }
    if (node.readPipe()) aliveMs = nowMs();
    const uint64_t now = nowMs();
    const uint64_t watchdogMs = aliveMs + uint64_t{options_.watchdogSeconds} * 1000;
    if (!isKilled && now >= watchdogMs && !isStopping_) {
      log_.print(LogLevel::error, "no sign of life for %u s: the watchdog resets the node", options_.watchdogSeconds);
      verdict = RunEnd::watchdog;
      isKilled = true;
    } else if (!isKilled && now >= trialEndMs && !isStopping_) {
      trialEndMs = UINT64_MAX;
      if (!loader_.isTrialOpen()) continue;
      log_.print(LogLevel::error, "the image on trial didn't confirm itself within %u s", options_.trialSeconds);
      verdict = RunEnd::trialTimeout;
      isKilled = true;
    } else if (!isKilled && now >= killMs) {
      log_.print(LogLevel::warn, "the node didn't stop within %u ms and is ended", stopGraceMs);
      isKilled = true;
    }
    if (isKilled) node.signal(SIGKILL);

    uint64_t dueMs = isStopping_ ? killMs : watchdogMs < trialEndMs ? watchdogMs : trialEndMs;
    if (isKilled) dueMs = now + 1000;
    struct pollfd sources[2] = {{signals_, POLLIN, 0}, {node.pipe(), POLLIN, 0}};
    const uint64_t leftMs = dueMs <= now ? 0 : dueMs - now;
    const uint64_t waitMs = leftMs > longestWaitMs ? longestWaitMs : leftMs;
    (void)::poll(sources, 2, static_cast<int>(waitMs));
    // A machine that was paused (a snapshot, SIGSTOP) paused the node too, which then deserves its whole time again.
    if (nowMs() - now > waitMs + frozenMs) aliveMs = nowMs();
    if (isEndAsked() && killMs == UINT64_MAX) {
      isStopping_ = true;
      killMs = nowMs() + stopGraceMs;
      node.signal(SIGTERM);
    }
  }
}

RunEnd Supervisor::endOf(int status) const {
  if (WIFEXITED(status) && WEXITSTATUS(status) == exitRestart) return RunEnd::restart;
  if (WIFEXITED(status) && WEXITSTATUS(status) == exitTerminate) return RunEnd::wake;
  if (WIFEXITED(status)) {
    log_.print(LogLevel::error, "the node ended by itself with exit code %d", WEXITSTATUS(status));
  } else if (WIFSIGNALED(status)) {
    log_.print(LogLevel::error, "the node ended by signal %d (%s)", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  }
  return RunEnd::crash;
}

bool Supervisor::isEndAsked() {
  bool isAsked = false;
  struct signalfd_siginfo info;
  while (::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    if (info.ssi_signo != SIGCHLD) isAsked = true;
  }
  return isAsked;
}

bool Supervisor::pause(uint32_t ms) {
  const uint64_t endMs = nowMs() + ms;
  for (uint64_t now = nowMs(); now < endMs; now = nowMs()) {
    struct pollfd source = {signals_, POLLIN, 0};
    const uint64_t leftMs = endMs - now;
    (void)::poll(&source, 1, static_cast<int>(leftMs > longestWaitMs ? longestWaitMs : leftMs));
    if (isEndAsked()) {
      isStopping_ = true;
      return false;
    }
  }
  return true;
}

}  // namespace cx::host
