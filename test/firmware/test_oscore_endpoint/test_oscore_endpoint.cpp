// What the endpoint makes of an OSCORE association: both roles, blocks, observers, losses, replays and forgeries.
#include "../generated/oscore_vectors.hpp"
#include "oscore_pair.hpp"

TEST("the first request after a start is asked for an Echo, and passes with it") {
  static Pair pair;
  Answers answers;
  CHECK(pair.ask(pair.node, pair.manager, answers, coap::code::get, "health").hasValue());
  CHECK(pair.carry(pair.node, pair.manager));
  CHECK_EQ(pair.lastMessage().code, coap::code::post);
  CHECK(!pair.lastHasText("health"));
  CHECK_EQ(pair.manager.service.runs, 0U);
  CHECK(pair.carry(pair.manager, pair.node));  // protected 4.01 with Echo
  CHECK_EQ(pair.lastMessage().code, coap::code::changed);
  CHECK_EQ(answers.responses, 0U);
  pair.settle();
  CHECK_EQ(answers.responses, 1U);
  CHECK_EQ(answers.code, coap::code::content);
  CHECK_EQ(answers.payload.size(), 12U);
  CHECK(!answers.hasOscore);
  CHECK(pair.manager.service.wasProtected);
  CHECK(pair.ask(pair.node, pair.manager, answers, coap::code::get, "health").hasValue());
  CHECK_EQ(pair.settle(), 2U);
  CHECK_EQ(answers.responses, 2U);
}

TEST("both are client and server of the same association at once, with an id context too") {
  static Pair pair("37cbf3210017a2d3");
  Answers up, down;
  CHECK(pair.ask(pair.node, pair.manager, up, coap::code::get, "health").hasValue());
  CHECK(pair.ask(pair.manager, pair.node, down, coap::code::put, "update", asBytes("rev 5")).hasValue());
  pair.settle();
  CHECK_EQ(up.code, coap::code::content);
  CHECK_EQ(down.code, coap::code::changed);
  CHECK_EQ(asText(pair.node.service.taken.view()) == "rev 5", true);
}

TEST("bodies in blocks pass in both directions, each block protected by itself") {
  static Pair pair;
  Answers answers;
  static uint8_t upload[700];
  for (size_t i = 0; i < sizeof upload; i++) upload[i] = static_cast<uint8_t>(i * 7);
  static uint8_t body[2048];
  CHECK(pair.ask(pair.node, pair.manager, answers, coap::code::put, "update", upload).hasValue());
  pair.settle();
  CHECK_EQ(answers.code, coap::code::changed);
  CHECK(equal(pair.manager.service.taken.view(), ByteSpan(upload)));
  pair.manager.service.bodySize = 640;
  CHECK(pair.ask(pair.node, pair.manager, answers, coap::code::get, "health", {}, body).hasValue());
  pair.settle();
  CHECK_EQ(answers.code, coap::code::content);
  CHECK_EQ(answers.payload.size(), 640U);
  CHECK(!pair.lastHasText("abcdefghij"));
}

TEST("every loss in turn is made good, and nothing runs twice") {
  for (uint32_t lost = 1; lost <= 8; lost++) {
    Pair pair;
    Answers warm, answers;
    CHECK(pair.ask(pair.node, pair.manager, warm, coap::code::get, "health").hasValue());
    pair.settle();
    static uint8_t upload[700];
    const uint32_t before = pair.manager.service.runs;
    CHECK(pair.ask(pair.node, pair.manager, answers, coap::code::put, "update", upload).hasValue());
    uint32_t count = 0;
    for (uint32_t turn = 0; turn < 400 && answers.responses + answers.ends == 0; turn++) {
      bool isMoved = false;
      if (pair.carry(pair.node, pair.manager, count + 1 == lost)) count++, isMoved = true;
      if (pair.carry(pair.manager, pair.node, count + 1 == lost)) count++, isMoved = true;
      if (!isMoved) pair.clock.nowMs += 500;
    }
    CHECK_EQ(answers.responses, 1U);
    CHECK_EQ(answers.code, coap::code::changed);
    CHECK_EQ(pair.manager.service.runs - before, 1U);
  }
}

