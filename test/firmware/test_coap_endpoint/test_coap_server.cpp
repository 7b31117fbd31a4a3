#include "coap_fixture.hpp"

namespace {

enum Route : size_t { health, update, logs, restart, deferredRoute, config };

constexpr CoapRoute routes[] = {
    {"health", coap::method::get, coap::accepts::json | coap::accepts::cbor, true, CoapReplay::again, ";rt=\"cx.health\";ct=\"50 60\"", true},
    {"update", coap::method::get | coap::method::put, coap::accepts::cbor, true, CoapReplay::again, ";rt=\"cx.update other\"", true},
    {"logs", coap::method::get, 0, false, CoapReplay::again, ";if=\"cx.l;og\"", true},
    {"system/restart", coap::method::post, 0, false, CoapReplay::once, "", true},
    {"slow", coap::method::post | coap::method::get, 0, false, CoapReplay::once, "", false},
    {"system/config", coap::method::get | coap::method::put, 0, false, CoapReplay::again, "", false},
};

struct Logs final : CoapBodySource {
  bool isBroken = false;
  size_t read(uint64_t offset, MutableSpan out) override {
    if (isBroken) return 0;
    for (size_t i = 0; i < out.size(); i++) out[i] = static_cast<uint8_t>('a' + (offset + i) % 26);
    return out.size();
  }
};

struct Service final : CoapService {
  CoapEndpoint* endpoint = nullptr;
  int calls = 0;
  size_t route = 99;
  uint8_t code = 0;  // 0: as it comes
  bool isOverstated = false;  // says it rendered more than the buffer holds
  FixedBytes<800> payload;
  std::string_view body;
  Logs source;
  CoapDeferralId deferral = 0;
  void onRequest(const CoapServerRequest& request, CoapReply& reply) override {
    calls++;
    route = request.route;
    (void)payload.assign(request.payload);
    if (route == deferredRoute) {
      const Expected<CoapDeferralId> id = endpoint->defer();
      deferral = id.valueOr(0);
      if (!id) reply.code = coap::code::serviceUnavailable;
      return;
    }
    if (route == logs) {
      reply.source = &source;
      reply.size = 700;
      (void)reply.etag.assign(asBytes("L1"));
      return;
    }
    std::string_view value;
    if (request.query("say", value)) {
      reply.putText(value);
      return;
    }
    reply.putText(body);
    reply.contentFormat = body.empty() ? coapNoFormat : coap::format::json;
    reply.maxAge = route == health ? 30 : -1;
    if (code != 0) reply.code = code;
    if (isOverstated) reply.size = reply.buffer.size() + 1;
  }
};

struct ServerFixture : EndpointFixture {
  Service service;
  uint16_t nextId = 100;
  uint8_t token[2] = {0xAA, 0x01};
  ServerFixture() : EndpointFixture(routes, nullptr) {
    CHECK(isOk(endpoint.start(0, routes, &service)));
    service.endpoint = &endpoint;
    service.body = "{\"status\":\"healthy\"}";
  }
  CoapMessageWriter make(uint8_t method, std::string_view path, Type type = Type::confirmable) {
    CoapMessageWriter writer(scratch, type, method, nextId++, token);
    writer.putItems(coap::option::uriPath, path, '/');
    return writer;
  }
  // Sends it and takes the answer's code; 0: none.
  uint8_t ask(const CoapMessageWriter& writer) {
    receive(writer, manager);
    return take() ? message.code : uint8_t{0};
  }
  uint8_t ask(uint8_t method, std::string_view path) { return ask(make(method, path)); }
};

}  // namespace

