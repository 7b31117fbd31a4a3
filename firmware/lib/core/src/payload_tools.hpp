// What a node can undo: the decoders that its board has memory, code and keys for. Core asks it when it chooses a variant,
// and takes the decoder from it when the first byte is about to come.
#pragma once

#include "payload_decoder.hpp"
#include "suit_manifest.hpp"

namespace cx {

class PayloadTools {
 public:
  // Largest window of deflate, bytes; 0: none.
  virtual uint32_t windowMax() = 0;
  // Whether a patch of this format, which needs this much memory, can be applied here.
  virtual bool takesDelta(uint32_t format, uint32_t memory) = 0;
  // The algorithm is known, and the key is there.
  virtual bool canDecrypt(ByteSpan encryptionInfo) = 0;
  // The head of the chain for a variant that passed the questions above; started by the caller. Never null for one that
  // isn't a plain full image. One at a time.
  virtual PayloadDecoder* decoderFor(const PayloadVariant& variant) = 0;

 protected:
  ~PayloadTools() = default;
};

// A node that takes full images alone.
class NoPayloadTools final : public PayloadTools {
 public:
  uint32_t windowMax() override { return 0; }
  bool takesDelta(uint32_t, uint32_t) override { return false; }
  bool canDecrypt(ByteSpan) override { return false; }
  PayloadDecoder* decoderFor(const PayloadVariant&) override { return nullptr; }
};

}  // namespace cx
