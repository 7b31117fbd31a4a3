// Asks the BMS every 2 s, without ever waiting: idle, awaiting, back-off. A BMS that is silent or garbled leaves the last
// reading as it was, marked stale; it never reads as 0 V.
#pragma once

#include <cstdint>

#include "can.hpp"
#include "pack/bms_map.hpp"
#include "pack/byte_port.hpp"
#include "pack/modbus_frame.hpp"

namespace cx::pack {

constexpr uint64_t bmsPollMs = 2000;
constexpr uint64_t bmsTimeoutMs = 100;  // from the request's last bit
constexpr uint64_t bmsBackOffMs[] = {100, 200, 400};

struct BmsReading {
  uint32_t millivolts = 0;
  int32_t centiamperes = 0;  // + charging
  uint32_t alarms = 0;
  uint16_t warnings = 0;
};

enum class BmsFault : uint8_t { none, silent, garbled, refused };

class BmsPoller {
 public:
  BmsPoller(BytePort& port, const BmsMap& map) : port_(port), map_(map) {}

  // From the loop, as often as it goes round.
  void step(uint64_t nowMs);

  // ok: the last poll was answered. stale: it wasn't, and the reading is an old one. fault: there never was a reading.
  can::BmsState state() const;
  bool hasReading() const { return hasReading_; }
  const BmsReading& reading() const { return reading_; }
  uint64_t readAtMs() const { return readAtMs_; }
  // Why the last poll failed with all its retries. It stays until one is answered.
  BmsFault fault() const { return fault_; }
  bool isIdle() const { return phase_ == Phase::idle; }

 private:
  enum class Phase : uint8_t { idle, sending, awaiting, backOff };

  void begin(uint64_t nowMs);
  void request(uint64_t nowMs);
  void await(uint64_t nowMs);
  void failed(BmsFault why, uint64_t nowMs);
  void take(uint64_t nowMs);
  void flush();

  BytePort& port_;
  const BmsMap& map_;
  Phase phase_ = Phase::idle;
  uint8_t block_ = 0;
  uint8_t tries_ = 0;  // failed, of this poll
  bool hasPolled_ = false;
  bool hasReading_ = false;
  BmsFault fault_ = BmsFault::none;
  uint64_t polledAtMs_ = 0;
  uint64_t sinceMs_ = 0;  // of the phase
  uint64_t readAtMs_ = 0;
  BmsReading reading_;
  BmsReading fresh_;  // of the poll under way: it counts once every block came
  uint8_t received_[modbusReplyMax + 1] = {};  // one more, so that a reply too long is seen
  size_t receivedSize_ = 0;
};

}  // namespace cx::pack
