#include "coap_download.hpp"

#include "uri.hpp"

namespace cx {

namespace {

constexpr uint32_t retryMs = 20;  // the sink is busy, or the endpoint has no slot

uint16_t decimalCode(uint8_t code) { return static_cast<uint16_t>((code >> 5U) * 100U + (code & 0x1FU)); }

// Percent escapes decoded in place of the text; one that would become a separator is refused.
template <size_t N>
Status decodeInto(std::string_view encoded, char separator, FixedText<N>& out) {
  char buffer[N];
  const Expected<std::string_view> decoded = decodePercent(encoded, buffer, sizeof buffer);
  if (!decoded) return decoded.status() == Status::full ? Status::tooLarge : decoded.status();
  size_t before = 0;
  size_t after = 0;
  for (const char c : encoded) before += c == separator ? 1U : 0U;
  for (const char c : *decoded) after += c == separator ? 1U : 0U;
  return before == after ? out.assign(*decoded) : Status::malformed;
}

}  // namespace

Status CoapDownload::start(const DownloadRequest& request, DownloadSink& sink) {
  if (isRunning()) return Status::busy;
  if (!request.to.isSet() || (request.expectedSize != 0 && request.offset > request.expectedSize)) return Status::invalid;
  CX_TRY(decodeInto(request.path, '/', path_));
  CX_TRY(decodeInto(request.query, '&', query_));
  etag_.clear();
  if (request.validator.size() <= etag_.capacity()) CX_TRY(etag_.assign(request.validator));  // a longer one is HTTP's
  to_ = request.to;
  offset_ = request.offset;
  expectedSize_ = request.expectedSize;
  totalSize_ = 0;
  szx_ = coap::szxForSize(request.blockSize != 0 && request.blockSize < endpoint_.blockSize() ? request.blockSize : endpoint_.blockSize());
  held_ = 0;
  isStarted_ = false;
  isLast_ = false;
  request_ = 0;
  sink_ = &sink;
  resumeAtMs_ = 0;
  return Status::ok;
}

void CoapDownload::poll() {
  if (!isRunning() || clock_.monotonicMs() < resumeAtMs_) return;
  resumeAtMs_ = UINT64_MAX;
  if (held_ > 0) {
    const size_t size = held_;
    held_ = 0;
    deliver(hold_.first(size));
  } else {
    ask();
  }
}

void CoapDownload::cancel() {
  endpoint_.cancel(request_);
  request_ = 0;
  sink_ = nullptr;
}

uint64_t CoapDownload::nextDueMs() const { return isRunning() ? resumeAtMs_ : UINT64_MAX; }

void CoapDownload::ask() {
  if (expectedSize_ != 0 && offset_ == expectedSize_) {  // all of it was durable before
    end(Status::ok, 0, false);
    return;
  }
  CoapRequest request;
  request.to = to_;
  request.path = path_.view();
  request.query = query_.view();
  request.hasBlock2 = true;
  const uint64_t number = offset_ >> (szx_ + 4U);
  if (number > coap::blockNumberMax) {
    end(Status::tooLarge, 0, false);
    return;
  }
  request.block2 = {static_cast<uint32_t>(number), false, szx_};
  const Expected<CoapRequestId> id = endpoint_.request(request, *this);
  if (id) {
    request_ = *id;
  } else if (id.status() == Status::full) {
    resumeAtMs_ = clock_.monotonicMs() + retryMs;
  } else {
    end(id.status(), 0, id.status() == Status::closed);
  }
}

void CoapDownload::onResponse(CoapRequestId id, const CoapResponse& response) {
  if (id != request_ || !isRunning()) return;
  request_ = 0;
  if (response.code == coap::code::content) {
    takeBlock(response);
    return;
  }
  const bool isServerFault = coap::codeClass(response.code) == 5 || response.code == coap::code::tooManyRequests;
  const uint32_t afterMs = isServerFault && response.hasMaxAge && response.maxAge < 86400 ? response.maxAge * 1000U : 0;
  end(response.code == coap::code::notFound ? Status::notFound : Status::refused, decimalCode(response.code), isServerFault, afterMs);
}

void CoapDownload::onRequestEnded(CoapRequestId id, Status why) {
  if (id != request_ || !isRunning()) return;
  request_ = 0;
  end(why, 0, why == Status::timeout || why == Status::reset || why == Status::cancelled);
}

// The first answer: what it is a part of. False when the download ended, or begins anew.
bool CoapDownload::begin(const CoapResponse& response) {
  const bool isChanged = !etag_.empty() && !equal(etag_.view(), response.etag);
  if (isStarted_) {
    if (isChanged) end(Status::mismatch, 0, true);
    return !isChanged;
  }
  if (isChanged && offset_ > 0) {  // other content than what is durable: from its first byte
    offset_ = 0;
    etag_.clear();
    resumeAtMs_ = 0;
    return false;
  }
  if (response.hasSize2) totalSize_ = response.size2;
  if (expectedSize_ != 0 && totalSize_ != 0 && totalSize_ != expectedSize_) {
    end(Status::mismatch, 0, false);
    return false;
  }
  (void)etag_.assign(response.etag);  // at most 8 bytes, or it wouldn't be there
  isStarted_ = true;
  DownloadStart start;
  start.offset = offset_;
  start.totalSize = totalSize_ != 0 ? totalSize_ : expectedSize_;
  start.validator = etag_.view();
  const Status status = sink_->onStart(start);
  if (!isRunning()) return false;
  if (!isOk(status)) end(status, 0, false);
  return isOk(status);
}

void CoapDownload::takeBlock(const CoapResponse& response) {
  // A server that doesn't know blocks sends all at once, which only helps from the first byte.
  coap::Block block{0, false, szx_};
  if (response.hasBlock2) block = response.block2;
  const bool isAsked = block.szx <= szx_ && block.offset() == (offset_ >> (szx_ + 4U)) << (szx_ + 4U);
  const bool isWhole = !block.isMore || response.payload.size() == block.size();
  if (!isAsked || !isWhole) {
    end(Status::malformed, decimalCode(response.code), false);
    return;
  }
  if (!begin(response)) return;
  szx_ = block.szx;
  isLast_ = !block.isMore;
  deliver(response.payload.from(static_cast<size_t>(offset_ - block.offset())));
}

void CoapDownload::deliver(ByteSpan bytes) {
  if (!bytes.empty()) {
    const Status status = sink_->onBytes(offset_, bytes);
    if (!isRunning()) return;  // the sink cancelled
    if (status == Status::again) {
      resumeAtMs_ = clock_.monotonicMs() + retryMs;
      if (bytes.size() > hold_.size()) return;
      std::memmove(hold_.data(), bytes.data(), bytes.size());
      held_ = bytes.size();
      return;
    }
    if (!isOk(status)) {
      end(status, 0, false);
      return;
    }
    offset_ += bytes.size();
  }
  const uint64_t size = expectedSize_ != 0 ? expectedSize_ : totalSize_;
  if (size != 0 && (isLast_ ? offset_ != size : offset_ >= size)) {
    end(Status::mismatch, 0, false);
  } else if (isLast_) {
    end(Status::ok, 0, false);
  } else {
    ask();
  }
}

void CoapDownload::end(Status status, uint16_t code, bool mayRetry, uint32_t retryAfterMs) {
  DownloadSink* sink = sink_;
  sink_ = nullptr;
  resumeAtMs_ = UINT64_MAX;
  DownloadEnd what;
  what.status = status;
  what.code = code;
  what.mayRetry = mayRetry;
  what.retryAfterMs = retryAfterMs;
  if (sink != nullptr) sink->onEnd(what);
}

}  // namespace cx
