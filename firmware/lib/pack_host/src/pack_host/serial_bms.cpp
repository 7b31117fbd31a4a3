#include "pack_host/serial_bms.hpp"

#include <cstring>
#include <linux/serial.h>
#include <sys/ioctl.h>

namespace cx::pack {

void SerialBms::step(uint64_t nowMs) {
  line_.step(nowMs);
  if (!line_.isOpen() || openings_ == line_.openings()) return;
  openings_ = line_.openings();
  struct serial_rs485 settings;
  std::memset(&settings, 0, sizeof settings);
  settings.flags = SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND;
  // Most USB adapters refuse: they switch by themselves.
  (void)::ioctl(line_.descriptor(), TIOCSRS485, &settings);
}

const char* SerialBms::fault() const {
  if (line_.isOpen()) return "";
  return line_.fault() == 0 ? "the other side closed the line" : std::strerror(line_.fault());
}

bool SerialBms::isSending() {
  int waiting = 0;
  return line_.isOpen() && ::ioctl(line_.descriptor(), TIOCOUTQ, &waiting) == 0 && waiting > 0;
}

}  // namespace cx::pack
