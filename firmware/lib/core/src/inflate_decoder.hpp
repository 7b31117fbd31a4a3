// Raw deflate (RFC 1951) as a stream, for the payload variant "deflate": no heap, one window that the owner gives, bits in,
// image bytes out. What zlib refuses is refused here too.
//
// It can go on at the start of any deflate block: the state is the bits of the byte that the block begins in, and the window
// is read back from the slot. So a resume costs at most one block, which the writer keeps small.
#pragma once

#include "payload_decoder.hpp"

namespace cx {

constexpr size_t inflateWindowMin = 256;
constexpr size_t inflateWindowMax = 32768;

class InflateDecoder final : public PayloadDecoder {
 public:
  // `window` is a power of two from 256 to 32768 bytes; a stream that looks back farther is malformed.
  explicit InflateDecoder(MutableSpan window) : window_(window) {}

  Status start(const PayloadStart& start, PayloadSink& sink, PayloadBase& base) override;
  Status feed(ByteSpan bytes, size_t& taken) override;
  Status finish() override;
  bool checkpoint(PayloadCheckpoint& out) const override;
  size_t windowSize() const { return window_.size(); }

 private:
  static constexpr unsigned codeBitsMax = 15;
  static constexpr unsigned literals = 288;
  static constexpr unsigned distances = 32;

  // A canonical Huffman code: how many codes of each length, and the symbols in the order of their codes.
  struct Code {
    uint16_t count[codeBitsMax + 1];
    uint16_t symbol[literals];
  };
  struct DistanceCode {
    uint16_t count[codeBitsMax + 1];
    uint8_t symbol[distances];
  };
  enum class State : uint8_t {
    blockHead, storedSize, storedComplement, stored, counts, codeLengths, lengths, repeat,
    symbol, lengthExtra, distance, distanceExtra, copy, done
  };
  enum class Step : uint8_t { on, needsInput, needsTurn, malformed, tooLarge };

  Step run();
  Step step();
  Step blockHead();
  Step readStored();
  Step readLengths();
  Step readRepeat();
  Step readSymbol();
  Step readDistance();
  Step copy();
  bool fill(unsigned count);
  uint32_t take(unsigned count);
  template <class AnyCode>
  Step decode(const AnyCode& code, unsigned& symbol);
  Step put(uint8_t byte);
  // Of the codes to come, beside the code that they are read by: it has 19 symbols.
  uint8_t* lengths() { return reinterpret_cast<uint8_t*>(literalCode_.symbol + 32); }
  bool useCodes();
  void useFixedCodes();
  Status flush();
  Status restore(const PayloadStart& start, PayloadBase& base);

  MutableSpan window_;
  PayloadSink* sink_ = nullptr;
  ByteSpan input_;
  size_t at_ = 0;              // in input_
  uint32_t before_ = 0;        // bytes of the payload before input_
  uint32_t imageSize_ = 0;
  uint32_t made_ = 0;          // bytes of the image, those of the window included
  uint32_t put_ = 0;           // of these, what the sink has
  uint32_t turnEnd_ = 0;       // of made_, in this turn
  uint32_t bits_ = 0;          // the next one lowest
  unsigned bitCount_ = 0;
  State state_ = State::done;
  bool isLast_ = false;
  uint16_t codesToRead_ = 0;
  uint16_t codesRead_ = 0;
  uint16_t literalCount_ = 0;
  uint16_t distanceCount_ = 0;
  uint16_t symbol_ = 0;
  uint32_t left_ = 0;          // of a stored block or a copy
  uint32_t distance_ = 0;
  uint32_t blockPayload_ = 0;  // where the last block began
  uint32_t blockImage_ = 0;
  uint8_t blockBits_ = 0;
  uint8_t blockBitCount_ = 0;
  Status failure_ = Status::ok;
  Code literalCode_;           // also the code of the code lengths while these are read, and behind it those
  DistanceCode distanceCode_;
};

}  // namespace cx
