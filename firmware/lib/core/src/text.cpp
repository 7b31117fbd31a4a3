#include "text.hpp"

namespace cx {

namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

int hexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

}  // namespace

TextWriter& TextWriter::put(std::string_view text) {
  if (!isOk(status_)) return *this;
  if (capacity_ == 0 || text.size() > capacity_ - 1 - size_) {
    status_ = Status::full;
    return *this;
  }
  if (!text.empty()) std::memcpy(buffer_ + size_, text.data(), text.size());
  size_ += text.size();
  buffer_[size_] = '\0';
  return *this;
}

TextWriter& TextWriter::put(char character) { return put(std::string_view(&character, 1)); }

TextWriter& TextWriter::putUint(uint64_t value) { return putPadded(value, 1); }

TextWriter& TextWriter::putPadded(uint64_t value, size_t width) {
  char digits[20];
  size_t at = sizeof digits;
  do {
    digits[--at] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (sizeof digits - at < width && at > 0) digits[--at] = '0';
  return put(std::string_view(digits + at, sizeof digits - at));
}

TextWriter& TextWriter::putInt(int64_t value) { return putDecimal(Decimal::integer(value)); }

TextWriter& TextWriter::putDecimal(Decimal value) {
  FixedText<decimalTextMax> text;
  formatDecimal(value, text);
  return put(text.view());
}

TextWriter& TextWriter::putHex(ByteSpan bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  if (isOk(status_) && (capacity_ == 0 || bytes.size() > (capacity_ - 1 - size_) / 2)) status_ = Status::full;
  for (const uint8_t byte : bytes) put(digits[byte >> 4U]).put(digits[byte & 15U]);
  return *this;
}

Expected<uint64_t> parseUint(std::string_view text) {
  if (text.empty()) return Status::malformed;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return Status::malformed;
    const auto digit = static_cast<unsigned>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return Status::tooLarge;
    value = value * 10 + digit;
  }
  return value;
}

Expected<int64_t> parseInt(std::string_view text) {
  const bool isNegative = !text.empty() && text[0] == '-';
  const Expected<uint64_t> magnitude = parseUint(slice(text, isNegative ? 1 : 0));
  if (!magnitude) return magnitude.status();
  const uint64_t limit = static_cast<uint64_t>(INT64_MAX) + (isNegative ? 1U : 0U);
  if (*magnitude > limit) return Status::tooLarge;
  return static_cast<int64_t>(isNegative ? ~*magnitude + 1U : *magnitude);
}

Status parseHex(std::string_view text, MutableSpan out) {
  if (text.size() != out.size() * 2) return Status::malformed;
  for (size_t i = 0; i < out.size(); i++) {
    const int high = hexValue(text[i * 2]);
    const int low = hexValue(text[i * 2 + 1]);
    if (high < 0 || low < 0) return Status::malformed;
    out[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return Status::ok;
}

bool isUtf8(ByteSpan bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const uint8_t first = bytes[i++];
    if (first < 0x80) continue;
    unsigned more = 0;
    uint32_t value = 0;
    uint32_t least = 0;
    if ((first & 0xE0U) == 0xC0U) {
      more = 1, value = first & 0x1FU, least = 0x80;
    } else if ((first & 0xF0U) == 0xE0U) {
      more = 2, value = first & 0x0FU, least = 0x800;
    } else if ((first & 0xF8U) == 0xF0U) {
      more = 3, value = first & 0x07U, least = 0x10000;
    } else {
      return false;
    }
    if (bytes.size() - i < more) return false;
    for (; more > 0; more--, i++) {
      if ((bytes[i] & 0xC0U) != 0x80U) return false;
      value = value << 6U | (bytes[i] & 0x3FU);
    }
    if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return false;
  }
  return true;
}

bool equalIgnoringCase(std::string_view left, std::string_view right) {
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); i++) {
    if (lower(left[i]) != lower(right[i])) return false;
  }
  return true;
}

bool startsWith(std::string_view text, std::string_view prefix) { return slice(text, 0, prefix.size()) == prefix; }

}  // namespace cx
