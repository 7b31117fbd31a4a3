// The server half of the endpoint: a request through its checks to the service, and the answer back.
#include "coap_endpoint.hpp"
#include "coap_links.hpp"

namespace cx {

namespace {

uint8_t formatBit(uint32_t format) {
  switch (format) {
    case coap::format::text: return coap::accepts::text;
    case coap::format::link: return coap::accepts::link;
    case coap::format::octets: return coap::accepts::octets;
    case coap::format::json: return coap::accepts::json;
    case coap::format::cbor: return coap::accepts::cbor;
    case coap::format::senmlJson: return coap::accepts::senmlJson;
    case coap::format::senmlCbor: return coap::accepts::senmlCbor;
    default: return 0;
  }
}

uint8_t methodBit(uint8_t code) { return static_cast<uint8_t>(code < 8 ? 1U << code : 0U); }

int32_t formatOption(ByteSpan options, uint16_t number) {
  uint32_t value = 0;
  return findUintOption(options, number, value) && value <= UINT16_MAX ? static_cast<int32_t>(value) : coapNoFormat;
}

}  // namespace

void CoapEndpoint::handleRequest(const Inbound& inbound, bool isTruncated) {
  const CoapMessage& message = inbound.message;
  if (message.type == coap::Type::acknowledgement) return;  // decodeCoap() refuses it; nothing else may come here
  counters_.requests++;
  if (answerDuplicate(inbound)) return;

  ReplyContext context;
  const bool isConfirmable = message.type == coap::Type::confirmable;
  context.type = isConfirmable ? coap::Type::acknowledgement : coap::Type::nonConfirmable;
  context.messageId = message.messageId;
  context.token = message.token;
  if (isTruncated) {  // its body is longer than a datagram of ours: say which blocks would fit
    context.hasBlock1 = true;
    context.block1 = {0, false, coap::szxForSize(memory_.blockSize)};
    answerCode(inbound, coap::code::requestEntityTooLarge, context);
    return;
  }
  CoapMessage opened = message;
  if ((session_ != nullptr || isProtectionRequired_) && !admit(inbound, opened, context)) return;
  dispatch(Inbound{opened, inbound.from, inbound.isMulticast, inbound.isSecured, context.protection}, context);
}

void CoapEndpoint::dispatch(const Inbound& inbound, const ReplyContext& base) {
  const CoapMessage& message = inbound.message;
  ReplyContext context = base;
  const bool isConfirmable = message.type == coap::Type::confirmable;
  const uint8_t fault = checkOptions(message);
  if (fault != 0) {
    // Section 5.4.1: an unknown critical option in a non-confirmable request rejects it without an answer.
    if (isConfirmable || fault != coap::code::badOption) answerCode(inbound, fault, context);
    return;
  }
  bool isValid = true;
  context.hasBlock2 = findBlockOption(message.options, coap::option::block2, context.block2, isValid);

  if (pathEquals(message.options, coapLinksPath)) {
    if (message.code == coap::code::get) {
      serveLinks(inbound, context);
    } else {
      answerCode(inbound, coap::code::methodNotAllowed, context);
    }
    return;
  }
  size_t route = 0;
  while (route < routes_.size() && !pathEquals(message.options, routes_[route].path)) route++;
  if (route == routes_.size() || service_ == nullptr) {
    answerCode(inbound, coap::code::notFound, context);
  } else if ((routes_[route].methods & methodBit(message.code)) == 0) {
    answerCode(inbound, coap::code::methodNotAllowed, context);
  } else if (!inbound.isMulticast) {
    serve(inbound, route, context);
  }
}

// True when this is a duplicate whose answer is known, or still being made.
bool CoapEndpoint::answerDuplicate(const Inbound& inbound) {
  const bool isConfirmable = inbound.message.type == coap::Type::confirmable;
  for (const CoapOnceRow& row : memory_.once) {
    if (!row.isUsed || nowMs_ >= row.untilMs || row.messageId != inbound.message.messageId || row.peer != inbound.from) continue;
    counters_.duplicates++;
    if (row.isRerunnable) return false;  // who sent it is known once it is opened
    if (row.isAnswered) {
      if (!row.answer.empty()) sendDatagram(inbound.from, row.answer.view());
    } else if (isConfirmable) {
      sendEmpty(coap::Type::acknowledgement, row.messageId, inbound.from);
    }
    return true;
  }
  for (const CoapDeferred& row : memory_.deferred) {
    if (row.id == 0 || row.requestMessageId != inbound.message.messageId || row.peer != inbound.from) continue;
    counters_.duplicates++;
    if (isConfirmable) sendEmpty(coap::Type::acknowledgement, row.requestMessageId, inbound.from);
    return true;
  }
  return false;
}

// 0, or the code that refuses the request for its options.
uint8_t CoapEndpoint::checkOptions(const CoapMessage& message) const {
  CoapOptionReader reader(message.options);
  CoapOption option;
  uint16_t lastSingle = 0;
  while (reader.next(option)) {
    if (!coap::option::isCritical(option.number)) continue;
    size_t longest = 0;
    size_t shortest = 0;
    bool isRepeatable = false;
    switch (option.number) {
      case coap::option::ifMatch: longest = 8, isRepeatable = true; break;
      case coap::option::uriHost: shortest = 1, longest = 255; break;
      case coap::option::ifNoneMatch: longest = 0; break;
      case coap::option::uriPort:
      case coap::option::accept: longest = 2; break;
      case coap::option::uriPath:
      case coap::option::uriQuery: longest = 255, isRepeatable = true; break;
      case coap::option::block1:
      case coap::option::block2: longest = 3; break;
      case coap::option::oscore:
        if (session_ == nullptr) return coap::code::badOption;
        longest = 255;
        break;
      case coap::option::proxyUri:
      case coap::option::proxyScheme: return coap::code::proxyingNotSupported;
      default: return coap::code::badOption;
    }
    // A wrong length, or one too many, is like an option nobody knows (sections 5.4.3 and 5.4.5).
    if (option.value.size() > longest || option.value.size() < shortest) return coap::code::badOption;
    if (!isRepeatable && option.number == lastSingle) return coap::code::badOption;
    lastSingle = option.number;
    const bool isBlock = option.number == coap::option::block1 || option.number == coap::option::block2;
    if (isBlock && !option.value.empty() && (option.value[option.value.size() - 1] & 7U) == 7) return coap::code::badRequest;
  }
  return 0;
}

void CoapEndpoint::serve(const Inbound& inbound, size_t route, const ReplyContext& base) {
  const CoapMessage& message = inbound.message;
  const CoapRoute& rules = routes_[route];
  ReplyContext context = base;
  CoapServerRequest request;
  request.from = inbound.from;
  request.method = message.code;
  request.route = route;
  request.options = message.options;
  request.payload = message.payload;
  request.isConfirmable = message.type == coap::Type::confirmable;
  request.isProtected = context.protection.isOn || inbound.isSecured;
  // Blocks too: an old one put into a later body would be worse than a command that runs twice.
  if (context.row != nullptr) context.row->isRerunnable = message.code == coap::code::get;
  request.contentFormat = formatOption(message.options, coap::option::contentFormat);
  request.accept = formatOption(message.options, coap::option::accept);

  ByteSpan precondition;
  const bool isRefused = findOption(message.options, coap::option::ifNoneMatch, precondition) ||
                         (findOption(message.options, coap::option::ifMatch, precondition) && !precondition.empty());
  if (isRefused) {  // our resources always exist and aren't versioned
    answerCode(inbound, coap::code::preconditionFailed, context);
    return;
  }
  const bool hasBody = !message.payload.empty() && message.code != coap::code::get;
  if (hasBody && rules.formats != 0 && request.contentFormat >= 0 && (rules.formats & formatBit(static_cast<uint32_t>(request.contentFormat))) == 0) {
    answerCode(inbound, coap::code::unsupportedContentFormat, context);
    return;
  }
  if (rules.formats != 0 && request.accept >= 0 && (rules.formats & formatBit(static_cast<uint32_t>(request.accept))) == 0) {
    answerCode(inbound, coap::code::notAcceptable, context);
    return;
  }

  bool isValid = true;
  context.hasBlock1 = message.code != coap::code::get && findBlockOption(message.options, coap::option::block1, context.block1, isValid);
  if (context.hasBlock1) {
    const uint8_t code = assemble(inbound, route, context.block1, request.payload);
    const uint8_t ours = coap::szxForSize(memory_.blockSize);
    if (context.block1.szx > ours) context.block1.szx = ours;
    if (code != 0) {
      answerCode(inbound, code, context);
      return;
    }
  }
  if (message.code != coap::code::get && !context.hasBlock1 && context.hasBlock2 && context.block2.number > 0) {
    // A later block of the answer to a body: made again from that body if it is still here and may run again.
    const CoapAssembly& assembly = *memory_.assembly;
    const bool isKept = assembly.isComplete && nowMs_ < assembly.untilMs && assembly.peer == inbound.from && assembly.route == route &&
                        assembly.method == message.code;
    if (!isKept || rules.replay == CoapReplay::once) {
      answerCode(inbound, coap::code::requestEntityIncomplete, context);
      return;
    }
    request.payload = memory_.assemblyBuffer.first(assembly.size);
  }
  if (rules.replay == CoapReplay::once && message.code != coap::code::get && context.row == nullptr) {
    uint32_t waitS = 0;
    context.row = takeOnceRow(inbound, waitS);
    if (context.row == nullptr) {
      counters_.overload++;
      answerCode(inbound, coap::code::serviceUnavailable, context, waitS);
      return;
    }
  }

  CoapReply reply;
  reply.code = message.code == coap::code::get ? coap::code::content : coap::code::changed;
  reply.buffer = memory_.replyBuffer;
  current_ = &inbound;
  currentDeferral_ = nullptr;
  service_->onRequest(request, reply);
  current_ = nullptr;
  if (!isRunning_) return;
  if (currentDeferral_ != nullptr) {
    if (request.isConfirmable) sendEmpty(coap::Type::acknowledgement, message.messageId, inbound.from);
    return;
  }

  uint32_t wish = 0;
  const bool hasObserve = message.code == coap::code::get && rules.isObservable && findUintOption(message.options, coap::option::observe, wish);
  if (hasObserve && wish == 1) {
    forget(inbound.from, message.token);
  } else if (hasObserve && wish == 0 && coap::codeClass(reply.code) == 2 && (!context.hasBlock2 || context.block2.number == 0)) {
    const uint8_t szx = context.hasBlock2 ? context.block2.szx : coap::szxForSize(memory_.blockSize);
    if (observe(inbound, route, szx, request.accept)) {
      context.hasObserve = true;
      context.observe = observeSequence_;
    }
  }
  (void)answer(inbound, context, reply);
}

CoapOnceRow* CoapEndpoint::takeOnceRow(const Inbound& inbound, uint32_t& waitS) {
  uint64_t soonestMs = UINT64_MAX;
  for (CoapOnceRow& row : memory_.once) {
    if (row.isUsed && nowMs_ < row.untilMs) {
      if (row.untilMs < soonestMs) soonestMs = row.untilMs;
      continue;
    }
    row = CoapOnceRow{};
    row.isUsed = true;
    row.messageId = inbound.message.messageId;
    row.peer = inbound.from;
    row.untilMs = nowMs_ + memory_.timing.exchangeLifetimeMs;
    return &row;
  }
  // Never an early forgetting: that could run a command twice.
  waitS = soonestMs == UINT64_MAX ? 0 : static_cast<uint32_t>((soonestMs - nowMs_ + 999) / 1000);
  return nullptr;
}

// Takes one Block1 block. 0: the body is complete in `body`; else the code to answer with.
uint8_t CoapEndpoint::assemble(const Inbound& inbound, size_t route, const coap::Block& block, ByteSpan& body) {
  CoapAssembly& assembly = *memory_.assembly;
  const ByteSpan payload = inbound.message.payload;
  if (block.isMore ? payload.size() != block.size() : payload.size() > block.size()) return coap::code::badRequest;
  const bool isHeld = assembly.isUsed && nowMs_ < assembly.untilMs;
  const bool isSame = isHeld && assembly.peer == inbound.from && assembly.route == route && assembly.method == inbound.message.code;
  const uint64_t offset = block.offset();
  // A late copy of the message that began this transfer must not begin it anew.
  if (isSame && block.number == 0 && block.isMore && assembly.firstMessageId == inbound.message.messageId) return coap::code::continued;
  if (block.number == 0) {
    if (isHeld && !isSame && !assembly.isComplete) {
      counters_.overload++;
      return coap::code::serviceUnavailable;
    }
    assembly = CoapAssembly{};
    assembly.isUsed = true;
    assembly.peer = inbound.from;
    assembly.route = static_cast<uint16_t>(route);
    assembly.method = inbound.message.code;
    assembly.firstMessageId = inbound.message.messageId;
  } else if (!isSame) {
    return coap::code::requestEntityIncomplete;
  }
  const bool isRepeated = assembly.size > 0 && offset + payload.size() == assembly.size;
  if (!isRepeated) {
    if (offset != assembly.size || assembly.isComplete) return coap::code::requestEntityIncomplete;
    if (payload.size() > memory_.assemblyBuffer.size() - assembly.size) {
      assembly = CoapAssembly{};
      return coap::code::requestEntityTooLarge;
    }
    if (!payload.empty()) std::memcpy(memory_.assemblyBuffer.data() + assembly.size, payload.data(), payload.size());
    assembly.size += payload.size();
  }
  assembly.untilMs = nowMs_ + memory_.timing.assemblyTimeoutMs;
  if (block.isMore) return coap::code::continued;
  assembly.isComplete = true;
  body = memory_.assemblyBuffer.first(assembly.size);
  return 0;
}

void CoapEndpoint::serveLinks(const Inbound& inbound, const ReplyContext& context) {
  ByteSpan filter;
  (void)findOption(inbound.message.options, coap::option::uriQuery, filter);
  TextWriter text(memory_.replyBuffer);
  const size_t count = writeLinks(routes_, asText(filter), text);
  CoapReply reply;
  reply.contentFormat = coap::format::link;
  reply.buffer = memory_.replyBuffer;
  reply.size = text.size();
  if (!isOk(text.status())) reply.code = coap::code::internalServerError, reply.size = 0;
  if (!inbound.isMulticast) {
    (void)answer(inbound, context, reply);
    return;
  }
  // To a group only on a match, and after a random leisure (RFC 7252 section 8.2), as one small message.
  CoapOutgoing* slot = count > 0 && isOk(text.status()) ? freeOutgoing() : nullptr;
  const Expected<uint16_t> messageId = takeMessageId();
  if (slot == nullptr || !messageId) return;
  ReplyContext own = context;
  own.type = coap::Type::nonConfirmable;
  own.messageId = *messageId;
  const Expected<ByteSpan> message = encodeReply(slot->buffer, own, reply);
  if (!message) return;
  slot->kind = CoapOutgoing::Kind::delayed;
  slot->state = CoapOutgoing::State::sent;
  slot->peer = inbound.from;
  slot->size = message->size();
  slot->dueMs = nowMs_ + randomBelow(memory_.timing.leisureMs);
}

}  // namespace cx
