// An open line of bytes that never blocks and comes back by itself: a hub that restarts or an adapter that is plugged in
// again is found within seconds.
#pragma once

#include <poll.h>
#include <termios.h>

#include "pack_host/line_target.hpp"
#include "span.hpp"

namespace cx::pack {

constexpr uint64_t reopenFirstMs = 100;  // doubled after each failure, up to
constexpr uint64_t reopenMaxMs = 2000;
constexpr uint64_t connectLimitMs = 5000;

class ByteLine {
 public:
  // `speed` of a serial device (8N1).
  ByteLine(const LineTarget& target, speed_t speed) : target_(target), speed_(speed) {}
  ByteLine(const ByteLine&) = delete;
  ByteLine& operator=(const ByteLine&) = delete;
  ~ByteLine() { close(); }

  // Opens the line, or looks whether it is open.
  void step(uint64_t nowMs);
  bool isOpen() const { return file_ >= 0 && !isConnecting_; }
  // Counts the times that it was opened, so that its user can begin anew.
  uint32_t openings() const { return openings_; }
  // Why it isn't open: an errno; 0: the other side closed it.
  int fault() const { return fault_; }
  // 0: nothing has come, or the line broke.
  size_t read(MutableSpan out);
  // How much was taken.
  size_t write(ByteSpan bytes);
  int descriptor() const { return file_; }
  // Gives it up, to be opened again.
  void drop(int fault);
  int waitFor(struct pollfd* out, bool wantsRoom) const;

 private:
  int open();
  void close();
  void failed(int fault, uint64_t nowMs);

  const LineTarget& target_;
  speed_t speed_;
  int file_ = -1;
  bool isConnecting_ = false;
  bool isSocket_ = false;
  int fault_ = 0;
  uint32_t openings_ = 0;
  uint64_t pauseMs_ = reopenFirstMs;
  uint64_t triedAtMs_ = 0;
  bool hasTried_ = false;
};

}  // namespace cx::pack