TEST("a replayed request never runs again, whether its message is remembered or long forgotten") {
  static Pair pair;
  Answers answers;
  CHECK(pair.ask(pair.manager, pair.node, answers, coap::code::get, "health").hasValue());
  pair.settle();
  CHECK(pair.ask(pair.manager, pair.node, answers, coap::code::put, "update", asBytes("A")).hasValue());
  CHECK(pair.carry(pair.manager, pair.node));
  const FakeUdp::Item old = pair.last;
  pair.settle();
  CHECK(pair.ask(pair.manager, pair.node, answers, coap::code::put, "update", asBytes("B")).hasValue());
  pair.settle();
  const uint32_t runs = pair.node.service.runs;
  const auto replay = [&](uint8_t lastByte) {
    pair.node.socket.deliver(address(lastByte), ByteSpan(old.bytes, old.size));
    pair.node.endpoint.poll();
    FakeUdp::Item item;
    CHECK(pair.node.socket.take(item));
    CoapMessage message;
    CHECK(isOk(decodeCoap(ByteSpan(item.bytes, item.size), message).status));
    return message.code;
  };
  CHECK_EQ(replay(1), coap::code::changed);  // the same bytes that answered it before
  CHECK_EQ(replay(9), coap::code::unauthorized);
  pair.clock.nowMs += 300000;
  CHECK_EQ(replay(1), coap::code::unauthorized);
  CHECK_EQ(pair.node.service.runs, runs);
  CHECK(asText(pair.node.service.taken.view()) == "B");
}

TEST("a GET whose answer was lost is answered again, and with another nonce") {
  static Pair pair;
  Answers answers;
  CHECK(pair.ask(pair.manager, pair.node, answers, coap::code::get, "health").hasValue());
  pair.settle();
  pair.node.service.bodySize = 200;  // longer than what is kept
  CHECK(pair.ask(pair.manager, pair.node, answers, coap::code::get, "health").hasValue());
  CHECK(pair.carry(pair.manager, pair.node));
  CHECK(pair.carry(pair.node, pair.manager, true));
  const FakeUdp::Item first = pair.last;
  pair.node.service.value = 1;  // it changed meanwhile
  pair.clock.nowMs += 3500;
  CHECK(pair.carry(pair.manager, pair.node));
  CHECK(pair.carry(pair.node, pair.manager));
  CHECK_EQ(answers.responses, 2U);
  CHECK_EQ(answers.payload.data()[0], 'b');
  ByteSpan option;
  CHECK(findOption(pair.lastMessage().options, coap::option::oscore, option) && !option.empty());
  CoapMessage message;
  CHECK(isOk(decodeCoap(ByteSpan(first.bytes, first.size), message).status));
  CHECK(findOption(message.options, coap::option::oscore, option) && option.empty());
}

