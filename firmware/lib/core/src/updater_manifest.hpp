// Gets the update manifest of an action from the manager and judges it: GET /updates/<update>/manifest over the node's own
// association, whatever the action's URI names. Nothing was written anywhere when it says what is to be done.
#pragma once

#include "manifest_check.hpp"
#include "node_backoff.hpp"
#include "node_context.hpp"
#include "trust_store.hpp"

namespace cx {

constexpr uint8_t manifestTriesMax = 8;  // of silence and of "not now"; then the attempt fails

enum class ManifestState : uint8_t { idle, waiting, asking, ready, refused, failed };

class UpdaterManifest final : private CoapResponseHandler {
 public:
  // `envelope` holds what came until it was judged, and until replaceAnchors(); what doesn't fit is too large.
  UpdaterManifest(NodeContext& context, TrustStore& trust, PayloadTools& tools, MutableSpan envelope)
      : context_(context), trust_(trust), tools_(tools), envelope_(envelope) {}

  // The ids that vendor, model and node id give; once, at boot.
  void identify(std::string_view vendor, std::string_view model, std::string_view node);
  const uint8_t* vendorId() const { return vendorId_; }
  const uint8_t* classId() const { return classId_; }

  // ready, refused or failed comes out of state(), the last two with reason().
  void ask(const Action& action, uint64_t nowMs);
  void poll(uint64_t nowMs);
  void stop();
  // Whoever was told whom to trust, or may have been, installs nothing that nobody signed.
  bool isSignatureNeeded() const { return trust_.isTrustable() || !trust_.isLoaded(); }
  ManifestState state() const { return state_; }
  std::string_view reason() const { return reason_.view(); }
  uint64_t nextDueMs() const { return state_ == ManifestState::waiting ? dueMs_ : UINT64_MAX; }

  // When ready. Its views into the envelope are good until the owner of that memory uses it again.
  const UpdateManifest& manifest() const { return manifest_; }
  // Of kind install; likewise, but for its encryption info, which is kept.
  const PayloadVariant& variant() const { return variant_; }
  // The decoder of the variant; null for a plain full image, and where there is none for it.
  PayloadDecoder* decoder() { return tools_.decoderFor(variant_); }
  // Of kind anchors: puts them in force. False: they couldn't be stored, and the old ones are.
  bool replaceAnchors();

 private:
  void onResponse(CoapRequestId id, const CoapResponse& response) override;
  void onRequestEnded(CoapRequestId id, Status why) override;
  ManifestReason read();
  void judge();
  void refuse(std::string_view reason);
  void later(std::string_view why, uint32_t askedMs);

  NodeContext& context_;
  TrustStore& trust_;
  PayloadTools& tools_;
  MutableSpan envelope_;
  size_t envelopeSize_ = 0;
  uint8_t vendorId_[uuidSize] = {};
  uint8_t classId_[uuidSize] = {};
  uint8_t deviceId_[uuidSize] = {};
  ManifestState state_ = ManifestState::idle;
  Reason reason_;
  CoapRequestId request_ = 0;
  FixedText<48> update_;
  uint8_t askedDigest_[wireDigestSize] = {};
  uint32_t askedSize_ = 0;
  uint64_t dueMs_ = 0;
  Backoff backoff_{1000, 60000};
  UpdateManifest manifest_;
  PayloadVariant variant_;
  FixedBytes<encryptionInfoMax> encryptionInfo_;
};

}  // namespace cx
