#include "payload_chain.hpp"

#include <cstring>

namespace cx {

Status PayloadChain::start(const PayloadStart& start, PayloadSink& sink, PayloadBase& base) {
  sink_ = &sink;
  plainSize_ = plainTaken_ = 0;
  // Ciphertext and plaintext are as long as each other, so the place is the same in both.
  PayloadStart outer = start;
  outer.from.imageOffset = start.from.payloadOffset;
  if (next_ != nullptr) outer.from.state.clear();
  CX_TRY(cipher_.start(outer, *this, base));
  if (next_ == nullptr) return start.from.imageOffset == start.from.payloadOffset ? Status::ok : Status::mismatch;
  PayloadStart inner = start;
  inner.payloadSize = cipher_.textSize();
  inner.parameters = ByteSpan();
  return next_->start(inner, sink, base);
}

Status PayloadChain::put(ByteSpan bytes) {
  if (next_ == nullptr) return sink_->put(bytes);
  std::memcpy(plain_, bytes.data(), bytes.size());  // as much as feed() gave, so at most a piece
  plainSize_ = bytes.size();
  plainTaken_ = 0;
  return Status::ok;
}

// Again: the next one had its turn and has more to do.
Status PayloadChain::drain() {
  if (plainTaken_ == plainSize_) return Status::ok;
  size_t taken = 0;
  CX_TRY(next_->feed(ByteSpan(plain_, plainSize_).from(plainTaken_), taken));
  plainTaken_ += taken;
  return plainTaken_ == plainSize_ ? Status::ok : Status::again;
}

// One piece, since each may make as much as a turn has.
Status PayloadChain::feed(ByteSpan bytes, size_t& taken) {
  taken = 0;
  if (next_ == nullptr) return cipher_.feed(bytes, taken);
  if (plainTaken_ < plainSize_) {
    const Status status = drain();
    return status == Status::again ? Status::ok : status;
  }
  CX_TRY(cipher_.feed(bytes.first(pieceSize), taken));
  const Status status = drain();
  return status == Status::again ? Status::ok : status;
}

Status PayloadChain::finish() {
  if (next_ == nullptr) return cipher_.finish();
  if (plainTaken_ < plainSize_) {
    const Status status = drain();
    return status == Status::ok ? Status::again : status;
  }
  CX_TRY(next_->finish());
  return cipher_.finish();
}

bool PayloadChain::checkpoint(PayloadCheckpoint& out) const {
  return next_ == nullptr ? cipher_.checkpoint(out) : next_->checkpoint(out);
}

}  // namespace cx
