#include <cstdio>
#include <string_view>

#include "../generated/coap_message_vectors.hpp"
#include "check.hpp"
#include "coap_message.hpp"
#include "hex.hpp"
#include "random.hpp"

using namespace cx;

namespace {

// Says which vector it was.
void expect(bool isSo, const char* name) {
  if (isSo) return;
  std::printf("  vector: %s\n", name);
  CHECK(isSo);
}

}  // namespace

TEST("every golden message is read as its vector says, and written back byte for byte") {
  for (const vectors::CoapVector& vector : vectors::coapGood) {
    const Hex<600> input(vector.hex);
    CoapMessage message;
    const CoapDecodeResult result = decodeCoap(input.view(), message);
    expect(isOk(result.status) && result.hasHeader, vector.name);
    expect(static_cast<uint8_t>(message.type) == vector.type && message.code == vector.code, vector.name);
    expect(message.messageId == vector.messageId && isHex(message.token, vector.tokenHex) && isHex(message.payload, vector.payloadHex), vector.name);

    uint8_t buffer[600];
    CoapMessageWriter writer(buffer, message.type, message.code, message.messageId, message.token);
    CoapOptionReader reader(message.options);
    CoapOption option;
    size_t count = 0;
    while (reader.next(option)) {
      expect(count < vector.optionCount && option.number == vector.options[count].number && isHex(option.value, vector.options[count].hex), vector.name);
      writer.putOption(option.number, option.value);
      count++;
    }
    expect(count == vector.optionCount, vector.name);
    writer.putPayload(message.payload);
    expect(equal(writer.finish().valueOr(ByteSpan()), input.view()), vector.name);
  }
}

TEST("every malformed twin is ignored, reset or dropped as its vector says") {
  for (const vectors::CoapMalformedVector& vector : vectors::coapMalformed) {
    const Hex<600> input(vector.hex);
    CoapMessage message;
    const CoapDecodeResult result = decodeCoap(input.view(), message);
    const std::string_view wanted = vector.expect;
    expect(!isOk(result.status), vector.name);
    expect(result.hasHeader == (wanted != "ignore"), vector.name);
    if (result.hasHeader) expect((message.type == coap::Type::confirmable) == (wanted == "reset"), vector.name);
  }
}

TEST("a prefix of a good message is never read past its end") {
  for (const vectors::CoapVector& vector : vectors::coapGood) {
    const Hex<600> input(vector.hex);
    for (size_t size = 0; size < input.size; size++) {
      uint8_t copy[600];  // exact size behind it, so that the sanitizer sees an overrun
      std::memcpy(copy + sizeof copy - size, input.bytes, size);
      CoapMessage message;
      const CoapDecodeResult result = decodeCoap(ByteSpan(copy + sizeof copy - size, size), message);
      CHECK(result.hasHeader || size < 4);
    }
  }
}

TEST("random datagrams are read within bounds, and what is accepted is written back equal") {
  SeededRandom random(42);
  for (int i = 0; i < 20000; i++) {
    uint8_t bytes[40];
    const size_t size = random.below(sizeof bytes + 1);
    for (size_t at = 0; at < size; at++) bytes[at] = random.below(2) == 0 ? random.byte() : static_cast<uint8_t>(random.below(0x40));
    if (size > 0) bytes[0] = static_cast<uint8_t>(0x40U | (bytes[0] & 0x33U));
    CoapMessage message;
    if (!isOk(decodeCoap(ByteSpan(bytes, size), message).status)) continue;
    uint8_t buffer[80];
    CoapMessageWriter writer(buffer, message.type, message.code, message.messageId, message.token);
    CoapOptionReader reader(message.options);
    CoapOption option;
    while (reader.next(option)) writer.putOption(option.number, option.value);
    writer.putPayload(message.payload);
    CoapMessage again;
    const Expected<ByteSpan> out = writer.finish();
    CHECK(isOk(out.status()) && isOk(decodeCoap(*out, again).status) && equal(again.payload, message.payload) && equal(again.token, message.token));
  }
}

