#include "json_reader.hpp"

#include "text.hpp"

namespace cx {

namespace {

constexpr bool isNumberCharacter(uint8_t c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

size_t encodeUtf8(uint32_t point, uint8_t (&out)[4]) {
  if (point < 0x80) {
    out[0] = static_cast<uint8_t>(point);
    return 1;
  }
  if (point < 0x800) {
    out[0] = static_cast<uint8_t>(0xC0U | point >> 6U);
    out[1] = static_cast<uint8_t>(0x80U | (point & 0x3FU));
    return 2;
  }
  if (point < 0x10000) {
    out[0] = static_cast<uint8_t>(0xE0U | point >> 12U);
    out[1] = static_cast<uint8_t>(0x80U | (point >> 6U & 0x3FU));
    out[2] = static_cast<uint8_t>(0x80U | (point & 0x3FU));
    return 3;
  }
  out[0] = static_cast<uint8_t>(0xF0U | point >> 18U);
  out[1] = static_cast<uint8_t>(0x80U | (point >> 12U & 0x3FU));
  out[2] = static_cast<uint8_t>(0x80U | (point >> 6U & 0x3FU));
  out[3] = static_cast<uint8_t>(0x80U | (point & 0x3FU));
  return 4;
}

// Four hex digits after "\u".
bool readUnit(ByteSpan input, size_t at, uint32_t& unit) {
  uint8_t bytes[2];
  if (input.size() < at + 4 || !isOk(parseHex(asText(input.slice(at, 4)), bytes))) return false;
  unit = static_cast<uint32_t>(bytes[0] << 8U | bytes[1]);
  return true;
}

}  // namespace

void JsonReader::skipSpace() {
  while (position_ < input_.size()) {
    const uint8_t c = input_[position_];
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
    position_++;
  }
}

JsonType JsonReader::peek() {
  skipSpace();
  if (position_ >= input_.size() || !isValueDue_) return JsonType::end;
  switch (input_[position_]) {
    case '{': return JsonType::object;
    case '[': return JsonType::array;
    case '"': return JsonType::string;
    case 't':
    case 'f': return JsonType::boolean;
    case 'n': return JsonType::null;
    default: return JsonType::number;  // or nonsense, which readNumberText() refuses
  }
}

Status JsonReader::beginValue() {
  skipSpace();
  return isValueDue_ && position_ < input_.size() ? Status::ok : Status::malformed;
}

Status JsonReader::open(bool isObject) {
  CX_TRY(beginValue());
  if (input_[position_] != (isObject ? '{' : '[')) return Status::mismatch;
  if (depth_ == jsonDepthMax) return Status::tooLarge;
  position_++;
  levels_[depth_++] = Level{isObject, false};
  isValueDue_ = false;
  return Status::ok;
}

Status JsonReader::enterObject() { return open(true); }
Status JsonReader::enterArray() { return open(false); }

// Passes the comma before the next member, or the closing bracket (notFound).
Status JsonReader::nextMember(char close) {
  skipSpace();
  if (isValueDue_ || depth_ == 0 || levels_[depth_ - 1].isObject != (close == '}')) return Status::invalid;
  if (position_ >= input_.size()) return Status::malformed;
  Level& level = levels_[depth_ - 1];
  if (input_[position_] == static_cast<uint8_t>(close)) {
    position_++;
    depth_--;
    return Status::notFound;
  }
  if (level.hasItem) {
    if (input_[position_] != ',') return Status::malformed;
    position_++;
    skipSpace();
  }
  level.hasItem = true;
  return Status::ok;
}

Status JsonReader::nextKey(std::string_view& key) {
  CX_TRY(nextMember('}'));
  if (position_ >= input_.size() || input_[position_] != '"') return Status::malformed;
  size_t size = 0;
  const MutableSpan own(reinterpret_cast<uint8_t*>(key_), sizeof key_);
  const size_t start = position_;
  const Status status = readString(own, size, true);
  if (status == Status::tooLarge) {  // an unknown member's long name: passed over
    position_ = start;
    CX_TRY(readString(own, size, false));
    size = 0;
  } else if (!isOk(status)) {
    return status;
  }
  key = std::string_view(key_, size);
  skipSpace();
  if (position_ >= input_.size() || input_[position_] != ':') return Status::malformed;
  position_++;
  isValueDue_ = true;
  return Status::ok;
}

Status JsonReader::nextItem() {
  CX_TRY(nextMember(']'));
  isValueDue_ = true;
  return Status::ok;
}

// The string at the position, its quotes consumed. With `keep` it is unescaped into `out`, else only checked.
Status JsonReader::readString(MutableSpan out, size_t& size, bool keep) {
  size = 0;
  position_++;
  const size_t first = position_;
  while (true) {
    if (position_ >= input_.size()) return Status::malformed;
    uint8_t utf8[4] = {input_[position_++], 0, 0, 0};
    size_t count = 1;
    if (utf8[0] == '"') break;
    if (utf8[0] < 0x20) return Status::malformed;
    if (utf8[0] == '\\') {
      if (position_ >= input_.size()) return Status::malformed;
      const uint8_t escape = input_[position_++];
      switch (escape) {
        case '"':
        case '\\':
        case '/': utf8[0] = escape; break;
        case 'b': utf8[0] = '\b'; break;
        case 'f': utf8[0] = '\f'; break;
        case 'n': utf8[0] = '\n'; break;
        case 'r': utf8[0] = '\r'; break;
        case 't': utf8[0] = '\t'; break;
        case 'u': {
          uint32_t point = 0;
          if (!readUnit(input_, position_, point)) return Status::malformed;
          position_ += 4;
          if (point >= 0xD800 && point <= 0xDFFF) {
            uint32_t low = 0;
            const bool isPair = point < 0xDC00 && asText(input_.slice(position_, 2)) == "\\u" &&
                                readUnit(input_, position_ + 2, low) && low >= 0xDC00 && low <= 0xDFFF;
            if (!isPair) return Status::malformed;
            position_ += 6;
            point = 0x10000 + ((point - 0xD800) << 10U) + (low - 0xDC00);
          }
          count = encodeUtf8(point, utf8);
          break;
        }
        default: return Status::malformed;
      }
    }
    if (!keep) continue;
    if (count > out.size() - size) return Status::tooLarge;
    std::memcpy(out.data() + size, utf8, count);
    size += count;
  }
  // Escapes are ASCII, so the raw bytes tell whether the text is UTF-8.
  return isUtf8(input_.slice(first, position_ - 1 - first)) ? Status::ok : Status::malformed;
}

Status JsonReader::readText(MutableSpan out, std::string_view& text) {
  CX_TRY(beginValue());
  if (input_[position_] != '"') return Status::mismatch;
  size_t size = 0;
  CX_TRY(readString(out, size, true));
  isValueDue_ = false;
  text = asText(ByteSpan(out.data(), size));
  return Status::ok;
}

Status JsonReader::readNumberText(std::string_view& text) {
  CX_TRY(beginValue());
  const size_t start = position_;
  const uint8_t first = input_[start];
  if (first != '-' && (first < '0' || first > '9')) return peek() == JsonType::number ? Status::malformed : Status::mismatch;
  size_t end = start;
  while (end < input_.size() && isNumberCharacter(input_[end])) end++;
  text = asText(input_.slice(start, end - start));
  return Status::ok;
}

Status JsonReader::readDecimal(Decimal& out) {
  std::string_view text;
  CX_TRY(readNumberText(text));
  const Expected<Decimal> value = parseDecimal(text);
  if (!value) return value.status();
  out = *value;
  position_ += text.size();
  isValueDue_ = false;
  return Status::ok;
}

Status JsonReader::readInt(int64_t& out) {
  Decimal value;
  CX_TRY(readDecimal(value));
  value = normalized(value);
  if (value.places != 0) return Status::malformed;
  out = value.mantissa;
  return Status::ok;
}

Status JsonReader::readUint(uint64_t& out) {
  int64_t value = 0;
  CX_TRY(readInt(value));
  if (value < 0) return Status::malformed;
  out = static_cast<uint64_t>(value);
  return Status::ok;
}

Status JsonReader::literal(std::string_view word) {
  if (asText(input_.slice(position_, word.size())) != word) return Status::malformed;
  position_ += word.size();
  isValueDue_ = false;
  return Status::ok;
}

Status JsonReader::readBool(bool& out) {
  CX_TRY(beginValue());
  if (peek() != JsonType::boolean) return Status::mismatch;
  out = input_[position_] == 't';
  return literal(out ? "true" : "false");
}

Status JsonReader::readNull() {
  CX_TRY(beginValue());
  if (peek() != JsonType::null) return Status::mismatch;
  return literal("null");
}

Status JsonReader::skipScalar() {
  size_t size = 0;
  switch (peek()) {
    case JsonType::string:
      CX_TRY(readString(MutableSpan(), size, false));
      isValueDue_ = false;
      return Status::ok;
    case JsonType::boolean: {
      bool flag = false;
      return readBool(flag);
    }
    case JsonType::null: return readNull();
    case JsonType::number: {
      // A number too large for us is still a number; only its syntax counts here.
      std::string_view text;
      CX_TRY(readNumberText(text));
      if (const Status status = parseDecimal(text).status(); status == Status::malformed) return status;
      position_ += text.size();
      isValueDue_ = false;
      return Status::ok;
    }
    default: return Status::malformed;
  }
}

Status JsonReader::skip() {
  CX_TRY(beginValue());
  const uint32_t base = depth_;
  do {
    if (isValueDue_) {
      const JsonType type = peek();
      if (type == JsonType::object || type == JsonType::array) {
        CX_TRY(open(type == JsonType::object));
      } else {
        CX_TRY(skipScalar());
      }
      continue;
    }
    std::string_view key;
    const Status status = levels_[depth_ - 1].isObject ? nextKey(key) : nextItem();
    if (!isOk(status) && status != Status::notFound) return status;
  } while (depth_ > base || isValueDue_);
  return Status::ok;
}

Status JsonReader::finish() {
  skipSpace();
  return depth_ == 0 && !isValueDue_ && position_ == input_.size() ? Status::ok : Status::malformed;
}

}  // namespace cx
