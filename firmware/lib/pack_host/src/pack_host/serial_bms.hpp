// The line to the BMS: a serial device (or pty) at 9600 8N1. Where the driver can switch an RS-485 transceiver (DE by RTS)
// it is told to; else the adapter does that by itself.
#pragma once

#include "pack/byte_port.hpp"
#include "pack_host/byte_line.hpp"

namespace cx::pack {

class SerialBms final : public BytePort {
 public:
  explicit SerialBms(const LineTarget& target) : line_(target, B9600) {}

  void step(uint64_t nowMs);
  bool isOpen() const { return line_.isOpen(); }
  const char* fault() const;
  int waitFor(struct pollfd* out) const { return line_.waitFor(out, false); }

  size_t read(MutableSpan out) override { return line_.read(out); }
  bool send(ByteSpan frame) override { return line_.write(frame) == frame.size(); }
  bool isSending() override;

 private:
  ByteLine line_;
  uint32_t openings_ = 0;
};

}  // namespace cx::pack
