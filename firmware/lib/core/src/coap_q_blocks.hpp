// Ten blocks that come by Q-Block2 (RFC 9177 section 4.4): which of them lack, and those that came before their turn. Each is asked
// for by name, so that nothing comes by itself and it is the same whether a block was lost, had no room or wasn't sent yet.
#pragma once

#include "coap_message.hpp"

namespace cx {

constexpr uint32_t qBlockSetMax = 10;  // MAX_PAYLOADS (section 7.2)

class CoapQBlocks {
 public:
  // `hold` keeps blocks that came too early, as many as it has room for; others are asked for again.
  explicit CoapQBlocks(MutableSpan hold) : hold_(hold) {}

  // From block `number` on, of `total`; 0: not known.
  void begin(uint32_t number, uint8_t szx, uint32_t total);
  uint32_t end() const { return end_; }
  // A block that can't go on yet. False: there is no room, and it is as if it hadn't come.
  bool keep(const coap::Block& block, ByteSpan bytes);
  // The block `number`, if it is here; it is then no longer kept.
  bool take(uint32_t number, coap::Block& block, ByteSpan& bytes);
  // Option values that ask for what lacks from `number` on.
  size_t wish(uint32_t number, uint32_t (&values)[qBlockSetMax]) const;

 private:
  struct Kept {
    coap::Block block;
    size_t size = 0;
    bool isUsed = false;
  };
  size_t places() const;
  const Kept* find(uint32_t number) const;

  MutableSpan hold_;
  uint32_t end_ = 0;
  uint8_t szx_ = 6;
  Kept kept_[qBlockSetMax];
};

}  // namespace cx
