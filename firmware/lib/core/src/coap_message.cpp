#include "coap_message.hpp"

namespace cx {

namespace {

constexpr uint8_t payloadMarker = 0xFF;

// An option delta or length nibble with its extension (RFC 7252 section 3.1). False: reserved or cut off.
bool readExtended(ByteSpan bytes, size_t& at, uint8_t nibble, uint32_t& value) {
  value = nibble;
  if (nibble < 13) return true;
  if (nibble == 15) return false;
  const size_t more = nibble == 13 ? 1 : 2;
  if (bytes.size() - at < more) return false;
  value = more == 1 ? bytes[at] + 13U : (static_cast<uint32_t>(bytes[at]) << 8U | bytes[at + 1]) + 269U;
  at += more;
  return true;
}

// One option at `at`; false when malformed. Adds its delta to `number`.
bool readOption(ByteSpan bytes, size_t& at, uint32_t& number, ByteSpan& value) {
  const uint8_t head = bytes[at++];
  uint32_t delta = 0;
  uint32_t length = 0;
  if (!readExtended(bytes, at, static_cast<uint8_t>(head >> 4U), delta)) return false;
  if (!readExtended(bytes, at, head & 0x0FU, length)) return false;
  number += delta;
  if (number > UINT16_MAX || length > bytes.size() - at) return false;
  value = bytes.slice(at, length);
  at += length;
  return true;
}

size_t extensionSize(uint32_t value) { return value < 13 ? 0 : value < 269 ? 1 : 2; }
uint8_t nibbleFor(uint32_t value) { return static_cast<uint8_t>(value < 13 ? value : value < 269 ? 13 : 14); }

void writeExtension(uint8_t* bytes, size_t& at, uint32_t value) {
  if (extensionSize(value) == 1) bytes[at++] = static_cast<uint8_t>(value - 13);
  if (extensionSize(value) == 2) {
    bytes[at++] = static_cast<uint8_t>((value - 269) >> 8U);
    bytes[at++] = static_cast<uint8_t>(value - 269);
  }
}

bool uintValue(ByteSpan bytes, uint32_t& value) {
  if (bytes.size() > 4) return false;
  value = 0;
  for (const uint8_t byte : bytes) value = value << 8U | byte;
  return true;
}

size_t findCharacter(std::string_view text, char wanted) {
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == wanted) return i;
  }
  return text.size();
}

}  // namespace

namespace coap {

CodeText formatCode(uint8_t code) {
  return CodeText{{static_cast<char>('0' + (code >> 5U)), '.', static_cast<char>('0' + (code & 0x1FU) / 10),
                   static_cast<char>('0' + (code & 0x1FU) % 10), '\0'}};
}

uint8_t szxForSize(size_t size) {
  uint8_t szx = 6;
  while (szx > 0 && (size_t{16} << szx) > size) szx--;
  return szx;
}

}  // namespace coap

CoapDecodeResult decodeCoap(ByteSpan datagram, CoapMessage& message) {
  if (datagram.size() < 4 || datagram[0] >> 6U != 1) return {Status::malformed, false};
  message = CoapMessage{};
  message.type = static_cast<coap::Type>(datagram[0] >> 4U & 3U);
  message.code = datagram[1];
  message.messageId = static_cast<uint16_t>(datagram[2] << 8U | datagram[3]);
  constexpr CoapDecodeResult malformed{Status::malformed, true};

  const size_t tokenSize = datagram[0] & 0x0FU;
  if (message.code == coap::code::empty) {
    const bool isPlain = tokenSize == 0 && datagram.size() == 4 && message.type != coap::Type::nonConfirmable;
    return isPlain ? CoapDecodeResult{Status::ok, true} : malformed;
  }
  if (message.type == coap::Type::reset) return malformed;
  if (message.type == coap::Type::acknowledgement && coap::codeClass(message.code) == 0) return malformed;
  const uint8_t codeClass = coap::codeClass(message.code);
  if (codeClass == 1 || codeClass > 5) return malformed;
  if (tokenSize > coap::tokenMax || tokenSize > datagram.size() - 4) return malformed;
  message.token = datagram.slice(4, tokenSize);

  return {decodeCoapTail(datagram.from(4 + tokenSize), message), true};
}

Status decodeCoapTail(ByteSpan bytes, CoapMessage& message) {
  size_t at = 0;
  uint32_t number = 0;
  while (at < bytes.size() && bytes[at] != payloadMarker) {
    ByteSpan value;
    if (!readOption(bytes, at, number, value)) return Status::malformed;
  }
  message.options = bytes.first(at);
  message.payload = ByteSpan();
  if (at == bytes.size()) return Status::ok;
  message.payload = bytes.from(at + 1);
  return message.payload.empty() ? Status::malformed : Status::ok;
}

bool CoapOptionReader::next(CoapOption& option) {
  if (rest_.empty()) return false;
  size_t at = 0;
  if (!readOption(rest_, at, number_, option.value)) return false;
  option.number = static_cast<uint16_t>(number_);
  rest_ = rest_.from(at);
  return true;
}

