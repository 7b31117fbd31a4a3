// All decoders that core has, with the memory they take: `Window` bytes for deflate and 1.7 KB for the rest. One payload
// is undone at a time, so the patcher lies where the window would be. 2048 suits the smallest boards.
#pragma once

#include <new>

#include "delta_decoder.hpp"
#include "inflate_decoder.hpp"
#include "payload_chain.hpp"
#include "payload_tools.hpp"

namespace cx {

// -262 of the update manifest: a sequential patch of detools, plain or by heatshrink with a window of 256 bytes at most.
constexpr uint32_t deltaFormatDetools = 1;

class NoPayloadKeys final : public PayloadKeys {
 public:
  const uint8_t* find(ByteSpan) override { return nullptr; }
};

template <size_t Window>
class PayloadKit final : public PayloadTools {
 public:
  static_assert(Window >= inflateWindowMin && Window <= inflateWindowMax && (Window & (Window - 1)) == 0, "a power of two");
  static_assert(Window >= sizeof(DeltaDecoder), "the patcher lies in the window");
  explicit PayloadKit(PayloadKeys& keys) : keys_(keys), chain_(keys) {}

  uint32_t windowMax() override { return Window; }
  bool takesDelta(uint32_t format, uint32_t memory) override { return format == deltaFormatDetools && memory <= deltaMemoryMax; }
  bool canDecrypt(ByteSpan info) override {
    Encrypt0Headers headers;
    return isOk(readEncrypt0(info, headers)) && keys_.find(headers.keyId) != nullptr;
  }
  PayloadDecoder* decoderFor(const PayloadVariant& variant) override {
    PayloadDecoder* plain = nullptr;
    if (variant.kind == PayloadKind::deflate) plain = &inflate_;
    if (variant.kind == PayloadKind::delta) plain = ::new (static_cast<void*>(window_)) DeltaDecoder();
    if (variant.encryptionInfo.empty()) return plain;
    chain_.setNext(plain);
    return &chain_;
  }

 private:
  PayloadKeys& keys_;
  alignas(DeltaDecoder) uint8_t window_[Window];
  InflateDecoder inflate_{MutableSpan(window_)};
  PayloadChain chain_;
};

}  // namespace cx
