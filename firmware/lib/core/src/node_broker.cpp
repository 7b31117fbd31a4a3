#include "node_broker.hpp"

#include <initializer_list>

#include "node_report.hpp"
#include "senml_writer.hpp"
#include "telemetry_pack.hpp"
#include "text.hpp"

namespace cx {

namespace {

constexpr uint32_t pollStepMs = 50;
constexpr uint32_t stopLimitMs = 3000;

}  // namespace

void BrokerSession::start(uint64_t nowMs) {
  isReporting_ = true;
  if (state_ == State::connected) return announce("online");
  if (!isOk(availability_.assign("online"))) return;
  if (state_ != State::off) return;
  backoff_.reset();
  state_ = State::waiting;
  dueMs_ = nowMs;
}

void BrokerSession::stop(std::string_view availability, uint64_t nowMs) {
  if (state_ == State::off) return;
  if (state_ == State::connected) {
    // The DISCONNECT discards the will, so subscribers learn from this publish and from nothing else.
    announce(availability);
    mqtt_.disconnect();
    state_ = State::stopping;
    endMs_ = nowMs + stopLimitMs;
    return;
  }
  mqtt_.abort();
  state_ = State::off;
}

std::string_view BrokerSession::topic(std::string_view tail) {
  const Environment& environment = context_.state.environment;
  topic_.clear();
  char buffer[topicMax];
  TextWriter text(buffer, sizeof buffer);
  text.put(environment.root.empty() ? std::string_view("cx") : environment.root.view());
  text.put("/nodes/").put(context_.state.id.view()).put('/').put(tail);
  topic_.assignCut(text.view());
  return topic_.view();
}

bool BrokerSession::publish(std::string_view tail, ByteSpan payload, uint8_t qos, bool isRetained) {
  return mqtt_.publish(topic(tail), payload, qos, isRetained).hasValue();
}

void BrokerSession::announce(std::string_view availability) {
  if (!isOk(availability_.assign(availability))) return;
  isAnnounceDue_ = !(mqtt_.isConnected() && publish("availability", asBytes(availability_.view()), 1, true));
}

void BrokerSession::connect(uint64_t nowMs) {
  const BrokerAccess& access = context_.state.environment.mqtt;
  const bool isTlsMissing = access.isTls && !context_.hal.mqtt.hasTls();
  if (access.host.empty() || isTlsMissing) {
    if (isTlsMissing) {
      context_.log.error().put("mqtt: the environment asks for TLS, for which this node has no CA or which isn't built in; not connected");
      context_.state.brokerFault.assignCut("no-tls");
    }
    state_ = State::waiting;
    dueMs_ = nowMs + brokerRetryCapMs;
    return;
  }
  if (state_ == State::waiting) {
    state_ = State::resolving;
    endMs_ = nowMs + brokerResolveMs;
  }
  hal::Address to;
  const hal::Code code = context_.hal.network.resolve(access.host.cStr(), static_cast<uint16_t>(access.port), to);
  if (code == hal::Code::again && nowMs < endMs_) {
    dueMs_ = nowMs + pollStepMs;
    return;
  }
  if (code != hal::Code::ok) return retry(nowMs);
  host_ = access.host;
  port_ = access.port;
  isTls_ = access.isTls;
  willTopic_.assignCut(topic("availability"));
  MqttConnect options;
  options.to = to;
  if (access.isTls) options.tlsName = host_.cStr();
  options.clientId = access.clientId.empty() ? context_.state.id.view() : access.clientId.view();
  options.user = access.user.view();
  options.password = access.password.view();
  options.keepAliveS = brokerKeepAliveS;
  options.willTopic = willTopic_.view();
  options.willPayload = asBytes("offline");
  if (!isOk(mqtt_.connect(options, *this))) return retry(nowMs);
  state_ = State::connecting;
}

void BrokerSession::retry(uint64_t nowMs) {
  state_ = State::waiting;
  dueMs_ = nowMs + backoff_.next(context_.hal.entropy);
}

void BrokerSession::poll(uint64_t nowMs) {
  mqtt_.poll();
  switch (state_) {
    case State::off: return;
    case State::waiting:
    case State::resolving:
      if (nowMs >= dueMs_) connect(nowMs);
      return;
    case State::connecting: return;
    case State::stopping:
      if (nowMs < endMs_ && !mqtt_.isIdle()) return;
      mqtt_.abort();
      state_ = State::off;
      return;
    case State::connected: break;
  }
  if (isAnnounceDue_) announce(availability_.view());
  if (isSubscribeDue_) {
    // Both or none: a lost second one would leave the node deaf on one topic until the next connection.
    if (!mqtt_.subscribe(topic("ota/start"), 1) || !mqtt_.subscribe(topic("cmd/+"), 1)) return;
    isSubscribeDue_ = false;
  }
  if (!isReporting_) return;
  if (isReportAsked_ || nowMs >= nextReportMs_) {
    isReportAsked_ = false;
    isTelemetryDue_ = isStatusDue_ = true;
    nextReportMs_ = nowMs + context_.state.environment.reportS * 1000ULL;
  }
  report();
}

uint64_t BrokerSession::nextDueMs() const {
  const uint64_t socket = mqtt_.nextDueMs();
  switch (state_) {
    case State::off: return socket;
    case State::waiting:
    case State::resolving: return dueMs_ < socket ? dueMs_ : socket;
    case State::stopping: return endMs_ < socket ? endMs_ : socket;
    case State::connecting: return socket;
    case State::connected: break;
  }
  if (isAnnounceDue_ || isSubscribeDue_) return context_.hal.clock.monotonicMs() + pollStepMs;
  if (!isReporting_) return socket;
  if (isReportAsked_) return 1;
  if (isTelemetryDue_ || isStatusDue_) return context_.hal.clock.monotonicMs() + pollStepMs;
  return nextReportMs_ < socket ? nextReportMs_ : socket;
}

// What finds no room in the packet buffer now stays due and is made anew, so that it is fresh when it goes out.
void BrokerSession::report() {
  if (isTelemetryDue_) {
    const SenmlFormat format = context_.settings.isSenmlJson ? SenmlFormat::json : SenmlFormat::cbor;
    const Expected<ByteSpan> pack = encodeTelemetry(context_, format, context_.scratch);
    const Status status = pack ? mqtt_.publish(topic("telemetry"), *pack, 1, false).status() : pack.status();
    if (status == Status::again) return;
    isTelemetryDue_ = false;
    if (!isOk(status) && status != Status::notFound) ++dropped_;
  }
  if (isStatusDue_) isStatusDue_ = !reportStatus();
}

// As JSON where a packet holds it, for the people who read along; else as CBOR, which the first byte tells apart.
bool BrokerSession::reportStatus() {
  for (const WireFormat format : {WireFormat::json, WireFormat::cbor}) {
    const Expected<ByteSpan> body = encodeStatusReport(context_, format, context_.scratch);
    const Status status = body ? mqtt_.publish(topic("status"), *body, 1, true).status() : body.status();
    if (status == Status::again) return false;
    if (isOk(status)) return true;
  }
  ++dropped_;
  return true;
}

void BrokerSession::publishProgress(const AttemptReport& report) {
  if (state_ != State::connected) return;
  const Expected<ByteSpan> body = encodeAttemptReport(WireFormat::json, report, context_.scratch);
  if (body && !publish("ota/progress", *body, 1, false)) ++dropped_;
}

void BrokerSession::acknowledgeCommand(std::string_view name, std::string_view id, Outcome outcome, std::string_view reason) {
  char tail[40];
  TextWriter text(tail, sizeof tail);
  text.put("cmd/").put(name).put("/ack");
  const Expected<ByteSpan> body = encodeCommandAnswer(WireFormat::json, id, outcome, reason, context_.scratch);
  if (body && !publish(text.view(), *body, 1, false)) ++dropped_;
}

bool BrokerSession::take(BrokerMessage& out) {
  if (inboxCount_ == 0) return false;
  out = inbox_[0];
  --inboxCount_;
  for (uint8_t i = 0; i < inboxCount_; ++i) inbox_[i] = inbox_[i + 1];
  return true;
}

void BrokerSession::environmentChanged(uint64_t nowMs) {
  if (state_ == State::off || state_ == State::stopping) return;
  const BrokerAccess& access = context_.state.environment.mqtt;
  if (state_ == State::connected && host_ == access.host && port_ == access.port && isTls_ == access.isTls) return;
  if (state_ == State::connected || state_ == State::connecting) mqtt_.abort();
  state_ = State::waiting;
  dueMs_ = nowMs;
  backoff_.reset();
}

void BrokerSession::onMqttConnected(bool) {
  state_ = State::connected;
  backoff_.reset();
  if (wasConnected_) ++context_.state.mqttReconnects;
  wasConnected_ = true;
  context_.state.brokerFault.clear();
  context_.log.info().put("mqtt: connected to ").put(host_.view()).put(isTls_ ? " by TLS" : "");
  isSubscribeDue_ = true;
  isReportAsked_ = true;
  announce(availability_.view());
}

void BrokerSession::onMqttMessage(std::string_view name, ByteSpan payload, bool isRetained) {
  if (isRetained) return;  // commands are never retained; a retained one is somebody's mistake
  const std::string_view otaStart = topic("ota/start");
  BrokerMessageKind kind = BrokerMessageKind::none;
  std::string_view command;
  if (name == otaStart) {
    kind = BrokerMessageKind::otaStart;
  } else {
    const std::string_view prefix = topic("cmd/");
    if (startsWith(name, prefix)) {
      kind = BrokerMessageKind::command;
      command = slice(name, prefix.size());
    }
  }
  if (kind == BrokerMessageKind::none || inboxCount_ == brokerInboxMax) {
    ++dropped_;
    return;
  }
  BrokerMessage& message = inbox_[inboxCount_];
  message.kind = kind;
  if (!isOk(message.command.assign(command)) || !isOk(message.payload.assign(payload))) {
    ++dropped_;
    return;
  }
  ++inboxCount_;
}

void BrokerSession::onMqttPublished(uint16_t) {}

void BrokerSession::onMqttSubscribed(uint16_t, bool isGranted) {
  if (!isGranted) context_.log.warn().put("mqtt: a subscription was refused");
}

void BrokerSession::onMqttClosed(MqttClose why) {
  if (state_ == State::off) return;
  if (state_ == State::stopping || why == MqttClose::asked) {
    state_ = State::off;
    return;
  }
  const std::string_view fault = context_.hal.mqtt.fault();
  // A refusal counts as a reason as much as what TLS found; a lost connection is known by presence.
  if (!fault.empty()) context_.state.brokerFault.assignCut(fault);
  else if (why == MqttClose::refused) context_.state.brokerFault.assignCut("refused");
  context_.log.warn().put("mqtt: closed: ").put(mqttCloseName(why)).put(fault.empty() ? "" : ", ").put(fault);
  retry(context_.hal.clock.monotonicMs());
}

}  // namespace cx
