// Writing and reading small pieces of text without printf, floats or allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "decimal.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx {

// Appends into the owner's buffer. Errors stick: once something didn't fit, nothing more is written and status() is
// full. There is always room kept for the final NUL.
class TextWriter {
 public:
  TextWriter(char* buffer, size_t capacity) : buffer_(buffer), capacity_(capacity) {
    if (capacity_ > 0) buffer_[0] = '\0';
  }
  explicit TextWriter(MutableSpan bytes) : TextWriter(reinterpret_cast<char*>(bytes.data()), bytes.size()) {}

  TextWriter& put(std::string_view text);
  TextWriter& put(char character);
  TextWriter& putUint(uint64_t value);
  TextWriter& putInt(int64_t value);
  TextWriter& putDecimal(Decimal value);
  TextWriter& putHex(ByteSpan bytes);  // lower case, without separators
  // Zero-padded to `width` digits: times of day.
  TextWriter& putPadded(uint64_t value, size_t width);

  Status status() const { return status_; }
  size_t size() const { return size_; }
  std::string_view view() const { return std::string_view(buffer_, size_); }

 private:
  char* buffer_;
  size_t capacity_;
  size_t size_ = 0;
  Status status_ = Status::ok;
};

// Whole text is a decimal number; malformed otherwise; tooLarge over the type.
Expected<uint64_t> parseUint(std::string_view text);
Expected<int64_t> parseInt(std::string_view text);
// Whole text is hex of exactly out.size() bytes, either case.
Status parseHex(std::string_view text, MutableSpan out);
// RFC 3629: no overlong forms, no surrogates, at most U+10FFFF.
bool isUtf8(ByteSpan bytes);
bool equalIgnoringCase(std::string_view left, std::string_view right);  // ASCII
bool startsWith(std::string_view text, std::string_view prefix);

}  // namespace cx
