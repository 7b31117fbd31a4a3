// The payload, from wherever it comes, through its decoder into the slot.
#include "text.hpp"
#include "updater.hpp"
#include "uri.hpp"

namespace cx {

namespace {

constexpr uint32_t resolvePollMs = 50;
constexpr uint8_t feedsPerTurn = 8;
constexpr uint16_t forbidden = 403;

DownloadWay wayOf(std::string_view uri, bool hasTls) {
  const Expected<Uri> parsed = parseUri(uri);
  if (!parsed) return DownloadWay::none;
  if (parsed->scheme == UriScheme::https) return hasTls ? DownloadWay::http : DownloadWay::none;
  if (parsed->scheme == UriScheme::http) return DownloadWay::http;
  // The same way: a node whose socket is inside DTLS asks nobody in the open, and another one is told no coaps URI.
  const bool isCoap = parsed->scheme == UriScheme::coap || parsed->scheme == UriScheme::coaps;
  return isCoap ? DownloadWay::coap : DownloadWay::none;
}

// "/artifacts/" and the digest: of a signed payload the path comes from the manifest, and never from the action.
void putArtifactPath(TextWriter& out, const uint8_t* digest) {
  static constexpr char digits[] = "0123456789abcdef";
  out.put("/artifacts/");
  for (size_t i = 0; i < wireDigestSize; ++i) out.put(digits[digest[i] >> 4U]).put(digits[digest[i] & 0x0FU]);
}

}  // namespace

// The preferred way first, then the order of the action; with `other`, one that isn't the present way.
bool Updater::chooseWay(bool other) {
  if (brought_ != nullptr) {
    way_ = report_.way = DownloadWay::can;
    return true;
  }
  const bool hasTls = context_.http != nullptr && context_.http->hasTls();
  for (int pass = 0; pass < 2; ++pass) {
    for (uint8_t i = 0; i < uriCount_; ++i) {
      const DownloadWay way = wayOf(uris_[i].view(), hasTls);
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

// The present way, by the addresses of another action.
bool Updater::keepWay() {
  const bool hasTls = context_.http != nullptr && context_.http->hasTls();
  for (uint8_t i = 0; i < uriCount_; ++i) {
    if (wayOf(uris_[i].view(), hasTls) != way_) continue;
    uri_ = i;
    return true;
  }
  return brought_ != nullptr;
}

void Updater::resolve(uint64_t nowMs) {
  if (way_ == DownloadWay::can) return fetch(nullptr);
  const Expected<Uri> uri = parseUri(uris_[uri_].view());
  if (!uri) return end(UpdaterResult::refused, AttemptReason::badUri);
  FixedText<uriHostMax> host;
  if (!isOk(host.assign(uri->host))) return end(UpdaterResult::refused, AttemptReason::badUri);
  const hal::Code code = context_.network->resolve(host.cStr(), uri->port, to_);
  if (code == hal::Code::ok) return fetch(&*uri);
  if (code == hal::Code::again && nowMs < resolveEndMs_) {
    dueMs_ = nowMs + resolvePollMs;
    return;
  }
  tryAgain(attemptReasonWord(AttemptReason::unresolved), 0);
}

[[gnu::noinline]] bool Updater::openSlot() {
  const hal::Code code = writer_.begin(identity_);
  if (code == hal::Code::ok) {
    if (writer_.durable() > 0) wasResumed_ = true;
    return true;
  }
  const bool isFull = code == hal::Code::noSpace;
  end(isFull ? UpdaterResult::refused : UpdaterResult::failed, isFull ? AttemptReason::noSpace : AttemptReason::slotBegin);
  return false;
}

// Where the decoder goes on: where it is, at a stored checkpoint whose part of the image is durable, or at the start. In
// the latter cases it makes again what the slot has already, and the writer passes over that.
[[gnu::noinline]] bool Updater::openDecoder() {
  if (isDecoding_) return true;
  PayloadStart start;
  start.payloadSize = payloadSize_;
  start.imageSize = identity_.size;
  start.parameters = manifest_.variant().encryptionInfo;
  bool isResumed = record_.checkpoint(start.from) && start.from.payloadOffset <= payloadSize_ && start.from.imageOffset <= writer_.durable();
  if (!isResumed) start.from = PayloadCheckpoint();
  writer_.seek(start.from.imageOffset);
  Status status = decoder_->start(start, writer_, writer_);
  if (isResumed && !isOk(status)) {
    start.from = PayloadCheckpoint();
    writer_.seek(0);
    status = decoder_->start(start, writer_, writer_);
  }
  taken_ = start.from.payloadOffset;
  keptAt_ = start.from.imageOffset;
  hasNext_ = false;
  isDecoding_ = isOk(status);
  if (!isDecoding_) end(UpdaterResult::refused, payloadReason(status));
  return isDecoding_;
}

// Everything from the first byte, of the payload and of the image.
Status Updater::rewind() {
  isDecoding_ = hasNext_ = false;
  taken_ = keptAt_ = verifiedTo_ = cameTo_ = 0;
  came_.reset();
  if (decoder_ != nullptr) record_.forgetCheckpoint();
  return writer_.restart() == hal::Code::ok ? Status::ok : Status::io;
}

// Frames of their own, as that of fetch() has the path and the request in it.
[[gnu::noinline]] void Updater::sayFrom(const Uri& uri) {
  const size_t tail = uri.path.size() + (uri.query.empty() ? 0 : uri.query.size() + 1);
  context_.log.info().put("update: from ").put(slice(uris_[uri_].view(), 0, uris_[uri_].size() - tail));
}

[[gnu::noinline]] void Updater::notStarted(Status why) {
  context_.log.warn().put("update: the download doesn't start: ").put(statusName(why));
  if (why == Status::full || why == Status::busy || why == Status::unreachable) return tryAgain(statusName(why), 0);
  end(UpdaterResult::refused, AttemptReason::badUri);
}

// A null `uri`: what is brought needs none.
void Updater::fetch(const Uri* uri) {
  // A plain download that was cut is continued where the medium ends, not where the stream ended.
  if (decoder_ == nullptr ? !openSlot() : !openDecoder()) return;
  char path[downloadPathMax];
  TextWriter pathText(path, sizeof path);
  if (isSigned()) {
    putArtifactPath(pathText, payloadDigest_);
  } else if (uri != nullptr) {
    pathText.put(uri->path);
  }
  if (!isOk(pathText.status())) return end(UpdaterResult::refused, AttemptReason::badUri);
  DownloadRequest request;
  request.path = pathText.view();
  if (uri != nullptr) {
    request.to = to_;
    request.host = uri->host;
    request.isTls = uri->scheme == UriScheme::https;
    request.query = uri->query;
    sayFrom(*uri);
  }
  request.offset = taken();
  request.expectedSize = payloadSize_;
  // A rate is kept block by block; what is asked for in sets comes as it comes.
  request.mayQBlock = context_.settings.usesQBlock && context_.settings.downloadRate == 0;
  if (request.offset > 0) request.validator = record_.validator(way_);
  state_ = State::fetching;
  isAnswered_ = false;
  const Status status = download()->start(request, *this);
  if (!isOk(status)) notStarted(status);
}

Status Updater::onStart(const DownloadStart& start) {
  const ByteSpan known = record_.validator(way_);
  if (fetched_ > 0 && !known.empty() && !start.validator.empty() && !equal(known, start.validator)) isChanged_ = true;
  if (start.totalSize != 0 && start.totalSize != payloadSize_) return Status::mismatch;
  isAnswered_ = true;
  if (start.offset < taken()) {  // other content, or a server without ranges
    if (start.offset != 0) return Status::mismatch;
    context_.log.info().put("update: the content is sent from its start again");
    CX_TRY(rewind());
    wasResumed_ = false;
    lastTaken_ = 0;
    if (decoder_ != nullptr && !openDecoder()) return Status::cancelled;
  }
  if (!record_.keepValidator(way_, start.validator)) context_.log.warn().put("update: the entity tag couldn't be stored");
  return Status::ok;
}

// The rate limit: a debt is paid before the next block.
bool Updater::pays(size_t size) {
  if (context_.settings.downloadRate == 0) return true;
  const uint64_t nowMs = context_.clock.monotonicMs();
  const int64_t rate = context_.settings.downloadRate;
  const int64_t earned = static_cast<int64_t>(nowMs - creditMs_) * rate / 1000;
  if (earned > 0) {
    creditMs_ = nowMs;
    credit_ = credit_ + earned < rate / 4 + 1 ? credit_ + earned : rate / 4 + 1;
  }
  if (credit_ <= 0) return false;
  credit_ -= static_cast<int64_t>(size);
  return true;
}

void Updater::takeUpCost(uint64_t nowMs) {
  const AttemptCost cost = record_.cost(rev_);
  fetched_ = paidTo_ = cost.bytes;
  costBefore_ = cost.ms;
  keepCost(nowMs);
}

// What can't be stored counts until the next reset.
void Updater::keepCost(uint64_t nowMs) {
  costKeptMs_ = nowMs;
  if (!record_.keepCost(rev_, AttemptCost{paidTo_, static_cast<uint32_t>(spentMs(nowMs))})) context_.log.warn().put("update: what it cost couldn't be stored");
}

// Bytes are stored as spent before they are taken, a step ahead: a reset costs a step of the budget at most, and never gives one back.
bool Updater::isAffordable(size_t size) {
  const uint32_t budget = context_.settings.attemptBudget;
  if (budget != 0 && (fetched_ > budget || size > budget - fetched_)) return false;
  const uint32_t end = fetched_ + static_cast<uint32_t>(size);
  const uint64_t nowMs = context_.clock.monotonicMs();
  if (end <= paidTo_ && nowMs - costKeptMs_ < limits_.costEveryMs) return true;
  if (end > paidTo_) {
    const uint32_t step = budget == 0 || budget / 16 > limits_.costEveryBytes ? limits_.costEveryBytes : budget / 16;
    paidTo_ = end + step;
    if (budget != 0 && paidTo_ > budget) paidTo_ = budget;
  }
  keepCost(nowMs);
  return true;
}

Status Updater::onBytes(uint64_t offset, ByteSpan bytes) {
  // What is offered again after `again` may be taken in part already.
  if (offset > taken() || bytes.size() > payloadSize_ - offset || offset + bytes.size() < taken()) return Status::mismatch;
  const ByteSpan fresh = bytes.from(static_cast<size_t>(taken() - offset));
  if (decoder_ == nullptr && fresh.size() != bytes.size()) return Status::mismatch;
  if (!isAffordable(fresh.size())) return Status::exhausted;
  if (!pays(fresh.size())) return Status::again;
  tokens_ = 0;
  if (decoder_ != nullptr) return decode(offset, bytes);
  const Status status = writer_.put(bytes);
  if (isOk(status)) {
    came(offset, bytes);
    fetched_ += static_cast<uint32_t>(bytes.size());
    progress();
  }
  return status;
}

Status Updater::decode(uint64_t offset, ByteSpan bytes) {
  Status status = Status::ok;
  for (uint8_t i = 0; i < feedsPerTurn && isOk(status) && taken_ < offset + bytes.size(); ++i) {
    size_t done = 0;
    const ByteSpan rest = bytes.from(static_cast<size_t>(taken_ - offset));
    status = decoder_->feed(rest, done);
    came(taken_, rest.first(done));
    taken_ += static_cast<uint32_t>(done);
    fetched_ += static_cast<uint32_t>(done);
  }
  progress();
  if (!isOk(status)) {
    failure_ = status;
    return Status::invalid;  // of the payload, not of the way it came
  }
  keepCheckpoint();
  return taken_ < offset + bytes.size() ? Status::again : Status::ok;
}

// What arrives once more is known already; what a reset took away makes the digest of all that came unknown.
void Updater::came(uint64_t offset, ByteSpan bytes) {
  if (offset > cameTo_ || offset + bytes.size() <= cameTo_) return;
  const ByteSpan fresh = bytes.from(static_cast<size_t>(cameTo_ - offset));
  came_.update(fresh);
  cameTo_ += static_cast<uint32_t>(fresh.size());
}

// Whose fault a wrong payload is: that of whoever changed the artifact, or what the reason says.
AttemptReason Updater::wrongPayload(AttemptReason reason) const {
  return isChanged_ ? AttemptReason::artifactChanged : reason;
}

void Updater::keepCheckpoint() {
  if (hasNext_ && next_.imageOffset <= writer_.durable()) {
    if (record_.keepCheckpoint(next_)) keptAt_ = next_.imageOffset;
    hasNext_ = false;
  }
  if (hasNext_ || writer_.position() < keptAt_ + limits_.checkpointEvery) return;
  hasNext_ = decoder_->checkpoint(next_) && next_.imageOffset >= keptAt_ + limits_.checkpointEvery;
}

// The last byte of the payload was taken. What it still makes is made from the next turn on.
void Updater::allCame() {
  state_ = State::finishing;
  if (cameTo_ != payloadSize_) return;
  uint8_t found[Sha256::digestSize];
  came_.finish(found);
  if (std::memcmp(found, payloadDigest_, sizeof found) != 0) isChanged_ = true;
}

void Updater::finish() {
  if (decoder_ != nullptr) {
    Status status = Status::again;
    for (uint8_t i = 0; i < feedsPerTurn && status == Status::again; ++i) status = decoder_->finish();
    if (status == Status::again) return;  // a few bytes may be the rest of a long image
    if (isOk(status) && writer_.position() != identity_.size) status = Status::malformed;
    if (!isOk(status)) {
      dueMs_ = context_.clock.monotonicMs();
      return startAgain("the payload is wrong") ? void() : end(UpdaterResult::failed, wrongPayload(payloadReason(status)));
    }
  }
  const hal::Code code = context_.slots.flush();
  if (code != hal::Code::ok) return end(UpdaterResult::failed, code == hal::Code::noSpace ? AttemptReason::noSpace : AttemptReason::slotWrite);
  state_ = State::verifying;
  report_.state = AttemptState::verifying;
  verifiedTo_ = 0;
  hash_.reset();
}

AttemptReason Updater::payloadReason(Status status) const {
  switch (status) {
    case Status::tooLarge: return AttemptReason::payloadOverflow;
    case Status::unsupported: return AttemptReason::unsupportedVariant;
    case Status::invalid: return AttemptReason::noPayloadKey;
    case Status::full: return AttemptReason::noSpace;
    case Status::io: return AttemptReason::slotWrite;
    default: return AttemptReason::payloadMalformed;
  }
}

void Updater::onEnd(const DownloadEnd& done) {
  if (state_ != State::fetching) return;
  if (done.status == Status::ok && taken() == payloadSize_) return allCame();
  char buffer[40];
  TextWriter reason(buffer, sizeof buffer);
  // A code of success says nothing about an end that isn't one: then the cause is on this side.
  const bool isRefusal = done.code != 0 && done.code / 100 != 2;
  if (isRefusal) {
    reason.put(way_ == DownloadWay::http ? "http-" : "coap-").putUint(done.code);
  } else if (done.fault[0] != '\0') {
    reason.put(done.fault);
  } else if (done.status == Status::invalid && failure_ != Status::ok) {
    // A patch that leaves its base (mismatch) can't be undone either: that the base is the running image was checked before.
    const bool isPayload = failure_ == Status::malformed || failure_ == Status::tooLarge || failure_ == Status::mismatch;
    reason.put(attemptReasonWord(isPayload ? wrongPayload(payloadReason(failure_)) : payloadReason(failure_)));
    failure_ = Status::ok;
    dueMs_ = context_.clock.monotonicMs();
    if (isPayload && startAgain("the payload is wrong")) return;
  } else if (done.status == Status::exhausted) {
    reason.put(attemptReasonWord(AttemptReason::overBudget));
  } else if (done.status == Status::full) {
    reason.put(attemptReasonWord(AttemptReason::noSpace));
  } else if (done.status == Status::io) {
    reason.put(attemptReasonWord(AttemptReason::slotWrite));
  } else if (done.status == Status::mismatch) {
    if (!isAnswered_ && taken() > 0) isChanged_ = true;  // it was of the right size before
    reason.put(attemptReasonWord(wrongPayload(isSigned() ? AttemptReason::payloadSize : AttemptReason::sizeMismatch)));
  } else {
    reason.put(done.status == Status::ok ? attemptReasonWord(AttemptReason::tooShort) : statusName(done.status));
  }
  if (isRefusal && done.code == forbidden && tokens_ < limits_.tokensMax) {
    // The token in the URI is too old: the action is asked for again, which has a new one. The attempt goes on.
    ++tokens_;
    isActionAwaited_ = isActionWished_ = true;
    state_ = State::waiting;
    dueMs_ = context_.clock.monotonicMs() + limits_.actionWaitMs;
    return;
  }
  if (isRefusal && done.code == forbidden) return end(UpdaterResult::failed, AttemptReason::tokenExpired);
  if (done.mayRetry || done.status == Status::ok) return tryAgain(reason.view(), done.retryAfterMs);
  end(UpdaterResult::failed, reason.view());
}

// No action came: it is asked for again, and in the end the token's age is the reason.
void Updater::awaitAction(uint64_t nowMs) {
  if (tokens_ >= limits_.tokensMax) return end(UpdaterResult::failed, AttemptReason::tokenExpired);
  ++tokens_;
  isActionWished_ = true;
  dueMs_ = nowMs + limits_.actionWaitMs;
}

void Updater::tryAgain(std::string_view why, uint32_t askedMs) {
  const hal::Code flushed = context_.slots.flush();
  const uint32_t now = decoder_ != nullptr ? taken_ : writer_.durable();
  if (flushed == hal::Code::ok && now > lastTaken_) backoff_.reset();
  lastTaken_ = now;
  if (backoff_.failures() >= limits_.triesWithoutProgress) return end(UpdaterResult::failed, why);
  if (++triesOnWay_ >= limits_.triesPerWay) chooseWay(true);
  const uint32_t delay = backoff_.next(context_.entropy);
  context_.log.info().put("update: ").put(why).put(" at ").put(static_cast<uint64_t>(taken())).put(", again in ").put(
      static_cast<uint64_t>(delay > askedMs ? delay : askedMs)).put(" ms");
  state_ = State::waiting;
  dueMs_ = context_.clock.monotonicMs() + (delay > askedMs ? delay : askedMs);
}

}  // namespace cx
