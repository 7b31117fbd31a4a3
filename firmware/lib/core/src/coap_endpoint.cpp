#include "coap_endpoint.hpp"

namespace cx {

namespace {
constexpr uint16_t idSegmentSize = 0x2000;
}  // namespace

CoapEndpoint::CoapEndpoint(hal::UdpSocket& socket, hal::Clock& clock, hal::Entropy& entropy, const CoapMemory& memory)
    : socket_(socket), clock_(clock), entropy_(entropy), memory_(memory) {}

Status CoapEndpoint::start(uint16_t port, Span<const CoapRoute> routes, CoapService* service) {
  stop();
  if (socket_.open(port) != hal::Code::ok) return Status::io;
  routes_ = routes;
  service_ = service;
  nowMs_ = clock_.monotonicMs();
  // RFC 7252 section 4.4 asks for a random first id, so that a restart doesn't meet its own earlier ones.
  entropy_.fill(reinterpret_cast<uint8_t*>(&nextMessageId_), sizeof nextMessageId_);
  isRunning_ = true;
  return Status::ok;
}

void CoapEndpoint::stop() {
  if (!isRunning_) return;
  isRunning_ = false;
  for (CoapOutgoing& slot : memory_.outgoing) {
    if (slot.kind == CoapOutgoing::Kind::request) {
      endRequest(slot, Status::cancelled);
    } else {
      release(slot);
    }
  }
  dropObservers();
  for (CoapOnceRow& row : memory_.once) row.isUsed = false;
  for (CoapSeenRow& row : memory_.seen) row.isUsed = false;
  for (CoapDeferred& row : memory_.deferred) row.id = 0;
  *memory_.assembly = CoapAssembly{};
  socket_.close();
}

void CoapEndpoint::poll() {
  if (!isRunning_) return;
  nowMs_ = clock_.monotonicMs();
  for (uint8_t i = 0; i < memory_.datagramsPerPoll && isRunning_; i++) {
    hal::Datagram datagram;
    if (socket_.receive(datagram, memory_.receiveBuffer.data(), static_cast<uint32_t>(memory_.receiveBuffer.size())) != hal::Code::ok) break;
    receiveOne(datagram);
  }
  if (!isRunning_) return;  // a handler stopped us
  runTimers();
  pumpNotifications();
  pumpOutgoing();
}

uint64_t CoapEndpoint::nextDueMs() const {
  if (!isRunning_) return UINT64_MAX;
  uint64_t due = UINT64_MAX;
  const auto sooner = [&due](uint64_t candidate) {
    if (candidate < due) due = candidate;
  };
  for (const CoapOutgoing& slot : memory_.outgoing) {
    if (slot.kind == CoapOutgoing::Kind::none) continue;
    sooner(slot.deadlineMs);
    // 0 for one that may go at once; one that waits for its peer becomes due by what happens to the one before it.
    if (slot.state != CoapOutgoing::State::waiting || slot.hasManyAnswers() || !isPeerBusy(slot.peer)) sooner(slot.dueMs);
  }
  for (size_t i = 0; i < memory_.observers.size(); i++) {
    if (memory_.observers[i].isPending && canNotify(memory_.observers[i], i)) sooner(0);
  }
  return due;
}

void CoapEndpoint::receiveOne(const hal::Datagram& datagram) {
  counters_.received++;
  CoapMessage message;
  const CoapDecodeResult result = decodeCoap(memory_.receiveBuffer.first(datagram.size), message);
  if (!isOk(result.status)) {
    counters_.malformed++;
    // What can't be read is rejected, if that was asked for and wasn't sent to a group (RFC 7252 sections 4.2 and 8.1).
    if (result.hasHeader && message.type == coap::Type::confirmable && !datagram.toMulticast) {
      sendEmpty(coap::Type::reset, message.messageId, datagram.from);
    }
    return;
  }
  if (message.code == coap::code::empty) {
    if (!datagram.toMulticast) handleEmpty(message, datagram.from);
    return;
  }
  const Inbound inbound{message, datagram.from, datagram.toMulticast, datagram.isProtected, {}};
  if (coap::isRequestCode(message.code)) {
    handleRequest(inbound, datagram.truncated);
    return;
  }
  if (datagram.toMulticast) return;
  if (datagram.truncated) {
    counters_.malformed++;
    for (CoapOutgoing& slot : memory_.outgoing) {
      const bool isOurs = slot.kind == CoapOutgoing::Kind::request && slot.peer == datagram.from &&
                          equal(ByteSpan(slot.token, slot.tokenSize), message.token);
      if (isOurs) endRequest(slot, Status::tooLarge);
    }
    return;
  }
  handleResponse(inbound);
}

void CoapEndpoint::handleEmpty(const CoapMessage& message, const hal::Address& from) {
  if (message.type == coap::Type::confirmable) {  // ping
    sendEmpty(coap::Type::reset, message.messageId, from);
    return;
  }
  CoapOutgoing* slot = findOutgoing(from, message.messageId);
  const bool isReset = message.type == coap::Type::reset;
  if (isReset) counters_.resetsReceived++;
  if (slot == nullptr) {
    if (isReset) {
      handleNotificationReset(from, message.messageId);
    } else {
      counters_.unmatched++;
    }
    return;
  }
  switch (slot->kind) {
    case CoapOutgoing::Kind::request:
      if (isReset || slot->tokenSize == 0) {  // a ping is answered by a Reset, whoever sends an ACK lives as well
        endRequest(*slot, Status::reset);
      } else {
        slot->state = CoapOutgoing::State::acknowledged;
        slot->dueMs = nowMs_ + memory_.timing.separateTimeoutMs;
      }
      return;
    case CoapOutgoing::Kind::notification: {
      CoapObserver& observer = memory_.observers[slot->observer];
      release(*slot);
      if (isReset) {
        endObservation(observer, CoapObservationEnd::reset);
      } else if (service_ != nullptr) {
        service_->onNotificationAcknowledged(observer.route, observer.peer);
      }
      return;
    }
    case CoapOutgoing::Kind::response: release(*slot); return;
    case CoapOutgoing::Kind::delayed:
    case CoapOutgoing::Kind::none: return;
  }
}

void CoapEndpoint::sendDatagram(const hal::Address& to, ByteSpan bytes) {
  // A datagram that the port can't take now is a lost one: the layer above sends again what matters.
  if (socket_.send(to, bytes.data(), static_cast<uint32_t>(bytes.size())) == hal::Code::ok) {
    counters_.sent++;
  } else {
    counters_.sendFailures++;
  }
}

void CoapEndpoint::sendEmpty(coap::Type type, uint16_t messageId, const hal::Address& to) {
  uint8_t bytes[4];
  const Expected<ByteSpan> message = CoapMessageWriter(bytes, type, coap::code::empty, messageId, ByteSpan()).finish();
  if (message) sendDatagram(to, *message);
}

// One row of ids for all peers: unique for each of them as well, and a node has few.
Expected<uint16_t> CoapEndpoint::takeMessageId() {
  const auto id = nextMessageId_;
  const auto segment = static_cast<size_t>(id / idSegmentSize);
  if (id % idSegmentSize == 0 && wasIdSegmentUsed_[segment] && nowMs_ - idSegmentLeftMs_[segment] < memory_.timing.exchangeLifetimeMs) {
    return Status::again;
  }
  wasIdSegmentUsed_[segment] = true;
  idSegmentLeftMs_[segment] = nowMs_;
  nextMessageId_++;
  return id;
}

uint32_t CoapEndpoint::randomBelow(uint32_t limit) {
  uint32_t value = 0;
  entropy_.fill(reinterpret_cast<uint8_t*>(&value), sizeof value);
  return limit == 0 ? 0 : value % limit;
}

CoapOutgoing* CoapEndpoint::freeOutgoing() {
  for (CoapOutgoing& slot : memory_.outgoing) {
    if (slot.kind != CoapOutgoing::Kind::none) continue;
    release(slot);
    slot.order = ++lastOrder_;
    return &slot;
  }
  counters_.overload++;
  return nullptr;
}

CoapOutgoing* CoapEndpoint::findOutgoing(const hal::Address& from, uint16_t messageId) {
  for (CoapOutgoing& slot : memory_.outgoing) {
    const bool isWaitedFor = slot.kind != CoapOutgoing::Kind::none && slot.state == CoapOutgoing::State::sent && !slot.hasManyAnswers();
    if (isWaitedFor && slot.messageId == messageId && slot.peer == from) return &slot;
  }
  return nullptr;
}

void CoapEndpoint::release(CoapOutgoing& slot) {
  const MutableSpan buffer = slot.buffer;
  slot = CoapOutgoing{};
  slot.buffer = buffer;
}

// NSTART 1 (RFC 7252 section 4.7): one interaction with a peer that nothing was heard about yet.
bool CoapEndpoint::isPeerBusy(const hal::Address& peer) const {
  for (const CoapOutgoing& slot : memory_.outgoing) {
    const bool isOpen = slot.kind != CoapOutgoing::Kind::none && slot.kind != CoapOutgoing::Kind::delayed &&
                        slot.state == CoapOutgoing::State::sent && !slot.hasManyAnswers();
    if (isOpen && slot.peer == peer) return true;
  }
  return false;
}

void CoapEndpoint::pumpOutgoing() {
  while (isRunning_) {
    CoapOutgoing* first = nullptr;
    for (CoapOutgoing& slot : memory_.outgoing) {
      if (slot.kind == CoapOutgoing::Kind::none || slot.state != CoapOutgoing::State::waiting || slot.dueMs > nowMs_) continue;
      if (!slot.hasManyAnswers() && isPeerBusy(slot.peer)) continue;
      if (first == nullptr || static_cast<int32_t>(slot.order - first->order) < 0) first = &slot;
    }
    if (first == nullptr) return;
    transmit(*first);
  }
}

void CoapEndpoint::transmit(CoapOutgoing& slot) {
  if (!takeNumber(slot)) return;
  const Expected<uint16_t> messageId = takeMessageId();
  if (!messageId) {
    slot.dueMs = nowMs_ + 1000;
    return;
  }
  const CoapTiming& timing = memory_.timing;
  slot.messageId = *messageId;
  slot.buffer[2] = static_cast<uint8_t>(slot.messageId >> 8U);
  slot.buffer[3] = static_cast<uint8_t>(slot.messageId);
  slot.state = CoapOutgoing::State::sent;
  slot.attempts = 0;
  slot.timeoutMs = timing.ackTimeoutMs;
  if (slot.isConfirmable && timing.ackRandomPermille > 1000) {
    slot.timeoutMs += randomBelow(timing.ackTimeoutMs * (timing.ackRandomPermille - 1000U) / 1000U + 1U);
  } else if (!slot.isConfirmable) {
    slot.timeoutMs = timing.nonTimeoutMs;
  }
  slot.dueMs = slot.hasManyAnswers() ? slot.deadlineMs : nowMs_ + slot.timeoutMs;
  (void)sendMessage(slot.peer, slot.buffer.first(slot.size), slot.protection);
}

void CoapEndpoint::runTimers() {
  for (CoapOutgoing& slot : memory_.outgoing) {
    if (!isRunning_) return;
    if (slot.kind == CoapOutgoing::Kind::none) continue;
    if (nowMs_ >= slot.deadlineMs) {
      endRequest(slot, Status::timeout);
      continue;
    }
    if (slot.state == CoapOutgoing::State::waiting || nowMs_ < slot.dueMs) continue;
    if (slot.kind == CoapOutgoing::Kind::delayed) {
      sendDatagram(slot.peer, slot.buffer.first(slot.size));
      release(slot);
      continue;
    }
    if (slot.state == CoapOutgoing::State::sent && slot.isConfirmable && slot.attempts < memory_.timing.maxRetransmit) {
      slot.attempts++;
      slot.timeoutMs *= 2;
      slot.dueMs = nowMs_ + slot.timeoutMs;
      counters_.retransmits++;
      (void)sendMessage(slot.peer, slot.buffer.first(slot.size), slot.protection);
      continue;
    }
    counters_.timeouts++;
    if (slot.kind == CoapOutgoing::Kind::request) {
      endRequest(slot, Status::timeout);
    } else if (slot.kind == CoapOutgoing::Kind::notification) {
      CoapObserver& observer = memory_.observers[slot.observer];
      release(slot);
      endObservation(observer, CoapObservationEnd::timeout);
    } else {
      release(slot);
    }
  }
}

}  // namespace cx
