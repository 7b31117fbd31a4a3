#include "updater_manifest.hpp"

#include "p256.hpp"
#include "text.hpp"

namespace cx {

void UpdaterManifest::identify(std::string_view vendor, std::string_view model, std::string_view node) {
  uuid5(uuidOfDns, vendor, vendorId_);
  uuid5(vendorId_, model, classId_);
  uuid5(vendorId_, node, deviceId_);
}

void UpdaterManifest::refuse(std::string_view reason) {
  reason_.assignCut(reason);
  state_ = ManifestState::refused;
}

// Checks 1 to 7, in a frame of their own.
[[gnu::noinline]] ManifestReason UpdaterManifest::read() {
  SoftwareSignatureCheck own;
  hal::SignatureCheck& check = updater_.signature != nullptr ? *updater_.signature : own;
  SuitEnvelope envelope;
  TrustAnchors unused;
  ManifestReason reason = readEnvelope(envelope_.first(envelopeSize_), envelope);
  if (reason == ManifestReason::none) reason = verifyEnvelope(envelope, trust_.anchors(), check);
  return reason == ManifestReason::none ? readManifest(envelope, manifest_, unused) : reason;
}

void UpdaterManifest::judge(size_t envelopeSize, const uint8_t* askedDigest, uint32_t askedSize) {
  envelopeSize_ = envelopeSize;
  const ManifestReason reason = read();
  if (reason != ManifestReason::none) return refuse(manifestReasonWord(reason));
  const hal::BootInfo boot = updater_.slots.boot();
  hal::ImageIdentity previous;
  ManifestTarget target;
  target.vendorId = vendorId_;
  target.classId = classId_;
  target.deviceId = deviceId_;
  target.imageSequence = trust_.imageSequence();
  target.anchorsSequence = trust_.anchorsSequence();
  target.runningDigest = boot.runningDigest;
  target.slotSize = updater_.slots.slotSize();
  target.askedDigest = askedDigest;
  target.askedSize = askedSize;
  if (updater_.slots.previous(previous)) {
    target.previousDigest = previous.digest;
    target.previousSize = previous.size;
  }
  target.byteBudget = updater_.settings.attemptBudget != 0 ? updater_.settings.attemptBudget : UINT32_MAX;
  const ManifestVerdict verdict = checkManifest(manifest_, target, tools_);
  if (verdict.reason != ManifestReason::none) return refuse(manifestReasonWord(verdict.reason));
  variant_ = verdict.variant;
  (void)encryptionInfo_.assign(variant_.encryptionInfo);  // never larger: such a variant isn't read
  variant_.encryptionInfo = encryptionInfo_.view();
  state_ = ManifestState::ready;
}

bool UpdaterManifest::replaceAnchors() {
  SuitEnvelope envelope;
  TrustAnchors anchors;
  if (state_ != ManifestState::ready || readEnvelope(envelope_.first(envelopeSize_), envelope) != ManifestReason::none ||
      readKeySet(envelope.anchors, anchors) != ManifestReason::none) {
    return false;
  }
  return trust_.replaceAnchors(anchors, manifest_.sequence);
}

}  // namespace cx
