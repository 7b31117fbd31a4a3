// The update manifest of one job: whoever brings it, it is judged here. Nothing was written anywhere when it says what is
// to be done.
#pragma once

#include "manifest_check.hpp"
#include "trust_store.hpp"
#include "updater_context.hpp"

namespace cx {

// waiting, asking: it isn't whole yet.
enum class ManifestState : uint8_t { idle, waiting, asking, ready, refused, failed };

class UpdaterManifest {
 public:
  // `envelope` holds what came until it was judged, and until replaceAnchors(); what doesn't fit is too large.
  UpdaterManifest(UpdaterContext& context, TrustStore& trust, PayloadTools& tools, MutableSpan envelope)
      : envelope_(envelope), updater_(context), trust_(trust), tools_(tools) {}

  // The ids that vendor, model and node id give; once, at boot.
  void identify(std::string_view vendor, std::string_view model, std::string_view node);
  const uint8_t* vendorId() const { return vendorId_; }
  const uint8_t* classId() const { return classId_; }

  // ready, refused or failed comes out of state(), the last two with reason().
  virtual void ask(const Action& action, uint64_t nowMs) = 0;
  virtual void poll(uint64_t nowMs) = 0;
  virtual void stop() = 0;
  virtual uint64_t nextDueMs() const = 0;
  // Whoever was told whom to trust, or may have been, installs nothing that nobody signed.
  bool isSignatureNeeded() const { return trust_.isTrustable() || !trust_.isLoaded(); }
  ManifestState state() const { return state_; }
  std::string_view reason() const { return reason_.view(); }

  // When ready. Its views into the envelope are good until the owner of that memory uses it again.
  const UpdateManifest& manifest() const { return manifest_; }
  // Of kind install; likewise, but for its encryption info, which is kept.
  const PayloadVariant& variant() const { return variant_; }
  // The decoder of the variant; null for a plain full image, and where there is none for it.
  PayloadDecoder* decoder() { return tools_.decoderFor(variant_); }
  // Of kind anchors: puts them in force. False: they couldn't be stored, and the old ones are.
  bool replaceAnchors();

 protected:
  ~UpdaterManifest() = default;
  // What stands in the envelope's memory is whole. A null digest: nobody asked for a particular image.
  void judge(size_t envelopeSize, const uint8_t* askedDigest, uint32_t askedSize);
  void refuse(std::string_view reason);

  MutableSpan envelope_;
  ManifestState state_ = ManifestState::idle;
  Reason reason_;

 private:
  ManifestReason read();

  UpdaterContext& updater_;
  TrustStore& trust_;
  PayloadTools& tools_;
  size_t envelopeSize_ = 0;
  uint8_t vendorId_[uuidSize] = {};
  uint8_t classId_[uuidSize] = {};
  uint8_t deviceId_[uuidSize] = {};
  UpdateManifest manifest_;
  PayloadVariant variant_;
  FixedBytes<encryptionInfoMax> encryptionInfo_;
};

}  // namespace cx
