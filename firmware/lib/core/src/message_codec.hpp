// The tables behind schemas/generated/cpp and the one codec that walks them: CBOR with integer keys (content format 60)
// to and from plain structs. A struct holds views: texts and digests point into the input, lists into the caller's
// scratch. Nothing is allocated, and a struct lives no longer than what it points into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "cbor.hpp"
#include "decimal.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx {

// A member of a message that may be absent. Layout: the value, then the flag.
template <typename T>
struct Optional {
  constexpr Optional() = default;
  template <typename U, typename = std::enable_if_t<std::is_convertible_v<U, T>>>
  constexpr Optional(const U& present) : value(static_cast<T>(present)), isSet(true) {}

  constexpr explicit operator bool() const { return isSet; }
  constexpr const T& operator*() const { return value; }
  constexpr const T* operator->() const { return &value; }
  constexpr T valueOr(const T& otherwise) const { return isSet ? value : otherwise; }

  T value{};
  bool isSet = false;
};

// A free setting: names chosen by the sender. A list of them is written in ascending order of key, shorter ones first.
struct TextPair {
  std::string_view key;
  std::string_view value;
};

enum class MemberType : uint8_t {
  text,             // std::string_view; maximum: bytes
  digest,           // ByteSpan of 32 bytes
  instant,          // uint64_t, seconds since 1970
  word,             // an enumeration of uint8_t; maximum: the bits of the values that are allowed
  unsignedInteger,  // uint32_t
  signedInteger,    // int32_t; the limits are its bits
  decimal,          // Decimal; the limits are whole numbers in the bits of int32_t
  boolean,          // bool
  object,           // a struct
  textList,         // Span<const std::string_view>; maximum: items, minimum: bytes of each
  objectList,       // Span<const struct>; maximum: items
  textMap,          // Span<const TextPair>; maximum: pairs, minimum: bytes of a key << 16 | bytes of a value
};

struct MessageShape;

// Whole words only, so that tables may stay in a flash that is read by words.
struct Member {
  uint32_t layout;  // offset in the struct | key << 16 | type << 24 | places << 28 | required << 31
  uint32_t minimum;
  uint32_t maximum;
  const MessageShape* shape;

  constexpr size_t offset() const { return layout & 0xFFFFU; }
  constexpr uint8_t key() const { return static_cast<uint8_t>(layout >> 16U); }
  constexpr MemberType type() const { return static_cast<MemberType>(layout >> 24U & 0xFU); }
  constexpr uint8_t places() const { return static_cast<uint8_t>(layout >> 28U & 7U); }
  constexpr bool isRequired() const { return layout >> 31U != 0; }
};

constexpr Member member(size_t offset, uint8_t key, MemberType type, bool isRequired, uint32_t minimum, uint32_t maximum,
                        uint8_t places = 0, const MessageShape* shape = nullptr) {
  return Member{static_cast<uint32_t>(offset) | uint32_t{key} << 16U | static_cast<uint32_t>(type) << 24U | uint32_t{places} << 28U |
                    (isRequired ? 1U << 31U : 0U),
                minimum, maximum, shape};
}

// Members that belong to one value of the tag, as bits by their index.
struct MessageVariant {
  uint32_t tag;
  uint32_t required;
  uint32_t allowed;
};

struct MessageShape {
  Span<const Member> members;  // ascending by key, at most 32
  uint32_t size;               // of the struct
  uint32_t bytesMax;           // of the encoded message; 0: only a part of others
  Span<const MessageVariant> variants;
  uint32_t tagIndex = 0;
};

// Reads a whole message into the struct that `shape` describes; `scratch` takes its lists. tooLarge: over a limit of the
// schema; malformed: no strict CBOR; mismatch: a member of another type; invalid: out of range, or something missing;
// full: the scratch is used up. Text keys and unknown keys are passed over, null is absence. Patterns aren't checked.
Status decodeMessage(const MessageShape& shape, ByteSpan bytes, void* message, MutableSpan scratch);

// Writes the message into `out`. invalid: it breaks its own schema; full: it doesn't fit.
Expected<ByteSpan> encodeMessage(const MessageShape& shape, const void* message, MutableSpan out);

}  // namespace cx
