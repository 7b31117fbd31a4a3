#include "registration_link.hpp"

#include "node_report.hpp"
#include "text.hpp"

namespace cx {

namespace {

WireFormat formatOf(const CoapResponse& response) {
  return response.contentFormat == coap::format::json ? WireFormat::json : WireFormat::cbor;
}

}  // namespace

void RegistrationLink::search(uint64_t nowMs, uint32_t delayMs, bool isOnTrial) {
  stop();
  backoff_.setCap(isOnTrial ? searchCapOnTrialMs : searchCapMs);
  backoff_.reset();
  state_ = State::waiting;
  dueMs_ = nowMs + delayMs;
}

void RegistrationLink::stop() {
  context_.coap.cancelAll(*this);
  discovery_.stop();
  request_ = 0;
  state_ = State::idle;
  missed_ = 0;
  eventCount_ = 0;
  isBeatAsked_ = isRegisterAsked_ = isRegisteringAgain_ = false;
  context_.state.isRegistered = false;
}

void RegistrationLink::put(LinkEvent event) {
  if (eventCount_ < sizeof events_ / sizeof events_[0]) events_[eventCount_++] = event;
}

LinkEvent RegistrationLink::takeEvent() {
  if (eventCount_ == 0) return LinkEvent::none;
  const LinkEvent event = events_[0];
  --eventCount_;
  for (uint8_t i = 0; i < eventCount_; ++i) events_[i] = events_[i + 1];
  return event;
}

uint32_t RegistrationLink::pollMs() const { return context_.state.environment.pollS * 1000; }

void RegistrationLink::heard(uint64_t nowMs) {
  context_.state.heardMs = nowMs;
  missed_ = 0;
  if (context_.state.environment.liveness != Liveness::observe) return;
  // It stands in for a heartbeat but can't carry an action: every few polls a real one goes out, and one that wasn't
  // answered is sent again.
  const uint64_t latest = beatAnsweredMs_ + pollMs() * 4ULL;
  const uint64_t next = nowMs + pollMs() * 2ULL;
  nextBeatMs_ = next < latest ? next : latest;
}

void RegistrationLink::poll(uint64_t nowMs) {
  switch (state_) {
    case State::idle:
      return;
    case State::waiting:
      if (nowMs < dueMs_) return;
      state_ = State::searching;
      discovery_.start(nowMs);
      [[fallthrough]];
    case State::searching:
      discovery_.poll(nowMs);
      if (discovery_.take(candidate_)) {
        sendRegistration(nowMs);
      } else if (discovery_.isExhausted()) {
        state_ = State::waiting;
        dueMs_ = nowMs + backoff_.next(context_.hal.entropy);
        discovery_.stop();
      }
      return;
    case State::registering:
    case State::environment:
      return;
    case State::up: {
      // The interval may have become shorter since the next beat was set: with the first environment it does.
      const uint32_t poll = pollMs();
      const uint64_t longest = context_.state.environment.liveness == Liveness::observe ? poll * 3ULL : poll + poll / 20;
      if (nextBeatMs_ > nowMs + longest) nextBeatMs_ = nowMs + poll;
      if (request_ != 0) return;
      if (isRegisterAsked_ || missed_ >= beatsMissedMax) {
        isRegisterAsked_ = false;
        isRegisteringAgain_ = true;
        candidate_ = context_.state.manager;
        sendRegistration(nowMs);
      } else if (isBeatAsked_ || nowMs >= nextBeatMs_) {
        sendBeat(nowMs);
      }
      return;
    }
  }
}

uint64_t RegistrationLink::nextDueMs() const {
  if (eventCount_ > 0) return 1;
  switch (state_) {
    case State::waiting: return dueMs_;
    case State::searching: return discovery_.nextDueMs() == 0 ? 1 : discovery_.nextDueMs();
    case State::up: return request_ != 0 ? UINT64_MAX : isBeatAsked_ || isRegisterAsked_ || missed_ >= beatsMissedMax ? 1 : nextBeatMs_;
    default: return UINT64_MAX;
  }
}

void RegistrationLink::sendRegistration(uint64_t) {
  state_ = State::registering;
  // From now on: the manager may observe us before its answer to the registration arrives.
  context_.state.manager = candidate_;
  const Expected<ByteSpan> manifest = encodeManifest(context_, WireFormat::cbor, body_);
  if (!manifest) return registrationFailed("the manifest doesn't fit its buffer");
  char query[24];
  TextWriter text(query, sizeof query);
  if (context_.settings.lifetimeS != 0) text.put("lt=").putUint(context_.settings.lifetimeS);
  CoapRequest request;
  request.to = candidate_;
  request.method = coap::code::post;
  request.path = "register";
  request.query = text.view();
  request.contentFormat = coap::format::cbor;
  request.accept = coap::format::cbor;
  request.payload = *manifest;
  request.deadlineMs = registerTimeoutMs;
  const Expected<CoapRequestId> id = context_.coap.request(request, *this);
  if (!id) return registrationFailed(statusName(id.status()));
  request_ = *id;
}

void RegistrationLink::sendEnvironment() {
  state_ = State::environment;
  char query[nodeIdMax + 4];
  TextWriter text(query, sizeof query);
  text.put("ep=").put(context_.state.id.view());
  CoapRequest request;
  request.to = candidate_;
  request.path = "environment";
  request.query = text.view();
  request.accept = coap::format::cbor;
  request.body = body_;
  request.deadlineMs = registerTimeoutMs;
  const Expected<CoapRequestId> id = context_.coap.request(request, *this);
  if (!id) return registrationFailed(statusName(id.status()));
  request_ = *id;
}

void RegistrationLink::sendBeat(uint64_t nowMs) {
  isBeatAsked_ = false;
  const uint32_t interval = pollMs();
  // A tenth of jitter keeps nodes that were started together from beating together.
  nextBeatMs_ = nowMs + interval - interval / 20 + randomBelow(context_.hal.entropy, interval / 10 + 1);
  const Expected<ByteSpan> report = encodeStatusReport(context_, WireFormat::cbor, context_.scratch);
  char query[nodeIdMax + 20];
  TextWriter text(query, sizeof query);
  text.put("r=").putUint(context_.state.lastRev).put("&ep=").put(context_.state.id.view());
  CoapRequest request;
  request.to = context_.state.manager;
  request.method = coap::code::post;
  request.path = "status";
  request.query = text.view();
  request.contentFormat = coap::format::cbor;
  request.accept = coap::format::cbor;
  if (report) request.payload = *report;
  request.body = body_;
  request.deadlineMs = interval < beatTimeoutMinMs ? beatTimeoutMinMs : interval < beatTimeoutMaxMs ? interval : beatTimeoutMaxMs;
  resultRevSent_ = context_.state.result.rev;
  const Expected<CoapRequestId> id = context_.coap.request(request, *this);
  if (!id) return beatFailed();
  request_ = *id;
}

bool RegistrationLink::keepBody(const CoapResponse& response) {
  if (response.payload.size() > body_.size()) return false;
  if (!response.payload.empty()) std::memmove(body_.data(), response.payload.data(), response.payload.size());
  bodySize_ = response.payload.size();
  return true;
}

void RegistrationLink::onRegistered(const CoapResponse& response) {
  RegistrationAnswer answer;
  if (response.code != coap::code::created && response.code != coap::code::changed) {
    context_.log.warn().put("registration refused: ").put(coap::formatCode(response.code).text).put(" ").put(
        response.contentFormat == coapNoFormat || response.contentFormat == coap::format::text ? asText(response.payload.first(96)) : std::string_view());
    const NodeSettings& settings = context_.settings;
    if (response.code == coap::code::unauthorized && !settings.isProtected && !settings.isPortProtected) {
      context_.log.error().put("this node has no credentials, and the manager wants some: `coxswain node add ").put(context_.state.id.view()).put("` makes them");
      context_.log.error().put("start it with --credentials FILE then; or with --claim CODE, which `coxswain claim create` makes");
    }
    return registrationFailed(coap::formatCode(response.code).text);
  }
  if (!isOk(decodeRegistrationAnswer(formatOf(response), response.payload, answer))) return registrationFailed("answer not understood");
  context_.state.registration = answer;
  sendEnvironment();
}

void RegistrationLink::onEnvironment(const CoapResponse& response) {
  hasEnvironment_ = response.code == coap::code::content && keepBody(response);
  actionFormat_ = formatOf(response);
  if (!hasEnvironment_) {
    // Registered, but nothing told: heartbeats go on with the interval of the registration, MQTT has no address.
    context_.log.warn().put("no environment: ").put(coap::formatCode(response.code).text);
  }
  becomeUp();
}

void RegistrationLink::becomeUp() {
  const uint64_t nowMs = context_.hal.clock.monotonicMs();
  state_ = State::up;
  isRegisteringAgain_ = false;
  missed_ = 0;
  backoff_.reset();
  discovery_.stop();
  context_.state.isRegistered = true;
  nextBeatMs_ = nowMs;  // the first heartbeat follows at once and fetches what waits
  put(LinkEvent::registered);
}

void RegistrationLink::registrationFailed(std::string_view why) {
  const uint64_t nowMs = context_.hal.clock.monotonicMs();
  context_.log.warn().put("registration failed: ").put(why);
  request_ = 0;
  if (isRegisteringAgain_) {
    isRegisteringAgain_ = false;
    state_ = State::up;
    missed_ = 0;
    nextBeatMs_ = nowMs + pollMs();
    put(LinkEvent::managerLost);
    return;
  }
  hal::Address next;
  if (discovery_.take(next)) {
    candidate_ = next;
    return sendRegistration(nowMs);
  }
  state_ = State::waiting;
  dueMs_ = nowMs + backoff_.next(context_.hal.entropy);
}

void RegistrationLink::beatFailed() {
  ++missed_;
  context_.log.warn().put("heartbeat missed, ").put(static_cast<uint64_t>(missed_)).put(" in a row");
}

void RegistrationLink::onBeat(const CoapResponse& response) {
  if (response.code == coap::code::notFound) return put(LinkEvent::unknownToManager);
  if (coap::codeClass(response.code) == 5) return beatFailed();
  const uint64_t nowMs = context_.hal.clock.monotonicMs();
  missed_ = 0;
  context_.state.heardMs = nowMs;
  beatAnsweredMs_ = nowMs;
  if (!response.isSuccess()) {
    context_.log.warn().put("heartbeat refused: ").put(coap::formatCode(response.code).text);
    return;
  }
  if (context_.state.result.rev == resultRevSent_ && resultRevSent_ != 0) context_.state.result = ActionResult();
  put(LinkEvent::beatAnswered);
  if (response.payload.empty() || !keepBody(response)) return;
  actionFormat_ = formatOf(response);
  put(LinkEvent::actionArrived);
}

void RegistrationLink::onResponse(CoapRequestId id, const CoapResponse& response) {
  if (id != request_) return;
  request_ = 0;
  if (state_ == State::registering) return onRegistered(response);
  if (state_ == State::environment) return onEnvironment(response);
  if (state_ == State::up) onBeat(response);
}

void RegistrationLink::onRequestEnded(CoapRequestId id, Status why) {
  if (id != request_) return;
  request_ = 0;
  if (why == Status::cancelled) return;
  if (state_ == State::up) return beatFailed();
  registrationFailed(statusName(why));
}

}  // namespace cx