TEST("what isn't there, isn't allowed or can't be said is refused by its code") {
  ServerFixture f;
  CHECK_EQ(f.ask(coap::code::get, "nothing"), coap::code::notFound);
  CHECK_EQ(f.ask(coap::code::get, "health/more"), coap::code::notFound);
  CHECK_EQ(f.ask(coap::code::get, "system"), coap::code::notFound);
  CHECK_EQ(f.ask(coap::code::del, "health"), coap::code::methodNotAllowed);
  CHECK_EQ(f.ask(coap::code::fetch, "health"), coap::code::methodNotAllowed);
  CHECK_EQ(f.ask(0x1F, "health"), coap::code::methodNotAllowed);
  CHECK_EQ(f.ask(coap::code::post, ".well-known/core"), coap::code::methodNotAllowed);
  CoapMessageWriter accept = f.make(coap::code::get, "health");
  accept.putUintOption(coap::option::accept, coap::format::octets);
  CHECK_EQ(f.ask(accept), coap::code::notAcceptable);
  CoapMessageWriter format = f.make(coap::code::put, "update");
  format.putUintOption(coap::option::contentFormat, coap::format::json);
  format.putPayload(asBytes("{}"));
  CHECK_EQ(f.ask(format), coap::code::unsupportedContentFormat);
  CoapMessageWriter unknown = f.make(coap::code::get, "health");
  unknown.putUintOption(2049, 1);
  CHECK_EQ(f.ask(unknown), coap::code::badOption);
  CoapMessageWriter twice = f.make(coap::code::get, "health");
  twice.putUintOption(coap::option::accept, 50);
  twice.putUintOption(coap::option::accept, 60);
  CHECK_EQ(f.ask(twice), coap::code::badOption);
  CoapMessageWriter longAccept = f.make(coap::code::get, "health");
  longAccept.putUintOption(coap::option::accept, 0x10000);
  CHECK_EQ(f.ask(longAccept), coap::code::badOption);
  CoapMessageWriter proxy = f.make(coap::code::get, "health");
  proxy.putTextOption(coap::option::proxyScheme, "coap");
  CHECK_EQ(f.ask(proxy), coap::code::proxyingNotSupported);
  CoapMessageWriter block = f.make(coap::code::get, "health");
  block.putUintOption(coap::option::block2, 7);
  CHECK_EQ(f.ask(block), coap::code::badRequest);
  CoapMessageWriter absent(f.scratch, Type::confirmable, coap::code::put, 9000, f.token);
  absent.putOption(coap::option::ifNoneMatch, ByteSpan());
  absent.putItems(coap::option::uriPath, "system/config", '/');
  CHECK_EQ(f.ask(absent), coap::code::preconditionFailed);
  CHECK_EQ(f.service.calls, 0);
}

TEST("an unknown critical option in a non-confirmable request is passed over in silence, an elective one anywhere") {
  ServerFixture f;
  CoapMessageWriter writer = f.make(coap::code::get, "health", Type::nonConfirmable);
  writer.putUintOption(2049, 1);
  CHECK_EQ(f.ask(writer), 0);
  CoapMessageWriter hop(f.scratch, Type::nonConfirmable, coap::code::get, 3, f.token);
  hop.putItems(coap::option::uriPath, "health", '/');
  hop.putUintOption(coap::option::hopLimit, 3);
  hop.putUintOption(2048, 1);
  CHECK_EQ(f.ask(hop), coap::code::content);
  CHECK_EQ(f.message.type, Type::nonConfirmable);
  CHECK(equal(f.message.token, f.token));
}

TEST("an answer is piggybacked with its token, format and age") {
  ServerFixture f;
  CHECK_EQ(f.ask(coap::code::get, "health"), coap::code::content);
  CHECK_EQ(f.message.type, Type::acknowledgement);
  CHECK_EQ(f.message.messageId, 100);
  CHECK(equal(f.message.token, f.token));
  uint32_t value = 0;
  CHECK(findUintOption(f.message.options, coap::option::contentFormat, value) && value == coap::format::json);
  CHECK(findUintOption(f.message.options, coap::option::maxAge, value) && value == 30);
  CHECK(asText(f.message.payload) == "{\"status\":\"healthy\"}");
  CHECK(!f.hasBlock(coap::option::block2, 0, false, 4));
  f.service.body = "";
  CHECK_EQ(f.ask(coap::code::put, "system/config"), coap::code::changed);
  CHECK(f.message.options.empty());
}

