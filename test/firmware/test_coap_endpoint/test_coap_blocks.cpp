#include "coap_fixture.hpp"

namespace {

CoapRequest post(const hal::Address& to, std::string_view payload) {
  CoapRequest request;
  request.to = to;
  request.method = coap::code::post;
  request.path = "nodes/n1/logs";
  request.contentFormat = coap::format::text;
  request.payload = asBytes(payload);
  request.blockSize = 256;
  return request;
}

// Acknowledges the block that was taken last.
void acknowledge(EndpointFixture& f, uint8_t code, const coap::Block& block) {
  CoapMessageWriter writer(f.scratch, Type::acknowledgement, code, f.message.messageId, f.message.token);
  writer.putBlockOption(coap::option::block1, block);
  f.receive(writer, f.manager);
}

}  // namespace

TEST("a payload over a block is sent block by block, with its size first and its options each time") {
  EndpointFixture f;
  Collected handler;
  const std::string_view body = longText();
  CHECK(f.endpoint.request(post(f.manager, body), handler).hasValue());
  f.poll();
  CHECK(f.take());
  uint32_t size = 0;
  CHECK(f.hasBlock(coap::option::block1, 0, true, 4));
  CHECK(findUintOption(f.message.options, coap::option::size1, size) && size == 600);
  CHECK(asText(f.message.payload) == slice(body, 0, 256));
  acknowledge(f, coap::code::continued, {0, true, 4});
  CHECK(f.take());
  CHECK(f.hasBlock(coap::option::block1, 1, true, 4));
  CHECK(pathEquals(f.message.options, "nodes/n1/logs"));
  CHECK(findUintOption(f.message.options, coap::option::contentFormat, size) && size == 0);
  CHECK(asText(f.message.payload) == slice(body, 256, 256));
  acknowledge(f, coap::code::continued, {1, true, 4});
  CHECK(f.take());
  CHECK(f.hasBlock(coap::option::block1, 2, false, 4));
  CHECK(asText(f.message.payload) == slice(body, 512));
  acknowledge(f, coap::code::changed, {2, false, 4});
  CHECK_EQ(handler.responses, 1);
  CHECK_EQ(handler.code, coap::code::changed);
  CHECK(f.isSilent());
}

TEST("a server that wants smaller blocks gets them from where it is") {
  EndpointFixture f;
  Collected handler;
  const std::string_view body = longText();
  CHECK(f.endpoint.request(post(f.manager, body), handler).hasValue());
  f.poll();
  CHECK(f.take());
  acknowledge(f, coap::code::continued, {0, true, 2});
  CHECK(f.take());
  CHECK(f.hasBlock(coap::option::block1, 4, true, 2));
  CHECK(asText(f.message.payload) == slice(body, 256, 64));
}

TEST("a server that finds the first block too large is asked again with its own size") {
  EndpointFixture f;
  Collected handler;
  CHECK(f.endpoint.request(post(f.manager, longText()), handler).hasValue());
  f.poll();
  CHECK(f.take());
  acknowledge(f, coap::code::requestEntityTooLarge, {0, false, 1});
  CHECK(f.take());
  CHECK(f.hasBlock(coap::option::block1, 0, true, 1));
  CHECK_EQ(f.message.payload.size(), 32U);
  acknowledge(f, coap::code::requestEntityTooLarge, {0, false, 1});
  CHECK_EQ(handler.responses, 1);
  CHECK_EQ(handler.code, coap::code::requestEntityTooLarge);
}

TEST("a Continue for another block, or for the last one, ends the upload") {
  EndpointFixture f;
  Collected handler;
  CHECK(f.endpoint.request(post(f.manager, longText()), handler).hasValue());
  f.poll();
  CHECK(f.take());
  acknowledge(f, coap::code::continued, {1, true, 4});
  CHECK_EQ(handler.why, Status::malformed);
  CHECK(f.endpoint.request(post(f.manager, slice(longText(), 0, 300)), handler).hasValue());
  f.poll();
  CHECK(f.take());
  acknowledge(f, coap::code::continued, {0, true, 4});
  CHECK(f.take());
  acknowledge(f, coap::code::continued, {1, false, 4});
  CHECK_EQ(handler.ends, 2);
}

