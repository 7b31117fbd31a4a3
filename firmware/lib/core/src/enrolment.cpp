#include "enrolment.hpp"

namespace cx {

namespace {

constexpr uint32_t firstDelayMs = 2000, longestDelayMs = 300000;
constexpr uint32_t askTimeoutMs = 45000;
constexpr uint32_t linkPollMs = 200;
constexpr uint32_t longestMaxAgeS = 3600;

static_assert(sizeof(void*) != 4 || sizeof(Enrolment) <= 4096, "an enrolment no longer fits beside the memory of a small board");

Status readContext(CborReader& reader, OscoreCredentials& out) {
  uint32_t count = 0;
  CX_TRY(reader.readMap(count));
  unsigned found = 0;
  for (uint32_t i = 0; i < count; i++) {
    std::string_view key;
    CX_TRY(reader.readText(key));
    const bool isSecret = key == "masterSecret", isSalt = key == "masterSalt", isSender = key == "senderId";
    if (!isSecret && !isSalt && !isSender && key != "recipientId") {
      CX_TRY(reader.skip());
      continue;
    }
    ByteSpan bytes;
    CX_TRY(reader.readBytes(bytes));
    CX_TRY(isSecret ? out.masterSecret.assign(bytes) : isSalt ? out.masterSalt.assign(bytes) : isSender ? out.senderId.assign(bytes) : out.recipientId.assign(bytes));
    found++;
  }
  return found == 4 ? Status::ok : Status::malformed;
}

}  // namespace

Status decodeEnrolled(ByteSpan cbor, EnrolledCredentials& out) {
  out = EnrolledCredentials();
  CborReader reader(cbor);
  uint32_t count = 0;
  CX_TRY(reader.readMap(count));
  for (uint32_t i = 0; i < count; i++) {
    std::string_view key;
    CX_TRY(reader.readText(key));
    if (key == "id") {
      std::string_view id;
      CX_TRY(reader.readText(id));
      CX_TRY(out.id.assign(id));
    } else if (key == "ca") {
      CX_TRY(reader.readText(out.ca));
    } else if (key == "anchors") {
      CX_TRY(reader.readBytes(out.anchors, keySetMax));
    } else if (key == "vendor") {
      CX_TRY(reader.readText(out.vendor, vendorMax));
    } else if (key == "oscore") {
      CX_TRY(readContext(reader, out.oscore));
    } else {
      CX_TRY(reader.skip());
    }
  }
  CX_TRY(reader.finish());
  OscoreKeys keys;
  return out.id.empty() || !isOk(deriveOscoreKeys(out.oscore, keys)) ? Status::malformed : Status::ok;
}

Enrolment::Enrolment(hal::Hal& hal, Profile& profile, const NodeSettings& settings, const NodeMemory& memory, CredentialKeeper& keeper)
    : hal_(hal),
      settings_(settings),
      keeper_(keeper),
      ring_(memory.log),
      log_(hal.log, hal.clock, ring_),
      session_(hal.entropy, hal.clock),
      coap_(hal.coap, hal.clock, hal.entropy, memory.coap),
      context_{hal, coap_, log_, settings_, state_, profile, memory.scratch},
      discovery_(context_),
      body_(memory.body),
      backoff_(firstDelayMs, longestDelayMs) {}

void Enrolment::begin() {
  isBegun_ = true;
  hal_.watchdog.start();
  coap_.secure(&session_);
  hal::Storage& numbers = hal_.numbers != nullptr ? *hal_.numbers : hal_.storage;
  const Status status = session_.open(settings_.oscore, numbers, hal_.retained, hal_.aead);
  if (isOk(status)) {
    log_.info().put("enrolment: this node has no credentials yet, and asks the manager for them");
    return;
  }
  // Without numbers nothing may be sent with this key, now or later.
  outcome_ = EnrolmentOutcome::refused;
  log_.error().put("enrolment: the sequence numbers of its key are lost (").put(statusName(status)).put("): give this node another claim code");
}

uint64_t Enrolment::step(uint64_t nowMs) {
  if (!isBegun_) begin();
  hal_.watchdog.feed();
  if (outcome_ != EnrolmentOutcome::none) return UINT64_MAX;
  if (!isStarted_) {
    if (hal_.network.link() != hal::Link::up) return nowMs + linkPollMs;
    const Status status = coap_.start(settings_.coapPort, Span<const CoapRoute>(), nullptr);
    if (!isOk(status)) {
      log_.error().put("enrolment: no CoAP socket: ").put(statusName(status));
      return nowMs + firstDelayMs;
    }
    isStarted_ = true;
    dueMs_ = nowMs;
  }
  coap_.poll();
  if (outcome_ != EnrolmentOutcome::none) return UINT64_MAX;
  if (at_ == State::waiting && nowMs >= dueMs_) {
    at_ = State::searching;
    discovery_.start(nowMs);
  }
  if (at_ == State::searching) {
    discovery_.poll(nowMs);
    if (discovery_.take(candidate_)) {
      ask();
    } else if (discovery_.isExhausted()) {
      tryNext();
    }
  }
  uint64_t due = coap_.nextDueMs();
  const uint64_t own = at_ == State::waiting ? dueMs_ : at_ == State::searching ? discovery_.nextDueMs() : 0;
  if (own != 0 && own < due) due = own;
  return due;
}

void Enrolment::ask() {
  at_ = State::asking;
  CoapRequest request;
  request.to = candidate_;
  request.method = coap::code::post;
  request.path = "enrol";
  if (settings_.wantsCa) request.query = "ca";
  request.accept = coap::format::cbor;
  request.body = body_;
  request.deadlineMs = askTimeoutMs;
  const Expected<CoapRequestId> id = coap_.request(request, *this);
  if (id) {
    request_ = *id;
  } else {
    tryNext();
  }
}

void Enrolment::wait(uint64_t delayMs) {
  discovery_.stop();
  at_ = State::waiting;
  dueMs_ = hal_.clock.monotonicMs() + delayMs;
}

void Enrolment::tryNext() {
  if (discovery_.take(candidate_)) return ask();
  const uint32_t delayMs = backoff_.next(hal_.entropy);
  log_.info().put("enrolment: tried again in ").put(uint64_t{delayMs / 1000}).put(" s");
  wait(delayMs);
}

void Enrolment::onResponse(CoapRequestId id, const CoapResponse& response) {
  if (id != request_) return;
  request_ = 0;
  if (response.code == coap::code::changed) return keep(response.payload);
  refused(response);
}

void Enrolment::keep(ByteSpan body) {
  EnrolledCredentials credentials;
  Status status = decodeEnrolled(body, credentials);
  if (!isOk(status)) {
    log_.error().put("enrolment: the answer isn't understood (").put(statusName(status)).put(")");
    return tryNext();
  }
  status = keeper_.keep(credentials);
  if (status == Status::refused) {
    outcome_ = EnrolmentOutcome::refused;
    return;
  }
  if (!isOk(status)) {
    log_.error().put("enrolment: the credentials can't be stored (").put(statusName(status)).put("); they are asked for again");
    return tryNext();
  }
  log_.info().put("enrolled as ").put(credentials.id.view()).put(": restarting with its own credentials");
  outcome_ = EnrolmentOutcome::enrolled;
  hal_.system.restart();
}

void Enrolment::refused(const CoapResponse& response) {
  const bool isText = response.contentFormat == coapNoFormat || response.contentFormat == coap::format::text;
  log_.error().put("enrolment refused: ").put(coap::formatCode(response.code).text).put(" ").put(isText ? asText(response.payload.first(100)) : std::string_view());
  // Who answers this has the key, so it is the manager's word. A claim is for once; what a batch refuses its operator may allow yet.
  const bool isClaim = settings_.oscore.idContext.empty();
  if (response.code == coap::code::forbidden && isClaim) {
    log_.error().put("enrolment: make a code with `coxswain claim create`, and start with --claim CODE");
    outcome_ = EnrolmentOutcome::refused;
    return;
  }
  if (response.code == coap::code::serviceUnavailable && response.hasMaxAge) {
    const uint32_t seconds = response.maxAge < longestMaxAgeS ? response.maxAge : longestMaxAgeS;
    // A tenth more or less, so that not all of a batch come back at once.
    return wait(uint64_t{seconds} * 1000 + randomBelow(hal_.entropy, firstDelayMs + seconds * 100));
  }
  tryNext();
}

void Enrolment::onRequestEnded(CoapRequestId id, Status why) {
  if (id != request_) return;
  request_ = 0;
  if (why == Status::cancelled) return;
  if (why == Status::refused) {
    // In the clear, so perhaps not the manager's word: the key stays, and is tried again.
    const bool isClaim = settings_.oscore.idContext.empty();
    log_.error().put("enrolment: the manager doesn't know this ").put(isClaim ? "code: it is wrong, used, revoked or too old" : "batch key or hardware id: wrong, or revoked");
    log_.error().put(isClaim ? "enrolment: `coxswain claim list` shows it; `coxswain claim create` makes another, for --claim CODE"
                             : "enrolment: `coxswain batch list` shows the batches of this manager");
  } else {
    log_.warn().put("enrolment: no answer from the manager (").put(statusName(why)).put(")");
  }
  tryNext();
}

}  // namespace cx
