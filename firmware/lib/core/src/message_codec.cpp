#include "message_codec.hpp"

#include <cstring>

#include "node_wire.hpp"

namespace cx {

namespace {

constexpr size_t digestSize = 32;
constexpr uint64_t instantMax = 253402300799ULL;  // the last second of the year 9999

template <typename T>
constexpr bool hasFlagBehindValue() {
  return offsetof(Optional<T>, isSet) == sizeof(T);
}
static_assert(hasFlagBehindValue<std::string_view>() && hasFlagBehindValue<ByteSpan>() && hasFlagBehindValue<uint64_t>() &&
                  hasFlagBehindValue<uint32_t>() && hasFlagBehindValue<Decimal>() && hasFlagBehindValue<bool>() && hasFlagBehindValue<uint8_t>(),
              "the codec finds the flag of an Optional right behind its value");
static_assert(sizeof(Span<const TextPair>) == sizeof(ByteSpan), "all spans have one layout");

// Values move as bytes, since the codec knows members by their offsets only.
template <typename T>
void put(uint8_t* at, const T& value) {
  std::memcpy(at, &value, sizeof value);
  at[sizeof value] = 1;
}
template <typename T>
T take(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

size_t valueSize(const Member& member) {
  switch (member.type()) {
    case MemberType::text: return sizeof(std::string_view);
    case MemberType::instant: return sizeof(uint64_t);
    case MemberType::word:
    case MemberType::boolean: return 1;
    case MemberType::unsignedInteger:
    case MemberType::signedInteger: return sizeof(uint32_t);
    case MemberType::decimal: return sizeof(Decimal);
    case MemberType::object: return member.shape->size;
    default: return sizeof(ByteSpan);
  }
}

bool isSet(const Member& member, const uint8_t* message) { return message[member.offset() + valueSize(member)] != 0; }

bool isInRange(const Member& member, Decimal value) {
  int64_t scale = 1;
  for (uint8_t i = 0; i < member.places(); i++) scale *= 10;
  const Expected<int64_t> steps = scaled(value, member.places());
  return steps && *steps >= static_cast<int32_t>(member.minimum) * scale && *steps <= static_cast<int32_t>(member.maximum) * scale;
}

// What is present must suffice, and of variants nothing else may be there to be sent.
Status checkPresence(const MessageShape& shape, const uint8_t* message, uint32_t present) {
  for (size_t i = 0; i < shape.members.size(); i++) {
    if (shape.members[i].isRequired() && (present >> i & 1U) == 0) return Status::invalid;
  }
  if (shape.variants.empty()) return Status::ok;
  const uint32_t tag = message[shape.members[shape.tagIndex].offset()];
  for (const MessageVariant& variant : shape.variants) {
    if (variant.tag == tag) return (variant.required & ~present) == 0 ? Status::ok : Status::invalid;
  }
  return Status::invalid;
}

class Decoder {
 public:
  Decoder(ByteSpan bytes, MutableSpan scratch) : reader_(bytes), scratch_(scratch) {}

  Status object(const MessageShape& shape, uint8_t* out) {
    uint32_t pairs = 0;
    CX_TRY(reader_.readMap(pairs));
    uint32_t present = 0;
    for (; pairs > 0; pairs--) {
      const Member* known = nullptr;
      CX_TRY(key(shape, known));
      if (known == nullptr) {
        CX_TRY(reader_.skip());
      } else if (reader_.peek() == CborType::null) {
        CX_TRY(reader_.readNull());
      } else {
        CX_TRY(value(*known, out + known->offset()));
        present |= 1U << static_cast<uint32_t>(known - shape.members.begin());
      }
    }
    return checkPresence(shape, out, present);
  }

  Status finish() const { return reader_.finish(); }

 private:
  Status key(const MessageShape& shape, const Member*& known) {
    const CborType type = reader_.peek();
    if (type == CborType::text || type == CborType::negativeInteger) return reader_.skip();
    uint64_t number = 0;
    const Status status = reader_.readUint(number);
    if (!isOk(status)) return Status::malformed;
    for (const Member& candidate : shape.members) {
      if (candidate.key() == number) known = &candidate;
    }
    return Status::ok;
  }

  Status value(const Member& member, uint8_t* out) {
    switch (member.type()) {
      case MemberType::text: return text(member.maximum, out);
      case MemberType::digest: return digest(out);
      case MemberType::instant: return instant(out);
      case MemberType::word:
      case MemberType::unsignedInteger: return unsignedInteger(member, out);
      case MemberType::signedInteger: return signedInteger(member, out);
      case MemberType::decimal: return decimal(member, out);
      case MemberType::boolean: return boolean(out);
      case MemberType::object: {
        CX_TRY(object(*member.shape, out));
        out[member.shape->size] = 1;
        return Status::ok;
      }
      default: return list(member, out);
    }
  }

  Status text(uint32_t maximum, uint8_t* out) {
    std::string_view text;
    CX_TRY(reader_.readText(text, maximum));
    put(out, text);
    return Status::ok;
  }

  Status digest(uint8_t* out) {
    ByteSpan bytes;
    CX_TRY(reader_.readBytes(bytes));
    if (bytes.size() != digestSize) return Status::invalid;
    put(out, bytes);
    return Status::ok;
  }

  Status instant(uint8_t* out) {
    uint64_t seconds = 0;
    if (reader_.peek() == CborType::text) {
      std::string_view text;
      CX_TRY(reader_.readText(text, 35));
      const Expected<int64_t> milliseconds = parseInstant(text);
      if (!milliseconds || *milliseconds < 0) return Status::invalid;
      seconds = static_cast<uint64_t>(*milliseconds) / 1000;
    } else {
      CX_TRY(reader_.readUint(seconds));
    }
    if (seconds > instantMax) return Status::invalid;
    put(out, seconds);
    return Status::ok;
  }

  Status unsignedInteger(const Member& member, uint8_t* out) {
    uint32_t number = 0;
    CX_TRY(reader_.readUint(number));
    if (member.type() == MemberType::word) {
      if (number > 31 || (member.maximum >> number & 1U) == 0) return Status::invalid;
      put(out, static_cast<uint8_t>(number));
      return Status::ok;
    }
    if (number < member.minimum || number > member.maximum) return Status::invalid;
    put(out, number);
    return Status::ok;
  }

  Status signedInteger(const Member& member, uint8_t* out) {
    int32_t number = 0;
    CX_TRY(reader_.readInt(number));
    if (number < static_cast<int32_t>(member.minimum) || number > static_cast<int32_t>(member.maximum)) return Status::invalid;
    put(out, number);
    return Status::ok;
  }

  Status decimal(const Member& member, uint8_t* out) {
    Decimal number;
    CX_TRY(reader_.readDecimal(number, member.places()));
    if (!isInRange(member, number)) return Status::invalid;
    put(out, number);
    return Status::ok;
  }

  Status boolean(uint8_t* out) {
    bool flag = false;
    CX_TRY(reader_.readBool(flag));
    put(out, flag);
    return Status::ok;
  }

  Status list(const Member& member, uint8_t* out) {
    const bool isMap = member.type() == MemberType::textMap;
    uint32_t count = 0;
    CX_TRY(isMap ? reader_.readMap(count) : reader_.readArray(count));
    if (count > member.maximum) return Status::tooLarge;
    const size_t itemSize = isMap ? sizeof(TextPair) : member.shape != nullptr ? member.shape->size : sizeof(std::string_view);
    uint8_t* items = nullptr;
    CX_TRY(reserve(itemSize * count, items));
    for (uint32_t i = 0; i < count; i++) CX_TRY(item(member, items + itemSize * i));
    put(out, ByteSpan(items, count));
    return Status::ok;
  }

  Status item(const Member& member, uint8_t* out) {
    if (member.type() == MemberType::objectList) return object(*member.shape, out);
    std::string_view text;
    if (member.type() == MemberType::textList) {
      CX_TRY(reader_.readText(text, member.minimum));
      std::memcpy(out, &text, sizeof text);
      return Status::ok;
    }
    TextPair pair;
    CX_TRY(reader_.readText(pair.key, member.minimum >> 16U));
    CX_TRY(reader_.readText(pair.value, member.minimum & 0xFFFFU));
    std::memcpy(out, &pair, sizeof pair);
    return Status::ok;
  }

  Status reserve(size_t size, uint8_t*& out) {
    constexpr size_t alignment = alignof(uint64_t) > alignof(void*) ? alignof(uint64_t) : alignof(void*);
    const size_t skew = reinterpret_cast<uintptr_t>(scratch_.data()) % alignment;
    const size_t gap = skew == 0 ? 0 : alignment - skew;
    if (size == 0) return Status::ok;
    if (scratch_.size() < gap || scratch_.size() - gap < size) return Status::full;
    out = scratch_.data() + gap;
    std::memset(out, 0, size);
    scratch_ = scratch_.from(gap + size);
    return Status::ok;
  }

  CborReader reader_;
  MutableSpan scratch_;
};

class Encoder {
 public:
  explicit Encoder(MutableSpan out) : writer_(out) {}

  Status object(const MessageShape& shape, const uint8_t* message) {
    uint32_t present = 0;
    uint32_t pairs = 0;
    for (size_t i = 0; i < shape.members.size(); i++) {
      if (!isSet(shape.members[i], message)) continue;
      present |= 1U << i;
      pairs++;
    }
    CX_TRY(checkPresence(shape, message, present));
    if (!shape.variants.empty()) CX_TRY(checkVariant(shape, message, present));
    writer_.putMap(pairs);
    for (const Member& member : shape.members) {
      if (!isSet(member, message)) continue;
      writer_.putUint(member.key());
      CX_TRY(value(member, message + member.offset()));
    }
    return Status::ok;
  }

  Expected<ByteSpan> finish() const { return writer_.finish(); }

 private:
  static Status checkVariant(const MessageShape& shape, const uint8_t* message, uint32_t present) {
    const uint32_t tag = message[shape.members[shape.tagIndex].offset()];
    for (const MessageVariant& variant : shape.variants) {
      if (variant.tag == tag && (present & ~variant.allowed) != 0) return Status::invalid;
    }
    return Status::ok;
  }

  Status value(const Member& member, const uint8_t* in) {
    switch (member.type()) {
      case MemberType::text: return text(take<std::string_view>(in), member.maximum);
      case MemberType::digest: {
        const ByteSpan bytes = take<ByteSpan>(in);
        if (bytes.size() != digestSize) return Status::invalid;
        writer_.putBytes(bytes);
        return Status::ok;
      }
      case MemberType::instant: {
        const uint64_t seconds = take<uint64_t>(in);
        if (seconds > instantMax) return Status::invalid;
        writer_.putUint(seconds);
        return Status::ok;
      }
      case MemberType::word: {
        if (in[0] > 31 || (member.maximum >> in[0] & 1U) == 0) return Status::invalid;
        writer_.putUint(in[0]);
        return Status::ok;
      }
      case MemberType::unsignedInteger: {
        const uint32_t number = take<uint32_t>(in);
        if (number < member.minimum || number > member.maximum) return Status::invalid;
        writer_.putUint(number);
        return Status::ok;
      }
      case MemberType::signedInteger: {
        const int32_t number = take<int32_t>(in);
        if (number < static_cast<int32_t>(member.minimum) || number > static_cast<int32_t>(member.maximum)) return Status::invalid;
        writer_.putInt(number);
        return Status::ok;
      }
      case MemberType::decimal: {
        const Decimal number = rounded(take<Decimal>(in), member.places());
        if (!isInRange(member, number)) return Status::invalid;
        writer_.putDecimal(number);
        return Status::ok;
      }
      case MemberType::boolean: writer_.putBool(in[0] != 0); return Status::ok;
      case MemberType::object: return object(*member.shape, in);
      default: return list(member, take<ByteSpan>(in));
    }
  }

  Status text(std::string_view text, size_t maximum) {
    if (text.size() > maximum) return Status::invalid;
    writer_.putText(text);
    return Status::ok;
  }

  // `items` counts items, whatever their size.
  Status list(const Member& member, ByteSpan items) {
    const uint32_t count = static_cast<uint32_t>(items.size());
    if (items.size() > member.maximum) return Status::invalid;
    if (member.type() == MemberType::textMap) return map(member, items.data(), count);
    writer_.putArray(count);
    for (uint32_t i = 0; i < count; i++) {
      if (member.shape != nullptr) {
        CX_TRY(object(*member.shape, items.data() + size_t{member.shape->size} * i));
      } else {
        CX_TRY(text(take<std::string_view>(items.data() + sizeof(std::string_view) * i), member.minimum));
      }
    }
    return Status::ok;
  }

  Status map(const Member& member, const uint8_t* pairs, uint32_t count) {
    writer_.putMap(count);
    std::string_view last;
    for (uint32_t i = 0; i < count; i++) {
      const TextPair pair = take<TextPair>(pairs + sizeof(TextPair) * i);
      const bool isAscending = pair.key.size() != last.size() ? pair.key.size() > last.size() : pair.key > last;
      if (i > 0 && !isAscending) return Status::invalid;
      CX_TRY(text(pair.key, member.minimum >> 16U));
      CX_TRY(text(pair.value, member.minimum & 0xFFFFU));
      last = pair.key;
    }
    return Status::ok;
  }

  CborWriter writer_;
};

}  // namespace

Status decodeMessage(const MessageShape& shape, ByteSpan bytes, void* message, MutableSpan scratch) {
  if (bytes.size() > shape.bytesMax) return Status::tooLarge;
  uint8_t* const out = static_cast<uint8_t*>(message);
  std::memset(out, 0, shape.size);
  Decoder decoder(bytes, scratch);
  CX_TRY(decoder.object(shape, out));
  return decoder.finish();
}

Expected<ByteSpan> encodeMessage(const MessageShape& shape, const void* message, MutableSpan out) {
  Encoder encoder(out.first(shape.bytesMax));
  const Status status = encoder.object(shape, static_cast<const uint8_t*>(message));
  if (!isOk(status)) return status;
  return encoder.finish();
}

}  // namespace cx
