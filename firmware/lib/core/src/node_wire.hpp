// One description of a message, two forms: CBOR with integer keys (content format 60) and JSON with names (50).
// Keys and names are those of schemas/json; members are written in ascending order of key, as strict CBOR wants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>

#include "cbor.hpp"
#include "coap_message.hpp"
#include "decimal.hpp"
#include "json_reader.hpp"
#include "json_writer.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx {

enum class WireFormat : uint8_t { cbor, json };

constexpr uint16_t contentFormatOf(WireFormat format) {
  return format == WireFormat::json ? coap::format::json : coap::format::cbor;
}

// The words of an enumeration; the CBOR value of words[i] is i + first.
struct WireEnum {
  Span<const std::string_view> words;
  uint8_t first = 1;
};

constexpr size_t wireDigestSize = 32;

class WireMap;

// Values in either form. Errors stick and come out of finish().
class WireWriter {
 public:
  WireWriter(WireFormat format, MutableSpan output) : isJson_(format == WireFormat::json), cbor_(output), json_(output) {}

  void putUint(uint64_t value);
  void putInt(int64_t value);
  void putBool(bool value);
  void putText(std::string_view value);
  void putDecimal(Decimal value);
  void putEnum(uint8_t value, const WireEnum& words);
  void putDigest(const uint8_t* digest);     // 32 bytes, or "sha256:<hex>"
  void putInstant(int64_t millisecondsUtc);  // whole seconds, or RFC 3339 text
  // `fill` takes a WireMap& and is called twice in CBOR: the number of members stands before the first.
  template <class Fill>
  void map(Fill&& fill);
  // `item` takes (WireWriter&, index) and writes exactly one value.
  template <class Item>
  void list(uint32_t count, Item&& item);

  // full: it didn't fit.
  Expected<ByteSpan> finish() const { return isJson_ ? json_.finish() : cbor_.finish(); }

 private:
  friend class WireMap;
  void key(uint8_t number, std::string_view name);

  bool isJson_;
  CborWriter cbor_;
  JsonWriter json_;
};

// The members of one map. Without a writer it only counts them.
class WireMap {
 public:
  explicit WireMap(WireWriter* out) : out_(out) {}
  uint32_t count() const { return count_; }

  void uint(uint8_t key, std::string_view name, uint64_t value) {
    if (begin(key, name)) out_->putUint(value);
  }
  void integer(uint8_t key, std::string_view name, int64_t value) {
    if (begin(key, name)) out_->putInt(value);
  }
  void boolean(uint8_t key, std::string_view name, bool value) {
    if (begin(key, name)) out_->putBool(value);
  }
  void text(uint8_t key, std::string_view name, std::string_view value) {
    if (begin(key, name)) out_->putText(value);
  }
  void decimal(uint8_t key, std::string_view name, Decimal value) {
    if (begin(key, name)) out_->putDecimal(value);
  }
  void enumeration(uint8_t key, std::string_view name, uint8_t value, const WireEnum& words) {
    if (begin(key, name)) out_->putEnum(value, words);
  }
  void digest(uint8_t key, std::string_view name, const uint8_t* value) {
    if (begin(key, name)) out_->putDigest(value);
  }
  void instant(uint8_t key, std::string_view name, int64_t milliseconds) {
    if (begin(key, name)) out_->putInstant(milliseconds);
  }
  template <class Fill>
  void map(uint8_t key, std::string_view name, Fill&& fill) {
    if (begin(key, name)) out_->map(fill);
  }
  template <class Item>
  void list(uint8_t key, std::string_view name, uint32_t count, Item&& item) {
    if (begin(key, name)) out_->list(count, item);
  }

 private:
  bool begin(uint8_t key, std::string_view name) {
    ++count_;
    if (out_ == nullptr) return false;
    out_->key(key, name);
    return true;
  }
  WireWriter* out_;
  uint32_t count_ = 0;
};

template <class Fill>
void WireWriter::map(Fill&& fill) {
  if (isJson_) {
    json_.beginObject();
  } else {
    WireMap counting(nullptr);
    fill(counting);
    cbor_.putMap(counting.count());
  }
  WireMap members(this);
  fill(members);
  if (isJson_) json_.endObject();
}

template <class Item>
void WireWriter::list(uint32_t count, Item&& item) {
  if (isJson_) {
    json_.beginArray();
  } else {
    cbor_.putArray(count);
  }
  for (uint32_t i = 0; i < count; ++i) item(*this, i);
  if (isJson_) json_.endArray();
}

// One message as a map in either form.
template <class Fill>
Expected<ByteSpan> encodeWire(WireFormat format, MutableSpan output, Fill&& fill) {
  WireWriter writer(format, output);
  writer.map(fill);
  return writer.finish();
}

struct WireKey {
  uint8_t key;
  std::string_view name;
};

// Reads what WireWriter writes. Unknown members are skipped, as the protocol says; wrong types and values out of
// bounds are errors. Usage: enterMap(); while (next(keys, key) == ok) switch (key) {...}; finish().
class WireReader {
 public:
  WireReader(WireFormat format, ByteSpan input) : isJson_(format == WireFormat::json), cbor_(input), json_(input) {}

  Status enterMap();
  // The next known member; notFound: the map has ended.
  Status next(Span<const WireKey> keys, uint8_t& key);
  Status enterList();
  // ok: an item follows; notFound: the list has ended.
  Status nextItem();

  Status readUint(uint32_t& out, uint32_t minimum = 0, uint32_t maximum = UINT32_MAX);
  Status readBool(bool& out);
  template <size_t N>
  Status readText(FixedText<N>& out);
  Status readEnum(uint8_t& out, const WireEnum& words);
  Status readDigest(uint8_t* out);
  Status readInstant(int64_t& milliseconds);
  Status skip() { return isJson_ ? json_.skip() : cbor_.skip(); }
  Status finish() { return isJson_ ? json_.finish() : cbor_.finish(); }

 private:
  bool isJson_;
  CborReader cbor_;
  JsonReader json_;
  uint32_t left_[cborDepthMax] = {};
  uint32_t depth_ = 0;
};

template <size_t N>
Status WireReader::readText(FixedText<N>& out) {
  if (isJson_) return json_.readText(out);
  std::string_view text;
  CX_TRY(cbor_.readText(text, N));
  return out.assign(text);
}

// A fresh value in place: assigning T() would build a second one on the stack first, which a small board feels.
template <class T>
void renew(T& value) {
  value.~T();
  new (&value) T();
}

// "2026-11-21T09:00:00Z", with milliseconds when there are any. At most 24 characters.
void formatInstant(int64_t millisecondsUtc, FixedText<24>& out);
// RFC 3339 with an offset; malformed otherwise.
Expected<int64_t> parseInstant(std::string_view text);

}  // namespace cx
