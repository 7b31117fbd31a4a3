// The payload variant "delta": a sequential patch of detools (its format version 0.53: sizes, differences, new bytes), plain or
// packed by heatshrink with a window of 256 bytes. The base is the running image, read as the patch says; nothing is copied.
//
//   header  compression | size of the image
//   then    0 (no data format), and until the image is whole:
//           n, n differences to the base | m, m new bytes | step in the base
//
// It can go on within any longer run: what the window of heatshrink held is then in the slot and in the running image.
#pragma once

#include "heatshrink_reader.hpp"
#include "payload_decoder.hpp"

namespace cx {

// What -263 of the update manifest is compared with: the whole decoder, its window included.
constexpr uint32_t deltaMemoryMax = 1024;

class DeltaDecoder final : public PayloadDecoder {
 public:
  Status start(const PayloadStart& start, PayloadSink& sink, PayloadBase& base) override;
  Status feed(ByteSpan bytes, size_t& taken) override;
  Status finish() override;
  bool checkpoint(PayloadCheckpoint& out) const override;

 private:
  enum class State : uint8_t { type, imageSize, packing, dataFormat, differenceSize, difference, extraSize, extra, step, done };
  enum class Packing : uint8_t { none = 0, heatshrink = 4 };
  static constexpr size_t pieceSize = 128;

  Status run(ByteSpan bytes, size_t& taken);
  Status state();
  Status restore(const PayloadCheckpoint& from);
  Status fillWindow(const PayloadCheckpoint& from);
  bool isPacked() const { return packing_ == Packing::heatshrink && state_ > State::packing; }
  bool next(uint8_t& byte);
  Status number(int64_t& value);
  Status size(uint32_t& value);
  Status piece();
  void mark(uint32_t payloadOffset);

  PayloadSink* sink_ = nullptr;
  PayloadBase* base_ = nullptr;
  ByteSpan input_;
  size_t at_ = 0;
  bool isStarved_ = false;     // the input ended within a number or a run
  uint32_t before_ = 0;        // bytes of the payload that were taken in earlier turns
  uint32_t imageSize_ = 0;
  uint32_t made_ = 0;
  uint32_t turnEnd_ = 0;
  uint32_t basePlace_ = 0;
  uint32_t left_ = 0;          // of the run under way
  uint32_t run_ = 0;           // bytes of it that are done
  State state_ = State::done;
  Packing packing_ = Packing::none;
  uint64_t number_ = 0;
  uint8_t numberBytes_ = 0;
  bool isNegative_ = false;
  Status failure_ = Status::ok;
  bool hasMark_ = false;
  PayloadCheckpoint mark_;
  HeatshrinkReader heatshrink_;
  uint8_t bytes_[pieceSize];
  uint8_t baseBytes_[pieceSize];
};

static_assert(sizeof(DeltaDecoder) <= deltaMemoryMax, "the patcher's memory is part of the manifest's profile");

}  // namespace cx