TEST("a duplicate runs again where that is harmless, and is answered from memory where it isn't") {
  ServerFixture f;
  const CoapMessageWriter again = f.make(coap::code::get, "health");
  CHECK_EQ(f.ask(again), coap::code::content);
  CHECK_EQ(f.ask(again), coap::code::content);
  CHECK_EQ(f.service.calls, 2);
  const CoapMessageWriter once = f.make(coap::code::post, "system/restart");
  CHECK_EQ(f.ask(once), coap::code::changed);
  const FakeUdp::Item first = f.item;
  f.service.code = coap::code::conflict;
  CHECK_EQ(f.ask(once), coap::code::changed);
  CHECK(equal(ByteSpan(first.bytes, first.size), ByteSpan(f.item.bytes, f.item.size)));
  CHECK_EQ(f.service.calls, 3);
  f.receive(once, address(8));  // the same id from another peer is another request
  CHECK(f.take());
  CHECK_EQ(f.message.code, coap::code::conflict);
  f.clock.nowMs += 247000;
  CHECK_EQ(f.ask(once), coap::code::conflict);
  CHECK_EQ(f.service.calls, 5);
}

TEST("when no more once-only requests can be remembered the next is refused, with the time to come back") {
  ServerFixture f;
  for (size_t i = 0; i < CoapLimitsSmall::once; i++) CHECK_EQ(f.ask(coap::code::post, "system/restart"), coap::code::changed);
  f.clock.nowMs += 7000;
  CHECK_EQ(f.ask(coap::code::post, "system/restart"), coap::code::serviceUnavailable);
  uint32_t age = 0;
  CHECK(findUintOption(f.message.options, coap::option::maxAge, age) && age == 240);
  CHECK_EQ(f.service.calls, static_cast<int>(CoapLimitsSmall::once));
  f.clock.nowMs += 240000;
  CHECK_EQ(f.ask(coap::code::post, "system/restart"), coap::code::changed);
}

TEST("a once-only answer that is too long to keep is repeated as its code alone") {
  ServerFixture f;
  f.service.body = "this diagnostic text is longer than what a row of the table may hold";
  const CoapMessageWriter once = f.make(coap::code::post, "system/restart");
  CHECK_EQ(f.ask(once), coap::code::changed);
  CHECK(!f.message.payload.empty());
  CHECK_EQ(f.ask(once), coap::code::changed);
  CHECK(f.message.payload.empty());
  CHECK(equal(f.message.token, f.token));
  CHECK_EQ(f.service.calls, 1);
}

TEST("a promised answer comes later, confirmable, and is repeated until it is acknowledged") {
  ServerFixture f;
  const CoapMessageWriter slow = f.make(coap::code::post, "slow");
  f.receive(slow, f.manager);
  CHECK(f.tookEmpty(Type::acknowledgement, 100));
  f.receive(slow, f.manager);
  CHECK(f.tookEmpty(Type::acknowledgement, 100));
  CHECK_EQ(f.service.calls, 1);
  CHECK(f.service.deferral != 0);
  CoapReply reply;
  uint8_t text[16];
  reply.buffer = text;
  reply.code = coap::code::changed;
  reply.putText("done");
  CHECK_EQ(f.endpoint.respond(f.service.deferral, reply), Status::ok);
  CHECK_EQ(f.endpoint.respond(f.service.deferral, reply), Status::notFound);
  f.poll();
  CHECK(f.take());
  CHECK_EQ(f.message.type, Type::confirmable);
  CHECK(equal(f.message.token, f.token));
  CHECK(asText(f.message.payload) == "done");
  const uint16_t messageId = f.message.messageId;
  f.pass(3001);
  CHECK(f.take());
  CHECK_EQ(f.message.messageId, messageId);
  f.receiveEmpty(Type::acknowledgement, messageId, f.manager);
  f.pass(60000);
  CHECK(f.isSilent());
}

