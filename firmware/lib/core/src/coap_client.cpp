// The client half of the endpoint: requests, their answers, and bodies in blocks (RFC 7959).
#include "coap_endpoint.hpp"

namespace cx {

namespace {

constexpr uint8_t tokenSize = 4;  // random: an off-path attacker has to guess it (RFC 7252 section 5.3.1)
constexpr uint32_t multicastListenMs = 8000;  // DEFAULT_LEISURE and the way back

// What a client must understand in a response; an unknown critical option makes it useless (section 5.4.1).
bool hasUnknownCritical(ByteSpan options) {
  CoapOptionReader reader(options);
  CoapOption option;
  while (reader.next(option)) {
    if (!coap::option::isCritical(option.number)) continue;
    switch (option.number) {
      case coap::option::block1:
      case coap::option::block2:
      case coap::option::qBlock2: break;
      default: return true;
    }
  }
  return false;
}

bool readResponse(const CoapMessage& message, const hal::Address& from, CoapResponse& response) {
  response.from = from;
  response.code = message.code;
  response.payload = message.payload;
  response.options = message.options;
  uint32_t value = 0;
  if (findUintOption(message.options, coap::option::contentFormat, value) && value <= UINT16_MAX) {
    response.contentFormat = static_cast<int32_t>(value);
  }
  response.hasMaxAge = findUintOption(message.options, coap::option::maxAge, value);
  if (response.hasMaxAge) response.maxAge = value;
  ByteSpan etag;
  if (findOption(message.options, coap::option::etag, etag) && !etag.empty() && etag.size() <= 8) response.etag = etag;
  bool isValid = true;
  response.hasBlock2 = findBlockOption(message.options, coap::option::block2, response.block2, isValid);
  if (response.hasBlock2 && !isValid) return false;
  response.hasQBlock2 = findBlockOption(message.options, coap::option::qBlock2, response.qBlock2, isValid);
  if (response.hasQBlock2 && !isValid) return false;
  response.hasSize2 = findUintOption(message.options, coap::option::size2, value);
  if (response.hasSize2) response.size2 = value;
  return !hasUnknownCritical(message.options);
}

}  // namespace

Expected<CoapRequestId> CoapEndpoint::request(const CoapRequest& request, CoapResponseHandler& handler) {
  if (!isRunning_) return Status::closed;
  if (!request.to.isSet() || request.to.port == 0 || request.method > coap::code::ipatch) return Status::invalid;
  if (!request.qBlock2.empty() && (session_ != nullptr || request.to.isMulticast())) return Status::unsupported;
  CoapOutgoing* slot = freeOutgoing();
  if (slot == nullptr) return Status::full;
  nowMs_ = clock_.monotonicMs();
  slot->kind = CoapOutgoing::Kind::request;
  slot->peer = request.to;
  slot->isMulticast = request.to.isMulticast();
  slot->isOpen = !request.qBlock2.empty();
  slot->isConfirmable = request.isConfirmable && !slot->hasManyAnswers();
  slot->protection.isOn = session_ != nullptr && !slot->isMulticast && request.method != coap::code::empty;
  slot->protection.binding.isRequest = true;
  const Status status = encodeRequest(*slot, request);
  if (!isOk(status)) {
    release(*slot);
    return status;
  }
  lastRequestId_ = static_cast<CoapRequestId>(lastRequestId_ == UINT16_MAX ? 1 : lastRequestId_ + 1);
  slot->id = lastRequestId_;
  slot->handler = &handler;
  slot->body = request.body;
  slot->isCollecting = !request.body.empty();
  if (request.deadlineMs != 0) slot->deadlineMs = nowMs_ + request.deadlineMs;
  if (slot->hasManyAnswers() && request.deadlineMs == 0) slot->deadlineMs = nowMs_ + multicastListenMs;
  return slot->id;
}

Expected<CoapRequestId> CoapEndpoint::ping(const hal::Address& to, CoapResponseHandler& handler) {
  CoapRequest empty;
  empty.to = to;
  empty.method = coap::code::empty;
  if (to.isMulticast()) return Status::invalid;
  return request(empty, handler);
}

void CoapEndpoint::renewToken(CoapOutgoing& slot) {
  slot.tokenSize = tokenSize;
  entropy_.fill(slot.token, tokenSize);
}

Status CoapEndpoint::encodeRequest(CoapOutgoing& slot, const CoapRequest& request) {
  const coap::Type type = slot.isConfirmable ? coap::Type::confirmable : coap::Type::nonConfirmable;
  if (request.method != coap::code::empty) renewToken(slot);
  CoapMessageWriter writer(slot.buffer, type, request.method, 0, ByteSpan(slot.token, slot.tokenSize));
  if (request.method != coap::code::empty) {
    const bool isSmaller = request.blockSize != 0 && request.blockSize < memory_.blockSize;
    slot.szx = coap::szxForSize(isSmaller ? request.blockSize : memory_.blockSize);
    if (!request.etag.empty()) writer.putOption(coap::option::etag, request.etag);
    const bool hasSlash = !request.path.empty() && request.path[0] == '/';
    writer.putItems(coap::option::uriPath, slice(request.path, hasSlash ? 1 : 0), '/');
    if (request.contentFormat >= 0) writer.putUintOption(coap::option::contentFormat, static_cast<uint32_t>(request.contentFormat));
    writer.putItems(coap::option::uriQuery, request.query, '&');
    if (request.accept >= 0) writer.putUintOption(coap::option::accept, static_cast<uint32_t>(request.accept));
    if (slot.isOpen) {
      for (const uint32_t value : request.qBlock2) writer.putUintOption(coap::option::qBlock2, value);
    } else if (request.hasBlock2) {
      writer.putBlockOption(coap::option::block2, {request.block2.number, false, request.block2.szx});
    } else if (slot.szx < 6 && !slot.isMulticast) {
      // Our datagram buffer is small: without this wish the server may choose blocks that don't fit.
      writer.putBlockOption(coap::option::block2, {0, false, slot.szx});
    }
    const size_t block = size_t{16} << slot.szx;
    if (request.payload.size() > block) {
      if (slot.isMulticast) return Status::invalid;
      slot.payload = request.payload;
      writer.putBlockOption(coap::option::block1, {0, true, slot.szx});
      writer.putUintOption(coap::option::size1, static_cast<uint32_t>(request.payload.size()));
    }
    writer.putPayload(request.payload.first(block));
  }
  const Expected<ByteSpan> message = writer.finish();
  if (!message) return message.status();
  slot.size = message->size();
  return Status::ok;
}

// The request in the slot again, for another block: same options, a new token, no payload but that of `block1`.
Status CoapEndpoint::reencodeForBlock(CoapOutgoing& slot, const coap::Block* block1, const coap::Block* block2) {
  CoapMessage last;
  if (!isOk(decodeCoap(slot.buffer.first(slot.size), last).status)) return Status::invalid;
  renewToken(slot);
  CoapMessageWriter writer(memory_.sendBuffer, last.type, last.code, 0, ByteSpan(slot.token, slot.tokenSize));
  CoapOptionReader reader(last.options);
  CoapOption option;
  bool areBlocksWritten = false;
  const auto writeBlocks = [&] {
    if (block2 != nullptr) writer.putBlockOption(coap::option::block2, *block2);
    if (block1 != nullptr) writer.putBlockOption(coap::option::block1, *block1);
    areBlocksWritten = true;
  };
  while (reader.next(option)) {
    if (option.number == coap::option::block1 || option.number == coap::option::block2 || option.number == coap::option::size1) continue;
    if (option.number > coap::option::block2 && !areBlocksWritten) writeBlocks();
    writer.putOption(option.number, option.value);
  }
  if (!areBlocksWritten) writeBlocks();
  if (block1 != nullptr) {
    if (block1->number == 0) writer.putUintOption(coap::option::size1, static_cast<uint32_t>(slot.payload.size()));
    writer.putPayload(slot.payload.slice(slot.payloadSent, block1->size()));
  }
  const Expected<ByteSpan> message = writer.finish();
  if (!message) return message.status();
  if (message->size() > slot.buffer.size()) return Status::full;
  std::memcpy(slot.buffer.data(), message->data(), message->size());
  slot.size = message->size();
  return Status::ok;
}

void CoapEndpoint::cancel(CoapRequestId id) {
  for (CoapOutgoing& slot : memory_.outgoing) {
    if (slot.kind == CoapOutgoing::Kind::request && slot.id == id && id != 0) release(slot);
  }
}

void CoapEndpoint::cancelAll(const CoapResponseHandler& handler) {
  for (CoapOutgoing& slot : memory_.outgoing) {
    if (slot.kind == CoapOutgoing::Kind::request && slot.handler == &handler) release(slot);
  }
}

void CoapEndpoint::endRequest(CoapOutgoing& slot, Status why) {
  CoapResponseHandler* handler = slot.handler;
  const CoapRequestId id = slot.id;
  release(slot);  // first: the handler may start the next request at once
  if (handler != nullptr) handler->onRequestEnded(id, why);
}

void CoapEndpoint::resend(CoapOutgoing& slot) {
  slot.state = CoapOutgoing::State::waiting;
  slot.dueMs = 0;
  slot.order = ++lastOrder_;
}

bool CoapEndpoint::wasSeen(const hal::Address& from, uint16_t messageId) {
  for (const CoapSeenRow& row : memory_.seen) {
    if (row.isUsed && nowMs_ < row.untilMs && row.messageId == messageId && row.peer == from) return true;
  }
  return false;
}

void CoapEndpoint::remember(const hal::Address& from, uint16_t messageId) {
  CoapSeenRow* oldest = nullptr;
  for (CoapSeenRow& row : memory_.seen) {
    if (!row.isUsed || nowMs_ >= row.untilMs) {
      oldest = &row;
      break;
    }
    if (oldest == nullptr || row.untilMs < oldest->untilMs) oldest = &row;
  }
  if (oldest == nullptr) return;
  oldest->isUsed = true;
  oldest->peer = from;
  oldest->messageId = messageId;
  oldest->untilMs = nowMs_ + memory_.timing.exchangeLifetimeMs;
}

void CoapEndpoint::handleResponse(const Inbound& inbound) {
  const CoapMessage& message = inbound.message;
  const bool isConfirmable = message.type == coap::Type::confirmable;
  if (isConfirmable && wasSeen(inbound.from, message.messageId)) {
    counters_.duplicates++;
    sendEmpty(coap::Type::acknowledgement, message.messageId, inbound.from);
    return;
  }
  for (CoapOutgoing& slot : memory_.outgoing) {
    if (slot.kind != CoapOutgoing::Kind::request || slot.state == CoapOutgoing::State::waiting || slot.tokenSize == 0) continue;
    if (!equal(ByteSpan(slot.token, slot.tokenSize), message.token)) continue;
    if (!slot.isMulticast && (slot.peer != inbound.from || (isProtectionRequired_ && !inbound.isSecured))) continue;
    const bool isPiggybacked = message.type == coap::Type::acknowledgement;
    if (isPiggybacked && (slot.hasManyAnswers() || slot.messageId != message.messageId)) continue;
    if (isConfirmable) {
      remember(inbound.from, message.messageId);
      sendEmpty(coap::Type::acknowledgement, message.messageId, inbound.from);
    }
    CoapMessage opened = message;
    if (!slot.protection.isOn || openResponse(slot, opened)) takeResponse(slot, Inbound{opened, inbound.from, inbound.isMulticast, inbound.isSecured, {}});
    return;
  }
  counters_.unmatched++;
  if (isConfirmable) sendEmpty(coap::Type::reset, message.messageId, inbound.from);
}

void CoapEndpoint::takeResponse(CoapOutgoing& slot, const Inbound& inbound) {
  CoapResponse response;
  const bool isReadable = readResponse(inbound.message, inbound.from, response);
  CoapResponseHandler* handler = slot.handler;
  const CoapRequestId id = slot.id;
  if (slot.hasManyAnswers()) {
    if (isReadable && handler != nullptr) handler->onResponse(id, response);
    return;
  }
  if (!isReadable) {
    endRequest(slot, Status::malformed);
    return;
  }
  if (repeatWithEcho(slot, response) || continueUpload(slot, response)) return;
  if (slot.isCollecting && response.hasBlock2 && response.isSuccess() && collect(slot, response)) return;
  release(slot);
  if (handler != nullptr) handler->onResponse(id, response);
}

// True when the upload goes on (or ended by its own fault) and the response isn't the last.
bool CoapEndpoint::continueUpload(CoapOutgoing& slot, const CoapResponse& response) {
  if (slot.payload.empty()) return false;
  coap::Block asked;
  bool isValid = false;
  const bool hasBlock = findBlockOption(response.options, coap::option::block1, asked, isValid) && isValid;
  coap::Block next;
  next.szx = hasBlock && asked.szx < slot.szx ? asked.szx : slot.szx;
  const size_t sent = size_t{16} << slot.szx;
  if (response.code == coap::code::continued) {
    const bool isThisBlock = hasBlock && asked.number == (slot.payloadSent >> (slot.szx + 4U)) && slot.payloadSent + sent < slot.payload.size();
    if (!isThisBlock) {
      endRequest(slot, Status::malformed);
      return true;
    }
    slot.payloadSent += sent;  // the whole block was taken, even if the server wants smaller ones from now on
  } else if (response.code == coap::code::requestEntityTooLarge && hasBlock && asked.szx < slot.szx) {
    slot.payloadSent = 0;
  } else {
    return false;
  }
  slot.szx = next.szx;
  next.number = static_cast<uint32_t>(slot.payloadSent >> (next.szx + 4U));
  next.isMore = slot.payload.size() - slot.payloadSent > next.size();
  const Status status = next.number > coap::blockNumberMax ? Status::tooLarge : reencodeForBlock(slot, &next, nullptr);
  if (isOk(status)) {
    resend(slot);
  } else {
    endRequest(slot, status);
  }
  return true;
}

// Puts a Block2 block into the body. True when more is asked for, or when the request ended by a fault; false when the
// body is complete, and then `response.payload` is all of it.
bool CoapEndpoint::collect(CoapOutgoing& slot, CoapResponse& response) {
  const coap::Block& block = response.block2;
  Status fault = Status::ok;
  if (block.offset() != slot.bodySize || (block.isMore && response.payload.size() != block.size())) {
    fault = Status::malformed;
  } else if (slot.bodySize > 0 && !equal(ByteSpan(slot.etag, slot.etagSize), response.etag)) {
    fault = Status::mismatch;
  } else if (response.payload.size() > slot.body.size() - slot.bodySize || (response.hasSize2 && response.size2 > slot.body.size())) {
    fault = Status::tooLarge;
  }
  if (!isOk(fault)) {
    endRequest(slot, fault);
    return true;
  }
  if (!response.payload.empty()) std::memcpy(slot.body.data() + slot.bodySize, response.payload.data(), response.payload.size());
  slot.bodySize += response.payload.size();
  slot.etagSize = static_cast<uint8_t>(response.etag.size());
  if (!response.etag.empty()) std::memcpy(slot.etag, response.etag.data(), response.etag.size());
  if (!block.isMore) {
    response.payload = slot.body.first(slot.bodySize);
    return false;
  }
  const coap::Block next{block.number + 1, false, block.szx};
  slot.payload = ByteSpan();  // a body that was uploaded isn't repeated for the answer's further blocks
  const Status status = reencodeForBlock(slot, nullptr, &next);
  if (isOk(status)) {
    resend(slot);
  } else {
    endRequest(slot, status);
  }
  return true;
}

}  // namespace cx
