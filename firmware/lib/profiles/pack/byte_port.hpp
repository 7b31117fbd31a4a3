// A half-duplex line of bytes (RS-485), as a port supplies it. Nothing here waits.
#pragma once

#include "span.hpp"

namespace cx::pack {

class BytePort {
 public:
  // What has come so far, at most out.size(); 0: nothing.
  virtual size_t read(MutableSpan out) = 0;
  // Takes the whole frame or nothing (false). The driver is on the line (DE high) only until its last bit is out.
  virtual bool send(ByteSpan frame) = 0;
  // While the last frame's bits are still going out.
  virtual bool isSending() = 0;

 protected:
  ~BytePort() = default;
};

}  // namespace cx::pack