TEST("a body in blocks is collected whole into the given buffer") {
  EndpointFixture f;
  Collected handler;
  uint8_t body[600];
  CoapRequest request;
  request.to = f.manager;
  request.path = "environment";
  request.body = body;
  CHECK(f.endpoint.request(request, handler).hasValue());
  f.poll();
  for (uint16_t i = 0; i < 3; i++) {
    CHECK(f.take());
    CHECK(f.hasBlock(coap::option::block2, i, false, 4));
    CHECK_EQ(f.message.payload.size(), 0U);
    CHECK_EQ(handler.responses, 0);
    f.answerBlock(coap::code::content, {i, i < 2, 4}, longText(), "v1");
  }
  CHECK_EQ(handler.responses, 1);
  CHECK(asText(handler.payload.view()) == longText());
}

TEST("an answer to an upload may itself come in blocks, which are fetched without the payload") {
  EndpointFixture f;
  Collected handler;
  uint8_t body[600];
  CoapRequest request = post(f.manager, "short report");
  request.body = body;
  CHECK(f.endpoint.request(request, handler).hasValue());
  f.poll();
  CHECK(f.take());
  f.answerBlock(coap::code::changed, {0, true, 4}, longText(), "v1");
  CHECK(f.take());
  CHECK_EQ(f.message.code, coap::code::post);
  CHECK(f.message.payload.empty());
  f.answerBlock(coap::code::changed, {1, true, 4}, longText(), "v1");
  CHECK(f.take());
  f.answerBlock(coap::code::changed, {2, false, 4}, longText(), "v1");
  CHECK(asText(handler.payload.view()) == longText());
}

TEST("a body that changes, skips, lies about its block or is too long ends the collection") {
  struct Case {
    coap::Block block;
    std::string_view etag;
    size_t capacity;
    Status why;
  };
  const Case cases[] = {
      {{1, true, 4}, "v2", 600, Status::mismatch},
      {{1, true, 4}, "", 600, Status::mismatch},
      {{2, true, 4}, "v1", 600, Status::malformed},
      {{0, true, 4}, "v1", 600, Status::malformed},
      {{1, true, 4}, "v1", 400, Status::tooLarge},
  };
  for (const Case& item : cases) {
    EndpointFixture f;
    Collected handler;
    uint8_t body[600];
    CoapRequest request;
    request.to = f.manager;
    request.path = "environment";
    request.body = MutableSpan(body, item.capacity);
    CHECK(f.endpoint.request(request, handler).hasValue());
    f.poll();
    CHECK(f.take());
    f.answerBlock(coap::code::content, {0, true, 4}, longText(), "v1");
    CHECK(f.take());
    f.answerBlock(coap::code::content, item.block, longText(), item.etag);
    CHECK_EQ(handler.why, item.why);
    CHECK_EQ(handler.responses, 0);
  }
}

TEST("a datagram over our buffer that answers us ends the request, and one that asks us learns our block size") {
  EndpointFixture f;
  Collected handler;
  CoapRequest request;
  request.to = f.manager;
  request.path = "x";
  CHECK(f.endpoint.request(request, handler).hasValue());
  f.poll();
  CHECK(f.take());
  static uint8_t big[700];
  CoapMessageWriter writer(f.scratch, Type::acknowledgement, coap::code::content, f.message.messageId, f.message.token);
  writer.putPayload(big);
  f.receive(writer, f.manager);
  CHECK_EQ(handler.why, Status::tooLarge);
  const uint8_t token[1] = {7};
  CoapMessageWriter asked(f.scratch, Type::confirmable, coap::code::put, 9, token);
  asked.putTextOption(coap::option::uriPath, "update");
  asked.putPayload(big);
  f.receive(asked, f.manager);
  CHECK(f.take());
  CHECK_EQ(f.message.code, coap::code::requestEntityTooLarge);
  CHECK(f.hasBlock(coap::option::block1, 0, false, 4));
}
