// What the server half sends: answers at once, answers that were promised, and bodies cut into blocks.
#include "coap_endpoint.hpp"

namespace cx {

namespace {

constexpr uint32_t busyRetryS = 2;  // Max-Age of a 5.03 for want of a slot that frees itself soon

// An entity tag for a body that has none of its own: enough to notice that blocks belong to different bodies.
void tagBody(ByteSpan body, FixedBytes<8>& etag) {
  uint32_t hash = 2166136261U;  // FNV-1a
  for (const uint8_t byte : body) hash = (hash ^ byte) * 16777619U;
  const uint8_t bytes[4] = {static_cast<uint8_t>(hash >> 24U), static_cast<uint8_t>(hash >> 16U), static_cast<uint8_t>(hash >> 8U), static_cast<uint8_t>(hash)};
  (void)etag.assign(bytes);
}

}  // namespace

void CoapReply::putText(std::string_view text) {
  contentFormat = coapNoFormat;  // a diagnostic payload has none (RFC 7252 section 5.5.2)
  size = text.size() < buffer.size() ? text.size() : buffer.size();
  if (size > 0) std::memcpy(buffer.data(), text.data(), size);
}

// Errors are never answered to a group (section 8.1).
void CoapEndpoint::answerCode(const Inbound& inbound, uint8_t code, const ReplyContext& context, uint32_t maxAge) {
  if (inbound.isMulticast) return;
  CoapReply reply;
  reply.code = code;
  if (code == coap::code::serviceUnavailable) reply.maxAge = static_cast<int32_t>(maxAge != 0 ? maxAge : busyRetryS);
  (void)answer(inbound, context, reply);
}

ByteSpan CoapEndpoint::answer(const Inbound& inbound, const ReplyContext& context, const CoapReply& reply) {
  ReplyContext own = context;
  if (own.type == coap::Type::nonConfirmable) {
    const Expected<uint16_t> messageId = takeMessageId();
    if (!messageId) return ByteSpan();
    own.messageId = *messageId;
  }
  const Expected<ByteSpan> message = encodeReply(memory_.sendBuffer, own, reply);
  const ByteSpan sent = message ? sendAnswer(inbound.from, *message, own.protection) : ByteSpan();
  if (own.row != nullptr) keepAnswer(*own.row, own, reply.code, sent);
  return sent;
}

// What a duplicate will be told.
void CoapEndpoint::keepAnswer(CoapOnceRow& row, const ReplyContext& context, uint8_t code, ByteSpan wire) {
  if (row.isRerunnable) return;
  row.isAnswered = true;
  if (!wire.empty() && isOk(row.answer.assign(wire))) return;
  // Too long to keep: a duplicate learns what came of it, without the body.
  row.answer.clear();
  MutableSpan room = row.answer.storage();
  Expected<ByteSpan> brief = CoapMessageWriter(room, context.type, code, context.messageId, context.token).finish();
  if (context.protection.isOn) {
    const Expected<OscorePiv> number = session_->takeNumber();
    OscoreBinding binding = context.protection.binding;
    CoapMessage message;
    if (!brief || !number || !isOk(decodeCoap(*brief, message).status)) return;
    binding.own = *number;
    brief = session_->protect(message, binding, memory_.secureBuffer);
    if (brief) (void)row.answer.assign(*brief);
    return;
  }
  (void)row.answer.resize(brief ? brief->size() : 0);
}

Expected<ByteSpan> CoapEndpoint::encodeReply(MutableSpan out, const ReplyContext& context, const CoapReply& reply) {
  CoapReply used = reply;
  const bool isOverrun = reply.source == nullptr && reply.size > reply.buffer.size();
  if (isOverrun) {
    used = CoapReply{};
    used.code = coap::code::internalServerError;
  }
  coap::Block block{0, false, coap::szxForSize(memory_.blockSize)};
  uint64_t offset = 0;
  if (context.hasBlock2) {
    offset = context.block2.offset();
    if (context.block2.szx < block.szx) block.szx = context.block2.szx;
  }
  if (coap::codeClass(used.code) != 2) offset = 0;
  if (offset > 0 && offset >= used.size) {
    used = CoapReply{};
    used.code = coap::code::badRequest;  // there is no such block
    offset = 0;
  }
  block.number = static_cast<uint32_t>(offset >> (block.szx + 4U));
  const size_t rest = used.size - static_cast<size_t>(offset);
  block.isMore = rest > block.size();
  const bool isBlockwise = block.isMore || offset > 0 || (context.hasBlock2 && used.size > 0 && coap::codeClass(used.code) == 2);
  ByteSpan payload = ByteSpan(used.buffer).slice(static_cast<size_t>(offset), block.size());
  payload = payload.first(rest);
  if (used.source != nullptr) {
    const MutableSpan part = memory_.replyBuffer.first(rest < block.size() ? rest : block.size());
    if (used.source->read(offset, part) != part.size()) {
      used = CoapReply{};
      used.code = coap::code::internalServerError;
      payload = ByteSpan();
    } else {
      payload = part;
    }
  } else if (used.etag.empty() && isBlockwise) {
    tagBody(ByteSpan(used.buffer).first(used.size), used.etag);
  }
  const bool isWhole = used.size == 0 || used.code == coap::code::internalServerError;

  CoapMessageWriter writer(out, context.type, used.code, context.messageId, context.token);
  if (!used.etag.empty()) writer.putOption(coap::option::etag, used.etag.view());
  if (context.hasObserve && coap::codeClass(used.code) == 2) writer.putUintOption(coap::option::observe, context.observe & 0xFFFFFFU);
  writer.putItems(coap::option::locationPath, used.locationPath, '/');
  if (used.contentFormat >= 0 && !payload.empty()) writer.putUintOption(coap::option::contentFormat, static_cast<uint32_t>(used.contentFormat));
  if (used.maxAge >= 0) writer.putUintOption(coap::option::maxAge, static_cast<uint32_t>(used.maxAge));
  if (isBlockwise && !isWhole) writer.putBlockOption(coap::option::block2, block);
  if (context.hasBlock1) {
    coap::Block block1 = context.block1;
    block1.isMore = used.code == coap::code::continued;
    writer.putBlockOption(coap::option::block1, block1);
  }
  if (isBlockwise && !isWhole && offset == 0 && block.isMore) writer.putUintOption(coap::option::size2, static_cast<uint32_t>(used.size));
  if (!used.echo.empty()) writer.putOption(coap::option::echo, used.echo);
  writer.putPayload(payload);
  return writer.finish();
}

Expected<CoapDeferralId> CoapEndpoint::defer() {
  if (current_ == nullptr || currentDeferral_ != nullptr) return Status::invalid;
  for (CoapDeferred& row : memory_.deferred) {
    if (row.id != 0 && nowMs_ < row.untilMs) continue;
    const CoapMessage& message = current_->message;
    lastDeferralId_ = static_cast<CoapDeferralId>(lastDeferralId_ == UINT16_MAX ? 1 : lastDeferralId_ + 1);
    row.id = lastDeferralId_;
    row.isConfirmable = message.type == coap::Type::confirmable;
    row.requestMessageId = message.messageId;
    row.tokenSize = static_cast<uint8_t>(message.token.size());
    if (!message.token.empty()) std::memcpy(row.token, message.token.data(), message.token.size());
    row.peer = current_->from;
    row.untilMs = nowMs_ + memory_.timing.separateTimeoutMs;
    row.protection = current_->protection;
    currentDeferral_ = &row;
    return row.id;
  }
  counters_.overload++;
  return Status::full;
}

Status CoapEndpoint::respond(CoapDeferralId id, const CoapReply& reply) {
  nowMs_ = clock_.monotonicMs();
  CoapDeferred* row = nullptr;
  for (CoapDeferred& candidate : memory_.deferred) {
    if (candidate.id == id && id != 0 && nowMs_ < candidate.untilMs) row = &candidate;
  }
  if (row == nullptr) return Status::notFound;
  CoapOutgoing* slot = freeOutgoing();
  if (slot == nullptr) return Status::full;
  ReplyContext context;
  context.type = row->isConfirmable ? coap::Type::confirmable : coap::Type::nonConfirmable;
  context.token = ByteSpan(row->token, row->tokenSize);
  const Expected<ByteSpan> message = encodeReply(slot->buffer, context, reply);
  if (!message) return message.status();
  slot->size = message->size();
  slot->peer = row->peer;
  slot->protection = row->protection;
  slot->protection.isRequestNonceFree = false;
  row->id = 0;
  if (context.type == coap::Type::nonConfirmable) {
    const Expected<uint16_t> messageId = takeMessageId();
    if (!messageId) return messageId.status();
    slot->buffer[2] = static_cast<uint8_t>(*messageId >> 8U);
    slot->buffer[3] = static_cast<uint8_t>(*messageId);
    (void)sendAnswer(slot->peer, slot->buffer.first(slot->size), slot->protection);
    return Status::ok;
  }
  slot->kind = CoapOutgoing::Kind::response;
  slot->isConfirmable = true;
  return Status::ok;
}

}  // namespace cx
