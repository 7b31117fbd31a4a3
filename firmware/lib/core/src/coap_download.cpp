#include "coap_download.hpp"

#include "uri.hpp"

namespace cx {

namespace {

// RFC 9177 section 7.2: NON_RECEIVE_TIMEOUT is twice NON_TIMEOUT, and doubles with each silence; NON_MAX_RETRANSMIT.
constexpr uint32_t receiveTimeoutMs = 4000;
constexpr uint8_t silencesMax = 4;
constexpr uint32_t reorderMs = 200;  // what the last block overtook may still come
constexpr uint32_t setDeadlineMs = 120000;  // longer than all silences
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
  usesQBlock_ = request.mayQBlock;
  isPaused_ = isSetOver_ = false;
  silences_ = 0;
  sink_ = &sink;
  resumeAtMs_ = 0;
  return Status::ok;
}

void CoapDownload::poll() {
  if (!isRunning() || clock_.monotonicMs() < resumeAtMs_) return;
  resumeAtMs_ = UINT64_MAX;
  if (usesQBlock_ && isPaused_) {
    isPaused_ = false;
    resumeAtMs_ = clock_.monotonicMs() + receiveTimeoutMs;
    return drain();
  }
  if (usesQBlock_ && request_ != 0) return isSetOver_ ? askSet() : late();
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
  if (usesQBlock_) {
    return beginSet();
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
  if (usesQBlock_) {
    if (response.code == coap::code::content && response.hasQBlock2) return onBlock(response);
    // Refused, or short: what else it is, Block2 finds out.
    const bool isContent = response.code == coap::code::content;
    if (leaveQBlock() && !isContent) return ask();
  }
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
  if (usesQBlock_ && why == Status::unsupported && leaveQBlock()) return ask();
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

void CoapDownload::beginSet() {
  const uint64_t size = expectedSize_ != 0 ? expectedSize_ : totalSize_;
  const uint64_t block = uint64_t{16} << szx_;
  set_.begin(static_cast<uint32_t>(offset_ / block), szx_, static_cast<uint32_t>((size + block - 1) / block));
  askSet();
}

// What lacks of the set, in one request; the one before it is over.
void CoapDownload::askSet() {
  endpoint_.cancel(request_);
  request_ = 0;
  isSetOver_ = false;
  uint32_t values[qBlockSetMax];
  const size_t count = set_.wish(static_cast<uint32_t>(offset_ >> (szx_ + 4U)), values);
  CoapRequest request;
  request.to = to_;
  request.path = path_.view();
  request.query = query_.view();
  request.qBlock2 = Span<const uint32_t>(values, count);
  request.deadlineMs = setDeadlineMs;
  const Expected<CoapRequestId> id = endpoint_.request(request, *this);
  if (id) {
    request_ = *id;
    resumeAtMs_ = clock_.monotonicMs() + (receiveTimeoutMs << silences_);
  } else if (id.status() == Status::full) {
    resumeAtMs_ = clock_.monotonicMs() + retryMs;
  } else if (id.status() == Status::unsupported && leaveQBlock()) {
    ask();
  } else {
    end(id.status(), 0, id.status() == Status::closed);
  }
}

void CoapDownload::late() {
  if (silences_ >= silencesMax) return end(Status::timeout, 0, true);
  silences_++;
  askSet();
}

// On by Block2, from where it is. Always true.
bool CoapDownload::leaveQBlock() {
  endpoint_.cancel(request_);
  request_ = 0;
  usesQBlock_ = false;
  resumeAtMs_ = UINT64_MAX;
  return true;
}

void CoapDownload::onBlock(const CoapResponse& response) {
  coap::Block block = response.qBlock2;
  const bool isWhole = block.isMore ? response.payload.size() == block.size() : response.payload.size() <= block.size();
  if (block.szx != szx_ || !isWhole) {
    (void)leaveQBlock();
    return ask();
  }
  if (!begin(response)) {
    endpoint_.cancel(request_);
    request_ = 0;
    return;
  }
  silences_ = 0;
  isSetOver_ = isSetOver_ || block.number + 1 == set_.end() || !block.isMore;
  const uint32_t next = static_cast<uint32_t>(offset_ >> (szx_ + 4U));
  if (isPaused_ || block.number > next) {
    if (block.number >= next) (void)set_.keep(block, response.payload);
    if (isPaused_) return;
  }
  resumeAtMs_ = clock_.monotonicMs() + receiveTimeoutMs;
  if (block.number < next || (block.number == next && !pass(block, response.payload))) return;
  drain();
}

// What is kept and can go on; then the next set, or what was lost of this one.
void CoapDownload::drain() {
  const auto next = [this] { return static_cast<uint32_t>(offset_ >> (szx_ + 4U)); };
  coap::Block block;
  for (ByteSpan bytes; set_.take(next(), block, bytes);) {
    if (!pass(block, bytes)) return;
  }
  if (next() >= set_.end()) {
    beginSet();
  } else if (isSetOver_) {
    resumeAtMs_ = clock_.monotonicMs() + reorderMs;
  }
}

// The next block to the sink. False: it ended, or the sink takes nothing now, and the block is asked for again.
bool CoapDownload::pass(const coap::Block& block, ByteSpan bytes) {
  const ByteSpan fresh = bytes.from(static_cast<size_t>(offset_ - block.offset()));
  const Status status = fresh.empty() ? Status::ok : sink_->onBytes(offset_, fresh);
  if (!isRunning()) return false;
  if (status == Status::again) {
    isPaused_ = set_.keep(block, bytes);
    if (!isPaused_) {  // the whole set again, later
      endpoint_.cancel(request_);
      request_ = 0;
    }
    resumeAtMs_ = clock_.monotonicMs() + retryMs;
    return false;
  }
  if (!isOk(status)) {
    end(status, 0, false);
    return false;
  }
  offset_ += fresh.size();
  const uint64_t size = expectedSize_ != 0 ? expectedSize_ : totalSize_;
  const bool isWrong = size != 0 && (block.isMore ? offset_ >= size : offset_ != size);
  if (isWrong || !block.isMore) end(isWrong ? Status::mismatch : Status::ok, 0, false);
  return isRunning();
}

void CoapDownload::end(Status status, uint16_t code, bool mayRetry, uint32_t retryAfterMs) {
  DownloadSink* sink = sink_;
  sink_ = nullptr;
  endpoint_.cancel(request_);
  request_ = 0;
  resumeAtMs_ = UINT64_MAX;
  DownloadEnd what;
  what.status = status;
  what.code = code;
  what.mayRetry = mayRetry;
  what.retryAfterMs = retryAfterMs;
  if (sink != nullptr) sink->onEnd(what);
}

}  // namespace cx
