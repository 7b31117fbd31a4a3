#include "http_download.hpp"

#include "text.hpp"

namespace cx {

namespace {

constexpr uint32_t sinkRetryMs = 20;
constexpr unsigned turnsPerPoll = 8;  // reads in one turn of the loop, so that others get theirs

bool isVisible(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~') return false;  // a line break would be a header of the caller's making
  }
  return true;
}

}  // namespace

Status HttpDownload::start(const DownloadRequest& request, DownloadSink& sink) {
  if (isRunning()) return Status::busy;
  if (!request.to.isSet() || request.host.empty() || request.path.empty() || request.path[0] != '/') return Status::invalid;
  if (!isVisible(request.host) || !isVisible(request.path) || !isVisible(request.query)) return Status::invalid;
  if (request.expectedSize != 0 && request.offset > request.expectedSize) return Status::invalid;
  if (request.isTls && !isOk(host_.assign(request.host))) return Status::invalid;
  CX_TRY(encodeRequest(request));
  head_.reset();
  state_ = State::connecting;
  begin_ = 0;
  offset_ = request.offset;
  askedOffset_ = request.offset;
  expectedSize_ = request.expectedSize;
  bodyEnd_ = 0;
  resumeAtMs_ = 0;
  lastProgressMs_ = clock_.monotonicMs();
  sink_ = &sink;
  // What connect() says is found again by connected(): a failure must not reach the sink before start() returned.
  if (request.expectedSize != 0 && request.offset == request.expectedSize) return Status::ok;
  (void)((request.isTls ? stream_.connectTls(request.to, host_.cStr()) : stream_.connect(request.to)) == hal::Code::ok);
  return Status::ok;
}

Status HttpDownload::encodeRequest(const DownloadRequest& request) {
  TextWriter text(buffer_);
  text.put("GET ").put(request.path);
  if (!request.query.empty()) text.put('?').put(request.query);
  text.put(" HTTP/1.1\r\nHost: ");
  const bool isIpv6 = [&] {
    for (const char c : request.host) {
      if (c == ':') return true;
    }
    return false;
  }();
  if (isIpv6) text.put('[');
  text.put(request.host);
  if (isIpv6) text.put(']');
  if (request.to.port != (request.isTls ? 443 : 80)) text.put(':').putUint(request.to.port);
  text.put("\r\nAccept-Encoding: identity\r\nConnection: close\r\n");
  if (request.offset > 0) {
    text.put("Range: bytes=").putUint(request.offset).put("-\r\n");
    const std::string_view tag = asText(request.validator);
    const bool isQuoted = tag.size() >= 2 && tag[0] == '"' && tag[tag.size() - 1] == '"' && isVisible(tag);
    if (isQuoted) text.put("If-Range: ").put(tag).put("\r\n");
  }
  text.put("\r\n");
  end_ = text.size();
  return isOk(text.status()) ? Status::ok : Status::tooLarge;
}

void HttpDownload::poll() {
  for (unsigned i = 0; i < turnsPerPoll && isRunning(); i++) {
    const uint64_t nowMs = clock_.monotonicMs();
    bool isMoving = false;
    if (expectedSize_ != 0 && askedOffset_ == expectedSize_) {  // all of it was durable before
      end(Status::ok, false);
      return;
    }
    switch (state_) {
      case State::connecting: isMoving = pollConnecting(nowMs); break;
      case State::sending: isMoving = pollSending(nowMs); break;
      case State::head:
      case State::body: isMoving = pollReading(nowMs); break;
    }
    if (!isMoving) return;
  }
}

void HttpDownload::cancel() {
  if (!isRunning()) return;
  sink_ = nullptr;
  stream_.close();
}

uint64_t HttpDownload::nextDueMs() const {
  if (!isRunning()) return UINT64_MAX;
  if (state_ == State::body && resumeAtMs_ != 0) return resumeAtMs_;
  return lastProgressMs_ + (state_ == State::connecting ? timing_.connectTimeoutMs : timing_.stallTimeoutMs);
}

bool HttpDownload::pollConnecting(uint64_t nowMs) {
  const hal::Code code = stream_.connected();
  if (code == hal::Code::ok) {
    state_ = State::sending;
    lastProgressMs_ = nowMs;
    return true;
  }
  if (code != hal::Code::again) {
    end(Status::unreachable, true);
  } else if (nowMs - lastProgressMs_ >= timing_.connectTimeoutMs) {
    end(Status::timeout, true);
  }
  return false;
}

bool HttpDownload::pollSending(uint64_t nowMs) {
  const hal::Io io = stream_.write(buffer_.data() + begin_, static_cast<uint32_t>(end_ - begin_));
  if (io.code == hal::Code::ok && io.size > 0 && io.size <= end_ - begin_) {
    begin_ += io.size;
    lastProgressMs_ = nowMs;
    if (begin_ < end_) return true;
    begin_ = end_ = 0;
    state_ = State::head;
    return true;
  }
  if (io.code != hal::Code::again && io.code != hal::Code::ok) {
    end(Status::reset, true);
  } else if (nowMs - lastProgressMs_ >= timing_.stallTimeoutMs) {
    end(Status::timeout, true);
  }
  return false;
}

