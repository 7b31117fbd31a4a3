#include "hal_host/node_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <initializer_list>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hal_host/watchdog_pipe.hpp"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

namespace cx::host {

namespace {

constexpr int childPipe = 3;  // where the node finds the pipe
constexpr int childLock = 4;
constexpr int childRetained = 5;
constexpr int extraFlags = 10;
constexpr int flagsMax = 64;

// In the child, between fork and exec: only calls that are safe there. Ends with exec or by telling errno.
[[noreturn]] void becomeNode(const NodeStart& start, int watchdog, int report, pid_t supervisor, char* const* arguments) {
  // The node dies with its supervisor; if that is gone already, nobody is left to send the signal.
  int error = ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == supervisor ? 0 : ESRCH;
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // Moved up first, so that neither target can be one of the sources.
  const int image = ::fcntl(start.image, F_DUPFD_CLOEXEC, 10);
  const int pipeHigh = ::fcntl(watchdog, F_DUPFD_CLOEXEC, 10);
  const int lockHigh = ::fcntl(start.lock, F_DUPFD_CLOEXEC, 10);
  const int retainedHigh = ::fcntl(start.retained, F_DUPFD_CLOEXEC, 10);
  const int reportHigh = ::fcntl(report, F_DUPFD_CLOEXEC, 10);
  if (error == 0 && (image < 0 || pipeHigh < 0 || lockHigh < 0 || retainedHigh < 0 || reportHigh < 0)) error = errno;
  if (error == 0 && (::dup2(pipeHigh, childPipe) < 0 || ::dup2(lockHigh, childLock) < 0 || ::dup2(retainedHigh, childRetained) < 0)) error = errno;
  if (error == 0) {
    ::syscall(SYS_execveat, image, "", arguments, environ, AT_EMPTY_PATH);
    error = errno;
  }
  if (::write(reportHigh, &error, sizeof error) < 0) ::_exit(126);
  ::_exit(127);
}

}  // namespace

NodeProcess::~NodeProcess() {
  if (process_ > 0) {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  closePipe();
}

void NodeProcess::closePipe() {
  if (pipe_ >= 0) ::close(pipe_);
  pipe_ = -1;
}

int NodeProcess::start(const NodeStart& start, bool& isImage) {
  isImage = false;
  wakeAfterMs_ = 0;
  closePipe();

  char pipeText[16];
  std::snprintf(pipeText, sizeof pipeText, "%d", childPipe);
  char retainedText[16];
  std::snprintf(retainedText, sizeof retainedText, "%d", childRetained);
  char name[32];
  std::snprintf(name, sizeof name, "%s-node", start.program);
  char retainedFlag[] = "--retained-memory";
  char pipeFlag[] = "--watchdog-pipe", slotFlag[] = "--slot", safeFlag[] = "--safe", resetFlag[] = "--reset-reason";
  char slotText[] = "a", safeText[] = "0";
  if (start.choice->slot == hal::Slot::b) slotText[0] = 'b';
  if (start.choice->safe) safeText[0] = '1';
  char* arguments[flagsMax + extraFlags + 2];
  int count = 0;
  arguments[count++] = name;
  for (char* extra : {pipeFlag, pipeText, retainedFlag, retainedText, slotFlag, slotText, safeFlag, safeText, resetFlag,
                      const_cast<char*>(hal::nameOf(start.resetReason))}) {
    arguments[count++] = extra;
  }
  if (start.flagCount > flagsMax) return E2BIG;
  for (int i = 0; i < start.flagCount; i++) arguments[count++] = start.flags[i];
  arguments[count] = nullptr;

  int watchdog[2], report[2];
  if (::pipe2(watchdog, O_CLOEXEC | O_NONBLOCK) != 0) return errno;
  if (::pipe2(report, O_CLOEXEC) != 0) {
    const int error = errno;
    ::close(watchdog[0]);
    ::close(watchdog[1]);
    return error;
  }
  const pid_t supervisor = ::getpid();
  process_ = ::fork();
  if (process_ == 0) becomeNode(start, watchdog[1], report[1], supervisor, arguments);
  const int forkError = errno;
  ::close(watchdog[1]);
  ::close(report[1]);
  int error = process_ < 0 ? forkError : 0;
  if (error == 0) {
    // The report pipe closes without a word when the image runs.
    ssize_t got;
    do {
      got = ::read(report[0], &error, sizeof error);
    } while (got < 0 && errno == EINTR);
    if (got != static_cast<ssize_t>(sizeof error)) error = 0;
    isImage = error != 0;
    if (isImage) {
      ::waitpid(process_, nullptr, 0);
      process_ = -1;
    }
  }
  ::close(report[0]);
  if (error == 0) {
    pipe_ = watchdog[0];
  } else {
    ::close(watchdog[0]);
  }
  return error;
}

void NodeProcess::signal(int number) const {
  if (process_ > 0) ::kill(process_, number);
}

bool NodeProcess::hasEnded(int& status) {
  if (process_ <= 0) return true;
  pid_t got;
  do {
    got = ::waitpid(process_, &status, WNOHANG);
  } while (got < 0 && errno == EINTR);
  if (got != process_) return false;
  process_ = -1;
  (void)readPipe();  // the last words may still be in it
  return true;
}

bool NodeProcess::readPipe() {
  bool isAlive = false;
  uint8_t bytes[64];
  for (;;) {
    const ssize_t got = pipe_ < 0 ? -1 : ::read(pipe_, bytes, sizeof bytes);
    if (got == 0) {
      closePipe();  // the node shut its end: without it there will be no more signs of life
      return isAlive;
    }
    if (got < 0) return isAlive;
    for (ssize_t i = 0; i < got; i++) {
      if (bytes[i] == pipeAlive) isAlive = true;
      if (bytes[i] != pipeWake || got - i < 5) continue;
      wakeAfterMs_ = 0;
      for (unsigned part = 0; part < 4; part++) wakeAfterMs_ |= uint32_t{bytes[i + 1 + part]} << (8 * part);
      i += 4;
    }
  }
}

}  // namespace cx::host