TEST("an observer's notifications are protected, each with a number of its own") {
  static Pair pair;
  Answers answers;
  CHECK(pair.ask(pair.manager, pair.node, answers, coap::code::get, "health").hasValue());
  pair.settle();
  // Our client doesn't observe: the registration is made by hand, with the manager's session.
  uint8_t plainBytes[64], wire[128];
  CoapMessageWriter writer(plainBytes, Type::confirmable, coap::code::get, 0x7001, Hex<2>("c0de").view());
  writer.putUintOption(coap::option::observe, 0);
  writer.putTextOption(coap::option::uriPath, "health");
  CoapMessage plain;
  CHECK(isOk(decodeCoap(*writer.finish(), plain).status));
  OscoreBinding binding;
  binding.isRequest = true;
  binding.request = *pair.manager.session.takeNumber();
  const Expected<ByteSpan> sealed = pair.manager.session.protect(plain, binding, wire);
  CHECK(sealed.hasValue());
  CHECK_EQ((*sealed)[1], coap::code::fetch);
  pair.node.socket.deliver(pair.manager.here, *sealed);
  pair.node.endpoint.poll();
  uint64_t lastNumber = 0;
  for (uint32_t round = 0; round < 4; round++) {
    if (round > 0) {
      pair.node.service.value = round;
      pair.node.endpoint.notify(0, round == 3);
      pair.node.endpoint.poll();
    }
    FakeUdp::Item item;
    CHECK(pair.node.socket.take(item));
    CoapMessage message;
    CHECK(isOk(decodeCoap(ByteSpan(item.bytes, item.size), message).status));
    CHECK_EQ(message.code, coap::code::content);
    CHECK_EQ(message.type, round == 0 ? Type::acknowledgement : round == 3 ? Type::confirmable : Type::nonConfirmable);
    ByteSpan value;
    OscoreOption option;
    CHECK(findOption(message.options, coap::option::oscore, value) && isOk(decodeOscoreOption(value, option)));
    CHECK_EQ(option.piv.size > 0, round > 0);
    if (round > 1) CHECK(option.piv.number() > lastNumber);
    lastNumber = option.piv.number();
    const MutableSpan ciphertext(item.bytes + (message.payload.data() - item.bytes), message.payload.size());
    CHECK(isOk(pair.manager.session.openResponse(binding.request, message, ciphertext)));
    CHECK(findOption(message.options, coap::option::observe, value) && value.empty());
    CHECK_EQ(message.payload[0], static_cast<uint8_t>('a' + round));
    if (round < 3) continue;
    uint8_t empty[4];
    pair.node.socket.deliver(pair.manager.here, *CoapMessageWriter(empty, Type::acknowledgement, 0, message.messageId, ByteSpan()).finish());
    pair.node.endpoint.poll();
    CHECK_EQ(pair.node.service.acknowledged, 1U);
  }
}

TEST("without protection nothing is answered but who we are") {
  static Pair pair;
  uint8_t bytes[64];
  struct Case {
    uint8_t method;
    std::string_view path;
    uint8_t code;
  };
  constexpr Case cases[] = {{coap::code::put, "update", coap::code::unauthorized},
                            {coap::code::post, "restart", coap::code::unauthorized},
                            {coap::code::get, "health", coap::code::unauthorized},
                            {coap::code::get, "nothing", coap::code::unauthorized},
                            {coap::code::get, ".well-known/core", coap::code::content}};
  uint16_t id = 1;
  for (const Case& each : cases) {
    CoapMessageWriter writer(bytes, Type::confirmable, each.method, id++, Hex<2>("c0de").view());
    writer.putItems(coap::option::uriPath, each.path, '/');
    pair.node.socket.deliver(pair.manager.here, *writer.finish());
    CHECK(pair.carry(pair.node, pair.manager, true));
    CHECK_EQ(pair.lastMessage().code, each.code);
  }
  CHECK_EQ(pair.node.service.runs, 0U);
}

TEST("an unprotected success is no answer to a protected request; an unprotected error ends it") {
  static Pair pair;
  Answers answers;
  uint8_t bytes[64];
  CHECK(pair.ask(pair.node, pair.manager, answers, coap::code::get, "health").hasValue());
  CHECK(pair.carry(pair.node, pair.manager, true));
  const CoapMessage request = pair.lastMessage();
  CoapMessageWriter good(bytes, Type::acknowledgement, coap::code::content, request.messageId, request.token);
  good.putPayload(asBytes("forged"));
  pair.node.socket.deliver(pair.manager.here, *good.finish());
  pair.node.endpoint.poll();
  CHECK_EQ(answers.responses + answers.ends, 0U);
  CoapMessageWriter bad(bytes, Type::acknowledgement, coap::code::unauthorized, request.messageId, request.token);
  pair.node.socket.deliver(pair.manager.here, *bad.finish());
  pair.node.endpoint.poll();
  CHECK_EQ(answers.responses, 0U);
  CHECK_EQ(answers.ends, 1U);
  CHECK(answers.why == Status::refused);
}