bool HttpDownload::pollReading(uint64_t nowMs) {
  if (begin_ < end_) return state_ == State::head ? takeHead() : takeBody(nowMs);
  begin_ = end_ = 0;
  const hal::Io io = stream_.read(buffer_.data(), static_cast<uint32_t>(buffer_.size()));
  if (io.code == hal::Code::ok && io.size > 0 && io.size <= buffer_.size()) {
    end_ = io.size;
    lastProgressMs_ = nowMs;
    return true;
  }
  if (io.code != hal::Code::again && io.code != hal::Code::ok) {
    // Ended before all was there. What came is kept by the sink, so the next try goes on behind it.
    end(io.code == hal::Code::closed ? Status::closed : Status::reset, true);
  } else if (nowMs - lastProgressMs_ >= timing_.stallTimeoutMs) {
    end(Status::timeout, true);
  }
  return false;
}

bool HttpDownload::takeHead() {
  size_t taken = 0;
  const Status status = head_.feed(ByteSpan(buffer_).slice(begin_, end_ - begin_), taken);
  begin_ += taken;
  if (status == Status::again) return true;
  if (!isOk(status)) {
    end(status, false);
    return false;
  }
  return onHead();
}

// True when a body is to be read.
bool HttpDownload::onHead() {
  const uint16_t code = head_.status();
  if (code != 200 && code != 206) {
    const bool isPassing = code >= 500 || code == 408 || code == 429;
    // 416: what we have is longer than what there is, so it is other content. A redirect is never followed: the
    // address of an image comes from the manager alone.
    end(code == 404 ? Status::notFound : code == 416 ? Status::mismatch : Status::refused, isPassing);
    return false;
  }
  uint64_t total = 0;
  if (code == 206) {
    if (!head_.hasRange() || head_.rangeFirst() != askedOffset_) {
      end(Status::malformed, false);
      return false;
    }
    bodyEnd_ = head_.rangeLast() + 1;
    total = head_.hasTotal() ? head_.total() : 0;
    const bool isContradiction = head_.hasContentLength() && head_.contentLength() != bodyEnd_ - askedOffset_;
    if (isContradiction || (total != 0 && bodyEnd_ != total)) {  // we ask up to the end, so a part of that is no answer
      end(Status::malformed, false);
      return false;
    }
  } else {
    if (!head_.hasContentLength()) {  // without a length a cut can't be told from the end
      end(Status::unsupported, false);
      return false;
    }
    offset_ = 0;  // other content, or no ranges: from the first byte
    bodyEnd_ = head_.contentLength();
    total = bodyEnd_;
  }
  if (expectedSize_ != 0 && bodyEnd_ != expectedSize_) {
    end(Status::mismatch, false);
    return false;
  }
  state_ = State::body;
  DownloadStart start;
  start.offset = offset_;
  start.totalSize = total != 0 ? total : bodyEnd_;
  start.validator = asBytes(head_.etag());
  const Status status = sink_->onStart(start);
  if (!isRunning()) return false;
  if (!isOk(status)) {
    end(status, false);
    return false;
  }
  if (offset_ == bodyEnd_) {
    finishBody();
    return false;
  }
  return true;
}

bool HttpDownload::takeBody(uint64_t nowMs) {
  if (nowMs < resumeAtMs_) return false;
  resumeAtMs_ = 0;
  const uint64_t left = bodyEnd_ - offset_;
  const size_t have = end_ - begin_;
  const size_t size = have < left ? have : static_cast<size_t>(left);  // bytes behind the body aren't ours
  const Status status = sink_->onBytes(offset_, ByteSpan(buffer_).slice(begin_, size));
  if (!isRunning()) return false;
  if (status == Status::again) {
    resumeAtMs_ = nowMs + sinkRetryMs;
    lastProgressMs_ = nowMs;  // it is us who don't take; the server isn't stalling
    return false;
  }
  if (!isOk(status)) {
    end(status, false);
    return false;
  }
  begin_ += size;
  offset_ += size;
  if (offset_ < bodyEnd_) return true;
  finishBody();
  return false;
}

void HttpDownload::finishBody() { end(Status::ok, false); }

void HttpDownload::end(Status status, bool mayRetry) {
  DownloadSink* sink = sink_;
  sink_ = nullptr;
  stream_.close();
  DownloadEnd what;
  what.fault = stream_.fault();
  what.status = status;
  what.code = head_.isComplete() ? head_.status() : 0;
  what.mayRetry = mayRetry;
  if (head_.isComplete() && head_.hasRetryAfter()) what.retryAfterMs = head_.retryAfterSeconds() * 1000U;
  sink->onEnd(what);
}

}  // namespace cx
