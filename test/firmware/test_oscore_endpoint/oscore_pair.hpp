// Two endpoints with the two ends of one association, and the wire between them in the test's hands.
#pragma once
#include "../fake_clock.hpp"
#include "../fake_udp.hpp"
#include "check.hpp"
#include "coap_endpoint.hpp"
#include "hex.hpp"

using namespace cx;
using coap::Type;

inline hal::Address address(uint8_t last) {
  hal::Address out;
  out.family = 4;
  out.bytes[0] = 192;
  out.bytes[2] = 2;
  out.bytes[3] = last;
  out.port = 5683;
  return out;
}

// Storage of one value after another, which can be made to fail.
class FakeNumbers final : public hal::Storage {
 public:
  hal::Io get(const char* key, uint8_t* out, uint32_t capacity) override {
    if (!hasValue_ || std::strcmp(key, key_) != 0) return {hal::Code::notFound, 0};
    if (size_ > capacity) return {hal::Code::invalid, 0};
    std::memcpy(out, value_, size_);
    return {hal::Code::ok, size_};
  }
  hal::Code put(const char* key, const uint8_t* data, uint32_t size) override {
    if (isFailing) return hal::Code::io;
    puts++;
    hasValue_ = true;
    std::strncpy(key_, key, sizeof key_ - 1);
    std::memcpy(value_, data, size);
    size_ = size;
    return hal::Code::ok;
  }
  hal::Code remove(const char*) override { return hal::Code::ok; }
  bool isFailing = false;
  uint32_t puts = 0;

 private:
  bool hasValue_ = false;
  char key_[hal::storageKeyMax + 1] = {};
  uint8_t value_[16] = {};
  uint32_t size_ = 0;
};

inline OscoreCredentials credentials(bool isNode, std::string_view idContext = {}) {
  OscoreCredentials out;
  (void)out.masterSecret.assign(Hex<16>("0102030405060708090a0b0c0d0e0f10").view());
  (void)out.masterSalt.assign(Hex<8>("9e7ca92223786340").view());
  (void)(isNode ? out.senderId : out.recipientId).assign(Hex<4>("00000007").view());
  (void)out.idContext.assign(Hex<16>(idContext).view());
  return out;
}

// Answers with "one", "two"... by a counter, takes what is put.
class CountingService final : public CoapService {
 public:
  void onRequest(const CoapServerRequest& request, CoapReply& reply) override {
    runs++;
    wasProtected = request.isProtected;
    if (request.method == coap::code::put || request.method == coap::code::post) {
      (void)taken.assign(request.payload);
      reply.code = coap::code::changed;
      return;
    }
    reply.contentFormat = coap::format::text;
    reply.size = bodySize;
    for (size_t i = 0; i < bodySize; i++) reply.buffer[i] = static_cast<uint8_t>('a' + (i + value) % 26);
  }
  void onNotificationAcknowledged(size_t, const hal::Address&) override { acknowledged++; }
  uint32_t runs = 0;
  uint32_t acknowledged = 0;
  bool wasProtected = false;
  size_t value = 0;
  size_t bodySize = 12;
  FixedBytes<768> taken;
};

class Answers final : public CoapResponseHandler {
 public:
  uint32_t responses = 0;
  uint32_t ends = 0;
  Status why = Status::ok;
  uint8_t code = 0;
  FixedBytes<2048> payload;
  bool hasOscore = false;
  void onResponse(CoapRequestId, const CoapResponse& response) override {
    responses++;
    code = response.code;
    (void)payload.assign(response.payload);
    ByteSpan value;
    hasOscore = findOption(response.options, coap::option::oscore, value);
  }
  void onRequestEnded(CoapRequestId, Status reason) override {
    ends++;
    why = reason;
  }
};

inline constexpr uint8_t getPut = coap::method::get | coap::method::put;
inline constexpr CoapRoute routes[] = {{"health", coap::method::get, 0, true, CoapReplay::again, "", true},
                                       {"update", getPut, 0, false, CoapReplay::again, "", true},
                                       {"restart", coap::method::post, 0, false, CoapReplay::once, "", true}};

struct End {
  FakeClock& clock;
  FakeEntropy entropy;
  FakeUdp socket;
  FakeNumbers numbers;
  CoapStorage<CoapLimitsSmall> storage;
  OscoreSession session;
  CoapEndpoint endpoint;
  CountingService service;
  hal::Address here;

  End(FakeClock& time, bool isNode, uint64_t seed, std::string_view idContext = {})
      : clock(time), entropy(seed), session(entropy, clock), endpoint(socket, clock, entropy, storage.memory()), here(address(isNode ? 2 : 1)) {
    OscoreKeys keys;
    CHECK(isOk(deriveOscoreKeys(credentials(isNode, idContext), keys)));
    CHECK(isOk(OscoreSequence::create(numbers, keys)));
    CHECK(isOk(session.open(credentials(isNode, idContext), numbers, nullptr, nullptr)));
    endpoint.secure(&session);
    CHECK(isOk(endpoint.start(0, routes, &service)));
  }
};

struct Pair {
  FakeClock clock;
  End node;
  End manager;
  FakeUdp::Item last;  // the datagram carried last

  explicit Pair(std::string_view idContext = {}) : node(clock, true, 1, idContext), manager(clock, false, 2, idContext) {}

  // Carries one datagram if there is one. False: silence.
  bool carry(End& from, End& to, bool isLost = false) {
    from.endpoint.poll();
    if (!from.socket.take(last)) return false;
    if (!isLost) to.socket.deliver(from.here, ByteSpan(last.bytes, last.size));
    to.endpoint.poll();
    return true;
  }
  // Until nobody says anything; returns how many datagrams passed.
  uint32_t settle() {
    uint32_t count = 0;
    for (uint32_t i = 0; i < 200; i++) {
      const bool sent = carry(node, manager);
      const bool answered = carry(manager, node);
      if (!sent && !answered) return count;
      count += (sent ? 1U : 0U) + (answered ? 1U : 0U);
    }
    CHECK(false);
    return count;
  }
  CoapMessage lastMessage() const {
    CoapMessage message;
    CHECK(isOk(decodeCoap(ByteSpan(last.bytes, last.size), message).status));
    return message;
  }
  bool lastHasText(std::string_view text) const {
    for (size_t i = 0; i + text.size() <= last.size; i++) {
      if (std::memcmp(last.bytes + i, text.data(), text.size()) == 0) return true;
    }
    return false;
  }
  Expected<CoapRequestId> ask(End& from, End& to, Answers& answers, uint8_t method, std::string_view path, ByteSpan payload = {}, MutableSpan body = {}) {
    CoapRequest request;
    request.to = to.here;
    request.method = method;
    request.path = path;
    request.payload = payload;
    request.body = body;
    return from.endpoint.request(request, answers);
  }
};