TEST("where the bound can't be raised nothing is sent until it can, and a closed session never sends") {
  static Pair pair;
  Answers answers;
  pair.node.numbers.isFailing = true;
  CHECK(pair.ask(pair.node, pair.manager, answers, coap::code::get, "health").hasValue());
  CHECK(!pair.carry(pair.node, pair.manager));
  pair.clock.nowMs += 5000;
  CHECK(!pair.carry(pair.node, pair.manager));
  pair.node.numbers.isFailing = false;
  pair.clock.nowMs += 5000;
  pair.settle();
  CHECK_EQ(answers.responses, 1U);

  static FakeNumbers nothing;
  CHECK(pair.node.session.open(credentials(true), nothing, nullptr, nullptr) == Status::notFound);
  CHECK(pair.ask(pair.node, pair.manager, answers, coap::code::get, "health").hasValue());
  CHECK_EQ(pair.settle(), 0U);
  CHECK(answers.why == Status::closed);
}

TEST("an Echo of another time doesn't prove freshness") {
  static Pair pair;
  Answers answers;
  CHECK(pair.ask(pair.manager, pair.node, answers, coap::code::get, "health").hasValue());
  CHECK(pair.carry(pair.manager, pair.node));
  CHECK(pair.carry(pair.node, pair.manager));        // the challenge
  CHECK(pair.carry(pair.manager, pair.node, true));  // its answer is on the way for very long
  const FakeUdp::Item late = pair.last;
  pair.clock.nowMs += OscoreSession::echoLifetimeMs + 1;
  pair.node.socket.deliver(pair.manager.here, ByteSpan(late.bytes, late.size));
  pair.node.endpoint.poll();
  CHECK_EQ(pair.node.service.runs, 0U);
}

TEST("the replay window takes each number once, in any order, and nothing older than itself") {
  OscoreReplayWindow window;
  CHECK(!window.isKnown());
  window.begin(100);
  CHECK(window.isKnown());
  for (uint64_t number = 0; number <= 100; number++) CHECK(window.wasSeen(number));
  for (const uint64_t number : {105ULL, 103ULL, 110ULL, 101ULL, 141ULL, 112ULL}) {
    CHECK(!window.wasSeen(number));
    window.mark(number);
    CHECK(window.wasSeen(number));
  }
  CHECK(window.wasSeen(102));  // 141 pushed it out unseen
  CHECK(window.wasSeen(109));
  CHECK(!window.wasSeen(111));
  CHECK(!window.wasSeen(142));
  window.mark(1ULL << 39U);
  CHECK(window.wasSeen(141));
  CHECK(!window.wasSeen((1ULL << 39U) - 31));
  CHECK(window.wasSeen((1ULL << 39U) - 32));
}

