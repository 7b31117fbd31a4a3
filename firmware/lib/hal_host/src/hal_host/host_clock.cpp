#include "hal_host/host_clock.hpp"

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <sys/random.h>

namespace cx::host {

namespace {

int64_t readMs(clockid_t clock) {
  struct timespec now;
  ::clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

}  // namespace

uint64_t HostClock::monotonicMs() { return static_cast<uint64_t>(readMs(CLOCK_BOOTTIME)); }

bool HostClock::wallMs(int64_t& out) {
  out = readMs(CLOCK_REALTIME) + offsetMs_;
  return true;
}

void HostClock::setWallMs(int64_t nowMs) { offsetMs_ = nowMs - readMs(CLOCK_REALTIME); }

void HostEntropy::fill(uint8_t* out, size_t size) {
  while (size > 0) {
    const ssize_t got = ::getrandom(out, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) std::abort();
    out += got;
    size -= static_cast<size_t>(got);
  }
}

}  // namespace cx::host
