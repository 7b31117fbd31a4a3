#include "manager_manifest.hpp"

#include "text.hpp"

namespace cx {

void ManagerManifest::ask(const Action& action, uint64_t nowMs) {
  stop();
  update_ = action.update;
  std::memcpy(askedDigest_, action.digest, sizeof askedDigest_);
  askedSize_ = action.size;
  backoff_.reset();
  dueMs_ = nowMs;
  state_ = ManifestState::waiting;
  if (!action.hasManifest) refuse(manifestReasonWord(ManifestReason::manifestUnsigned));
}

void ManagerManifest::stop() {
  context_.coap.cancelAll(*this);
  request_ = 0;
  state_ = ManifestState::idle;
}

void ManagerManifest::poll(uint64_t nowMs) {
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

void ManagerManifest::later(std::string_view why, uint32_t askedMs) {
  if (backoff_.failures() >= manifestTriesMax) {
    reason_.assignCut(why);
    state_ = ManifestState::failed;
    return;
  }
  const uint32_t delay = backoff_.next(context_.hal.entropy);
  dueMs_ = context_.hal.clock.monotonicMs() + (delay > askedMs ? delay : askedMs);
  state_ = ManifestState::waiting;
}

void ManagerManifest::onResponse(CoapRequestId id, const CoapResponse& response) {
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
  judge(response.payload.size(), askedDigest_, askedSize_);
}

void ManagerManifest::onRequestEnded(CoapRequestId id, Status why) {
  if (id != request_) return;
  request_ = 0;
  if (why == Status::tooLarge) return refuse(manifestReasonWord(ManifestReason::manifestTooLarge));
  later(why == Status::mismatch ? attemptReasonWord(AttemptReason::manifestChanged) : statusName(why), 0);
}

}  // namespace cx
