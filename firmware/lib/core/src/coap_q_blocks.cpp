#include "coap_q_blocks.hpp"

#include <cstring>

namespace cx {

void CoapQBlocks::begin(uint32_t number, uint8_t szx, uint32_t total) {
  szx_ = szx;
  end_ = number + qBlockSetMax;
  if (total > number && total < end_) end_ = total;
  for (Kept& each : kept_) each.isUsed = false;
}

size_t CoapQBlocks::places() const {
  const size_t fit = hold_.size() >> (szx_ + 4U);
  return fit < qBlockSetMax ? fit : qBlockSetMax;
}

const CoapQBlocks::Kept* CoapQBlocks::find(uint32_t number) const {
  for (const Kept& each : kept_) {
    if (each.isUsed && each.block.number == number) return &each;
  }
  return nullptr;
}

bool CoapQBlocks::keep(const coap::Block& block, ByteSpan bytes) {
  if (find(block.number) != nullptr) return true;
  if (block.number >= end_ || bytes.size() > block.size()) return false;
  for (size_t i = 0; i < places(); i++) {
    if (kept_[i].isUsed) continue;
    kept_[i] = Kept{block, bytes.size(), true};
    // What comes out of take() may come back, to another place or the same.
    if (!bytes.empty()) std::memmove(hold_.data() + (i << (szx_ + 4U)), bytes.data(), bytes.size());
    return true;
  }
  return false;
}

bool CoapQBlocks::take(uint32_t number, coap::Block& block, ByteSpan& bytes) {
  for (size_t i = 0; i < places(); i++) {
    Kept& each = kept_[i];
    if (!each.isUsed || each.block.number != number) continue;
    each.isUsed = false;
    block = each.block;
    bytes = hold_.slice(i << (szx_ + 4U), each.size);
    return true;
  }
  return false;
}

size_t CoapQBlocks::wish(uint32_t number, uint32_t (&values)[qBlockSetMax]) const {
  size_t count = 0;
  for (uint32_t each = number; each < end_ && count < qBlockSetMax; each++) {
    if (find(each) == nullptr) values[count++] = each << 4U | szx_;
  }
  return count;
}

}  // namespace cx
