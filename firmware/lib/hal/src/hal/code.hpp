// How a call into the hardware layer ended. Plain values: the firmware has no exceptions and no errno.
#pragma once
#include <cstddef>
#include <cstdint>

namespace cx::hal {

enum class [[nodiscard]] Code : uint8_t {
  ok,
  again,        // nothing now, not an error: call again later (no data, no room, look-up or connect in progress)
  closed,       // the other side ended the stream in order, or the thing was never opened
  refused,      // the other side answered no (ECONNREFUSED, RST)
  unreachable,  // no route, no link, name doesn't resolve
  timedOut,     // the port's own deadline passed
  noSpace,      // the medium, the slot or the quota is full
  notFound,     // no such key, sensor or file
  invalid,      // the arguments break the contract; nothing was changed
  corrupt,      // what was read fails its own check
  denied,       // the port forbids it: a write to the running slot, confirm() of an image that isn't on trial
  unsupported,  // this port has no such part
  io,           // the medium or the driver failed
};

// `size` is how many bytes were taken or given; 0 unless `code` is ok.
struct [[nodiscard]] Io {
  Code code;
  uint32_t size;
};

const char* nameOf(Code code);

}  // namespace cx::hal