TEST("RFC 8613 8.2: each forged request of the shared vectors is refused by its name, and moves no window") {
  static FakeClock clock;
  static FakeEntropy entropy(3);
  for (const vectors::OscoreForgedVector& vector : vectors::oscoreForged) {
    const vectors::OscoreKeysVector& keysOf = vectors::oscoreKeys[vector.server];
    OscoreCredentials ours;
    CHECK(isOk(ours.masterSecret.assign(Hex<32>(keysOf.secretHex).view())));
    CHECK(isOk(ours.masterSalt.assign(Hex<16>(keysOf.saltHex).view())));
    CHECK(isOk(ours.senderId.assign(Hex<7>(keysOf.senderIdHex).view())));
    CHECK(isOk(ours.recipientId.assign(Hex<7>(keysOf.recipientIdHex).view())));
    CHECK(isOk(ours.idContext.assign(Hex<16>(keysOf.idContextHex).view())));
    FakeNumbers numbers;
    OscoreKeys keys;
    CHECK(isOk(deriveOscoreKeys(ours, keys)));
    CHECK(isOk(OscoreSequence::create(numbers, keys)));
    OscoreSession session(entropy, clock);
    CHECK(isOk(session.open(ours, numbers, nullptr, nullptr)));
    const Hex<80> datagram(vector.hex);
    uint8_t bytes[80];
    std::memcpy(bytes, datagram.view().data(), datagram.view().size());
    CoapMessage message;
    CHECK(isOk(decodeCoap(ByteSpan(bytes, datagram.view().size()), message).status));
    const size_t payloadAt = datagram.view().size() - message.payload.size();
    OscorePiv piv;
    const OscoreVerdict verdict = session.openRequest(message, MutableSpan(bytes + payloadAt, message.payload.size()), nullptr, piv);
    const OscoreVerdict expected = vector.code == coap::code::badRequest     ? OscoreVerdict::forged
                                   : vector.code == coap::code::unauthorized ? OscoreVerdict::unknown
                                                                             : OscoreVerdict::undecodable;
    CHECK(verdict == expected);
    CHECK_EQ(piv.size, 0U);
  }
}

TEST("RFC 8613 5: an empty kid context names no context of ours, whether we have an ID Context or none") {
  static Pair without;
  static Pair with("37cbf3210017a2d3");
  for (Pair* pair : {&without, &with}) {
    uint8_t bytes[64];
    CoapMessageWriter writer(bytes, Type::confirmable, coap::code::post, 1, Hex<2>("c0de").view());
    writer.putOption(coap::option::oscore, Hex<7>("19000000000007").view());
    writer.putPayload(Hex<12>("000102030405060708090a0b").view());
    pair->node.socket.deliver(pair->manager.here, *writer.finish());
    CHECK(pair->carry(pair->node, pair->manager, true));
    CHECK_EQ(pair->lastMessage().code, coap::code::unauthorized);
    CHECK(pair->lastHasText("Security context not found"));
  }
}

TEST("RFC 8613 2: a protected message without payload is malformed and rejected, without a word when it isn't confirmable") {
  static Pair pair;
  for (const Type type : {Type::confirmable, Type::nonConfirmable}) {
    uint8_t bytes[32];
    CoapMessageWriter writer(bytes, type, coap::code::post, 7, Hex<2>("c0de").view());
    writer.putOption(coap::option::oscore, Hex<2>("0900").view());
    pair.node.socket.deliver(pair.manager.here, *writer.finish());
    const bool isAnswered = pair.carry(pair.node, pair.manager, true);
    CHECK_EQ(isAnswered, type == Type::confirmable);
    if (isAnswered) CHECK(pair.lastMessage().type == Type::reset);
  }
}

TEST("RFC 8613 8.2: outer options with an inner meaning are dropped, unknown critical ones and a proxy's are refused") {
  static Pair pair;
  Answers answers;
  struct Case {
    uint16_t option;
    uint8_t code;  // of the answer, from outside
  };
  constexpr Case cases[] = {{coap::option::ifMatch, coap::code::changed},
                            {coap::option::ifNoneMatch, coap::code::changed},
                            {coap::option::uriPath, coap::code::changed},
                            {coap::option::accept, coap::code::changed},
                            {coap::option::block1, coap::code::badOption},
                            {coap::option::proxyScheme, coap::code::proxyingNotSupported},
                            {65001, coap::code::badOption}};
  for (const Case& each : cases) {
    CHECK(pair.ask(pair.manager, pair.node, answers, coap::code::get, "health").hasValue());
    CHECK(pair.carry(pair.manager, pair.node, true));
    const CoapMessage sealed = pair.lastMessage();
    ByteSpan value;
    CHECK(findOption(sealed.options, coap::option::oscore, value));
    uint8_t bytes[128];
    CoapMessageWriter writer(bytes, sealed.type, sealed.code, sealed.messageId, sealed.token);
    if (each.option < coap::option::oscore) writer.putOption(each.option, Hex<9>("010203040506070809").view());
    writer.putOption(coap::option::oscore, value);
    if (each.option > coap::option::oscore) writer.putOption(each.option, Hex<9>("010203040506070809").view());
    writer.putPayload(sealed.payload);
    pair.node.socket.deliver(pair.manager.here, *writer.finish());
    CHECK(pair.carry(pair.node, pair.manager));
    CHECK_EQ(pair.lastMessage().code, each.code);
    pair.settle();
  }
  CHECK_EQ(answers.responses + answers.ends, 7U);
}

