// COSE_Encrypt0 before another decoder, as one decoder: a piece is decrypted, and then the next one takes it.
#pragma once

#include "encrypt0_decoder.hpp"

namespace cx {

class PayloadChain final : public PayloadDecoder, private PayloadSink {
 public:
  explicit PayloadChain(PayloadKeys& keys) : cipher_(keys) {}

  // What undoes the plaintext; null: it is the image itself. Before start().
  void setNext(PayloadDecoder* next) { next_ = next; }
  Status start(const PayloadStart& start, PayloadSink& sink, PayloadBase& base) override;
  Status feed(ByteSpan bytes, size_t& taken) override;
  Status finish() override;
  bool checkpoint(PayloadCheckpoint& out) const override;

 private:
  static constexpr size_t pieceSize = 128;

  Status put(ByteSpan bytes) override;
  Status drain();

  Encrypt0Decoder cipher_;
  PayloadDecoder* next_ = nullptr;
  PayloadSink* sink_ = nullptr;
  size_t plainSize_ = 0;
  size_t plainTaken_ = 0;
  uint8_t plain_[pieceSize];   // decrypted, and not all of it taken yet
};

}  // namespace cx
