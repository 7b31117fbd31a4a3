#include "coap_fixture.hpp"

namespace {

CoapRequest get(const hal::Address& to) {
  CoapRequest request;
  request.to = to;
  request.path = "nodes/n1/health";
  request.query = "ep=n1&r=5";
  request.accept = coap::format::cbor;
  return request;
}

}  // namespace

TEST("a request is refused when there is no socket, no address or no slot") {
  EndpointFixture f;
  Collected handler;
  CoapRequest request = get(f.manager);
  request.to = hal::Address{};
  CHECK_EQ(f.endpoint.request(request, handler).status(), Status::invalid);
  request.to = f.manager;
  for (size_t i = 0; i < CoapLimitsSmall::outgoing; i++) CHECK(f.endpoint.request(request, handler).hasValue());
  CHECK_EQ(f.endpoint.request(request, handler).status(), Status::full);
  f.endpoint.stop();
  CHECK_EQ(handler.ends, static_cast<int>(CoapLimitsSmall::outgoing));
  CHECK_EQ(handler.why, Status::cancelled);
  CHECK_EQ(f.endpoint.request(request, handler).status(), Status::closed);
}

TEST("a request carries its path, query and formats, and its piggybacked answer ends it") {
  EndpointFixture f;
  Collected handler;
  const Expected<CoapRequestId> id = f.endpoint.request(get(f.manager), handler);
  CHECK(f.isSilent());
  CHECK_EQ(f.endpoint.nextDueMs(), 0U);
  f.poll();
  CHECK(f.take());
  CHECK_EQ(f.message.type, Type::confirmable);
  CHECK_EQ(f.message.code, coap::code::get);
  CHECK_EQ(f.message.token.size(), 4U);
  CHECK(pathEquals(f.message.options, "nodes/n1/health"));
  std::string_view value;
  CHECK(findQuery(f.message.options, "ep", value) && value == "n1");
  CHECK(findQuery(f.message.options, "r", value) && value == "5");
  f.answer(coap::code::content, "fine");
  CHECK_EQ(handler.responses, 1);
  CHECK_EQ(handler.lastId, *id);
  CHECK_EQ(handler.code, coap::code::content);
  CHECK(asText(handler.payload.view()) == "fine");
  CHECK_EQ(f.endpoint.nextDueMs(), UINT64_MAX);
  f.pass(300000);
  CHECK(f.isSilent());
  CHECK_EQ(handler.ends, 0);
}

TEST("an unanswered request is sent five times, each wait twice the last, then times out") {
  EndpointFixture f;
  Collected handler;
  CHECK(f.endpoint.request(get(f.manager), handler).hasValue());
  f.poll();
  CHECK(f.take());
  const uint16_t messageId = f.message.messageId;
  const uint64_t first = f.endpoint.nextDueMs() - f.clock.nowMs;
  CHECK(first >= 2000 && first <= 3000);
  uint64_t wait = first;
  for (int i = 0; i < 4; i++) {
    f.pass(wait - 1);
    CHECK(f.isSilent());
    f.pass(1);
    CHECK(f.take());
    CHECK_EQ(f.message.messageId, messageId);
    wait *= 2;
    CHECK_EQ(f.endpoint.nextDueMs() - f.clock.nowMs, wait);
  }
  CHECK_EQ(handler.ends, 0);
  f.pass(wait);
  CHECK_EQ(handler.ends, 1);
  CHECK_EQ(handler.why, Status::timeout);
  CHECK(f.isSilent());
  CHECK_EQ(f.endpoint.counters().retransmits, 4U);
}

TEST("the first wait is spread by chance") {
  uint64_t least = UINT64_MAX;
  uint64_t most = 0;
  EndpointFixture f;
  for (int i = 0; i < 40; i++) {
    Collected handler;
    CHECK(f.endpoint.request(get(f.manager), handler).hasValue());
    f.poll();
    CHECK(f.take());
    const uint64_t wait = f.endpoint.nextDueMs() - f.clock.nowMs;
    least = wait < least ? wait : least;
    most = wait > most ? wait : most;
    f.answer(coap::code::changed);
  }
  CHECK(least < 2300 && most > 2700);
}

TEST("a send that the socket refuses counts as lost and is repeated") {
  EndpointFixture f;
  Collected handler;
  f.socket.isFailing = true;
  CHECK(f.endpoint.request(get(f.manager), handler).hasValue());
  f.poll();
  CHECK_EQ(f.endpoint.counters().sendFailures, 1U);
  f.socket.isFailing = false;
  f.pass(3001);
  CHECK(f.take());
  f.answer(coap::code::changed);
  CHECK_EQ(handler.responses, 1);
}

TEST("the deadline of a request ends it whatever the message layer does") {
  EndpointFixture f;
  Collected handler;
  CoapRequest request = get(f.manager);
  request.deadlineMs = 500;
  CHECK(f.endpoint.request(request, handler).hasValue());
  f.poll();
  f.pass(499);
  CHECK_EQ(handler.ends, 0);
  f.pass(1);
  CHECK_EQ(handler.why, Status::timeout);
  CHECK_EQ(handler.ends, 1);
}

