// An endpoint with small limits, and the other side's messages in short.
#pragma once
#include "../fake_clock.hpp"
#include "../fake_udp.hpp"
#include "check.hpp"
#include "coap_endpoint.hpp"
#include "hex.hpp"

using namespace cx;
using coap::Type;

inline hal::Address address(uint8_t last, uint16_t port = 5683) {
  hal::Address out;
  out.family = 4;
  out.bytes[0] = 192;
  out.bytes[2] = 2;
  out.bytes[3] = last;
  out.port = port;
  return out;
}

inline hal::Address groupAddress() {
  hal::Address out;
  out.family = 4;
  out.bytes[0] = 224;
  out.bytes[2] = 1;
  out.bytes[3] = 187;
  out.port = 5683;
  return out;
}

struct Collected final : CoapResponseHandler {
  int responses = 0;
  int ends = 0;
  Status why = Status::ok;
  uint8_t code = 0;
  CoapRequestId lastId = 0;
  FixedBytes<2048> payload;
  CoapEndpoint* restartOn = nullptr;  // asks the next thing from inside the call
  void onResponse(CoapRequestId id, const CoapResponse& response) override {
    responses++;
    lastId = id;
    code = response.code;
    (void)payload.assign(response.payload);
    again();
  }
  void onRequestEnded(CoapRequestId id, Status reason) override {
    ends++;
    lastId = id;
    why = reason;
    again();
  }
  void again() {
    if (restartOn == nullptr) return;
    CoapRequest request;
    request.to = address(9);
    request.path = "again";
    CoapEndpoint* endpoint = restartOn;
    restartOn = nullptr;
    CHECK(endpoint->request(request, *this).hasValue());
  }
};

struct EndpointFixture {
  FakeClock clock;
  FakeEntropy entropy;
  FakeUdp socket;
  CoapStorage<CoapLimitsSmall> storage;
  CoapEndpoint endpoint;
  FakeUdp::Item item;     // the datagram taken last; `message` points into it
  CoapMessage message;
  hal::Address manager = address(1);

  explicit EndpointFixture(Span<const CoapRoute> routes = {}, CoapService* service = nullptr)
      : endpoint(socket, clock, entropy, storage.memory()) {
    CHECK(isOk(endpoint.start(0, routes, service)));
  }

  void poll() { endpoint.poll(); }
  void pass(uint64_t ms) {
    clock.nowMs += ms;
    endpoint.poll();
  }
  // The next datagram that the endpoint sent, decoded.
  bool take() {
    message = CoapMessage{};
    return socket.take(item) && isOk(decodeCoap(ByteSpan(item.bytes, item.size), message).status);
  }
  bool tookEmpty(Type type, uint16_t messageId) {
    return take() && message.type == type && message.code == coap::code::empty && message.messageId == messageId;
  }
  bool isSilent() const { return socket.sentCount == 0; }

  void receive(const CoapMessageWriter& writer, const hal::Address& from, bool toMulticast = false) {
    const Expected<ByteSpan> bytes = writer.finish();
    CHECK(bytes.hasValue());
    socket.deliver(from, bytes.valueOr(ByteSpan()), toMulticast);
    endpoint.poll();
  }
  void receiveEmpty(Type type, uint16_t messageId, const hal::Address& from) {
    receive(CoapMessageWriter(scratch, type, coap::code::empty, messageId, ByteSpan()), from);
  }
  // A piggybacked answer to the message that was taken last.
  void answer(uint8_t code, std::string_view payload = {}) {
    CoapMessageWriter writer(scratch, Type::acknowledgement, code, message.messageId, message.token);
    writer.putPayload(asBytes(payload));
    receive(writer, manager);
  }
  // A piggybacked block of `body`.
  void answerBlock(uint8_t code, const coap::Block& block, std::string_view body, std::string_view etag) {
    CoapMessageWriter writer(scratch, Type::acknowledgement, code, message.messageId, message.token);
    if (!etag.empty()) writer.putTextOption(coap::option::etag, etag);
    writer.putBlockOption(coap::option::block2, block);
    writer.putPayload(asBytes(slice(body, static_cast<size_t>(block.offset()), block.size())));
    receive(writer, manager);
  }
  bool hasBlock(uint16_t number, uint32_t blockNumber, bool isMore, uint8_t szx) const {
    coap::Block block;
    bool isValid = false;
    return findBlockOption(message.options, number, block, isValid) && isValid && block.number == blockNumber && block.isMore == isMore && block.szx == szx;
  }
  uint8_t scratch[1300];
};

inline std::string_view longText() {  // 600 bytes, no two blocks alike
  static char text[600];
  for (size_t i = 0; i < sizeof text; i++) text[i] = static_cast<char>('a' + (i + i / 26) % 26);
  return std::string_view(text, sizeof text);
}
