#include "delta_decoder.hpp"

#include <cstring>

namespace cx {

namespace {

constexpr uint32_t turnMax = 4096;
constexpr uint8_t stateVersion = 1;
constexpr size_t stateSize = 11 + heatshrinkStateSize;

void putU32(uint8_t* out, uint32_t value) {
  for (unsigned i = 0; i < 4; i++) out[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
}
uint32_t getU32(const uint8_t* in) {
  return static_cast<uint32_t>(in[0]) << 24U | static_cast<uint32_t>(in[1]) << 16U | static_cast<uint32_t>(in[2]) << 8U | in[3];
}

}  // namespace

Status DeltaDecoder::start(const PayloadStart& start, PayloadSink& sink, PayloadBase& base) {
  sink_ = &sink;
  base_ = &base;
  before_ = made_ = basePlace_ = left_ = run_ = 0;
  imageSize_ = start.imageSize;
  number_ = 0;
  numberBytes_ = 0;
  state_ = State::type;
  packing_ = Packing::none;
  hasMark_ = false;
  failure_ = Status::ok;
  if (start.from.payloadOffset > 0 || start.from.imageOffset > 0) failure_ = restore(start.from);
  return failure_;
}

Status DeltaDecoder::feed(ByteSpan bytes, size_t& taken) {
  taken = 0;
  if (failure_ != Status::ok) return failure_;
  failure_ = run(bytes, taken);
  before_ += static_cast<uint32_t>(taken);
  if (failure_ == Status::ok) mark(before_);
  return failure_;
}

Status DeltaDecoder::finish() {
  size_t taken = 0;
  CX_TRY(feed(ByteSpan(), taken));
  if (state_ != State::done) return isStarved_ ? failure_ = Status::malformed : Status::again;
  return !isPacked() || heatshrink_.isAtEnd() ? Status::ok : failure_ = Status::malformed;
}

Status DeltaDecoder::run(ByteSpan bytes, size_t& taken) {
  input_ = bytes;
  at_ = 0;
  isStarved_ = false;
  heatshrink_.offer(bytes);
  turnEnd_ = imageSize_ - made_ > turnMax ? made_ + turnMax : imageSize_;
  Status status = Status::ok;
  while (status == Status::ok && !isStarved_ && state_ != State::done) {
    const bool isRun = state_ == State::difference || state_ == State::extra;
    if (isRun && left_ > 0 && made_ == turnEnd_) break;
    const bool wasPacked = isPacked();
    status = state();
    // What comes after the plain header is packed: the same input, from here on through heatshrink.
    if (!wasPacked && isPacked()) heatshrink_.offer(input_.from(at_));
    if (isPacked()) taken = at_ + heatshrink_.taken();
    else taken = at_;
  }
  if (status == Status::ok && state_ == State::done && taken < bytes.size()) return Status::malformed;
  return status;
}

Status DeltaDecoder::state() {
  uint8_t byte = 0;
  switch (state_) {
    case State::type:
      if (!next(byte)) return Status::ok;
      // Bits 4..6 are the patch's kind, 0 for sequential; 0..3 its compression.
      if ((byte & 0xF0U) != 0) return Status::unsupported;
      if (byte != static_cast<uint8_t>(Packing::none) && byte != static_cast<uint8_t>(Packing::heatshrink)) return Status::unsupported;
      packing_ = static_cast<Packing>(byte);
      state_ = State::imageSize;
      return Status::ok;
    case State::imageSize: {
      uint32_t value = 0;
      CX_TRY(size(value));
      if (isStarved_) return Status::ok;
      if (value > imageSize_) return Status::tooLarge;
      if (value < imageSize_) return Status::malformed;
      state_ = packing_ == Packing::heatshrink ? State::packing : State::dataFormat;
      return Status::ok;
    }
    case State::packing:
      if (!next(byte)) return Status::ok;
      if (!heatshrink_.start((byte >> 4U) + 4U, (byte & 15U) + 3U)) return Status::unsupported;
      state_ = State::dataFormat;
      return Status::ok;
    case State::dataFormat: {
      uint32_t value = 0;
      CX_TRY(size(value));
      if (isStarved_) return Status::ok;
      if (value != 0) return Status::unsupported;
      state_ = State::differenceSize;
      return Status::ok;
    }
    case State::differenceSize:
    case State::extraSize: {
      CX_TRY(size(left_));
      if (isStarved_) return Status::ok;
      if (left_ > imageSize_ - made_) return Status::tooLarge;
      run_ = 0;
      state_ = state_ == State::differenceSize ? State::difference : State::extra;
      return Status::ok;
    }
    case State::difference:
    case State::extra:
      if (left_ > 0) return piece();
      state_ = state_ == State::difference ? State::extraSize : State::step;
      return Status::ok;
    case State::step: {
      int64_t step = 0;
      CX_TRY(number(step));
      if (isStarved_) return Status::ok;
      const int64_t place = static_cast<int64_t>(basePlace_) + step;
      state_ = made_ == imageSize_ ? State::done : State::differenceSize;
      // The last step leads nowhere, and where it leads doesn't matter.
      if (state_ != State::done && (place < 0 || place > base_->runningSize())) return Status::mismatch;
      if (state_ != State::done) basePlace_ = static_cast<uint32_t>(place);
      return Status::ok;
    }
    case State::done: break;
  }
  return Status::ok;
}

// As much of the run as the input, the buffer and the turn have.
Status DeltaDecoder::piece() {
  uint32_t limit = left_ < turnEnd_ - made_ ? left_ : turnEnd_ - made_;
  if (limit > pieceSize) limit = pieceSize;
  uint32_t count = 0;
  while (count < limit && next(bytes_[count])) count++;
  if (count == 0) return Status::ok;
  if (state_ == State::difference) {
    const uint32_t size = base_->runningSize();
    if (count > size || basePlace_ > size - count) return Status::mismatch;
    CX_TRY(base_->readRunning(basePlace_, MutableSpan(baseBytes_, count)));
    for (uint32_t i = 0; i < count; i++) bytes_[i] = static_cast<uint8_t>(bytes_[i] + baseBytes_[i]);
    basePlace_ += count;
  }
  CX_TRY(sink_->put(ByteSpan(bytes_, count)));
  made_ += count;
  left_ -= count;
  run_ += count;
  return Status::ok;
}

bool DeltaDecoder::next(uint8_t& byte) {
  if (isPacked()) {
    isStarved_ = !heatshrink_.next(byte);
  } else {
    isStarved_ = at_ == input_.size();
    if (!isStarved_) byte = input_[at_++];
  }
  return !isStarved_;
}

// Six bits and a sign, then seven bits a byte, the lowest ones first; the highest bit says that more follow.
Status DeltaDecoder::number(int64_t& value) {
  for (uint8_t byte = 0; next(byte);) {
    if (numberBytes_ == 0) isNegative_ = (byte & 0x40U) != 0;
    if (numberBytes_ > 5) return Status::malformed;
    const unsigned shift = numberBytes_ == 0 ? 0 : numberBytes_ * 7U - 1U;
    number_ |= static_cast<uint64_t>(byte & (numberBytes_ == 0 ? 0x3FU : 0x7FU)) << shift;
    numberBytes_++;
    if ((byte & 0x80U) != 0) continue;
    value = isNegative_ ? -static_cast<int64_t>(number_) : static_cast<int64_t>(number_);
    number_ = 0;
    numberBytes_ = 0;
    return Status::ok;
  }
  return Status::ok;
}

Status DeltaDecoder::size(uint32_t& value) {
  int64_t wide = 0;
  CX_TRY(number(wide));
  if (wide < 0 || wide > INT32_MAX) return Status::malformed;
  if (!isStarved_) value = static_cast<uint32_t>(wide);
  return Status::ok;
}

// A place can be returned to while everything in the window belongs to the run under way.
void DeltaDecoder::mark(uint32_t payloadOffset) {
  if (state_ != State::difference && state_ != State::extra) return;
  if (packing_ == Packing::heatshrink && run_ < heatshrinkWindow) return;
  uint8_t state[stateSize] = {};
  state[0] = stateVersion;
  state[1] = static_cast<uint8_t>(static_cast<unsigned>(state_) << 4U | static_cast<unsigned>(packing_));
  putU32(state + 2, left_);
  putU32(state + 6, basePlace_);
  if (packing_ == Packing::heatshrink) heatshrink_.save(state + 11);
  mark_.payloadOffset = payloadOffset;
  mark_.imageOffset = made_;
  hasMark_ = isOk(mark_.state.assign(state));
}

bool DeltaDecoder::checkpoint(PayloadCheckpoint& out) const {
  if (!hasMark_ || failure_ != Status::ok) return false;
  out = mark_;
  return true;
}

Status DeltaDecoder::restore(const PayloadCheckpoint& from) {
  const ByteSpan state = from.state.view();
  if (state.size() != stateSize || state[0] != stateVersion || from.imageOffset > imageSize_) return Status::mismatch;
  state_ = static_cast<State>(state[1] >> 4U);
  packing_ = static_cast<Packing>(state[1] & 15U);
  left_ = getU32(state.data() + 2);
  basePlace_ = getU32(state.data() + 6);
  made_ = from.imageOffset;
  before_ = from.payloadOffset;
  if (state_ != State::difference && state_ != State::extra) return Status::mismatch;
  if (left_ > imageSize_ - made_) return Status::mismatch;
  if (packing_ == Packing::none) return Status::ok;
  if (packing_ != Packing::heatshrink || from.imageOffset < heatshrinkWindow) return Status::mismatch;
  if (!heatshrink_.restore(state.data() + 11)) return Status::mismatch;
  run_ = heatshrinkWindow;
  return fillWindow(from);
}

// The window held differences, which are the new bytes less those of the base, or the new bytes themselves.
Status DeltaDecoder::fillWindow(const PayloadCheckpoint& from) {
  const MutableSpan window = heatshrink_.window();
  CX_TRY(base_->readWritten(from.imageOffset - static_cast<uint32_t>(heatshrinkWindow), window));
  if (state_ == State::extra) return Status::ok;
  if (basePlace_ < heatshrinkWindow || basePlace_ > base_->runningSize()) return Status::mismatch;
  for (size_t done = 0; done < heatshrinkWindow; done += pieceSize) {
    CX_TRY(base_->readRunning(basePlace_ - static_cast<uint32_t>(heatshrinkWindow - done), baseBytes_));
    for (size_t i = 0; i < pieceSize; i++) window[done + i] = static_cast<uint8_t>(window[done + i] - baseBytes_[i]);
  }
  return Status::ok;
}

}  // namespace cx
