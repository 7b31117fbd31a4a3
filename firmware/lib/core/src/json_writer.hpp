// JSON into the owner's buffer; commas and colons by itself. Errors stick; finish() reports them once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "decimal.hpp"
#include "span.hpp"
#include "status.hpp"
#include "text.hpp"

namespace cx {

class JsonWriter {
 public:
  explicit JsonWriter(MutableSpan output) : text_(output) {}

  JsonWriter& beginObject();
  JsonWriter& endObject();
  JsonWriter& beginArray();
  JsonWriter& endArray();
  JsonWriter& key(std::string_view name);
  JsonWriter& text(std::string_view value);
  JsonWriter& uint(uint64_t value);
  JsonWriter& integer(int64_t value);
  JsonWriter& decimal(Decimal value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();

  // The bytes, without a final NUL; full: they didn't fit (one byte is kept for NUL); invalid: brackets unbalanced.
  Expected<ByteSpan> finish() const;

 private:
  void separate();
  void open(char bracket);
  void close(char bracket);
  void quoted(std::string_view value);

  TextWriter text_;
  uint32_t depth_ = 0;
  bool hasItem_[9] = {};
  bool isAfterKey_ = false;
  Status status_ = Status::ok;
};

}  // namespace cx
