#include "json_writer.hpp"

namespace cx {

void JsonWriter::separate() {
  if (isAfterKey_) {
    isAfterKey_ = false;
    return;
  }
  if (hasItem_[depth_]) text_.put(depth_ == 0 ? ' ' : ',');
  if (hasItem_[depth_] && depth_ == 0) status_ = Status::invalid;  // a second value beside the first
  hasItem_[depth_] = true;
}

void JsonWriter::open(char bracket) {
  separate();
  if (depth_ + 1 >= sizeof hasItem_) {
    status_ = Status::tooLarge;
    return;
  }
  text_.put(bracket);
  hasItem_[++depth_] = false;
}

void JsonWriter::close(char bracket) {
  if (depth_ == 0 || isAfterKey_) {
    status_ = Status::invalid;
    return;
  }
  depth_--;
  text_.put(bracket);
}

JsonWriter& JsonWriter::beginObject() {
  open('{');
  return *this;
}
JsonWriter& JsonWriter::endObject() {
  close('}');
  return *this;
}
JsonWriter& JsonWriter::beginArray() {
  open('[');
  return *this;
}
JsonWriter& JsonWriter::endArray() {
  close(']');
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  if (isAfterKey_) status_ = Status::invalid;
  separate();
  quoted(name);
  text_.put(':');
  isAfterKey_ = true;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  separate();
  quoted(value);
  return *this;
}
JsonWriter& JsonWriter::uint(uint64_t value) {
  separate();
  text_.putUint(value);
  return *this;
}
JsonWriter& JsonWriter::integer(int64_t value) { return decimal(Decimal::integer(value)); }
JsonWriter& JsonWriter::decimal(Decimal value) {
  separate();
  text_.putDecimal(value);
  return *this;
}
JsonWriter& JsonWriter::boolean(bool value) {
  separate();
  text_.put(value ? "true" : "false");
  return *this;
}
JsonWriter& JsonWriter::null() {
  separate();
  text_.put("null");
  return *this;
}

void JsonWriter::quoted(std::string_view value) {
  if (!isUtf8(asBytes(value))) status_ = Status::invalid;
  text_.put('"');
  for (const char c : value) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      text_.put('\\').put(c);
    } else if (c == '\n') {
      text_.put("\\n");
    } else if (byte < 0x20) {
      text_.put("\\u00").putHex(ByteSpan(&byte, 1));
    } else {
      text_.put(c);
    }
  }
  text_.put('"');
}

Expected<ByteSpan> JsonWriter::finish() const {
  if (!isOk(status_)) return status_;
  if (!isOk(text_.status())) return text_.status();
  if (depth_ != 0 || isAfterKey_ || !hasItem_[0]) return Status::invalid;
  return asBytes(text_.view());
}

}  // namespace cx