TEST("promises are few, end by themselves, and can't be made outside of a request") {
  ServerFixture f;
  CHECK_EQ(f.endpoint.defer().status(), Status::invalid);
  f.receive(f.make(coap::code::get, "slow"), f.manager);
  CHECK(f.take());
  const CoapDeferralId first = f.service.deferral;
  CHECK_EQ(f.ask(coap::code::get, "slow"), coap::code::serviceUnavailable);
  f.clock.nowMs += 60000;
  CHECK_EQ(f.endpoint.respond(first, CoapReply{}), Status::notFound);
  f.receive(f.make(coap::code::get, "slow", Type::nonConfirmable), f.manager);
  CHECK(f.isSilent());
  CHECK_EQ(f.endpoint.respond(f.service.deferral, CoapReply{}), Status::ok);
  CHECK(f.take());
  CHECK_EQ(f.message.type, Type::nonConfirmable);
}

TEST("any block of any body is given, with an entity tag that belongs to it") {
  ServerFixture f;
  f.service.body = longText();
  CHECK_EQ(f.ask(coap::code::get, "health"), coap::code::content);
  CHECK(f.hasBlock(coap::option::block2, 0, true, 4));
  uint32_t size = 0;
  CHECK(findUintOption(f.message.options, coap::option::size2, size) && size == 600);
  ByteSpan etag;
  CHECK(findOption(f.message.options, coap::option::etag, etag) && etag.size() == 4);
  const FakeUdp::Item first = f.item;
  CoapMessageWriter third = f.make(coap::code::get, "health");
  third.putBlockOption(coap::option::block2, {9, false, 2});
  CHECK_EQ(f.ask(third), coap::code::content);
  CHECK(f.hasBlock(coap::option::block2, 9, false, 2));
  CHECK(asText(f.message.payload) == slice(longText(), 576, 64));
  ByteSpan other;
  CHECK(findOption(f.message.options, coap::option::etag, other) && other.size() == 4 && std::memcmp(other.data(), first.bytes + (etag.data() - f.item.bytes), 4) == 0);
  CoapMessageWriter large = f.make(coap::code::get, "health");  // 1024 is over ours: the same offset in our size
  large.putBlockOption(coap::option::block2, {0, false, 6});
  CHECK_EQ(f.ask(large), coap::code::content);
  CHECK(f.hasBlock(coap::option::block2, 0, true, 4));
  CoapMessageWriter beyond = f.make(coap::code::get, "health");
  beyond.putBlockOption(coap::option::block2, {3, false, 4});
  CHECK_EQ(f.ask(beyond), coap::code::badRequest);
  f.service.body = "short";
  CoapMessageWriter asked = f.make(coap::code::get, "health");
  asked.putBlockOption(coap::option::block2, {0, false, 2});
  CHECK_EQ(f.ask(asked), coap::code::content);
  CHECK(f.hasBlock(coap::option::block2, 0, false, 2));
}

TEST("a body from a source is read where it is asked for, and a broken source is a server error") {
  ServerFixture f;
  CoapMessageWriter last = f.make(coap::code::get, "logs");
  last.putBlockOption(coap::option::block2, {2, false, 4});
  CHECK_EQ(f.ask(last), coap::code::content);
  CHECK(f.hasBlock(coap::option::block2, 2, false, 4));
  CHECK_EQ(f.message.payload.size(), 188U);
  CHECK_EQ(f.message.payload[0], 'a' + 512 % 26);
  f.service.source.isBroken = true;
  CHECK_EQ(f.ask(coap::code::get, "logs"), coap::code::internalServerError);
  CHECK(f.message.payload.empty());
  f.service.isOverstated = true;
  CHECK_EQ(f.ask(coap::code::get, "health"), coap::code::internalServerError);
  CHECK(f.message.payload.empty());
}

