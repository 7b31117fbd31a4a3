// OSCORE at the endpoint's edge (RFC 8613 section 8): slots and buffers hold plain messages, and what goes out or comes in
// passes here. A slot's message is protected anew for each transmission, from the same number to the same bytes.
#include "coap_endpoint.hpp"

namespace cx {

namespace {

constexpr uint32_t numberRetryMs = 1000;  // storage can't raise the bound of numbers just now
// Each rerun's answer takes a number. A message is sent five times (RFC 7252 section 4.8), and a network may double some.
constexpr uint8_t maxReruns = 8;

// The outer options of a protected request (RFC 8613 section 8.2): those with an inner meaning are none of ours, whatever they
// hold. 0, or the code that refuses.
uint8_t checkOuterOptions(const CoapMessage& message) {
  CoapOptionReader reader(message.options);
  CoapOption option;
  bool hasOscore = false;
  while (reader.next(option)) {
    if (!coap::option::isCritical(option.number)) continue;
    switch (option.number) {
      case coap::option::ifMatch:
      case coap::option::ifNoneMatch:
      case coap::option::uriPath:
      case coap::option::uriQuery:
      case coap::option::accept:
      case coap::option::uriHost:
      case coap::option::uriPort: break;
      case coap::option::oscore:
        if (hasOscore) return coap::code::badOption;
        hasOscore = true;
        break;
      case coap::option::proxyUri:
      case coap::option::proxyScheme: return coap::code::proxyingNotSupported;
      default: return coap::code::badOption;  // also blocks made by a proxy: they would have to be put together first
    }
  }
  return 0;
}

}  // namespace

// The part of the receive buffer that `bytes` views: it is decrypted where it lies.
MutableSpan CoapEndpoint::received(ByteSpan bytes) const {
  if (bytes.empty()) return MutableSpan();
  return memory_.receiveBuffer.slice(static_cast<size_t>(bytes.data() - memory_.receiveBuffer.data()), bytes.size());
}

// Sends a finished message, protected where `protection` says so. Returns what went onto the wire, valid until the next
// message; empty when it can't be protected, and then nothing was sent.
ByteSpan CoapEndpoint::sendMessage(const hal::Address& to, ByteSpan plain, const CoapProtection& protection) {
  ByteSpan wire = plain;
  if (protection.isOn) {
    CoapMessage message;
    if (session_ == nullptr || !isOk(decodeCoap(plain, message).status)) return ByteSpan();
    const Expected<ByteSpan> sealed = session_->protect(message, protection.binding, memory_.secureBuffer);
    if (!sealed) {
      counters_.sendFailures++;
      return ByteSpan();
    }
    wire = *sealed;
  }
  sendDatagram(to, wire);
  return wire;
}

// Gives the slot's message the number that it is protected with. False: it can't go now, or has ended.
bool CoapEndpoint::takeNumber(CoapOutgoing& slot) {
  if (!slot.protection.isOn) return true;
  const Expected<OscorePiv> number = session_ != nullptr ? session_->takeNumber() : Expected<OscorePiv>(Status::closed);
  if (!number) {
    if (number.status() == Status::io) {
      slot.dueMs = nowMs_ + numberRetryMs;
    } else {
      endRequest(slot, number.status());
    }
    return false;
  }
  OscoreBinding& binding = slot.protection.binding;
  (binding.isRequest ? binding.request : binding.own) = *number;
  return true;
}

// An answer at once. The request's nonce serves the first one, so that it needs no number; whatever else answers the same
// request takes a number of its own, since one nonce never protects two texts.
ByteSpan CoapEndpoint::sendAnswer(const hal::Address& to, ByteSpan plain, CoapProtection protection) {
  if (protection.isOn && !protection.isRequestNonceFree) {
    const Expected<OscorePiv> number = session_->takeNumber();
    if (!number) {
      counters_.sendFailures++;
      return ByteSpan();
    }
    protection.binding.own = *number;
  }
  return sendMessage(to, plain, protection);
}

// What a request must pass before it is looked at. True: `message` is the one to serve, and `context` knows how to answer.
bool CoapEndpoint::admit(const Inbound& inbound, CoapMessage& message, ReplyContext& context) {
  ByteSpan value;
  const bool isPlain = session_ == nullptr || !findOption(message.options, coap::option::oscore, value);
  if (isPlain) {
    // Who we are may be asked in the clear.
    if ((inbound.isSecured && session_ == nullptr) || pathEquals(message.options, coapLinksPath)) return true;
    counters_.refused++;
    answerCode(inbound, coap::code::unauthorized, context);
    return false;
  }
  if (inbound.isMulticast) return false;
  if (message.payload.empty()) {  // malformed (section 2), and so rejected
    counters_.refused++;
    if (message.type == coap::Type::confirmable) sendEmpty(coap::Type::reset, message.messageId, inbound.from);
    return false;
  }
  const uint8_t fault = checkOuterOptions(message);
  if (fault != 0) {
    answerCode(inbound, fault, context);
    return false;
  }
  CoapOnceRow* row = findRow(inbound);
  OscorePiv piv;
  const OscoreVerdict verdict = session_->openRequest(message, received(message.payload), row != nullptr ? &row->piv : nullptr, piv);
  const auto refuse = [&](uint8_t code, std::string_view text) {
    counters_.refused++;
    CoapReply reply;
    reply.code = code;
    reply.maxAge = 0;
    reply.buffer = memory_.replyBuffer;
    reply.putText(text);
    (void)answer(inbound, context, reply);
    return false;
  };
  switch (verdict) {
    case OscoreVerdict::undecodable: return refuse(coap::code::badOption, "Failed to decode COSE");
    case OscoreVerdict::unknown: return refuse(coap::code::unauthorized, "Security context not found");
    case OscoreVerdict::replayed: return refuse(coap::code::unauthorized, "Replay detected");
    case OscoreVerdict::forged: return refuse(coap::code::badRequest, "Decryption failed");
    case OscoreVerdict::fresh:
    case OscoreVerdict::duplicate:
    case OscoreVerdict::challenge: break;
  }
  const bool isTooOften = verdict == OscoreVerdict::challenge   ? !session_->mayChallenge()
                          : verdict == OscoreVerdict::duplicate ? row->reruns++ >= maxReruns
                                                                : false;
  if (isTooOften) {
    if (verdict == OscoreVerdict::duplicate) row->reruns = maxReruns;
    counters_.refused++;
    return false;
  }
  context.protection.isOn = true;
  context.protection.isRequestNonceFree = verdict == OscoreVerdict::fresh;
  context.protection.binding.request = piv;
  if (verdict == OscoreVerdict::challenge) {
    CoapReply reply;
    reply.code = coap::code::unauthorized;
    reply.echo = session_->echo();
    (void)answer(inbound, context, reply);
    return false;
  }
  context.row = row != nullptr ? row : takeProtectedRow(inbound);
  if (context.row != nullptr) context.row->piv = piv;
  return true;
}

// The row of a protected request that may run again, as far as it is remembered.
CoapOnceRow* CoapEndpoint::findRow(const Inbound& inbound) {
  for (CoapOnceRow& row : memory_.once) {
    const bool isSame = row.isUsed && row.isProtected && nowMs_ < row.untilMs && row.messageId == inbound.message.messageId;
    if (isSame && row.peer == inbound.from) return &row;
  }
  return nullptr;
}

// Rows of protected requests may be forgotten early: a message that comes again then is a replay, and never runs twice.
CoapOnceRow* CoapEndpoint::takeProtectedRow(const Inbound& inbound) {
  CoapOnceRow* chosen = nullptr;
  for (CoapOnceRow& row : memory_.once) {
    if (!row.isUsed || nowMs_ >= row.untilMs) {
      chosen = &row;
      break;
    }
    if (row.isProtected && (chosen == nullptr || row.untilMs < chosen->untilMs)) chosen = &row;
  }
  if (chosen == nullptr) return nullptr;
  *chosen = CoapOnceRow{};
  chosen->isUsed = true;
  chosen->isProtected = true;
  chosen->isRerunnable = true;
  chosen->messageId = inbound.message.messageId;
  chosen->peer = inbound.from;
  chosen->untilMs = nowMs_ + memory_.timing.exchangeLifetimeMs;
  return chosen;
}

// The answer to a protected request of ours. False: it isn't one, or not from there, and the request waits on.
bool CoapEndpoint::openResponse(CoapOutgoing& slot, CoapMessage& message) {
  ByteSpan value;
  if (!findOption(message.options, coap::option::oscore, value)) {
    counters_.refused++;
    // It can't be told from a forgery, but whoever forges it saw our token, and could have dropped the request as well.
    if (coap::codeClass(message.code) >= 4) endRequest(slot, Status::refused);
    return false;
  }
  const Status status = session_->openResponse(slot.protection.binding.request, message, received(message.payload));
  // We observe nothing, so a notification answers no request of ours (section 4.1.3.5.2).
  if (isOk(status) && !findOption(message.options, coap::option::observe, value)) return true;
  counters_.refused++;
  return false;
}

// A 4.01 that carries Echo asks to say it again with that value (RFC 9175 section 2.3). True: it is being said again.
bool CoapEndpoint::repeatWithEcho(CoapOutgoing& slot, const CoapResponse& response) {
  ByteSpan echo;
  if (response.code != coap::code::unauthorized || slot.hasEchoed || !findOption(response.options, coap::option::echo, echo)) return false;
  if (echo.empty() || echo.size() > 40) return false;
  CoapMessage last;
  if (!isOk(decodeCoap(slot.buffer.first(slot.size), last).status)) return false;
  renewToken(slot);
  CoapMessageWriter writer(memory_.sendBuffer, last.type, last.code, 0, ByteSpan(slot.token, slot.tokenSize));
  CoapOptionReader reader(last.options);
  CoapOption option;
  bool isWritten = false;
  while (reader.next(option)) {
    if (option.number > coap::option::echo && !isWritten) {
      writer.putOption(coap::option::echo, echo);
      isWritten = true;
    }
    writer.putOption(option.number, option.value);
  }
  if (!isWritten) writer.putOption(coap::option::echo, echo);
  writer.putPayload(last.payload);
  const Expected<ByteSpan> message = writer.finish();
  if (!message || message->size() > slot.buffer.size()) return false;
  std::memcpy(slot.buffer.data(), message->data(), message->size());
  slot.size = message->size();
  slot.hasEchoed = true;
  resend(slot);
  return true;
}

}  // namespace cx
