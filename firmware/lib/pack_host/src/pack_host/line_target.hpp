// Where a line of bytes goes: a TCP socket, a Unix socket, or a serial device.
#pragma once

#include "hal/address.hpp"

namespace cx::pack {

enum class LineKind : uint8_t { none, tcp, unixSocket, device };

struct LineTarget {
  LineKind kind = LineKind::none;
  hal::Address address;        // tcp
  const char* path = nullptr;  // of the socket or device; stays the caller's
};

// "tcp://127.0.0.1:PORT", "unix:PATH", or the path of a device, which begins with '/'. False: none of these.
bool parseLineTarget(const char* text, LineTarget& out);

}  // namespace cx::pack