TEST("only one request at a time is open with a peer, in order, while another peer isn't kept waiting") {
  EndpointFixture f;
  Collected first;
  Collected second;
  Collected other;
  CHECK(f.endpoint.request(get(f.manager), first).hasValue());
  CHECK(f.endpoint.request(get(f.manager), second).hasValue());
  CHECK(f.endpoint.request(get(address(2)), other).hasValue());
  f.poll();
  CHECK(f.take());
  CHECK(f.item.peer == f.manager);
  FakeUdp::Item toOther;
  CHECK(f.socket.take(toOther));
  CHECK(toOther.peer == address(2));
  CHECK(f.isSilent());
  f.answer(coap::code::changed);
  CHECK_EQ(first.responses, 1);
  CHECK(f.take());
  CHECK(f.item.peer == f.manager);
  f.answer(coap::code::changed);
  CHECK_EQ(second.responses, 1);
}

TEST("an empty acknowledgement stops the repeats, and the separate answer is acknowledged, twice if it comes twice") {
  EndpointFixture f;
  Collected handler;
  CHECK(f.endpoint.request(get(f.manager), handler).hasValue());
  f.poll();
  CHECK(f.take());
  f.receiveEmpty(Type::acknowledgement, f.message.messageId, f.manager);
  f.pass(30000);
  CHECK(f.isSilent());
  CoapMessageWriter separate(f.scratch, Type::confirmable, coap::code::content, 777, f.message.token);
  separate.putPayload(asBytes("late"));
  f.receive(separate, f.manager);
  CHECK_EQ(handler.responses, 1);
  CHECK(asText(handler.payload.view()) == "late");
  CHECK(f.tookEmpty(Type::acknowledgement, 777));
  f.receive(separate, f.manager);
  CHECK(f.tookEmpty(Type::acknowledgement, 777));
  CHECK_EQ(handler.responses, 1);
}

TEST("a separate answer that never comes is a time-out, one that overtakes the acknowledgement is taken") {
  EndpointFixture f;
  Collected handler;
  CHECK(f.endpoint.request(get(f.manager), handler).hasValue());
  f.poll();
  CHECK(f.take());
  f.receiveEmpty(Type::acknowledgement, f.message.messageId, f.manager);
  f.pass(60000);
  CHECK_EQ(handler.why, Status::timeout);

  CHECK(f.endpoint.request(get(f.manager), handler).hasValue());
  f.poll();
  CHECK(f.take());
  f.receive(CoapMessageWriter(f.scratch, Type::nonConfirmable, coap::code::changed, 5, f.message.token), f.manager);
  CHECK_EQ(handler.responses, 1);
  f.receiveEmpty(Type::acknowledgement, f.message.messageId, f.manager);
  CHECK_EQ(f.endpoint.counters().unmatched, 1U);
}

TEST("answers with a wrong token, message id or sender are nobody's") {
  EndpointFixture f;
  Collected handler;
  CHECK(f.endpoint.request(get(f.manager), handler).hasValue());
  f.poll();
  CHECK(f.take());
  const auto next = static_cast<uint16_t>(f.message.messageId + 1);
  uint8_t wrong[4];
  std::memcpy(wrong, f.message.token.data(), 4);
  wrong[3] ^= 1U;
  f.receive(CoapMessageWriter(f.scratch, Type::acknowledgement, coap::code::content, next, f.message.token), f.manager);
  f.receive(CoapMessageWriter(f.scratch, Type::acknowledgement, coap::code::content, f.message.messageId, wrong), f.manager);
  f.receive(CoapMessageWriter(f.scratch, Type::acknowledgement, coap::code::content, f.message.messageId, f.message.token), address(7));
  CHECK(f.isSilent());
  f.receive(CoapMessageWriter(f.scratch, Type::confirmable, coap::code::content, 60, wrong), f.manager);
  CHECK(handler.responses == 0);
  CHECK_EQ(f.endpoint.counters().unmatched, 4U);
  FakeUdp::Item reset;
  CHECK(f.socket.take(reset) && reset.bytes[0] == 0x70 && reset.bytes[3] == 60);
}

TEST("a Reset ends a request, and an answer with an unknown critical option is unusable") {
  EndpointFixture f;
  Collected handler;
  CHECK(f.endpoint.request(get(f.manager), handler).hasValue());
  f.poll();
  CHECK(f.take());
  f.receiveEmpty(Type::reset, f.message.messageId, f.manager);
  CHECK_EQ(handler.why, Status::reset);
  CHECK(f.endpoint.request(get(f.manager), handler).hasValue());
  f.poll();
  CHECK(f.take());
  CoapMessageWriter writer(f.scratch, Type::acknowledgement, coap::code::content, f.message.messageId, f.message.token);
  writer.putUintOption(9, 1);
  f.receive(writer, f.manager);
  CHECK_EQ(handler.why, Status::malformed);
}

