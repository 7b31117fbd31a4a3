// The end of every payload: what is put lands in the idle slot, in order. Bytes that the slot holds already, since an
// earlier try made them durable, are passed over. The running slot is only read.
#pragma once

#include "hal/image_slots.hpp"
#include "payload_decoder.hpp"

namespace cx {

class SlotWriter final : public PayloadSink, public PayloadBase {
 public:
  explicit SlotWriter(hal::ImageSlots& slots) : slots_(slots) {}

  // Takes up what is durable of this image.
  hal::Code begin(const hal::ImageIdentity& identity);
  // From which byte of the image on the next put() is: at most end().
  void seek(uint32_t position) { position_ = position < end_ ? position : end_; }
  // Gives up what is durable.
  hal::Code restart();

  Status put(ByteSpan bytes) override;
  uint32_t runningSize() override { return slots_.boot().runningSize; }
  Status readRunning(uint32_t offset, MutableSpan out) override;
  Status readWritten(uint32_t offset, MutableSpan out) override;

  // Bytes of the image that were put; what is in the slot ends at end().
  uint32_t position() const { return position_; }
  uint32_t end() const { return end_; }
  uint32_t durable() const { return slots_.durable(); }

 private:
  hal::ImageSlots& slots_;
  uint32_t size_ = 0;
  uint32_t position_ = 0;
  uint32_t end_ = 0;
};

}  // namespace cx
