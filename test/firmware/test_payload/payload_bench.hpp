// A slot, a running image and a decoder of each kind.
#pragma once
#include <cstring>

#include "../generated/payload_variants_vectors.hpp"
#include "../hex.hpp"
#include "delta_decoder.hpp"
#include "encrypt0_decoder.hpp"
#include "inflate_decoder.hpp"

struct PayloadBench final : cx::PayloadSink, cx::PayloadBase, cx::PayloadKeys {
  static constexpr size_t capacity = 3072;
  Hex<capacity> base{vectors::payloadBaseHex};
  Hex<capacity> image{vectors::payloadImageHex};
  Hex<capacity> payload{""};
  Hex<64> parameters{""};
  Hex<16> key{""};
  bool hasKey = true;
  bool isFull = false;
  uint8_t made[capacity] = {};
  size_t madeSize = 0;
  uint8_t window[512];
  cx::InflateDecoder inflate{cx::MutableSpan(window, sizeof window)};
  cx::DeltaDecoder delta;
  cx::Encrypt0Decoder encrypt0{*this};
  cx::PayloadDecoder* decoder = nullptr;

  explicit PayloadBench(const vectors::PayloadVector& of) : payload(of.payloadHex), parameters(of.parametersHex), key(of.keyHex) {
    std::memset(window, 0xA5, sizeof window);
    decoder = std::strcmp(of.kind, "deflate") == 0 ? static_cast<cx::PayloadDecoder*>(&inflate)
              : std::strcmp(of.kind, "delta") == 0 ? static_cast<cx::PayloadDecoder*>(&delta)
                                                   : &encrypt0;
  }

  cx::Status put(cx::ByteSpan bytes) override {
    if (isFull) return cx::Status::io;
    if (bytes.size() > capacity - madeSize) return cx::Status::tooLarge;
    std::memcpy(made + madeSize, bytes.data(), bytes.size());
    madeSize += bytes.size();
    return cx::Status::ok;
  }
  uint32_t runningSize() override { return static_cast<uint32_t>(base.size); }
  cx::Status readRunning(uint32_t offset, cx::MutableSpan out) override { return read(base.view(), offset, out); }
  cx::Status readWritten(uint32_t offset, cx::MutableSpan out) override { return read(cx::ByteSpan(made, madeSize), offset, out); }
  const uint8_t* find(cx::ByteSpan) override { return hasKey ? key.bytes : nullptr; }

  cx::Status start(const cx::PayloadCheckpoint& from = {}) {
    cx::PayloadStart start;
    start.payloadSize = static_cast<uint32_t>(payload.size);
    start.imageSize = static_cast<uint32_t>(image.size);
    start.parameters = parameters.view();
    start.from = from;
    return decoder->start(start, *this, *this);
  }
  // The payload from `at` on, `piece` bytes at a time, until `end` of it or a failure.
  cx::Status feed(size_t at, size_t piece, size_t end = capacity) {
    if (end > payload.size) end = payload.size;
    while (at < end) {
      size_t taken = 0;
      CX_TRY(decoder->feed(payload.view().slice(at, piece < end - at ? piece : end - at), taken));
      at += taken;
    }
    return cx::Status::ok;
  }
  cx::Status finish() {
    for (;;) {
      const cx::Status status = decoder->finish();
      if (status != cx::Status::again) return status;
    }
  }
  cx::Status run(size_t piece) {
    CX_TRY(start());
    CX_TRY(feed(0, piece));
    return finish();
  }
  bool isImage() const { return cx::equal(cx::ByteSpan(made, madeSize), image.view()); }

 private:
  static cx::Status read(cx::ByteSpan from, uint32_t offset, cx::MutableSpan out) {
    if (offset > from.size() || out.size() > from.size() - offset) return cx::Status::invalid;
    std::memcpy(out.data(), from.data() + offset, out.size());
    return cx::Status::ok;
  }
};