TEST("a message that doesn't fit is full, and options out of order are the caller's mistake") {
  uint8_t buffer[16];
  CoapMessageWriter small(MutableSpan(buffer, 6), coap::Type::confirmable, coap::code::get, 1, ByteSpan());
  small.putItems(coap::option::uriPath, "abc", '/');
  CHECK_EQ(small.finish().status(), Status::full);
  CHECK_EQ(small.roomForPayload(), 0U);
  CoapMessageWriter disordered(buffer, coap::Type::confirmable, coap::code::get, 1, ByteSpan());
  disordered.putUintOption(coap::option::accept, 60);
  disordered.putUintOption(coap::option::contentFormat, 60);
  CHECK_EQ(disordered.finish().status(), Status::invalid);
  const uint8_t token[9] = {};
  CHECK_EQ(CoapMessageWriter(buffer, coap::Type::confirmable, coap::code::get, 1, token).finish().status(), Status::invalid);
}

TEST("paths, queries, integers and blocks are found among the options") {
  uint8_t buffer[80];
  CoapMessageWriter writer(buffer, coap::Type::confirmable, coap::code::get, 1, ByteSpan());
  writer.putUintOption(coap::option::observe, 0);
  writer.putItems(coap::option::uriPath, "nodes//n1", '/');
  writer.putItems(coap::option::uriQuery, "a=1&flag&b=x=y", '&');
  writer.putUintOption(coap::option::accept, 256);
  writer.putBlockOption(coap::option::block2, {1048575, true, 6});
  writer.putUintOption(coap::option::size1, UINT32_MAX);
  CoapMessage message;
  CHECK_EQ(decodeCoap(*writer.finish(), message).status, Status::ok);
  const ByteSpan options = message.options;
  CHECK(pathEquals(options, "nodes//n1"));
  CHECK(!pathEquals(options, "nodes/n1"));
  CHECK(!pathEquals(options, "nodes//n1/"));
  CHECK(!pathEquals(options, "nodes//n12"));
  CHECK(!pathEquals(options, "nodes"));
  CHECK(pathEquals(ByteSpan(), ""));
  std::string_view value;
  CHECK(findQuery(options, "b", value) && value == "x=y");
  CHECK(findQuery(options, "flag", value) && value.empty());
  CHECK(!findQuery(options, "fla", value));
  uint32_t number = 0;
  CHECK(findUintOption(options, coap::option::observe, number) && number == 0);
  CHECK(findUintOption(options, coap::option::accept, number) && number == 256);
  CHECK(findUintOption(options, coap::option::size1, number) && number == UINT32_MAX);
  CHECK(!findUintOption(options, coap::option::maxAge, number));
  coap::Block block;
  bool isValid = false;
  CHECK(findBlockOption(options, coap::option::block2, block, isValid) && isValid);
  CHECK(block.number == 1048575 && block.isMore && block.szx == 6 && block.size() == 1024);
  CHECK(block.offset() == 1073740800);

  CoapMessageWriter bad(buffer, coap::Type::confirmable, coap::code::get, 1, ByteSpan());
  bad.putUintOption(coap::option::block2, 7);
  const uint8_t four[4] = {0, 0, 0, 6};
  bad.putOption(coap::option::block1, four);
  CHECK_EQ(decodeCoap(*bad.finish(), message).status, Status::ok);
  CHECK(findBlockOption(message.options, coap::option::block2, block, isValid) && !isValid);
  CHECK(findBlockOption(message.options, coap::option::block1, block, isValid) && !isValid);
}

TEST("block sizes and codes have their names") {
  CHECK_EQ(coap::szxForSize(1024), 6);
  CHECK_EQ(coap::szxForSize(1023), 5);
  CHECK_EQ(coap::szxForSize(16), 0);
  CHECK_EQ(coap::szxForSize(5), 0);
  CHECK(std::string_view(coap::formatCode(0x45).text) == "2.05");
  CHECK(std::string_view(coap::formatCode(0xA3).text) == "5.03");
}