TEST("a cancelled request is silent, and its late answer harmless") {
  EndpointFixture f;
  Collected handler;
  const Expected<CoapRequestId> id = f.endpoint.request(get(f.manager), handler);
  f.poll();
  CHECK(f.take());
  f.endpoint.cancel(*id);
  f.endpoint.cancel(*id);
  f.answer(coap::code::content);
  f.pass(100000);
  CHECK(f.isSilent());
  CHECK(handler.responses == 0 && handler.ends == 0);
}

TEST("a handler may ask the next thing from inside its call") {
  EndpointFixture f;
  Collected handler;
  handler.restartOn = &f.endpoint;
  CHECK(f.endpoint.request(get(f.manager), handler).hasValue());
  f.poll();
  CHECK(f.take());
  f.answer(coap::code::content);
  CHECK(f.take());
  CHECK(pathEquals(f.message.options, "again"));
}

TEST("a ping is answered by a Reset, ours as well as theirs") {
  EndpointFixture f;
  Collected handler;
  f.receiveEmpty(Type::confirmable, 99, address(3));
  CHECK(f.tookEmpty(Type::reset, 99));
  CHECK(f.endpoint.ping(f.manager, handler).hasValue());
  f.poll();
  CHECK(f.take());
  CHECK_EQ(f.message.code, coap::code::empty);
  CHECK_EQ(f.item.size, 4U);
  f.receiveEmpty(Type::reset, f.message.messageId, f.manager);
  CHECK_EQ(handler.why, Status::reset);
}

TEST("a question to a group is heard from many until its time is over") {
  EndpointFixture f;
  Collected handler;
  CoapRequest request = get(groupAddress());
  request.path = ".well-known/core";
  request.query = "rt=coxswain.manager";
  request.deadlineMs = 3000;
  CHECK(f.endpoint.request(request, handler).hasValue());
  f.poll();
  CHECK(f.take());
  CHECK_EQ(f.message.type, Type::nonConfirmable);
  CHECK(f.item.peer == groupAddress());
  for (uint8_t i = 1; i <= 2; i++) f.receive(CoapMessageWriter(f.scratch, Type::nonConfirmable, coap::code::content, i, f.message.token), address(i));
  CHECK_EQ(handler.responses, 2);
  f.pass(2999);
  CHECK_EQ(handler.ends, 0);
  f.pass(1);
  CHECK_EQ(handler.ends, 1);
  CHECK_EQ(handler.why, Status::timeout);
  CHECK_EQ(f.endpoint.counters().retransmits, 0U);
}

TEST("malformed datagrams are counted; a confirmable one is reset, but not one to a group") {
  EndpointFixture f;
  const uint8_t bad[] = {0x40, 0x01, 0x12, 0x34, 0xFF};
  f.socket.deliver(f.manager, bad);
  f.poll();
  CHECK(f.tookEmpty(Type::reset, 0x1234));
  f.socket.deliver(f.manager, bad, true);
  f.socket.deliver(f.manager, ByteSpan(bad, 3));
  f.poll();
  CHECK(f.isSilent());
  CHECK_EQ(f.endpoint.counters().malformed, 3U);
}

TEST("message ids aren't used again within their lifetime") {
  EndpointFixture f;
  Collected handler;
  uint32_t sent = 0;
  bool isHeld = false;
  for (uint32_t i = 0; i < 70000 && !isHeld; i++) {
    CHECK(f.endpoint.request(get(f.manager), handler).hasValue());
    f.poll();
    isHeld = !f.take();
    if (isHeld) break;
    sent++;
    f.answer(coap::code::changed);
  }
  CHECK(isHeld);
  CHECK(sent > 57000 && sent <= 65536);
  f.pass(248000);
  CHECK(f.take());
}

TEST("random datagrams neither break the endpoint nor its request") {
  EndpointFixture f;
  SeededRandom random(5);
  Collected handler;
  CHECK(f.endpoint.request(get(f.manager), handler).hasValue());
  f.poll();
  CHECK(f.take());
  const CoapMessage asked = f.message;
  FakeUdp::Item kept = f.item;
  for (int i = 0; i < 5000; i++) {
    uint8_t bytes[64];
    const size_t size = random.below(sizeof bytes);
    for (size_t at = 0; at < size; at++) bytes[at] = random.byte();
    if (size > 4 && random.below(2) == 0) bytes[0] = static_cast<uint8_t>(0x40U | (bytes[0] & 0x34U));
    f.socket.deliver(f.manager, ByteSpan(bytes, size), random.below(8) == 0);
    f.poll();
    while (f.socket.take(kept)) {
    }
  }
  (void)asked;
  CHECK(handler.responses + handler.ends <= 1);
}
