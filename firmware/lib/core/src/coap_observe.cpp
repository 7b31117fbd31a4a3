// Observers of our resources (RFC 7641): few fixed rows; a lost peer ends by a confirmable notification's time-out.
#include "coap_endpoint.hpp"

namespace cx {

namespace {

// The request's Uri-Query options, encoded by themselves, so that a notification is made from the same question.
bool keepQueries(ByteSpan options, FixedBytes<48>& out) {
  constexpr size_t headerSize = 4;
  uint8_t buffer[headerSize + FixedBytes<48>::capacity()];
  CoapMessageWriter writer(buffer, coap::Type::confirmable, coap::code::get, 0, ByteSpan());
  CoapOptionReader reader(options);
  CoapOption option;
  while (reader.next(option)) {
    if (option.number == coap::option::uriQuery) writer.putOption(option.number, option.value);
  }
  const Expected<ByteSpan> message = writer.finish();
  return message && isOk(out.assign(message->from(headerSize)));
}

}  // namespace

// Adds or renews an observation; false: no row, so that the answer carries no Observe and the client knows.
bool CoapEndpoint::observe(const Inbound& inbound, size_t route, uint8_t szx, int32_t accept) {
  const ByteSpan token = inbound.message.token;
  CoapObserver* chosen = nullptr;
  CoapObserver* sameRoute = nullptr;
  for (CoapObserver& row : memory_.observers) {
    if (!row.isUsed) {
      if (chosen == nullptr) chosen = &row;
      continue;
    }
    if (row.peer != inbound.from) continue;
    if (equal(ByteSpan(row.token, row.tokenSize), token)) {
      chosen = &row;
      break;
    }
    if (row.route == route) sameRoute = &row;
  }
  // Full: a peer that asks anew for what it observes already has most likely lost its first observation.
  if (chosen == nullptr && sameRoute != nullptr) {
    endObservation(*sameRoute, CoapObservationEnd::replaced);
    chosen = sameRoute;
  }
  FixedBytes<48> queries;
  if (chosen == nullptr || !keepQueries(inbound.message.options, queries)) {
    counters_.overload++;
    return false;
  }
  const auto index = static_cast<uint8_t>(chosen - memory_.observers.data());
  for (CoapOutgoing& slot : memory_.outgoing) {
    if (slot.kind == CoapOutgoing::Kind::notification && slot.observer == index) release(slot);
  }
  *chosen = CoapObserver{};
  chosen->isUsed = true;
  chosen->tokenSize = static_cast<uint8_t>(token.size());
  if (!token.empty()) std::memcpy(chosen->token, token.data(), token.size());
  chosen->route = static_cast<uint16_t>(route);
  chosen->accept = accept;
  chosen->szx = szx;
  chosen->peer = inbound.from;
  chosen->queries = queries;
  chosen->protection = inbound.protection;
  chosen->protection.isRequestNonceFree = false;
  observeSequence_++;
  return true;
}

void CoapEndpoint::forget(const hal::Address& from, ByteSpan token) {
  for (CoapObserver& row : memory_.observers) {
    if (row.isUsed && row.peer == from && equal(ByteSpan(row.token, row.tokenSize), token)) endObservation(row, CoapObservationEnd::cancelled);
  }
}

void CoapEndpoint::dropObservers() {
  for (CoapObserver& row : memory_.observers) row = CoapObserver{};
  for (CoapOutgoing& slot : memory_.outgoing) {
    if (slot.kind == CoapOutgoing::Kind::notification) release(slot);
  }
}

size_t CoapEndpoint::observerCount(size_t route) const {
  size_t count = 0;
  for (const CoapObserver& row : memory_.observers) {
    if (row.isUsed && row.route == route) count++;
  }
  return count;
}

void CoapEndpoint::notify(size_t route, bool isConfirmable) {
  for (CoapObserver& row : memory_.observers) {
    if (!row.isUsed || row.route != route) continue;
    row.isPending = true;
    if (isConfirmable) row.isConfirmWanted = true;
  }
}

void CoapEndpoint::endObservation(CoapObserver& observer, CoapObservationEnd why) {
  if (!observer.isUsed) return;
  const size_t route = observer.route;
  const hal::Address peer = observer.peer;
  const auto index = static_cast<uint8_t>(&observer - memory_.observers.data());
  for (CoapOutgoing& slot : memory_.outgoing) {
    if (slot.kind == CoapOutgoing::Kind::notification && slot.observer == index) release(slot);
  }
  observer = CoapObserver{};
  if (service_ != nullptr) service_->onObservationEnded(route, peer, why);
}

void CoapEndpoint::handleNotificationReset(const hal::Address& from, uint16_t messageId) {
  for (CoapObserver& row : memory_.observers) {
    if (row.isUsed && row.hasSent && row.lastMessageId == messageId && row.peer == from) {
      endObservation(row, CoapObservationEnd::reset);
      return;
    }
  }
  counters_.unmatched++;
}

// One notification at a time to an observer: what changed while a confirmable one is open is sent after it, as one.
bool CoapEndpoint::canNotify(const CoapObserver& observer, size_t index) const {
  bool hasFreeSlot = false;
  for (const CoapOutgoing& slot : memory_.outgoing) {
    if (slot.kind == CoapOutgoing::Kind::none) hasFreeSlot = true;
    if (slot.kind == CoapOutgoing::Kind::notification && slot.observer == index) return false;
  }
  const bool isConfirmable = observer.isConfirmWanted || observer.sinceConfirmed + 1U >= memory_.timing.confirmEvery;
  return !isConfirmable || hasFreeSlot;
}

void CoapEndpoint::pumpNotifications() {
  for (size_t i = 0; i < memory_.observers.size() && isRunning_; i++) {
    CoapObserver& row = memory_.observers[i];
    if (row.isUsed && row.isPending && canNotify(row, i)) sendNotification(row, i);
  }
}

void CoapEndpoint::sendNotification(CoapObserver& observer, size_t index) {
  const bool isConfirmable = observer.isConfirmWanted || observer.sinceConfirmed + 1U >= memory_.timing.confirmEvery;
  CoapServerRequest request;
  request.from = observer.peer;
  request.route = observer.route;
  request.options = observer.queries.view();
  request.accept = observer.accept;
  request.isNotification = true;
  request.isProtected = observer.protection.isOn;
  CoapReply reply;
  reply.buffer = memory_.replyBuffer;
  observer.isPending = false;  // before the handler: what changes while it runs is another change
  observer.isConfirmWanted = false;
  service_->onRequest(request, reply);
  if (!isRunning_ || !observer.isUsed) return;

  const bool isGood = coap::codeClass(reply.code) == 2;
  ReplyContext context;
  context.type = isConfirmable ? coap::Type::confirmable : coap::Type::nonConfirmable;
  context.token = ByteSpan(observer.token, observer.tokenSize);
  context.hasObserve = isGood;
  context.observe = ++observeSequence_;
  const CoapProtection protection = observer.protection;
  const uint8_t ours = coap::szxForSize(memory_.blockSize);
  context.hasBlock2 = observer.szx < ours;  // only a smaller wish needs to be said
  context.block2 = {0, false, observer.szx};
  CoapOutgoing* slot = isConfirmable ? freeOutgoing() : nullptr;
  if (isConfirmable && slot == nullptr) {  // the handler took the last one
    observer.isPending = true;
    observer.isConfirmWanted = true;
    return;
  }
  const Expected<uint16_t> messageId = isConfirmable ? Expected<uint16_t>(uint16_t{0}) : takeMessageId();
  const Expected<ByteSpan> message = encodeReply(isConfirmable ? slot->buffer : memory_.sendBuffer, context, reply);
  if (!messageId || !message) return;
  counters_.notifications++;
  if (isConfirmable) {
    observer.sinceConfirmed = 0;
    slot->kind = CoapOutgoing::Kind::notification;
    slot->isConfirmable = true;
    slot->peer = observer.peer;
    slot->protection = protection;
    slot->observer = static_cast<uint8_t>(index);
    slot->size = message->size();
  } else {
    observer.sinceConfirmed++;
    const auto id = *messageId;
    memory_.sendBuffer[2] = static_cast<uint8_t>(id >> 8U);
    memory_.sendBuffer[3] = static_cast<uint8_t>(id);
    observer.lastMessageId = id;
    observer.hasSent = true;
    (void)sendAnswer(observer.peer, *message, protection);
  }
  // An error is the last notification (RFC 7641 section 4.2); a confirmable one stays in its slot as a response.
  if (!isGood) {
    if (slot != nullptr) slot->kind = CoapOutgoing::Kind::response;
    endObservation(observer, CoapObservationEnd::error);
  }
}

}  // namespace cx
