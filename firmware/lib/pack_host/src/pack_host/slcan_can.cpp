#include "pack_host/slcan_can.hpp"

#include <cstring>

namespace cx::pack {
namespace {

// What is left of an older line is ended first. The status is asked for last: only an open channel has one.
constexpr char openChannel[] = "\rC\rS6\rO\rF\r";
// The bit that Lawicel left unused: the virtual bus says bus-off by it, other adapters bring their controller back by themselves.
constexpr uint8_t flagBusOff = 0x10;
constexpr uint8_t lineFeed = 10;
constexpr size_t readSize = 512;
constexpr size_t framesPerRead = readSize / 6 + 1;  // t, 3 digits, length, CR

}  // namespace

const char* SlcanCan::fault() const {
  if (line_.isOpen() && isBusOff_) return "the controller is off the bus";
  if (state_ == State::open) return "";
  if (line_.isOpen()) return isRefused_ ? "the adapter refuses to open its channel at 500 kbit/s" : "the adapter's channel is being opened";
  return line_.fault() == 0 ? "the other side closed the line" : std::strerror(line_.fault());
}

void SlcanCan::step(uint64_t nowMs) {
  nowMs_ = nowMs;
  line_.step(nowMs);
  if (line_.isOpen() && openings_ != line_.openings()) {
    openings_ = line_.openings();
    inSize_ = 0;
    hasAnswered_ = isMute_ = isBusOff_ = isRefused_ = false;
    flagsDue_ = 0;
    open(nowMs);
  }
  read();
  if (!line_.isOpen()) {
    if (state_ != State::down) ended(false);
    state_ = State::down;
    return;
  }
  flush();
  if (state_ == State::opening && nowMs - openedAtMs_ >= slcanOpenLimitMs) {
    if (hasAnswered_) {
      isRefused_ = true;
      open(nowMs);
    } else {
      // Some adapters answer nothing at all, and carry frames.
      isMute_ = true;
      state_ = State::open;
    }
  }
  if (state_ == State::open && isBusOff_ && nowMs - askedAtMs_ >= slcanFlagsEveryMs) {
    askForFlags();
  }
}

void SlcanCan::askForFlags() {
  askedAtMs_ = nowMs_;
  flagsDue_++;
  put("F\r");
}

void SlcanCan::open(uint64_t nowMs) {
  if (state_ != State::open) flagsDue_ = 0;  // nothing came of the last opening
  state_ = State::opening;
  ended(false);
  openedAtMs_ = nowMs;
  outSize_ = 0;
  put(openChannel);
  flagsDue_++;
}

void SlcanCan::put(const char* text) {
  const size_t size = std::strlen(text);
  if (outSize_ + size > sizeof out_) return;
  std::memcpy(out_ + outSize_, text, size);
  outSize_ += size;
  flush();
}

void SlcanCan::flush() {
  if (outSize_ == 0) return;
  const size_t put = line_.write(ByteSpan(out_, outSize_));
  std::memmove(out_, out_ + put, outSize_ - put);
  outSize_ -= put;
  if (outSize_ == 0 && isMute_ && outcome_ == CanSend::pending) outcome_ = CanSend::sent;
}

void SlcanCan::read() {
  uint8_t bytes[readSize];
  while (count_ + framesPerRead <= slcanInboxMax) {
    const size_t size = line_.read(MutableSpan(bytes));
    for (size_t at = 0; at < size; at++) take(bytes[at]);
    if (size < sizeof bytes) return;
  }
}

void SlcanCan::take(uint8_t byte) {
  if (byte == lineFeed) return;
  if (byte == slcanFailed) {
    hasAnswered_ = true;
    inSize_ = 0;
    ended(false);
    return;
  }
  if (byte != slcanEnd) {
    // Of a line that is too long its end is passed over too: it fits no form.
    if (inSize_ < sizeof in_) in_[inSize_++] = byte;
    return;
  }
  hasAnswered_ = true;
  answer(ByteSpan(in_, inSize_));
  inSize_ = 0;
}

void SlcanCan::answer(ByteSpan line) {
  can::Frame frame;
  if (readSlcanLine(line, frame)) {
    keep(frame);
  } else if (line.empty() || line[0] == 'z' || line[0] == 'Z') {
    if (state_ == State::open) ended(true);
  } else if (line[0] == 'F' && line.size() == 3) {
    const uint8_t high = line[1];
    const uint8_t digit = static_cast<uint8_t>(high <= '9' ? high - '0' : (high | 0x20) - 'a' + 10);
    isBusOff_ = (digit << 4 & flagBusOff) != 0;
    if (flagsDue_ > 0) flagsDue_--;
    if (flagsDue_ > 0) return;
    isRefused_ = false;
    state_ = State::open;
  }
}

void SlcanCan::ended(bool isOut) {
  if (outcome_ != CanSend::pending) return;
  outcome_ = isOut ? CanSend::sent : CanSend::failed;
  if (isOut || state_ != State::open || nowMs_ - askedAtMs_ < slcanFlagsEveryMs) return;
  askForFlags();
}

void SlcanCan::keep(const can::Frame& frame) {
  if (count_ == slcanInboxMax) return;  // read() leaves in the line what has no room
  inbox_[(first_ + count_) % slcanInboxMax] = frame;
  count_++;
}

bool SlcanCan::receive(can::Frame& out) {
  if (count_ == 0) return false;
  out = inbox_[first_];
  first_ = (first_ + 1) % slcanInboxMax;
  count_--;
  return true;
}

bool SlcanCan::send(const can::Frame& frame) {
  if (state_ != State::open || outcome_ == CanSend::pending || outSize_ + slcanLineMax > sizeof out_) return false;
  uint8_t line[slcanLineMax];
  const size_t size = writeSlcanLine(frame, line);
  std::memcpy(out_ + outSize_, line, size);
  outSize_ += size;
  outcome_ = CanSend::pending;
  flush();
  return true;
}

CanSend SlcanCan::sent() {
  const CanSend now = outcome_;
  if (now == CanSend::sent || now == CanSend::failed) outcome_ = CanSend::idle;
  return now;
}

void SlcanCan::abort() {
  const bool isPending = outcome_ == CanSend::pending;
  if (isPending && state_ == State::open) open(nowMs_);
  outcome_ = CanSend::idle;
}

void SlcanCan::recover() {
  if (state_ == State::open) open(nowMs_);
}

}  // namespace cx::pack
