#include "updater_manifest.hpp"

#include "p256.hpp"
#include "text.hpp"

namespace cx {

void UpdaterManifest::identify(std::string_view vendor, std::string_view model, std::string_view node) {
  uuid5(uuidOfDns, vendor, vendorId_);
  uuid5(vendorId_, model, classId_);
  uuid5(vendorId_, node, deviceId_);
}

void UpdaterManifest::ask(const Action& action, uint64_t nowMs) {
  stop();
  update_ = action.update;
  std::memcpy(askedDigest_, action.digest, sizeof askedDigest_);
  askedSize_ = action.size;
  backoff_.reset();
  dueMs_ = nowMs;
  state_ = ManifestState::waiting;
  if (!action.hasManifest) refuse(manifestReasonWord(ManifestReason::manifestUnsigned));
}

void UpdaterManifest::stop() {
  context_.coap.cancelAll(*this);
  request_ = 0;
  state_ = ManifestState::idle;
}

void UpdaterManifest::poll(uint64_t nowMs) {
  if (state_ != ManifestState::waiting || nowMs < dueMs_ || !context_.state.isRegistered) return;
  char path[64];
  TextWriter pathText(path, sizeof path);
  pathText.put("updates/").put(update_.view()).put("/manifest");
  char query[nodeIdMax + 4];
  TextWriter queryText(query, sizeof query);
  queryText.put("ep=").put(context_.state.id.view());
  CoapRequest request;
  request.to = context_.state.manager;
  request.path = pathText.view();
  request.query = queryText.view();
  request.body = envelope_;
  request.deadlineMs = 60000;
  const Expected<CoapRequestId> id = context_.coap.request(request, *this);
  if (!id) return later(statusName(id.status()), 0);
  request_ = *id;
  state_ = ManifestState::asking;
}

void UpdaterManifest::later(std::string_view why, uint32_t askedMs) {
  if (backoff_.failures() >= manifestTriesMax) {
    reason_.assignCut(why);
    state_ = ManifestState::failed;
    return;
  }
  const uint32_t delay = backoff_.next(context_.hal.entropy);
  dueMs_ = context_.hal.clock.monotonicMs() + (delay > askedMs ? delay : askedMs);
  state_ = ManifestState::waiting;
}

void UpdaterManifest::refuse(std::string_view reason) {
  reason_.assignCut(reason);
  state_ = ManifestState::refused;
}

void UpdaterManifest::onResponse(CoapRequestId id, const CoapResponse& response) {
  if (id != request_) return;
  request_ = 0;
  if (response.code != coap::code::content) {
    char buffer[16];
    TextWriter text(buffer, sizeof buffer);
    text.put("coap-").putUint((response.code >> 5U) * 100U + (response.code & 0x1FU));
    const bool isPassing = coap::codeClass(response.code) == 5 || response.code == coap::code::tooManyRequests;
    if (isPassing) return later(text.view(), response.hasMaxAge && response.maxAge < 86400 ? response.maxAge * 1000 : 0);
    return refuse(text.view());
  }
  if (response.payload.size() > envelope_.size()) return refuse(manifestReasonWord(ManifestReason::manifestTooLarge));
  // An answer in one block wasn't collected, and is gone after this call.
  if (!response.payload.empty()) std::memmove(envelope_.data(), response.payload.data(), response.payload.size());
  envelopeSize_ = response.payload.size();
  judge();
}

void UpdaterManifest::onRequestEnded(CoapRequestId id, Status why) {
  if (id != request_) return;
  request_ = 0;
  if (why == Status::tooLarge) return refuse(manifestReasonWord(ManifestReason::manifestTooLarge));
  later(why == Status::mismatch ? "manifest-changed" : statusName(why), 0);
}

// Checks 1 to 7, in a frame of their own.
[[gnu::noinline]] ManifestReason UpdaterManifest::read() {
  SoftwareSignatureCheck own;
  hal::SignatureCheck& check = context_.hal.signature != nullptr ? *context_.hal.signature : own;
  SuitEnvelope envelope;
  TrustAnchors unused;
  ManifestReason reason = readEnvelope(envelope_.first(envelopeSize_), envelope);
  if (reason == ManifestReason::none) reason = verifyEnvelope(envelope, trust_.anchors(), check);
  return reason == ManifestReason::none ? readManifest(envelope, manifest_, unused) : reason;
}

void UpdaterManifest::judge() {
  const ManifestReason reason = read();
  if (reason != ManifestReason::none) return refuse(manifestReasonWord(reason));
  hal::ImageIdentity previous;
  ManifestTarget target;
  target.vendorId = vendorId_;
  target.classId = classId_;
  target.deviceId = deviceId_;
  target.imageSequence = trust_.imageSequence();
  target.anchorsSequence = trust_.anchorsSequence();
  target.runningDigest = context_.state.boot.runningDigest;
  target.slotSize = context_.hal.slots.slotSize();
  target.askedDigest = askedDigest_;
  target.askedSize = askedSize_;
  if (context_.hal.slots.previous(previous)) {
    target.previousDigest = previous.digest;
    target.previousSize = previous.size;
  }
  target.byteBudget = context_.settings.attemptBudget != 0 ? context_.settings.attemptBudget : UINT32_MAX;
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
