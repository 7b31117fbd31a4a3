#include "inflate_decoder.hpp"

#include <cstring>
#include <type_traits>

namespace cx {

namespace {

constexpr uint32_t turnMax = 4096;  // bytes put in one call of feed(), as PayloadDecoder promises
constexpr uint8_t stateVersion = 1;
constexpr unsigned endOfBlock = 256;

// RFC 1951 section 3.2.7: the order in which the lengths of the code lengths' code come.
constexpr uint8_t lengthOrder[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

// RFC 1951 section 3.2.5. Four lengths, and two distances, share each number of extra bits; the first ones have none.
constexpr unsigned lengthExtra(unsigned symbol) { return symbol < 8 || symbol == 28 ? 0 : (symbol - 4) / 4; }
constexpr unsigned lengthBase(unsigned symbol) {
  if (symbol == 28) return 258;
  return symbol < 8 ? symbol + 3 : ((4 + symbol % 4) << lengthExtra(symbol)) + 3;
}
constexpr unsigned distanceExtra(unsigned symbol) { return symbol < 4 ? 0 : (symbol - 2) / 2; }
constexpr unsigned distanceBase(unsigned symbol) {
  return symbol < 4 ? symbol + 1 : ((2 + symbol % 2) << distanceExtra(symbol)) + 1;
}
static_assert(lengthBase(27) == 227 && lengthExtra(27) == 5 && lengthBase(8) == 11, "RFC 1951 section 3.2.5");
static_assert(distanceBase(29) == 24577 && distanceExtra(29) == 13 && distanceBase(4) == 5, "RFC 1951 section 3.2.5");

// Fills in a canonical code (section 3.2.2). Over-full codes are refused; incomplete ones too, but for a single code of one
// bit where `maySingle`, which encoders write for one distance or none.
template <class Code>
bool build(Code& code, const uint8_t* lengths, unsigned count, bool maySingle) {
  std::memset(code.count, 0, sizeof code.count);
  for (unsigned i = 0; i < count; i++) code.count[lengths[i]]++;
  const unsigned used = count - code.count[0];
  code.count[0] = 0;
  int left = 1;
  uint16_t offset[16] = {};
  for (unsigned bits = 1; bits < 16; bits++) {
    left = left * 2 - code.count[bits];
    if (left < 0) return false;
    if (bits < 15) offset[bits + 1] = static_cast<uint16_t>(offset[bits] + code.count[bits]);
  }
  for (unsigned i = 0; i < count; i++) {
    if (lengths[i] != 0) code.symbol[offset[lengths[i]]++] = static_cast<std::remove_reference_t<decltype(code.symbol[0])>>(i);
  }
  return left == 0 || (maySingle && (used == 0 || (used == 1 && code.count[1] == 1)));
}

}  // namespace

Status InflateDecoder::start(const PayloadStart& start, PayloadSink& sink, PayloadBase& base) {
  state_ = State::done;
  const size_t size = window_.size();
  if (size < inflateWindowMin || size > inflateWindowMax || (size & (size - 1)) != 0) return failure_ = Status::unsupported;
  sink_ = &sink;
  imageSize_ = start.imageSize;
  failure_ = Status::ok;
  before_ = made_ = put_ = 0;
  bits_ = 0;
  bitCount_ = 0;
  isLast_ = false;
  blockPayload_ = blockImage_ = 0;
  blockBits_ = blockBitCount_ = 0;
  if (start.from.imageOffset > 0 || start.from.payloadOffset > 0) failure_ = restore(start, base);
  if (failure_ == Status::ok) state_ = State::blockHead;
  return failure_;
}

Status InflateDecoder::restore(const PayloadStart& start, PayloadBase& base) {
  const ByteSpan state = start.from.state.view();
  if (state.size() != 3 || state[0] != stateVersion || state[1] > 7) return Status::mismatch;
  if (start.from.imageOffset > imageSize_ || start.from.payloadOffset == 0) return Status::mismatch;
  bitCount_ = blockBitCount_ = state[1];
  bits_ = blockBits_ = static_cast<uint8_t>(state[2] & ((1U << bitCount_) - 1U));
  before_ = blockPayload_ = start.from.payloadOffset;
  made_ = put_ = blockImage_ = start.from.imageOffset;
  const uint32_t size = static_cast<uint32_t>(window_.size());
  uint32_t from = made_ > size ? made_ - size : 0;
  while (from < made_) {
    const uint32_t place = from % size;
    const uint32_t part = made_ - from < size - place ? made_ - from : size - place;
    CX_TRY(base.readWritten(from, window_.slice(place, part)));
    from += part;
  }
  return Status::ok;
}

bool InflateDecoder::checkpoint(PayloadCheckpoint& out) const {
  if (blockImage_ == 0 || failure_ != Status::ok) return false;
  const uint8_t state[3] = {stateVersion, blockBitCount_, blockBits_};
  out.payloadOffset = blockPayload_;
  out.imageOffset = blockImage_;
  return isOk(out.state.assign(state));
}

Status InflateDecoder::feed(ByteSpan bytes, size_t& taken) {
  taken = 0;
  if (failure_ != Status::ok) return failure_;
  input_ = bytes;
  at_ = 0;
  const Step end = run();
  taken = at_;
  before_ += static_cast<uint32_t>(at_);
  if (end == Step::malformed) return failure_ = Status::malformed;
  if (end == Step::tooLarge) return failure_ = Status::tooLarge;
  return failure_ = flush();
}

Status InflateDecoder::finish() {
  size_t taken = 0;
  CX_TRY(feed(ByteSpan(), taken));
  if (state_ == State::done) return made_ == imageSize_ ? Status::ok : failure_ = Status::malformed;
  return made_ == turnEnd_ ? Status::again : failure_ = Status::malformed;
}

InflateDecoder::Step InflateDecoder::run() {
  const uint32_t turn = window_.size() < turnMax ? static_cast<uint32_t>(window_.size()) : turnMax;
  turnEnd_ = made_ + turn;
  Step last = Step::on;
  while (last == Step::on) {
    if (state_ == State::done) return at_ < input_.size() || bitCount_ >= 8 ? Step::malformed : Step::needsInput;
    last = step();
  }
  return last;
}

InflateDecoder::Step InflateDecoder::step() {
  switch (state_) {
    case State::blockHead: return blockHead();
    case State::storedSize:
      take(bitCount_ % 8);
      if (!fill(16)) return Step::needsInput;
      left_ = take(16);
      state_ = State::storedComplement;
      return Step::on;
    case State::storedComplement:
      if (!fill(16)) return Step::needsInput;
      if (take(16) != (left_ ^ 0xFFFFU)) return Step::malformed;
      state_ = State::stored;
      return Step::on;
    case State::stored: return readStored();
    case State::counts:
      if (!fill(14)) return Step::needsInput;
      literalCount_ = static_cast<uint16_t>(take(5) + 257);
      distanceCount_ = static_cast<uint16_t>(take(5) + 1);
      codesToRead_ = static_cast<uint16_t>(take(4) + 4);
      if (literalCount_ > 286 || distanceCount_ > 30) return Step::malformed;
      codesRead_ = 0;
      std::memset(lengths(), 0, literals + distances);
      state_ = State::codeLengths;
      return Step::on;
    case State::codeLengths:
      if (codesRead_ < codesToRead_) {
        if (!fill(3)) return Step::needsInput;
        lengths()[lengthOrder[codesRead_++]] = static_cast<uint8_t>(take(3));
        return Step::on;
      }
      if (!build(literalCode_, lengths(), 19, false)) return Step::malformed;
      codesRead_ = 0;
      state_ = State::lengths;
      return Step::on;
    case State::lengths: return readLengths();
    case State::repeat: return readRepeat();
    case State::symbol: return readSymbol();
    case State::lengthExtra: {
      const unsigned extra = lengthExtra(symbol_);
      if (!fill(extra)) return Step::needsInput;
      left_ = lengthBase(symbol_) + take(extra);
      state_ = State::distance;
      return Step::on;
    }
    case State::distance: return readDistance();
    case State::distanceExtra: {
      const unsigned extra = distanceExtra(symbol_);
      if (!fill(extra)) return Step::needsInput;
      distance_ = distanceBase(symbol_) + take(extra);
      if (distance_ > made_ || distance_ > window_.size()) return Step::malformed;
      state_ = State::copy;
      return Step::on;
    }
    case State::copy: return copy();
    case State::done: break;
  }
  return Step::on;
}

InflateDecoder::Step InflateDecoder::blockHead() {
  if (isLast_) {
    state_ = State::done;
    return Step::on;
  }
  // Whole bytes that lie in bits_ needn't be kept: they come again.
  blockPayload_ = before_ + static_cast<uint32_t>(at_) - bitCount_ / 8;
  blockBitCount_ = static_cast<uint8_t>(bitCount_ % 8);
  blockBits_ = static_cast<uint8_t>(bits_ & ((1U << blockBitCount_) - 1U));
  blockImage_ = made_;
  if (!fill(3)) return Step::needsInput;
  isLast_ = take(1) != 0;
  switch (take(2)) {
    case 0: state_ = State::storedSize; return Step::on;
    case 1:
      useFixedCodes();
      state_ = State::symbol;
      return Step::on;
    case 2: state_ = State::counts; return Step::on;
    default: return Step::malformed;
  }
}

InflateDecoder::Step InflateDecoder::readStored() {
  if (left_ == 0) {
    state_ = State::blockHead;
    return Step::on;
  }
  if (bitCount_ == 0 && at_ == input_.size()) return Step::needsInput;
  if (made_ == turnEnd_) return Step::needsTurn;
  const uint8_t byte = bitCount_ > 0 ? static_cast<uint8_t>(take(8)) : input_[at_++];
  left_--;
  return put(byte);
}

InflateDecoder::Step InflateDecoder::readLengths() {
  if (codesRead_ == literalCount_ + distanceCount_) {
    if (!useCodes()) return Step::malformed;
    state_ = State::symbol;
    return Step::on;
  }
  unsigned symbol = 0;
  const Step decoded = decode(literalCode_, symbol);
  if (decoded != Step::on) return decoded;
  if (symbol < 16) {
    lengths()[codesRead_++] = static_cast<uint8_t>(symbol);
    return Step::on;
  }
  symbol_ = static_cast<uint16_t>(symbol);
  state_ = State::repeat;
  return Step::on;
}

InflateDecoder::Step InflateDecoder::readRepeat() {
  const unsigned extra = symbol_ == 16 ? 2 : symbol_ == 17 ? 3 : 7;
  if (!fill(extra)) return Step::needsInput;
  const unsigned count = take(extra) + (symbol_ == 18 ? 11 : 3);
  if (symbol_ == 16 && codesRead_ == 0) return Step::malformed;
  if (codesRead_ + count > static_cast<unsigned>(literalCount_ + distanceCount_)) return Step::malformed;
  const uint8_t length = symbol_ == 16 ? lengths()[codesRead_ - 1] : 0;
  std::memset(lengths() + codesRead_, length, count);
  codesRead_ = static_cast<uint16_t>(codesRead_ + count);
  state_ = State::lengths;
  return Step::on;
}

InflateDecoder::Step InflateDecoder::readSymbol() {
  if (made_ == turnEnd_) return Step::needsTurn;
  unsigned symbol = 0;
  const Step decoded = decode(literalCode_, symbol);
  if (decoded != Step::on) return decoded;
  if (symbol < endOfBlock) return put(static_cast<uint8_t>(symbol));
  if (symbol == endOfBlock) {
    state_ = State::blockHead;
    return Step::on;
  }
  symbol_ = static_cast<uint16_t>(symbol - endOfBlock - 1);
  if (symbol_ > 28) return Step::malformed;
  state_ = State::lengthExtra;
  return Step::on;
}

InflateDecoder::Step InflateDecoder::readDistance() {
  unsigned symbol = 0;
  const Step decoded = decode(distanceCode_, symbol);
  if (decoded != Step::on) return decoded;
  if (symbol > 29) return Step::malformed;
  symbol_ = static_cast<uint16_t>(symbol);
  state_ = State::distanceExtra;
  return Step::on;
}

InflateDecoder::Step InflateDecoder::copy() {
  const size_t mask = window_.size() - 1;
  while (left_ > 0) {
    if (made_ == turnEnd_) return Step::needsTurn;
    const Step written = put(window_[(made_ - distance_) & mask]);
    if (written != Step::on) return written;
    left_--;
  }
  state_ = State::symbol;
  return Step::on;
}

InflateDecoder::Step InflateDecoder::put(uint8_t byte) {
  if (made_ >= imageSize_) return Step::tooLarge;
  window_[made_ & (window_.size() - 1)] = byte;
  made_++;
  return Step::on;
}

// Everything that was made in this turn; it is never more than the window holds.
Status InflateDecoder::flush() {
  const uint32_t size = static_cast<uint32_t>(window_.size());
  while (put_ < made_) {
    const uint32_t place = put_ & (size - 1);
    const uint32_t part = made_ - put_ < size - place ? made_ - put_ : size - place;
    CX_TRY(sink_->put(ByteSpan(window_.data() + place, part)));
    put_ += part;
  }
  return Status::ok;
}

// At least `count` bits in bits_, if the input has them; more bytes come along.
bool InflateDecoder::fill(unsigned count) {
  while (bitCount_ < count && at_ < input_.size()) {
    bits_ |= static_cast<uint32_t>(input_[at_++]) << bitCount_;
    bitCount_ += 8;
  }
  return bitCount_ >= count;
}

uint32_t InflateDecoder::take(unsigned count) {
  const uint32_t value = bits_ & ((1U << count) - 1U);
  bits_ >>= count;
  bitCount_ -= count;
  return value;
}

// Bit by bit along the canonical code: no table but counts and symbols (section 3.2.2).
template <class AnyCode>
InflateDecoder::Step InflateDecoder::decode(const AnyCode& code, unsigned& symbol) {
  fill(codeBitsMax);
  unsigned value = 0;
  unsigned first = 0;
  unsigned index = 0;
  uint32_t bits = bits_;
  for (unsigned length = 1; length <= codeBitsMax; length++) {
    if (length > bitCount_) return Step::needsInput;
    value |= bits & 1U;
    bits >>= 1U;
    const unsigned count = code.count[length];
    if (value < first + count) {
      symbol = code.symbol[index + value - first];
      take(length);
      return Step::on;
    }
    index += count;
    first = (first + count) << 1U;
    value <<= 1U;
  }
  return Step::malformed;
}

bool InflateDecoder::useCodes() {
  uint8_t own[literals + distances];  // they lie where the code will be
  static_assert(sizeof own <= sizeof literalCode_.symbol - 32 * sizeof literalCode_.symbol[0], "no room beside the code");
  std::memcpy(own, lengths(), sizeof own);
  if (own[endOfBlock] == 0) return false;
  return build(literalCode_, own, literalCount_, true) && build(distanceCode_, own + literalCount_, distanceCount_, true);
}

void InflateDecoder::useFixedCodes() {
  uint8_t own[literals];
  for (unsigned i = 0; i < literals; i++) own[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  (void)build(literalCode_, own, literals, false);
  std::memset(own, 5, distances);
  (void)build(distanceCode_, own, distances, false);
}

}  // namespace cx