TEST("RFC 8613 4.1.3.5.2: an answer that claims to be a notification is none of ours") {
  static Pair pair;
  Answers answers;
  CHECK(pair.ask(pair.node, pair.manager, answers, coap::code::get, "health").hasValue());
  CHECK(pair.carry(pair.node, pair.manager, true));
  const CoapMessage request = pair.lastMessage();
  ByteSpan value;
  OscoreOption option;
  CHECK(findOption(request.options, coap::option::oscore, value) && isOk(decodeOscoreOption(value, option)));
  OscoreBinding binding;
  binding.request = option.piv;
  for (const bool isNotification : {true, false}) {
    uint8_t plain[64];
    uint8_t wire[128];
    CoapMessageWriter writer(plain, Type::acknowledgement, coap::code::content, request.messageId, request.token);
    if (isNotification) writer.putOption(coap::option::observe, Hex<1>("05").view());
    writer.putPayload(asBytes("hello"));
    CoapMessage message;
    CHECK(isOk(decodeCoap(*writer.finish(), message).status));
    binding.own = *pair.manager.session.takeNumber();
    const Expected<ByteSpan> sealed = pair.manager.session.protect(message, binding, wire);
    CHECK(sealed.hasValue());
    pair.node.socket.deliver(pair.manager.here, *sealed);
    pair.node.endpoint.poll();
    CHECK_EQ(answers.responses, isNotification ? 0U : 1U);
  }
  CHECK_EQ(answers.ends, 0U);
}

TEST("RFC 8613 B.1.2, 12.4: what was recorded and comes again takes few numbers, before the window is known and after") {
  static Pair pair;
  Answers answers;
  CHECK(pair.ask(pair.manager, pair.node, answers, coap::code::get, "health").hasValue());
  CHECK(pair.carry(pair.manager, pair.node, true));
  const FakeUdp::Item recorded = pair.last;
  const auto flood = [&](uint32_t times, uint32_t stepMs) {
    uint32_t sent = 0;
    for (uint32_t i = 0; i < times; i++) {
      pair.node.socket.deliver(pair.manager.here, ByteSpan(recorded.bytes, recorded.size));
      while (pair.carry(pair.node, pair.manager, true)) sent++;
      pair.clock.nowMs += stepMs;
    }
    return sent;
  };
  CHECK(flood(500, 2) <= 5U);
  // The manager still gets in, by its retransmission and the Echo.
  pair.clock.nowMs += 3000;
  pair.settle();
  CHECK_EQ(answers.responses, 1U);
  CHECK(pair.ask(pair.manager, pair.node, answers, coap::code::get, "health").hasValue());
  CHECK(pair.carry(pair.manager, pair.node, true));
  const FakeUdp::Item fresh = pair.last;
  uint32_t sent = 0;
  const uint32_t before = pair.node.service.runs;
  for (uint32_t i = 0; i < 100; i++) {
    pair.node.socket.deliver(pair.manager.here, ByteSpan(fresh.bytes, fresh.size));
    while (pair.carry(pair.node, pair.manager, true)) sent++;
  }
  CHECK_EQ(sent, 9U);
  CHECK_EQ(pair.node.service.runs - before, 9U);
}
