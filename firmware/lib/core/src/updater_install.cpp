#include "updater_install.hpp"

#include "node_backoff.hpp"
#include "text.hpp"

namespace cx {

void UpdaterInstall::ask(std::string_view update, uint64_t nowMs) {
  stop();
  if (!isOk(update_.assign(update))) return;
  tries_ = 0;
  dueMs_ = nowMs;
}

void UpdaterInstall::stop() {
  context_.coap.cancelAll(*this);
  request_ = 0;
  update_.clear();
}

void UpdaterInstall::poll(uint64_t nowMs) {
  if (update_.empty() || request_ != 0 || nowMs < dueMs_ || !context_.state.isRegistered) return;
  char path[64];
  TextWriter pathText(path, sizeof path);
  pathText.put("updates/").put(update_.view()).put("/install");
  char query[nodeIdMax + 4];
  TextWriter queryText(query, sizeof query);
  queryText.put("ep=").put(context_.state.id.view());
  CoapRequest request;
  request.to = context_.state.manager;
  request.method = coap::code::post;
  request.path = pathText.view();
  request.query = queryText.view();
  request.accept = coap::format::cbor;
  request.body = body_;
  request.deadlineMs = 30000;
  const Expected<CoapRequestId> id = context_.coap.request(request, *this);
  if (id) {
    request_ = *id;
  } else {
    later(1000);
  }
}

void UpdaterInstall::later(uint32_t delayMs) {
  if (++tries_ >= installTriesMax) {
    context_.log.warn().put("update ").put(update_.view()).put(": asked long enough, giving up");
    return update_.clear();
  }
  dueMs_ = context_.hal.clock.monotonicMs() + delayMs + randomBelow(context_.hal.entropy, 1000);
}

void UpdaterInstall::onResponse(CoapRequestId id, const CoapResponse& response) {
  if (id != request_) return;
  request_ = 0;
  if (response.code == coap::code::serviceUnavailable) {
    return later((response.hasMaxAge ? response.maxAge : 10) * 1000);
  }
  if (response.isSuccess() && !response.payload.empty()) {
    if (inbox_.hasAction) return later(1000);
    const WireFormat format = response.contentFormat == coap::format::json ? WireFormat::json : WireFormat::cbor;
    inbox_.hasAction = isOk(decodeAction(format, response.payload, context_.state.environment, inbox_.action));
    if (!inbox_.hasAction) context_.log.warn().put("update ").put(update_.view()).put(": the action isn't understood");
  } else {
    context_.log.warn().put("update ").put(update_.view()).put(": install answered ").put(coap::formatCode(response.code).text);
  }
  update_.clear();
}

void UpdaterInstall::onRequestEnded(CoapRequestId id, Status why) {
  if (id != request_) return;
  request_ = 0;
  if (why != Status::cancelled) later(2000);
}

}  // namespace cx
