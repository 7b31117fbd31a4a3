// heatshrink (LZSS with a small window), as detools packs its patches: 1 and eight bits are a byte; 0, a distance and a count
// repeat what came before. The highest bit comes first. One byte out at a time, so that its reader can stop anywhere.
#pragma once

#include "span.hpp"

namespace cx {

constexpr unsigned heatshrinkWindowBits = 8;
constexpr size_t heatshrinkWindow = 1U << heatshrinkWindowBits;
constexpr size_t heatshrinkStateSize = 7;

class HeatshrinkReader {
 public:
  // The window begins with zeros, which a stream may repeat. False: a larger window than ours, or not heatshrink's sizes.
  bool start(unsigned windowBits, unsigned countBits);
  void offer(ByteSpan input) {
    input_ = input;
    at_ = 0;
  }
  size_t taken() const { return at_; }
  // False: it needs more input.
  bool next(uint8_t& byte);
  // Nothing is left but what fills the last byte up: zeros.
  bool isAtEnd() const { return repeat_ == 0 && step_ == Step::tag && held_ == 0 && at_ == input_.size(); }

  // The state without the window; what was made lately goes into the window from its owner's side.
  void save(uint8_t* out) const;
  bool restore(const uint8_t* saved);
  MutableSpan window() { return window_; }

 private:
  enum class Step : uint8_t { tag, literal, distance, count };
  bool bits(unsigned count, unsigned& value);
  void keep(uint8_t byte) { window_[head_++ % heatshrinkWindow] = byte; }

  ByteSpan input_;
  size_t at_ = 0;
  uint8_t windowBits_ = 0;
  uint8_t countBits_ = 0;
  Step step_ = Step::tag;
  uint8_t held_ = 0;       // the rest of the byte under way, its next bit highest
  uint8_t heldCount_ = 0;
  uint16_t value_ = 0;     // bits collected of the field under way
  uint8_t valueCount_ = 0;
  uint16_t distance_ = 0;
  uint16_t repeat_ = 0;
  uint8_t head_ = 0;
  uint8_t window_[heatshrinkWindow] = {};
};

}  // namespace cx
