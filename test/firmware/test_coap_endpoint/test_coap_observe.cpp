#include "coap_fixture.hpp"

namespace {

constexpr CoapRoute routes[] = {
    {"health", coap::method::get, 0, true, CoapReplay::again, "", true},
    {"metrics", coap::method::get, 0, true, CoapReplay::again, "", true},
    {"logs", coap::method::get, 0, false, CoapReplay::again, "", true},
};

struct Observed final : CoapService {
  int acknowledged = 0;
  int ended = 0;
  int rendered = 0;
  CoapObservationEnd why = CoapObservationEnd::cancelled;
  uint8_t code = coap::code::content;
  std::string_view text = "one";
  void onRequest(const CoapServerRequest& request, CoapReply& reply) override {
    if (request.isNotification) rendered++;
    std::string_view wanted;
    reply.code = code;
    reply.putText(request.query("say", wanted) ? wanted : text);
  }
  void onNotificationAcknowledged(size_t, const hal::Address&) override { acknowledged++; }
  void onObservationEnded(size_t, const hal::Address&, CoapObservationEnd reason) override {
    ended++;
    why = reason;
  }
};

struct ObserveFixture : EndpointFixture {
  Observed service;
  uint16_t nextId = 1;
  uint32_t sequence = 0;
  ObserveFixture() { CHECK(isOk(endpoint.start(0, routes, &service))); }
  bool hasObserve() { return findUintOption(message.options, coap::option::observe, sequence); }
  // GET with Observe; true when the answer accepts it.
  bool observe(uint8_t token, const hal::Address& from, std::string_view path = "health", uint32_t value = 0, std::string_view query = {}) {
    CoapMessageWriter writer(scratch, Type::confirmable, coap::code::get, nextId++, ByteSpan(&token, 1));
    writer.putUintOption(coap::option::observe, value);
    writer.putItems(coap::option::uriPath, path, '/');
    if (!query.empty()) writer.putTextOption(coap::option::uriQuery, query);
    receive(writer, from);
    return take() && hasObserve();
  }
  bool tookNotification(Type type, std::string_view text) {
    const uint32_t last = sequence;
    return take() && message.type == type && hasObserve() && sequence > last && asText(message.payload) == text;
  }
};

}  // namespace

TEST("each change reaches the observer with a higher number, every fifth time confirmable") {
  ObserveFixture f;
  CHECK(f.observe(7, f.manager));
  for (int i = 1; i <= 10; i++) {
    f.endpoint.notify(0);
    CHECK_EQ(f.endpoint.nextDueMs(), 0U);
    f.poll();
    CHECK(f.tookNotification(i % 5 == 0 ? Type::confirmable : Type::nonConfirmable, "one"));
    CHECK(f.message.token.size() == 1 && f.message.token[0] == 7);
    if (i % 5 == 0) f.receiveEmpty(Type::acknowledgement, f.message.messageId, f.manager);
  }
  CHECK_EQ(f.service.acknowledged, 2);
  f.endpoint.notify(1);
  f.poll();
  CHECK(f.isSilent());
}

TEST("a notification that must be heard is confirmable, and its acknowledgement is told") {
  ObserveFixture f;
  CHECK(f.observe(7, f.manager));
  f.endpoint.notify(0, true);
  f.poll();
  CHECK(f.tookNotification(Type::confirmable, "one"));
  f.receiveEmpty(Type::acknowledgement, f.message.messageId, f.manager);
  CHECK_EQ(f.service.acknowledged, 1);
}

TEST("changes while a confirmable notification is open are sent after it as one") {
  ObserveFixture f;
  CHECK(f.observe(7, f.manager));
  f.endpoint.notify(0, true);
  f.poll();
  CHECK(f.tookNotification(Type::confirmable, "one"));
  f.service.text = "two";
  f.endpoint.notify(0);
  f.poll();
  f.service.text = "three";
  f.endpoint.notify(0);
  f.poll();
  CHECK(f.isSilent());
  f.receiveEmpty(Type::acknowledgement, f.message.messageId, f.manager);
  CHECK(f.tookNotification(Type::nonConfirmable, "three"));
  CHECK(f.isSilent());
}

TEST("an observer that is gone ends by time-out, one that refuses by Reset, to either kind of notification") {
  ObserveFixture f;
  CHECK(f.observe(1, f.manager));
  f.endpoint.notify(0, true);
  f.poll();
  for (int i = 0; i < 6; i++) f.pass(50000);
  CHECK_EQ(f.service.why, CoapObservationEnd::timeout);
  CHECK_EQ(f.endpoint.observerCount(0), 0U);
  while (f.take()) {
  }
  CHECK(f.observe(2, f.manager));
  f.endpoint.notify(0);
  f.poll();
  CHECK(f.take());
  f.receiveEmpty(Type::reset, static_cast<uint16_t>(f.message.messageId + 1), f.manager);
  f.receiveEmpty(Type::reset, f.message.messageId, address(9));
  CHECK_EQ(f.endpoint.observerCount(0), 1U);
  f.receiveEmpty(Type::reset, f.message.messageId, f.manager);
  CHECK_EQ(f.service.why, CoapObservationEnd::reset);
  CHECK_EQ(f.endpoint.observerCount(0), 0U);
  CHECK(f.observe(3, f.manager));
  f.endpoint.notify(0, true);
  f.poll();
  CHECK(f.take());
  f.receiveEmpty(Type::reset, f.message.messageId, f.manager);
  CHECK_EQ(f.endpoint.observerCount(0), 0U);
  CHECK_EQ(f.service.ended, 3);
}

