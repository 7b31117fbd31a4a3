#include "heatshrink_reader.hpp"

#include <cstring>

namespace cx {

bool HeatshrinkReader::start(unsigned windowBits, unsigned countBits) {
  if (windowBits < 4 || windowBits > heatshrinkWindowBits || countBits < 3 || countBits >= windowBits) return false;
  *this = HeatshrinkReader();
  windowBits_ = static_cast<uint8_t>(windowBits);
  countBits_ = static_cast<uint8_t>(countBits);
  return true;
}

bool HeatshrinkReader::next(uint8_t& byte) {
  for (;;) {
    if (repeat_ > 0) {
      repeat_--;
      byte = window_[static_cast<uint8_t>(head_ - distance_)];
      keep(byte);
      return true;
    }
    unsigned value = 0;
    switch (step_) {
      case Step::tag:
        if (!bits(1, value)) return false;
        step_ = value != 0 ? Step::literal : Step::distance;
        break;
      case Step::literal:
        if (!bits(8, value)) return false;
        step_ = Step::tag;
        byte = static_cast<uint8_t>(value);
        keep(byte);
        return true;
      case Step::distance:
        if (!bits(windowBits_, value)) return false;
        distance_ = static_cast<uint16_t>(value + 1);
        step_ = Step::count;
        break;
      case Step::count:
        if (!bits(countBits_, value)) return false;
        repeat_ = static_cast<uint16_t>(value + 1);
        step_ = Step::tag;
        break;
    }
  }
}

// Keeps what it has of a field when the input ends within it.
bool HeatshrinkReader::bits(unsigned count, unsigned& value) {
  while (valueCount_ < count) {
    if (heldCount_ == 0) {
      if (at_ == input_.size()) return false;
      held_ = input_[at_++];
      heldCount_ = 8;
    }
    value_ = static_cast<uint16_t>(value_ << 1U | held_ >> 7U);
    held_ = static_cast<uint8_t>(held_ << 1U);
    heldCount_--;
    valueCount_++;
  }
  value = value_;
  value_ = 0;
  valueCount_ = 0;
  return true;
}

void HeatshrinkReader::save(uint8_t* out) const {
  out[0] = static_cast<uint8_t>(windowBits_ << 4U | countBits_);
  out[1] = static_cast<uint8_t>(static_cast<unsigned>(step_) << 4U | heldCount_);
  out[2] = held_;
  out[3] = valueCount_;
  out[4] = static_cast<uint8_t>(value_);  // below eight bits wherever a field is unfinished
  out[5] = static_cast<uint8_t>(distance_ - 1);
  out[6] = static_cast<uint8_t>(repeat_);
}

bool HeatshrinkReader::restore(const uint8_t* saved) {
  if (!start(saved[0] >> 4U, saved[0] & 15U)) return false;
  if (saved[1] >> 4U > static_cast<unsigned>(Step::count) || (saved[1] & 15U) > 7 || saved[3] > 7) return false;
  if (saved[6] > 1U << countBits_) return false;
  step_ = static_cast<Step>(saved[1] >> 4U);
  heldCount_ = static_cast<uint8_t>(saved[1] & 15U);
  held_ = saved[2];
  valueCount_ = saved[3];
  value_ = static_cast<uint16_t>(saved[4] & ((1U << valueCount_) - 1U));
  distance_ = static_cast<uint16_t>(saved[5] + 1);
  repeat_ = saved[6];
  return true;
}

}  // namespace cx
