// Where a line of bytes goes: a TCP socket, or a path, at which a serial device or a Unix socket lies.
#pragma once

#include "hal/address.hpp"

namespace cx::pack {

enum class LineKind : uint8_t { none, tcp, path };

struct LineTarget {
  LineKind kind = LineKind::none;
  hal::Address address;        // tcp
  const char* path = nullptr;  // stays the caller's
};

// "tcp://127.0.0.1:PORT" (or "socket://", as python-can writes it), "unix:PATH", or a path, which has a '/' in it. False:
// none of these.
bool parseLineTarget(const char* text, LineTarget& out);

}  // namespace cx::pack
