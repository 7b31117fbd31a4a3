#include "mqtt_client.hpp"

namespace cx {

namespace {

// Kept free by publish() and subscribe(), so that a PUBACK, a PINGREQ and the DISCONNECT always find room.
constexpr size_t controlReserve = 8;
constexpr size_t pubackSize = 4;
constexpr unsigned readsPerPoll = 4;

}  // namespace

const char* mqttCloseName(MqttClose why) {
  switch (why) {
    case MqttClose::asked: return "asked";
    case MqttClose::connectFailed: return "connectFailed";
    case MqttClose::refused: return "refused";
    case MqttClose::connectionLost: return "connectionLost";
    case MqttClose::keepAliveTimeout: return "keepAliveTimeout";
    case MqttClose::malformed: return "malformed";
    case MqttClose::oversized: return "oversized";
  }
  return "unknown";
}

Status MqttClient::connect(const MqttConnect& options, MqttHandler& handler) {
  if (state_ != State::idle) return Status::busy;
  if (!options.to.isSet()) return Status::invalid;
  const Expected<size_t> size = encodeMqttConnect(options, send_);
  if (!size) return size.status() == Status::full ? Status::tooLarge : size.status();
  connection_++;
  handler_ = &handler;
  keepAliveS_ = options.keepAliveS;
  sendBegin_ = 0;
  sendEnd_ = *size;
  received_ = 0;
  returnCode_ = 0;
  isPingOpen_ = false;
  isGoodbyeQueued_ = false;
  inFlightCount_ = 0;
  for (InFlight& row : inFlight_) row = InFlight{};
  startedMs_ = clock_.monotonicMs();
  lastSentMs_ = lastReceivedMs_ = startedMs_;
  state_ = State::opening;
  // What this says is found again by connected(): a failure reaches the handler from poll(), never from here.
  (void)((options.tlsName != nullptr ? stream_.connectTls(options.to, options.tlsName) : stream_.connect(options.to)) == hal::Code::ok);
  return Status::ok;
}

void MqttClient::disconnect() {
  if (state_ == State::idle || state_ == State::closing) return;
  startedMs_ = clock_.monotonicMs();
  if (state_ == State::connected) {
    const Expected<size_t> size = encodeMqttEmpty(MqttType::disconnect, freeSpace());
    if (size) sendEnd_ += *size;
    isGoodbyeQueued_ = true;
  }
  state_ = State::closing;
}

void MqttClient::abort() {
  if (state_ == State::idle) return;
  state_ = State::idle;
  connection_++;
  stream_.close();
}

void MqttClient::close(MqttClose why) {
  MqttHandler* handler = handler_;
  abort();
  handler->onMqttClosed(why);
}

void MqttClient::poll() {
  if (state_ == State::opening) pollOpening();
  if (state_ == State::closing && !isGoodbyeQueued_) {  // asked before the connection was there
    close(MqttClose::asked);
    return;
  }
  if (state_ == State::idle || state_ == State::opening) return;
  flush();
  for (unsigned i = 0; i < readsPerPoll && (state_ == State::connected || state_ == State::awaitingConnack); i++) {
    const uint64_t before = lastReceivedMs_;
    const size_t had = received_;
    const uint32_t connection = connection_;
    readIncoming();
    if (connection != connection_) return;
    if (received_ == had && lastReceivedMs_ == before) break;
  }
  flush();
  checkTimes();
}

void MqttClient::pollOpening() {
  const hal::Code code = stream_.connected();
  if (code == hal::Code::ok) {
    state_ = State::awaitingConnack;
  } else if (code != hal::Code::again || clock_.monotonicMs() - startedMs_ >= timing_.connectTimeoutMs) {
    close(MqttClose::connectFailed);
  }
}

void MqttClient::checkTimes() {
  const uint64_t nowMs = clock_.monotonicMs();
  if (state_ == State::awaitingConnack && nowMs - startedMs_ >= timing_.connectTimeoutMs) {
    close(MqttClose::keepAliveTimeout);
  } else if (state_ == State::closing && (sendBegin_ == sendEnd_ || nowMs - startedMs_ >= timing_.goodbyeTimeoutMs)) {
    close(MqttClose::asked);
  }
  if (state_ != State::connected) return;
  const bool isPingLate = isPingOpen_ && nowMs - pingMs_ >= timing_.responseTimeoutMs;
  const bool isAcknowledgementLate = inFlightCount_ > 0 && nowMs - lastAcknowledgedMs_ >= timing_.acknowledgeTimeoutMs;
  if (isPingLate || isAcknowledgementLate) {
    close(MqttClose::keepAliveTimeout);
    return;
  }
  // Sooner than the interval, which the broker counts by its own clock; and also when only we talk, since QoS 0 alone
  // would never notice that nobody listens.
  const uint64_t intervalMs = uint64_t{keepAliveS_} * 1000U;
  const bool isQuiet = nowMs - lastSentMs_ >= intervalMs * 3 / 4 || nowMs - lastReceivedMs_ >= intervalMs;
  if (keepAliveS_ == 0 || isPingOpen_ || !isQuiet) return;
  const Expected<size_t> size = encodeMqttEmpty(MqttType::pingreq, freeSpace());
  if (!size) return;
  sendEnd_ += *size;
  isPingOpen_ = true;
  pingMs_ = nowMs;
  flush();
}

uint64_t MqttClient::nextDueMs() const {
  switch (state_) {
    case State::idle: return UINT64_MAX;
    case State::opening:
    case State::awaitingConnack: return startedMs_ + timing_.connectTimeoutMs;
    case State::closing: return isGoodbyeQueued_ && sendBegin_ < sendEnd_ ? writeAgainMs_ : 0;
    case State::connected: break;
  }
  uint64_t due = UINT64_MAX;
  const auto sooner = [&due](uint64_t candidate) {
    if (candidate < due) due = candidate;
  };
  // What was queued since the last poll goes out at once; what the socket had no room for soon.
  if (sendBegin_ < sendEnd_) sooner(writeAgainMs_);
  if (isPingOpen_) {
    sooner(pingMs_ + timing_.responseTimeoutMs);
  } else if (keepAliveS_ != 0) {
    const uint64_t intervalMs = uint64_t{keepAliveS_} * 1000U;
    sooner(lastSentMs_ + intervalMs * 3 / 4);
    sooner(lastReceivedMs_ + intervalMs);
  }
  if (inFlightCount_ > 0) sooner(lastAcknowledgedMs_ + timing_.acknowledgeTimeoutMs);
  return due;
}

MutableSpan MqttClient::freeSpace() {
  if (sendBegin_ > 0) {
    std::memmove(send_.data(), send_.data() + sendBegin_, sendEnd_ - sendBegin_);
    sendEnd_ -= sendBegin_;
    sendBegin_ = 0;
  }
  return send_.from(sendEnd_);
}

size_t MqttClient::room() const {
  const size_t space = send_.size() - (sendEnd_ - sendBegin_);
  return state_ == State::connected && space > controlReserve ? space - controlReserve : 0;
}

uint16_t MqttClient::nextPacketId() {
  do {
    lastPacketId_ = static_cast<uint16_t>(lastPacketId_ == UINT16_MAX ? 1 : lastPacketId_ + 1);
  } while (findInFlight(lastPacketId_) != nullptr);
  return lastPacketId_;
}

MqttClient::InFlight* MqttClient::findInFlight(uint16_t packetId) {
  for (InFlight& row : inFlight_) {
    if (row.packetId == packetId) return &row;
  }
  return nullptr;
}

Expected<uint16_t> MqttClient::queue(Expected<size_t> size, uint16_t packetId, InFlight* row, bool isSubscribe) {
  if (!size) return size.status() == Status::full ? Status::again : size.status();
  sendEnd_ += *size;
  if (row != nullptr) {
    row->packetId = packetId;
    row->isSubscribe = isSubscribe;
    if (inFlightCount_++ == 0) lastAcknowledgedMs_ = clock_.monotonicMs();
  }
  return packetId;
}

Expected<uint16_t> MqttClient::publish(std::string_view topic, ByteSpan payload, uint8_t qos, bool isRetained) {
  if (state_ != State::connected) return Status::closed;
  const size_t size = mqttPublishSize(topic, payload, qos);
  if (size + controlReserve > send_.size()) return Status::tooLarge;
  InFlight* row = qos > 0 ? findInFlight(0) : nullptr;
  if (size > room() || (qos > 0 && row == nullptr)) return Status::again;
  const uint16_t packetId = qos > 0 ? nextPacketId() : uint16_t{0};
  return queue(encodeMqttPublish(topic, payload, qos, isRetained, packetId, freeSpace()), packetId, row, false);
}

Expected<uint16_t> MqttClient::subscribe(std::string_view filter, uint8_t qos) {
  if (state_ != State::connected) return Status::closed;
  const size_t size = filter.size() + 10;  // an upper bound of its encoding
  if (size + controlReserve > send_.size()) return Status::tooLarge;
  InFlight* row = findInFlight(0);
  if (size > room() || row == nullptr) return Status::again;
  const uint16_t packetId = nextPacketId();
  return queue(encodeMqttSubscribe(filter, qos, packetId, freeSpace()), packetId, row, true);
}

void MqttClient::flush() {
  while (state_ != State::idle && sendBegin_ < sendEnd_) {
    const hal::Io io = stream_.write(send_.data() + sendBegin_, static_cast<uint32_t>(sendEnd_ - sendBegin_));
    if (io.code == hal::Code::again || (io.code == hal::Code::ok && io.size == 0)) {
      writeAgainMs_ = clock_.monotonicMs() + writeRetryMs;
      return;
    }
    if (io.code != hal::Code::ok || io.size > sendEnd_ - sendBegin_) {
      close(state_ == State::closing ? MqttClose::asked : MqttClose::connectionLost);
      return;
    }
    sendBegin_ += io.size;
    writeAgainMs_ = 0;
    lastSentMs_ = clock_.monotonicMs();
  }
  if (sendBegin_ == sendEnd_) sendBegin_ = sendEnd_ = 0;
}

void MqttClient::readIncoming() {
  if (!takePackets()) return;  // packets of an earlier read that waited for room to be acknowledged
  if (received_ == receive_.size()) return;
  const hal::Io io = stream_.read(receive_.data() + received_, static_cast<uint32_t>(receive_.size() - received_));
  if (io.code == hal::Code::again || (io.code == hal::Code::ok && io.size == 0)) return;
  if (io.code != hal::Code::ok || io.size > receive_.size() - received_) {
    close(MqttClose::connectionLost);
    return;
  }
  received_ += io.size;
  lastReceivedMs_ = clock_.monotonicMs();
  (void)takePackets();
}

// Handles every whole packet in the buffer. False when the connection is another or none, or an acknowledgement has no
// room yet: then nothing more is read, and TCP makes the broker wait.
bool MqttClient::takePackets() {
  const uint32_t connection = connection_;
  size_t begin = 0;
  bool isRoomy = true;
  while (begin < received_) {
    MqttPacket packet;
    size_t size = 0;
    const Status status = frameMqtt(ByteSpan(receive_).slice(begin, received_ - begin), receive_.size(), packet, size);
    if (status == Status::again) break;
    if (!isOk(status)) {
      close(status == Status::tooLarge ? MqttClose::oversized : MqttClose::malformed);
      return false;
    }
    isRoomy = send_.size() - (sendEnd_ - sendBegin_) >= pubackSize;
    if (!isRoomy) break;
    begin += size;
    handlePacket(packet);
    if (connection != connection_) return false;
    if (state_ == State::closing) break;
  }
  if (begin > 0) {
    std::memmove(receive_.data(), receive_.data() + begin, received_ - begin);
    received_ -= begin;
  }
  return isRoomy && state_ != State::closing;
}

void MqttClient::handlePacket(const MqttPacket& packet) {
  if (state_ == State::awaitingConnack) {
    bool isSessionPresent = false;
    if (packet.type != MqttType::connack || !isOk(decodeMqttConnack(packet, isSessionPresent, returnCode_))) {
      close(MqttClose::malformed);
    } else if (returnCode_ != 0) {
      close(MqttClose::refused);
    } else {
      state_ = State::connected;
      handler_->onMqttConnected(isSessionPresent);
    }
    return;
  }
  switch (packet.type) {
    case MqttType::publish: handlePublish(packet); return;
    case MqttType::puback:
    case MqttType::suback: handleAcknowledgement(packet); return;
    case MqttType::pingresp:
      isPingOpen_ = false;
      if (!packet.body.empty()) close(MqttClose::malformed);
      return;
    default: close(MqttClose::malformed); return;  // QoS 2 and UNSUBSCRIBE are never asked for
  }
}

void MqttClient::handlePublish(const MqttPacket& packet) {
  MqttPublishView message;
  if (!isOk(decodeMqttPublish(packet, message)) || message.qos > 1) {
    close(MqttClose::malformed);
    return;
  }
  const uint32_t connection = connection_;
  handler_->onMqttMessage(message.topic, message.payload, message.isRetained);
  if (connection != connection_ || message.qos == 0 || isGoodbyeQueued_) return;
  const Expected<size_t> size = encodeMqttPuback(message.packetId, freeSpace());
  // The room was there before the call and publish() leaves a reserve, so this holds unless the handler filled it by
  // other acknowledgements; the broker then sends the message again on the next connection.
  if (size) sendEnd_ += *size;
}

void MqttClient::handleAcknowledgement(const MqttPacket& packet) {
  const bool isSubscribe = packet.type == MqttType::suback;
  uint16_t packetId = 0;
  uint8_t granted = 0;
  const Status status = isSubscribe ? decodeMqttSuback(packet, packetId, granted) : decodeMqttPacketId(packet, packetId);
  if (!isOk(status)) {
    close(MqttClose::malformed);
    return;
  }
  InFlight* row = findInFlight(packetId);
  if (row == nullptr || row->isSubscribe != isSubscribe) return;  // late, or of nobody: no harm
  *row = InFlight{};
  inFlightCount_--;
  lastAcknowledgedMs_ = clock_.monotonicMs();
  if (isSubscribe) {
    handler_->onMqttSubscribed(packetId, granted != 0x80);
  } else {
    handler_->onMqttPublished(packetId);
  }
}

}  // namespace cx
