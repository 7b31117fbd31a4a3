// A serial line whose other end a test holds.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

struct PtyPair {
  int end = -1;
  char device[64] = {};

  PtyPair() {
    end = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (end < 0 || ::grantpt(end) != 0 || ::unlockpt(end) != 0 || ::ptsname_r(end, device, sizeof device) != 0) std::abort();
  }
  ~PtyPair() { unplug(); }
  void unplug() {
    if (end >= 0) ::close(end);
    end = -1;
  }
  void say(const char* text) { (void)!::write(end, text, std::strlen(text)); }
  // What the other side wrote so far.
  const char* heard() {
    static char text[4096];
    size_t size = 0;
    struct pollfd source = {end, POLLIN, 0};
    // The kernel hands bytes over by a worker: the first of them may need a moment.
    while (size < sizeof text - 1 && ::poll(&source, 1, size == 0 ? 200 : 5) > 0 && (source.revents & POLLIN) != 0) {
      const ssize_t got = ::read(end, text + size, sizeof text - 1 - size);
      if (got <= 0) break;
      size += static_cast<size_t>(got);
    }
    text[size] = '\0';
    return text;
  }
};