bool findOption(ByteSpan options, uint16_t number, ByteSpan& value) {
  CoapOptionReader reader(options);
  CoapOption option;
  while (reader.next(option) && option.number <= number) {
    if (option.number != number) continue;
    value = option.value;
    return true;
  }
  return false;
}

bool findUintOption(ByteSpan options, uint16_t number, uint32_t& value) {
  ByteSpan bytes;
  return findOption(options, number, bytes) && uintValue(bytes, value);
}

bool findBlockOption(ByteSpan options, uint16_t number, coap::Block& block, bool& isValid) {
  ByteSpan bytes;
  if (!findOption(options, number, bytes)) return false;
  uint32_t value = 0;
  isValid = bytes.size() <= 3 && uintValue(bytes, value) && (value & 7U) != 7;
  block.number = value >> 4U;
  block.isMore = (value & 8U) != 0;
  block.szx = value & 7U;
  return true;
}

bool pathEquals(ByteSpan options, std::string_view path) {
  CoapOptionReader reader(options);
  CoapOption option;
  bool isFirst = true;
  while (reader.next(option)) {
    if (option.number != coap::option::uriPath) continue;
    // "a/" would otherwise look like "a": each segment but the first needs its separator.
    if (!isFirst) {
      if (path.empty() || path[0] != '/') return false;
      path = slice(path, 1);
    }
    isFirst = false;
    const std::string_view segment = slice(path, 0, findCharacter(path, '/'));
    if (segment != asText(option.value)) return false;
    path = slice(path, segment.size());
  }
  return path.empty();
}

bool findQuery(ByteSpan options, std::string_view name, std::string_view& value) {
  CoapOptionReader reader(options);
  CoapOption option;
  while (reader.next(option)) {
    if (option.number != coap::option::uriQuery) continue;
    const std::string_view item = asText(option.value);
    const size_t equals = findCharacter(item, '=');
    if (slice(item, 0, equals) != name) continue;
    value = slice(item, equals + 1);
    return true;
  }
  return false;
}

CoapMessageWriter::CoapMessageWriter(MutableSpan buffer, coap::Type type, uint8_t code, uint16_t messageId, ByteSpan token)
    : buffer_(buffer) {
  if (token.size() > coap::tokenMax) {
    status_ = Status::invalid;
    return;
  }
  const uint8_t head[4] = {static_cast<uint8_t>(0x40U | static_cast<unsigned>(type) << 4U | token.size()), code,
                           static_cast<uint8_t>(messageId >> 8U), static_cast<uint8_t>(messageId)};
  putRaw(head, sizeof head);
  putRaw(token.data(), token.size());
}

CoapMessageWriter::CoapMessageWriter(MutableSpan buffer, uint8_t code) : buffer_(buffer) { putRaw(&code, 1); }

void CoapMessageWriter::putRaw(const uint8_t* bytes, size_t size) {
  if (!isOk(status_)) return;
  if (size > buffer_.size() - position_) {
    status_ = Status::full;
    return;
  }
  if (size > 0) std::memcpy(buffer_.data() + position_, bytes, size);
  position_ += size;
}

void CoapMessageWriter::putOption(uint16_t number, ByteSpan value) {
  if (number < lastNumber_ || value.size() > UINT16_MAX) {
    if (isOk(status_)) status_ = Status::invalid;
    return;
  }
  const uint32_t delta = number - lastNumber_;
  const auto length = static_cast<uint32_t>(value.size());
  uint8_t head[5];
  size_t at = 0;
  head[at++] = static_cast<uint8_t>(nibbleFor(delta) << 4U | nibbleFor(length));
  writeExtension(head, at, delta);
  writeExtension(head, at, length);
  putRaw(head, at);
  putRaw(value.data(), value.size());
  lastNumber_ = number;
}

void CoapMessageWriter::putUintOption(uint16_t number, uint32_t value) {
  uint8_t bytes[4];
  size_t size = 0;
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    const auto byte = static_cast<uint8_t>(value >> (shift - 8));
    if (size > 0 || byte != 0) bytes[size++] = byte;
  }
  putOption(number, ByteSpan(bytes, size));
}

void CoapMessageWriter::putTextOption(uint16_t number, std::string_view value) { putOption(number, asBytes(value)); }

void CoapMessageWriter::putBlockOption(uint16_t number, const coap::Block& block) {
  putUintOption(number, block.number << 4U | (block.isMore ? 8U : 0U) | block.szx);
}

void CoapMessageWriter::putItems(uint16_t number, std::string_view text, char separator) {
  while (!text.empty()) {
    const std::string_view item = slice(text, 0, findCharacter(text, separator));
    putTextOption(number, item);
    text = slice(text, item.size() + 1);
  }
}

void CoapMessageWriter::putPayload(ByteSpan payload) {
  if (payload.empty()) return;
  putRaw(&payloadMarker, 1);
  putRaw(payload.data(), payload.size());
}

size_t CoapMessageWriter::roomForPayload() const {
  const size_t rest = buffer_.size() - position_;
  return isOk(status_) && rest > 0 ? rest - 1 : 0;
}

Expected<ByteSpan> CoapMessageWriter::finish() const {
  if (!isOk(status_)) return status_;
  return ByteSpan(buffer_.data(), position_);
}

}  // namespace cx