TEST("a request body in blocks reaches the service once, whole") {
  ServerFixture f;
  f.service.body = "";
  const std::string_view body = longText();
  for (uint16_t i = 0; i < 3; i++) {
    CoapMessageWriter writer = f.make(coap::code::put, "system/config");
    writer.putBlockOption(coap::option::block1, {i, i < 2, 4});
    writer.putPayload(asBytes(slice(body, i * 256U, 256)));
    CHECK_EQ(f.ask(writer), i < 2 ? coap::code::continued : coap::code::changed);
    CHECK(f.hasBlock(coap::option::block1, i, i < 2, 4));
    CHECK_EQ(f.ask(writer), i < 2 ? coap::code::continued : coap::code::changed);  // its answer was lost
  }
  CHECK(asText(f.service.payload.view()) == body);
  CHECK_EQ(f.service.calls, 2);
}

TEST("a late copy of the message that began an upload doesn't begin it anew, while it runs or after its end") {
  ServerFixture f;
  f.service.body = "";
  const auto send = [&](uint16_t messageId, uint32_t number, bool isMore, const hal::Address& from) {
    CoapMessageWriter writer(f.scratch, Type::confirmable, coap::code::put, messageId, f.token);
    writer.putItems(coap::option::uriPath, "system/config", '/');
    writer.putBlockOption(coap::option::block1, {number, isMore, 4});
    writer.putPayload(asBytes(slice(longText(), number * 256U, 256)));
    f.receive(writer, from);
    return f.take() ? f.message.code : uint8_t{0};
  };
  CHECK_EQ(send(1, 0, true, f.manager), coap::code::continued);
  CHECK_EQ(send(2, 1, true, f.manager), coap::code::continued);
  CHECK_EQ(send(1, 0, true, f.manager), coap::code::continued);
  CHECK_EQ(send(3, 2, false, f.manager), coap::code::changed);
  CHECK(asText(f.service.payload.view()) == longText());
  CHECK_EQ(send(1, 0, true, f.manager), coap::code::continued);
  CHECK_EQ(send(4, 0, true, address(7)), coap::code::continued);  // the buffer is free for another peer
}

TEST("a long answer to a body in blocks is made again from that body, but never for a once-only route") {
  ServerFixture f;
  f.service.body = longText();
  for (uint16_t i = 0; i < 2; i++) {
    CoapMessageWriter writer = f.make(coap::code::put, "system/config");
    writer.putBlockOption(coap::option::block1, {i, i < 1, 4});
    writer.putPayload(asBytes(slice(longText(), i * 256U, 256)));
    CHECK_EQ(f.ask(writer), i < 1 ? coap::code::continued : coap::code::changed);
  }
  CHECK(f.hasBlock(coap::option::block2, 0, true, 4));
  CoapMessageWriter next = f.make(coap::code::put, "system/config");
  next.putBlockOption(coap::option::block2, {1, false, 4});
  CHECK_EQ(f.ask(next), coap::code::changed);
  CHECK(f.hasBlock(coap::option::block2, 1, true, 4));
  CHECK_EQ(f.service.payload.size(), 512U);
  f.receive(next, address(7));
  CHECK(f.take() && f.message.code == coap::code::requestEntityIncomplete);
  CoapMessageWriter once = f.make(coap::code::post, "system/restart");
  once.putBlockOption(coap::option::block2, {1, false, 4});
  const int calls = f.service.calls;
  CHECK_EQ(f.ask(once), coap::code::requestEntityIncomplete);
  CHECK_EQ(f.service.calls, calls);
}