TEST("Observe 1 with the token ends it, a plain GET or another token doesn't") {
  ObserveFixture f;
  CHECK(f.observe(7, f.manager));
  const uint8_t token = 7;
  CoapMessageWriter plain(f.scratch, Type::confirmable, coap::code::get, 500, ByteSpan(&token, 1));
  plain.putTextOption(coap::option::uriPath, "health");
  f.receive(plain, f.manager);
  CHECK(f.take() && !f.hasObserve());
  CHECK(!f.observe(8, f.manager, "health", 1));
  CHECK_EQ(f.endpoint.observerCount(0), 1U);
  CHECK(!f.observe(7, f.manager, "health", 1));
  CHECK_EQ(f.endpoint.observerCount(0), 0U);
  CHECK_EQ(f.service.why, CoapObservationEnd::cancelled);
}

TEST("a resource that isn't observable, fails, or finds no row answers without Observe") {
  ObserveFixture f;
  CHECK(!f.observe(1, f.manager, "logs"));
  f.service.code = coap::code::notFound;
  CHECK(!f.observe(1, f.manager));
  f.service.code = coap::code::content;
  for (uint8_t i = 0; i < CoapLimitsSmall::observers; i++) CHECK(f.observe(i, address(static_cast<uint8_t>(10 + i))));
  CHECK(!f.observe(1, f.manager));
  CHECK_EQ(f.endpoint.observerCount(0), CoapLimitsSmall::observers);
  // A peer that asks anew takes the place of its own earlier observation.
  CHECK(f.observe(99, address(10)));
  CHECK_EQ(f.service.why, CoapObservationEnd::replaced);
  CHECK_EQ(f.endpoint.observerCount(0), CoapLimitsSmall::observers);
}

TEST("the same token again renews the observation, with its new question") {
  ObserveFixture f;
  CHECK(f.observe(7, f.manager, "health", 0, "say=hello"));
  f.endpoint.notify(0);
  f.poll();
  CHECK(f.tookNotification(Type::nonConfirmable, "hello"));
  CHECK(f.observe(7, f.manager, "health", 0, "say=bye"));
  CHECK_EQ(f.endpoint.observerCount(0), 1U);
  f.endpoint.notify(0);
  f.poll();
  CHECK(f.tookNotification(Type::nonConfirmable, "bye"));
  CHECK(!f.observe(8, f.manager, "health", 0, "a-question-that-is-far-longer-than-an-observers-row-keeps=1"));
}

TEST("an error is the last notification and carries no Observe") {
  ObserveFixture f;
  CHECK(f.observe(7, f.manager));
  f.service.code = coap::code::notFound;
  f.endpoint.notify(0, true);
  f.poll();
  CHECK(f.take());
  CHECK_EQ(f.message.code, coap::code::notFound);
  CHECK(!f.hasObserve());
  CHECK_EQ(f.service.why, CoapObservationEnd::error);
  f.receiveEmpty(Type::acknowledgement, f.message.messageId, f.manager);
  f.endpoint.notify(0);
  f.pass(100000);
  CHECK(f.isSilent());
}

TEST("a long representation is notified by its first block, in the size that the observer asked for") {
  ObserveFixture f;
  f.service.text = longText();
  const uint8_t token = 7;
  CoapMessageWriter writer(f.scratch, Type::confirmable, coap::code::get, 1, ByteSpan(&token, 1));
  writer.putUintOption(coap::option::observe, 0);
  writer.putTextOption(coap::option::uriPath, "health");
  writer.putBlockOption(coap::option::block2, {0, false, 2});
  f.receive(writer, f.manager);
  CHECK(f.take() && f.hasObserve());
  f.endpoint.notify(0);
  f.poll();
  CHECK(f.take() && f.hasObserve());
  CHECK(f.hasBlock(coap::option::block2, 0, true, 2));
  CHECK_EQ(f.message.payload.size(), 64U);
}

TEST("a request of ours waits until an open confirmable notification to the same peer is done with") {
  ObserveFixture f;
  Collected handler;
  CHECK(f.observe(7, f.manager));
  f.endpoint.notify(0, true);
  f.poll();
  CHECK(f.take());
  const uint16_t messageId = f.message.messageId;
  CoapRequest request;
  request.to = f.manager;
  request.path = "status";
  CHECK(f.endpoint.request(request, handler).hasValue());
  f.poll();
  CHECK(f.isSilent());
  f.receiveEmpty(Type::acknowledgement, messageId, f.manager);
  CHECK(f.take());
  CHECK(pathEquals(f.message.options, "status"));
}
