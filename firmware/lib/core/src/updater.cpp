#include "updater.hpp"

#include "text.hpp"
#include "uri.hpp"

namespace cx {

namespace {

constexpr const char* validatorKey = "dl";  // digest, way, entity tag of the download under way
constexpr uint32_t resolveLimitMs = 10000;
constexpr uint32_t resolvePollMs = 50;
constexpr uint8_t chunksPerStep = 8;

DownloadWay wayOf(std::string_view uri, bool hasTls) {
  const Expected<Uri> parsed = parseUri(uri);
  if (!parsed) return DownloadWay::none;
  if (parsed->scheme == UriScheme::https) return hasTls ? DownloadWay::http : DownloadWay::none;
  if (parsed->scheme == UriScheme::http) return DownloadWay::http;
  // The same way: a node whose socket is inside DTLS asks nobody in the open, and another one is told no coaps URI.
  const bool isCoap = parsed->scheme == UriScheme::coap || parsed->scheme == UriScheme::coaps;
  return isCoap ? DownloadWay::coap : DownloadWay::none;
}

}  // namespace

void Updater::start(const Action& action, uint64_t nowMs) {
  state_ = State::waiting;  // running, so that every end below goes one way
  result_ = UpdaterResult::none;
  rev_ = action.rev;
  uriCount_ = action.uriCount;
  for (uint8_t i = 0; i < uriCount_; ++i) uris_[i] = action.uris[i];
  std::memcpy(identity_.digest, action.digest, sizeof identity_.digest);
  identity_.size = action.size;
  report_ = AttemptReport();
  report_.update = action.update;
  report_.attempt = action.attempt;
  report_.total = action.size;
  startedMs_ = nowMs;
  backoff_ = Backoff(limits_.waitBaseMs, limits_.waitCapMs);
  triesOnWay_ = 0;
  hasRestarted_ = false;
  verifiedTo_ = 0;
  tokens_ = context_.settings.downloadRate;
  tokensMs_ = nowMs;
  if (!action.hasDigest || action.size == 0) return end(UpdaterResult::refused, "no-digest-or-size");
  way_ = DownloadWay::none;
  if (!chooseWay(false)) return end(UpdaterResult::refused, "unknown-scheme");
  const hal::Code code = context_.hal.slots.begin(identity_);
  if (code == hal::Code::noSpace) return end(UpdaterResult::refused, "no-space");
  if (code != hal::Code::ok) return end(UpdaterResult::failed, "slot-begin");
  written_ = lastDurable_ = context_.hal.slots.durable();
  wasResumed_ = written_ > 0;
  loadValidator();
  progress();
  context_.log.info().put("update ").put(report_.update.view()).put(": ").put(static_cast<uint64_t>(written_)).put(" of ").put(
      static_cast<uint64_t>(identity_.size)).put(" bytes are there");
  report_.state = AttemptState::downloading;
  state_ = written_ == identity_.size ? State::verifying : State::resolving;
  if (state_ == State::verifying) {
    report_.state = AttemptState::verifying;
    hash_.reset();
  }
  resolveEndMs_ = nowMs + resolveLimitMs;
  dueMs_ = nowMs;
}

// The preferred way first, then the order of the action; with `other`, one that isn't the present way.
bool Updater::chooseWay(bool other) {
  for (int pass = 0; pass < 2; ++pass) {
    for (uint8_t i = 0; i < uriCount_; ++i) {
      const DownloadWay way = wayOf(uris_[i].view(), context_.hal.http.hasTls());
      if (way == DownloadWay::none || (way == DownloadWay::http ? http_ : coap_) == nullptr) continue;
      if (other ? way == way_ : pass == 0 && way != context_.settings.preferredWay) continue;
      uri_ = i;
      way_ = way;
      report_.way = way;
      triesOnWay_ = 0;
      return true;
    }
  }
  return false;
}

void Updater::loadValidator() {
  uint8_t record[wireDigestSize + 1 + validatorMax];
  validator_.clear();
  const hal::Io io = context_.hal.storage.get(validatorKey, record, sizeof record);
  if (io.code != hal::Code::ok || io.size <= wireDigestSize + 1) return;
  if (std::memcmp(record, identity_.digest, wireDigestSize) != 0) return;
  validatorWay_ = static_cast<DownloadWay>(record[wireDigestSize]);
  if (!isOk(validator_.assign(ByteSpan(record, io.size).from(wireDigestSize + 1)))) validator_.clear();
}

void Updater::storeValidator(ByteSpan validator) {
  if (validatorWay_ == way_ && equal(validator_.view(), validator)) return;
  if (!isOk(validator_.assign(validator))) validator_.clear();
  validatorWay_ = way_;
  uint8_t record[wireDigestSize + 1 + validatorMax];
  std::memcpy(record, identity_.digest, wireDigestSize);
  record[wireDigestSize] = static_cast<uint8_t>(way_);
  if (!validator_.empty()) std::memcpy(record + wireDigestSize + 1, validator_.data(), validator_.size());
  // Without it a resume still works, only unguarded: the digest of the slot decides in the end.
  if (context_.hal.storage.put(validatorKey, record, static_cast<uint32_t>(wireDigestSize + 1 + validator_.size())) != hal::Code::ok) {
    context_.log.warn().put("update: the entity tag couldn't be stored");
  }
}

void Updater::poll(uint64_t nowMs) {
  if (state_ == State::idle) return;
  if (nowMs - startedMs_ > limits_.deadlineMs) return end(UpdaterResult::failed, "deadline");
  switch (state_) {
    case State::waiting:
      if (nowMs < dueMs_) return;
      state_ = State::resolving;
      resolveEndMs_ = nowMs + resolveLimitMs;
      [[fallthrough]];
    case State::resolving: return resolve(nowMs);
    case State::fetching: return download()->poll();
    case State::verifying: return verify(nowMs);
    case State::idle: return;
  }
}

uint64_t Updater::nextDueMs() const {
  switch (state_) {
    case State::idle: return UINT64_MAX;
    case State::verifying: return 1;
    case State::fetching: {
      const uint64_t due = (way_ == DownloadWay::http ? http_ : coap_)->nextDueMs();
      const uint64_t deadline = startedMs_ + limits_.deadlineMs + 1;
      return due < deadline ? due : deadline;
    }
    default: return dueMs_;
  }
}

void Updater::resolve(uint64_t nowMs) {
  const Expected<Uri> uri = parseUri(uris_[uri_].view());
  if (!uri) return end(UpdaterResult::refused, "bad-uri");
  FixedText<uriHostMax> host;
  if (!isOk(host.assign(uri->host))) return end(UpdaterResult::refused, "bad-uri");
  const hal::Code code = context_.hal.network.resolve(host.cStr(), uri->port, to_);
  if (code == hal::Code::ok) return fetch();
  if (code == hal::Code::again && nowMs < resolveEndMs_) {
    dueMs_ = nowMs + resolvePollMs;
    return;
  }
  tryAgain("unresolved", 0);
}

void Updater::fetch() {
  const Expected<Uri> uri = parseUri(uris_[uri_].view());
  // A download that was cut is continued where the medium ends, not where the stream ended.
  if (!isOk(uri.status())) return end(UpdaterResult::refused, "bad-uri");
  const hal::Code code = context_.hal.slots.begin(identity_);
  if (code != hal::Code::ok) return end(UpdaterResult::failed, "slot-begin");
  written_ = context_.hal.slots.durable();
  wasResumed_ = written_ > 0;
  DownloadRequest request;
  request.to = to_;
  request.host = uri->host;
  request.isTls = uri->scheme == UriScheme::https;
  request.path = uri->path;
  request.query = uri->query;
  request.offset = written_;
  request.expectedSize = identity_.size;
  if (written_ > 0 && validatorWay_ == way_) request.validator = validator_.view();
  context_.log.info().put("update: from ").put(slice(uris_[uri_].view(), 0, uris_[uri_].size() - uri->path.size() - (uri->query.empty() ? 0 : uri->query.size() + 1)));
  state_ = State::fetching;
  const Status status = download()->start(request, *this);
  if (!isOk(status)) {
    context_.log.warn().put("update: the download doesn't start: ").put(statusName(status));
    if (status == Status::full || status == Status::busy || status == Status::unreachable) return tryAgain(statusName(status), 0);
    end(UpdaterResult::refused, "bad-uri");
  }
}

Status Updater::onStart(const DownloadStart& start) {
  if (start.totalSize != 0 && start.totalSize != identity_.size) return Status::mismatch;
  if (start.offset < written_) {  // other content, or a server without ranges
    if (start.offset != 0) return Status::mismatch;
    context_.log.info().put("update: the content is sent from its start again");
    if (context_.hal.slots.restart() != hal::Code::ok) return Status::io;
    written_ = lastDurable_ = 0;
    wasResumed_ = false;
  }
  storeValidator(start.validator);
  return Status::ok;
}

Status Updater::onBytes(uint64_t offset, ByteSpan bytes) {
  if (offset != written_ || bytes.size() > identity_.size - written_) return Status::mismatch;
  if (context_.settings.downloadRate != 0) {
    const uint64_t nowMs = context_.hal.clock.monotonicMs();
    const int64_t rate = context_.settings.downloadRate;
    const int64_t earned = static_cast<int64_t>(nowMs - tokensMs_) * rate / 1000;
    if (earned > 0) {
      tokensMs_ = nowMs;
      tokens_ = tokens_ + earned < rate / 4 + 1 ? tokens_ + earned : rate / 4 + 1;
    }
    if (tokens_ <= 0) return Status::again;
    tokens_ -= static_cast<int64_t>(bytes.size());  // a debt is paid before the next block
  }
  const hal::Code code = context_.hal.slots.write(written_, bytes.data(), static_cast<uint32_t>(bytes.size()));
  if (code == hal::Code::again) return Status::again;
  if (code != hal::Code::ok) return code == hal::Code::noSpace ? Status::full : Status::io;
  written_ += static_cast<uint32_t>(bytes.size());
  progress();
  return Status::ok;
}

void Updater::progress() {
  report_.bytes = written_;
  report_.percent = identity_.size == 0 ? 0 : static_cast<uint8_t>(static_cast<uint64_t>(written_) * 100 / identity_.size);
}

void Updater::onEnd(const DownloadEnd& done) {
  if (state_ != State::fetching) return;
  if (done.status == Status::ok && written_ == identity_.size) {
    const hal::Code code = context_.hal.slots.flush();
    if (code != hal::Code::ok) return end(UpdaterResult::failed, code == hal::Code::noSpace ? "no-space" : "slot-write");
    state_ = State::verifying;
    report_.state = AttemptState::verifying;
    verifiedTo_ = 0;
    hash_.reset();
    return;
  }
  char buffer[40];
  TextWriter reason(buffer, sizeof buffer);
  // A code of success says nothing about an end that isn't one: then the cause is on this side.
  const bool isRefusal = done.code != 0 && done.code / 100 != 2;
  if (isRefusal) {
    reason.put(way_ == DownloadWay::http ? "http-" : "coap-").putUint(done.code);
  } else if (done.fault[0] != '\0') {
    reason.put(done.fault);
  } else if (done.status == Status::full) {
    reason.put("no-space");
  } else if (done.status == Status::io) {
    reason.put("slot-write");
  } else if (done.status == Status::mismatch) {
    reason.put("size-mismatch");
  } else {
    reason.put(done.status == Status::ok ? "short" : statusName(done.status));
  }
  if (done.mayRetry || done.status == Status::ok) return tryAgain(reason.view(), done.retryAfterMs);
  end(UpdaterResult::failed, reason.view());
}

void Updater::tryAgain(std::string_view why, uint32_t askedMs) {
  const hal::Code flushed = context_.hal.slots.flush();
  const uint32_t durable = context_.hal.slots.durable();
  if (flushed == hal::Code::ok && durable > lastDurable_) backoff_.reset();
  lastDurable_ = durable;
  if (backoff_.failures() >= limits_.triesWithoutProgress) return end(UpdaterResult::failed, why);
  if (++triesOnWay_ >= limits_.triesPerWay) chooseWay(true);
  const uint32_t delay = backoff_.next(context_.hal.entropy);
  context_.log.info().put("update: ").put(why).put(" at ").put(static_cast<uint64_t>(written_)).put(", again in ").put(
      static_cast<uint64_t>(delay > askedMs ? delay : askedMs)).put(" ms");
  state_ = State::waiting;
  dueMs_ = context_.hal.clock.monotonicMs() + (delay > askedMs ? delay : askedMs);
}

void Updater::verify(uint64_t nowMs) {
  for (uint8_t i = 0; i < chunksPerStep && verifiedTo_ < identity_.size; ++i) {
    const uint32_t left = identity_.size - verifiedTo_;
    const uint32_t size = left < chunk_.size() ? left : static_cast<uint32_t>(chunk_.size());
    const hal::Io io = context_.hal.slots.read(verifiedTo_, chunk_.data(), size);
    if (io.code != hal::Code::ok || io.size == 0) return end(UpdaterResult::failed, "slot-read");
    hash_.update(ByteSpan(chunk_.data(), io.size));
    verifiedTo_ += io.size;
  }
  if (verifiedTo_ < identity_.size) return;
  uint8_t found[Sha256::digestSize];
  hash_.finish(found);
  if (std::memcmp(found, identity_.digest, sizeof found) == 0) return verified();
  // Parts of two contents may have met in the slot: once from the start before it counts.
  if (wasResumed_ && !hasRestarted_ && context_.hal.slots.restart() == hal::Code::ok) {
    hasRestarted_ = true;
    validator_.clear();
    written_ = lastDurable_ = 0;
    progress();
    report_.state = AttemptState::downloading;
    context_.log.warn().put("update: the digest of the slot is wrong after a resume, from the start once more");
    state_ = State::waiting;
    dueMs_ = nowMs;
    return;
  }
  if (context_.hal.slots.abandon() != hal::Code::ok) context_.log.warn().put("update: the slot couldn't be given up");
  end(UpdaterResult::failed, "digest-mismatch");
}

void Updater::verified() {
  const hal::Code code = context_.hal.slots.makeTrial();
  if (code != hal::Code::ok) {
    context_.log.error().put("update: no trial: ").put(hal::nameOf(code));
    return end(UpdaterResult::failed, "boot-record");
  }
  end(UpdaterResult::staged, "");
}

void Updater::cancel(std::string_view reason) {
  if (state_ == State::idle) return;
  end(UpdaterResult::cancelled, reason);
}

void Updater::end(UpdaterResult result, std::string_view reason) {
  if (state_ == State::fetching) download()->cancel();
  state_ = State::idle;
  result_ = result;
  report_.reason.assignCut(reason);
  switch (result) {
    case UpdaterResult::staged: report_.state = AttemptState::staged; break;
    case UpdaterResult::cancelled: report_.state = AttemptState::cancelled; break;
    default: report_.state = AttemptState::failed; break;
  }
  context_.log.info().put("update ").put(report_.update.view()).put(": ").put(attemptStateWord(report_.state)).put(" ").put(reason);
}

UpdaterResult Updater::takeResult() {
  const UpdaterResult result = result_;
  result_ = UpdaterResult::none;
  return result;
}

}  // namespace cx
