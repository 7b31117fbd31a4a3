// Strict pull reader of JSON (RFC 8259) over bytes in memory: nesting of at most 8, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "decimal.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx {

constexpr uint32_t jsonDepthMax = 8;

enum class JsonType : uint8_t { object, array, string, number, boolean, null, end };

// Usage: enterObject(); while (nextKey(key) == ok) { read or skip the value }. nextKey() and nextItem() return
// notFound at the closing bracket, which they consume. A wrong type is Status::mismatch and consumes nothing.
class JsonReader {
 public:
  explicit JsonReader(ByteSpan input) : input_(input) {}

  JsonType peek();
  Status enterObject();
  Status enterArray();
  // The next member's name, unescaped into the reader's own 64 bytes (a longer name is given as "", and matches
  // nothing). Duplicate names are not detected; the last one wins with a usual caller.
  Status nextKey(std::string_view& key);
  // ok: an item follows.
  Status nextItem();
  // Unescaped into `out`; tooLarge when it doesn't fit; malformed: bad escape or UTF-8.
  Status readText(MutableSpan out, std::string_view& text);
  template <size_t N>
  Status readText(FixedText<N>& out);
  Status readDecimal(Decimal& out);
  Status readUint(uint64_t& out);  // malformed: negative or with a fraction
  Status readInt(int64_t& out);
  Status readBool(bool& out);
  Status readNull();
  Status skip();
  // ok when only white space is left and all is closed.
  Status finish();

 private:
  struct Level {
    bool isObject = false;
    bool hasItem = false;
  };
  void skipSpace();
  Status open(bool isObject);
  Status nextMember(char close);
  Status beginValue();
  Status readString(MutableSpan out, size_t& size, bool keep);
  Status readNumberText(std::string_view& text);
  Status literal(std::string_view word);
  Status skipScalar();

  ByteSpan input_;
  size_t position_ = 0;
  uint32_t depth_ = 0;
  Level levels_[jsonDepthMax];
  bool isValueDue_ = true;
  char key_[64] = {};
};

template <size_t N>
Status JsonReader::readText(FixedText<N>& out) {
  uint8_t buffer[N == 0 ? 1 : N];
  std::string_view text;
  CX_TRY(readText(MutableSpan(buffer, N), text));
  return out.assign(text);
}

}  // namespace cx
