// The CoAP message format (RFC 7252 section 3), Block options (RFC 7959), Observe (RFC 7641). Pure: no clock, no socket.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |Ver| T |  TKL  |      Code     |          Message ID           |
//   |   Token (TKL bytes, 0..8) ...                                 |
//   |   Options ...                                                 |
//   |1 1 1 1 1 1 1 1|    Payload (if any, then at least 1 byte) ... |
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "span.hpp"
#include "status.hpp"

namespace cx {
namespace coap {

enum class Type : uint8_t { confirmable = 0, nonConfirmable = 1, acknowledgement = 2, reset = 3 };

namespace code {
constexpr uint8_t empty = 0x00, get = 0x01, post = 0x02, put = 0x03, del = 0x04, fetch = 0x05, patch = 0x06, ipatch = 0x07;
constexpr uint8_t created = 0x41, deleted = 0x42, valid = 0x43, changed = 0x44, content = 0x45, continued = 0x5F;
constexpr uint8_t badRequest = 0x80, unauthorized = 0x81, badOption = 0x82, forbidden = 0x83, notFound = 0x84,
                  methodNotAllowed = 0x85, notAcceptable = 0x86, requestEntityIncomplete = 0x88, conflict = 0x89,
                  preconditionFailed = 0x8C, requestEntityTooLarge = 0x8D, unsupportedContentFormat = 0x8F,
                  unprocessableEntity = 0x96, tooManyRequests = 0x9D;
constexpr uint8_t internalServerError = 0xA0, notImplemented = 0xA1, badGateway = 0xA2, serviceUnavailable = 0xA3,
                  gatewayTimeout = 0xA4, proxyingNotSupported = 0xA5, hopLimitReached = 0xA8;
}  // namespace code

namespace option {
constexpr uint16_t ifMatch = 1, uriHost = 3, etag = 4, ifNoneMatch = 5, observe = 6, uriPort = 7, locationPath = 8, oscore = 9,
                   uriPath = 11, contentFormat = 12, maxAge = 14, uriQuery = 15, hopLimit = 16, accept = 17,
                   locationQuery = 20, block2 = 23, block1 = 27, size2 = 28, qBlock2 = 31, proxyUri = 35, proxyScheme = 39, size1 = 60,
                   echo = 252, noResponse = 258, requestTag = 292;
constexpr bool isCritical(uint16_t number) { return (number & 1U) != 0; }
}  // namespace option

namespace format {
constexpr uint16_t text = 0, link = 40, octets = 42, json = 50, cbor = 60, senmlJson = 110, senmlCbor = 112;
}

constexpr uint16_t defaultPort = 5683;
constexpr size_t tokenMax = 8;

constexpr bool isRequestCode(uint8_t c) { return c >= 0x01 && c <= 0x1F; }
constexpr bool isResponseCode(uint8_t c) { return (c >> 5U) >= 2 && (c >> 5U) <= 5; }
constexpr uint8_t codeClass(uint8_t c) { return static_cast<uint8_t>(c >> 5U); }

// "2.05" for 0x45.
struct CodeText {
  char text[5];
};
CodeText formatCode(uint8_t code);

// A Block1 or Block2 value: number of the block, whether more follow, size 16 << szx (szx 0..6).
struct Block {
  uint32_t number = 0;  // at most 2^20 - 1
  bool isMore = false;
  uint8_t szx = 6;

  constexpr uint16_t size() const { return static_cast<uint16_t>(16U << szx); }
  constexpr uint64_t offset() const { return static_cast<uint64_t>(number) << (szx + 4U); }
};
constexpr uint32_t blockNumberMax = 0xFFFFF;
// The largest szx whose block isn't over `size` bytes (16..1024).
uint8_t szxForSize(size_t size);

}  // namespace coap

// One message, decoded: views into the datagram.
struct CoapMessage {
  coap::Type type = coap::Type::confirmable;
  uint8_t code = coap::code::empty;
  uint16_t messageId = 0;
  ByteSpan token;
  ByteSpan options;  // encoded and already checked; read with CoapOptionReader
  ByteSpan payload;
};

// What a failed decode still knows: with a header the message can be rejected by a Reset.
struct CoapDecodeResult {
  Status status;
  bool hasHeader;  // version 1 and four bytes: type and message id in `message` are valid
};
CoapDecodeResult decodeCoap(ByteSpan datagram, CoapMessage& message);
// Options and payload alone, as they follow a token: sets those two members. Also the tail of an OSCORE plaintext.
Status decodeCoapTail(ByteSpan bytes, CoapMessage& message);

struct CoapOption {
  uint16_t number = 0;
  ByteSpan value;
};

// Walks options that decodeCoap() accepted.
class CoapOptionReader {
 public:
  explicit CoapOptionReader(ByteSpan options) : rest_(options) {}
  // False at the end.
  bool next(CoapOption& option);

 private:
  ByteSpan rest_;
  uint32_t number_ = 0;
};

// The first option of that number; false when there is none.
bool findOption(ByteSpan options, uint16_t number, ByteSpan& value);
// A uint option (section 3.2): 0..4 bytes, leading zeros allowed on receipt. False: absent, or longer than 4 bytes.
bool findUintOption(ByteSpan options, uint16_t number, uint32_t& value);
// False: absent; an invalid one (szx 7, over 3 bytes) sets isValid false.
bool findBlockOption(ByteSpan options, uint16_t number, coap::Block& block, bool& isValid);
// True when the Uri-Path segments, joined by '/', are `path`.
bool pathEquals(ByteSpan options, std::string_view path);
// The Uri-Query item "name=value" or "name" (then value is empty); false when absent.
bool findQuery(ByteSpan options, std::string_view name, std::string_view& value);

// Writes one message into the owner's buffer. Options go in ascending order of number. Errors stick.
class CoapMessageWriter {
 public:
  CoapMessageWriter(MutableSpan buffer, coap::Type type, uint8_t code, uint16_t messageId, ByteSpan token);
  // An OSCORE plaintext (RFC 8613 section 5.3): the code, then options and payload, no header.
  CoapMessageWriter(MutableSpan buffer, uint8_t code);

  void putOption(uint16_t number, ByteSpan value);
  void putUintOption(uint16_t number, uint32_t value);  // shortest form
  void putTextOption(uint16_t number, std::string_view value);
  void putBlockOption(uint16_t number, const coap::Block& block);
  // One option for each item of `text` between separators: "nodes/x" by '/' as Uri-Path, "a=1&b" by '&' as Uri-Query.
  // Empty items are kept in the middle; an empty text writes none.
  void putItems(uint16_t number, std::string_view text, char separator);
  void putPayload(ByteSpan payload);

  // Bytes that a payload may still take, its marker excluded.
  size_t roomForPayload() const;
  // The whole message; full: it didn't fit; invalid: options out of order, or a token over 8 bytes.
  Expected<ByteSpan> finish() const;

 private:
  void putRaw(const uint8_t* bytes, size_t size);

  MutableSpan buffer_;
  size_t position_ = 0;
  uint32_t lastNumber_ = 0;
  Status status_ = Status::ok;
};

}  // namespace cx
