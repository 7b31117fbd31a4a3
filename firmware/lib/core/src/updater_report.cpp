#include "updater_report.hpp"

#include "text.hpp"

namespace cx {

void UpdaterReport::update(const AttemptReport& report, uint64_t nowMs) {
  const bool isOther = !hasReport_ || !(report.attempt == report_.attempt);
  if (isOther) {
    stop();
    deliveredState_ = sentState_ = AttemptState::offered;
  }
  const bool isChanged = isOther || report.state != report_.state;
  report_ = report;
  hasReport_ = true;
  if (isChanged) tries_ = 0;
  const bool isStep = report.state != sentState_ || report.percent >= sentPercent_ + reportPercentStep || report.percent < sentPercent_;
  const bool isIdle = nowMs - sentMs_ >= reportIdleMs;
  if (!isStep && !isIdle) return;
  isNews_ = true;
  dueMs_ = isChanged || sentMs_ == 0 ? nowMs : sentMs_ + reportGapMs;
}

void UpdaterReport::poll(uint64_t nowMs) {
  if (hasReport_ && isNews_ && request_ == 0 && nowMs >= dueMs_ && tries_ < reportTriesMax) send(nowMs);
}

void UpdaterReport::stop() {
  context_.coap.cancelAll(*this);
  request_ = 0;
  hasReport_ = false;
  isNews_ = false;
}

void UpdaterReport::send(uint64_t nowMs) {
  char path[64];
  TextWriter pathText(path, sizeof path);
  pathText.put("updates/").put(report_.update.view()).put("/status");
  char query[nodeIdMax + 4];
  TextWriter queryText(query, sizeof query);
  queryText.put("ep=").put(context_.state.id.view());
  const Expected<ByteSpan> body = encodeAttemptReport(WireFormat::cbor, report_, context_.scratch);
  if (!body) return;
  CoapRequest request;
  request.to = context_.state.manager;
  request.method = coap::code::put;
  request.path = pathText.view();
  request.query = queryText.view();
  request.contentFormat = coap::format::cbor;
  request.payload = *body;
  request.deadlineMs = 10000;
  isNews_ = false;
  sentMs_ = nowMs;
  sentState_ = report_.state;
  sentPercent_ = report_.percent;
  ++tries_;
  const Expected<CoapRequestId> id = context_.coap.request(request, *this);
  if (id) {
    request_ = *id;
  } else {
    isNews_ = true;
    dueMs_ = nowMs + reportGapMs;
  }
}

void UpdaterReport::onResponse(CoapRequestId id, const CoapResponse& response) {
  if (id != request_) return;
  request_ = 0;
  if (!response.isSuccess()) {
    context_.log.warn().put("report of the attempt: ").put(coap::formatCode(response.code).text);
    if (coap::codeClass(response.code) == 5) {
      isNews_ = true;
      dueMs_ = sentMs_ + reportGapMs * 2;
      return;
    }
  }
  deliveredState_ = sentState_;
  if (sentState_ == report_.state) tries_ = 0;
  if (sentState_ != report_.state) {
    isNews_ = true;
    dueMs_ = context_.hal.clock.monotonicMs();
  }
}

void UpdaterReport::onRequestEnded(CoapRequestId id, Status why) {
  if (id != request_) return;
  request_ = 0;
  if (why == Status::cancelled) return;
  isNews_ = true;
  dueMs_ = context_.hal.clock.monotonicMs() + reportGapMs;
}

}  // namespace cx
