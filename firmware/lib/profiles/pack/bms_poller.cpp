#include "pack/bms_poller.hpp"

namespace cx::pack {

can::BmsState BmsPoller::state() const {
  if (!hasReading_) return can::BmsState::fault;
  return fault_ == BmsFault::none ? can::BmsState::ok : can::BmsState::stale;
}

void BmsPoller::step(uint64_t nowMs) {
  switch (phase_) {
    case Phase::idle:
      if (!hasPolled_ || nowMs - polledAtMs_ >= bmsPollMs) begin(nowMs);
      return;
    case Phase::sending:
      if (!port_.isSending()) {
        phase_ = Phase::awaiting;
        sinceMs_ = nowMs;
      } else if (nowMs - sinceMs_ >= bmsTimeoutMs) {
        failed(BmsFault::silent, nowMs);  // a line that never gets rid of eight bytes
      }
      return;
    case Phase::awaiting:
      await(nowMs);
      return;
    case Phase::backOff:
      if (nowMs - sinceMs_ >= bmsBackOffMs[tries_ - 1]) request(nowMs);
      return;
  }
}

void BmsPoller::begin(uint64_t nowMs) {
  hasPolled_ = true;
  polledAtMs_ = nowMs;
  tries_ = 0;
  block_ = 0;
  fresh_ = BmsReading();
  request(nowMs);
}

void BmsPoller::request(uint64_t nowMs) {
  flush();
  uint8_t frame[modbusRequestSize];
  writeModbusRequest(map_, map_.blocks[block_], frame);
  if (!port_.send(ByteSpan(frame))) {
    failed(BmsFault::silent, nowMs);
    return;
  }
  phase_ = Phase::sending;
  sinceMs_ = nowMs;
}

// Late replies and noise of before would be taken for the answer. Bounded: a line that babbles doesn't hold the loop.
void BmsPoller::flush() {
  uint8_t bytes[32];
  for (int i = 0; i < 8 && port_.read(MutableSpan(bytes)) > 0; i++) {
  }
  receivedSize_ = 0;
}

void BmsPoller::await(uint64_t nowMs) {
  receivedSize_ += port_.read(MutableSpan(received_ + receivedSize_, sizeof received_ - receivedSize_));
  switch (readModbusReply(map_, map_.blocks[block_], ByteSpan(received_, receivedSize_))) {
    case ModbusReply::ok: take(nowMs); return;
    case ModbusReply::refused: failed(BmsFault::refused, nowMs); return;
    case ModbusReply::garbled: failed(BmsFault::garbled, nowMs); return;
    case ModbusReply::incomplete:
      if (nowMs - sinceMs_ >= bmsTimeoutMs) failed(receivedSize_ == 0 ? BmsFault::silent : BmsFault::garbled, nowMs);
      return;
  }
}

void BmsPoller::failed(BmsFault why, uint64_t nowMs) {
  sinceMs_ = nowMs;
  if (tries_ < sizeof bmsBackOffMs / sizeof bmsBackOffMs[0]) {
    tries_++;
    phase_ = Phase::backOff;
    return;
  }
  fault_ = why;
  phase_ = Phase::idle;
}

void BmsPoller::take(uint64_t nowMs) {
  const BmsBlock& block = map_.blocks[block_];
  for (const BmsField& field : map_.fields) {
    if (field.address < block.start || field.address + field.registers > block.start + block.count) continue;
    const uint8_t* at = received_ + 3 + 2 * (field.address - block.start);
    uint32_t raw = static_cast<uint32_t>(at[0] << 8 | at[1]);
    if (field.registers == 2) raw = raw << 16 | static_cast<uint32_t>(at[2] << 8 | at[3]);
    const int64_t value = field.isSigned ? (field.registers == 1 ? static_cast<int16_t>(raw) : static_cast<int32_t>(raw)) : static_cast<int64_t>(raw);
    const int64_t scaled = value * field.scale;
    switch (field.value) {
      case BmsValue::voltage: fresh_.millivolts = static_cast<uint32_t>(scaled); break;
      case BmsValue::current: fresh_.centiamperes = static_cast<int32_t>(scaled); break;
      case BmsValue::alarms: fresh_.alarms = static_cast<uint32_t>(scaled); break;
      case BmsValue::warnings: fresh_.warnings = static_cast<uint16_t>(scaled); break;
    }
  }
  if (++block_ < map_.blocks.size()) {
    request(nowMs);
    return;
  }
  reading_ = fresh_;
  hasReading_ = true;
  readAtMs_ = nowMs;
  fault_ = BmsFault::none;
  phase_ = Phase::idle;
}

}  // namespace cx::pack