TEST("blocks out of order, of a wrong size, of another peer, too many or too late aren't put together") {
  ServerFixture f;
  const auto block = [&](uint32_t number, bool isMore, size_t size, const hal::Address& from) {
    CoapMessageWriter writer = f.make(coap::code::put, "system/config");
    writer.putBlockOption(coap::option::block1, {number, isMore, 4});
    writer.putPayload(asBytes(slice(longText(), 0, size)));
    f.receive(writer, from);
    return f.take() ? f.message.code : uint8_t{0};
  };
  CHECK_EQ(block(1, true, 256, f.manager), coap::code::requestEntityIncomplete);
  CHECK_EQ(block(0, true, 255, f.manager), coap::code::badRequest);
  CHECK_EQ(block(0, false, 257, f.manager), coap::code::badRequest);
  CHECK_EQ(block(0, true, 256, f.manager), coap::code::continued);
  CHECK_EQ(block(2, true, 256, f.manager), coap::code::requestEntityIncomplete);
  CHECK_EQ(block(0, true, 256, address(7)), coap::code::serviceUnavailable);
  CHECK_EQ(block(1, true, 256, address(7)), coap::code::requestEntityIncomplete);
  CHECK_EQ(block(1, true, 256, f.manager), coap::code::continued);
  CHECK_EQ(block(2, true, 256, f.manager), coap::code::continued);
  CHECK_EQ(block(3, true, 256, f.manager), coap::code::requestEntityTooLarge);
  CHECK_EQ(block(0, true, 256, address(7)), coap::code::continued);
  f.clock.nowMs += 60000;
  CHECK_EQ(block(1, true, 256, address(7)), coap::code::requestEntityIncomplete);
  CHECK_EQ(f.service.calls, 0);
  CHECK_EQ(block(0, false, 256, f.manager), coap::code::changed);
  CHECK_EQ(block(1, true, 256, f.manager), coap::code::requestEntityIncomplete);  // behind the end
}

TEST("the links of what is there can be filtered, and a group is answered only on a match, later") {
  ServerFixture f;
  const auto links = [&](std::string_view filter) {
    CoapMessageWriter writer = f.make(coap::code::get, ".well-known/core");
    if (!filter.empty()) writer.putTextOption(coap::option::uriQuery, filter);
    CHECK_EQ(f.ask(writer), coap::code::content);
    return asText(f.message.payload);
  };
  CHECK(links("") == "</health>;rt=\"cx.health\";ct=\"50 60\";obs,</update>;rt=\"cx.update other\";obs,</logs>;if=\"cx.l;og\",</system/restart>");
  CHECK(links("rt=cx.health") == "</health>;rt=\"cx.health\";ct=\"50 60\";obs");
  CHECK(links("rt=other") == "</update>;rt=\"cx.update other\";obs");
  CHECK(links("ct=60") == links("rt=cx.he*"));
  CHECK(links("rt=cx") == "");
  CHECK(links("if=cx.l;og") == "</logs>;if=\"cx.l;og\"");
  CHECK(links("href=/sys*") == "</system/restart>");
  CHECK(links("href=/health") == links("rt=cx.health"));
  CHECK(links("obs").size() > links("rt=other").size());
  CHECK(links("nope=1") == "");
  CoapMessageWriter group = f.make(coap::code::get, ".well-known/core", Type::nonConfirmable);
  group.putTextOption(coap::option::uriQuery, "rt=cx.health");
  f.receive(group, f.manager, true);
  CHECK(f.isSilent());
  f.pass(5000);
  CHECK(f.take());
  CHECK_EQ(f.message.type, Type::nonConfirmable);
  CHECK(asText(f.message.payload) == "</health>;rt=\"cx.health\";ct=\"50 60\";obs");
  CoapMessageWriter other = f.make(coap::code::get, ".well-known/core", Type::nonConfirmable);
  other.putTextOption(coap::option::uriQuery, "rt=coxswain.manager");
  f.receive(other, f.manager, true);
  f.receive(f.make(coap::code::get, "nothing", Type::nonConfirmable), f.manager, true);
  f.receive(f.make(coap::code::get, "health", Type::nonConfirmable), f.manager, true);
  f.pass(10000);
  CHECK(f.isSilent());
}
