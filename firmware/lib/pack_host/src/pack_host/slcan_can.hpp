// CAN by an adapter that speaks serial-line CAN: a serial device, or the socket of a virtual bus.
//
//   down      the line isn't open, or the adapter's channel isn't
//   opening   C, S6 (500 kbit/s), O and F were sent; the answer to F says that the channel is open
//   open      one frame at a time; z, Z or an empty line says that it is out, BEL that it isn't
//
// There is no command that takes a frame back: the channel is closed and opened again, which empties the adapter.
#pragma once

#include "pack_host/byte_line.hpp"
#include "pack_host/host_can.hpp"
#include "pack_host/slcan_line.hpp"

namespace cx::pack {

constexpr size_t slcanInboxMax = 256;         // frames; full: the rest stays in the line
constexpr uint64_t slcanOpenLimitMs = 1000;   // for the answer to F; a silent adapter counts as open then
constexpr uint64_t slcanFlagsEveryMs = 500;   // while the bus looks bad

class SlcanCan final : public HostCan {
 public:
  explicit SlcanCan(const LineTarget& target) : line_(target, B115200) {}

  void step(uint64_t nowMs) override;
  int waitFor(struct pollfd* out) override { return line_.waitFor(out, outSize_ > 0); }
  bool isUp() const override { return state_ == State::open && !isBusOff_; }
  const char* fault() const override;
  bool hasUnread() const override { return count_ > 0; }

  bool receive(can::Frame& out) override;
  bool send(const can::Frame& frame) override;
  CanSend sent() override;
  void abort() override;
  bool isBusOff() override { return state_ == State::down || isBusOff_; }
  void recover() override;

 private:
  enum class State : uint8_t { down, opening, open };

  void open(uint64_t nowMs);
  void askForFlags();
  void read();
  void take(uint8_t byte);
  void answer(ByteSpan line);
  void ended(bool isOut);
  void keep(const can::Frame& frame);
  void put(const char* text);
  void flush();

  ByteLine line_;
  State state_ = State::down;
  uint32_t openings_ = 0;
  uint64_t nowMs_ = 0;
  uint64_t openedAtMs_ = 0;
  uint64_t askedAtMs_ = 0;
  bool hasAnswered_ = false;  // anything at all since the line opened
  bool isMute_ = false;       // it never does: a frame is out once it is written
  bool isBusOff_ = false;
  uint8_t flagsDue_ = 0;      // answers to F that are still to come; that to the last one counts
  bool isRefused_ = false;    // the last opening
  CanSend outcome_ = CanSend::idle;
  uint8_t in_[slcanLineMax + 8] = {};
  size_t inSize_ = 0;
  uint8_t out_[64] = {};
  size_t outSize_ = 0;
  can::Frame inbox_[slcanInboxMax];
  size_t first_ = 0;
  size_t count_ = 0;
};

}  // namespace cx::pack
