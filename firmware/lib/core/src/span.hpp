// Views of bytes and bounded owners of bytes and text. Views own nothing; owners have their whole capacity inside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "status.hpp"

namespace cx {

// A view of `size` elements. Out-of-range requests are clamped, never undefined.
template <typename T>
class Span {
 public:
  constexpr Span() = default;
  constexpr Span(T* data, size_t size) : data_(data), size_(size) {}
  template <size_t N>
  constexpr Span(T (&array)[N]) : data_(array), size_(N) {}
  // A mutable view converts to a constant one.
  template <typename U, typename = std::enable_if_t<std::is_same_v<const U, T>>>
  constexpr Span(Span<U> other) : data_(other.data()), size_(other.size()) {}

  constexpr T* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T& operator[](size_t index) const { return data_[index]; }
  constexpr T* begin() const { return data_; }
  constexpr T* end() const { return data_ + size_; }

  constexpr Span first(size_t count) const { return Span(data_, count < size_ ? count : size_); }
  constexpr Span from(size_t offset) const {
    return offset >= size_ ? Span(data_ + size_, 0) : Span(data_ + offset, size_ - offset);
  }
  constexpr Span slice(size_t offset, size_t count) const { return from(offset).first(count); }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

using ByteSpan = Span<const uint8_t>;
using MutableSpan = Span<uint8_t>;

inline ByteSpan asBytes(std::string_view text) {
  return ByteSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}
inline std::string_view asText(ByteSpan bytes) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}
inline bool equal(ByteSpan left, ByteSpan right) {
  return left.size() == right.size() && (left.empty() || std::memcmp(left.data(), right.data(), left.size()) == 0);
}
// std::string_view::substr may throw, which no target here links; this one clamps.
constexpr std::string_view slice(std::string_view text, size_t offset, size_t count = static_cast<size_t>(-1)) {
  if (offset >= text.size()) return std::string_view(text.data() + text.size(), 0);
  const size_t rest = text.size() - offset;
  return std::string_view(text.data() + offset, count < rest ? count : rest);
}

// Bytes with a fixed capacity inside. assign() refuses what doesn't fit and then keeps the old content.
template <size_t Capacity>
class FixedBytes {
 public:
  static constexpr size_t capacity() { return Capacity; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const uint8_t* data() const { return bytes_; }
  uint8_t* data() { return bytes_; }
  ByteSpan view() const { return ByteSpan(bytes_, size_); }
  MutableSpan storage() { return MutableSpan(bytes_, Capacity); }
  void clear() { size_ = 0; }
  // After writing through storage(): the number of bytes that count; false if over the capacity.
  bool resize(size_t size) {
    if (size > Capacity) return false;
    size_ = size;
    return true;
  }
  Status assign(ByteSpan source) {
    if (source.size() > Capacity) return Status::tooLarge;
    if (!source.empty()) std::memmove(bytes_, source.data(), source.size());
    size_ = source.size();
    return Status::ok;
  }
  Status append(ByteSpan source) {
    if (source.size() > Capacity - size_) return Status::tooLarge;
    if (!source.empty()) std::memmove(bytes_ + size_, source.data(), source.size());
    size_ += source.size();
    return Status::ok;
  }

 private:
  size_t size_ = 0;
  uint8_t bytes_[Capacity == 0 ? 1 : Capacity] = {};
};

// Text with a fixed capacity inside, always NUL-terminated for logs and systems that want it; NUL is not counted.
template <size_t Capacity>
class FixedText {
 public:
  FixedText() = default;
  static constexpr size_t capacity() { return Capacity; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const char* cStr() const { return text_; }
  std::string_view view() const { return std::string_view(text_, size_); }
  operator std::string_view() const { return view(); }
  void clear() {
    size_ = 0;
    text_[0] = '\0';
  }
  Status assign(std::string_view source) {
    if (source.size() > Capacity) return Status::tooLarge;
    if (!source.empty()) std::memmove(text_, source.data(), source.size());
    size_ = source.size();
    text_[size_] = '\0';
    return Status::ok;
  }
  Status append(std::string_view source) {
    if (source.size() > Capacity - size_) return Status::tooLarge;
    if (!source.empty()) std::memmove(text_ + size_, source.data(), source.size());
    size_ += source.size();
    text_[size_] = '\0';
    return Status::ok;
  }
  // For people's eyes only: what doesn't fit is cut off (at a byte, which display and log accept).
  void assignCut(std::string_view source) {
    const std::string_view head = slice(source, 0, Capacity);
    if (!head.empty()) std::memmove(text_, head.data(), head.size());
    size_ = head.size();
    text_[size_] = '\0';
  }

 private:
  size_t size_ = 0;
  char text_[Capacity + 1] = {};
};

template <size_t A, size_t B>
bool operator==(const FixedText<A>& left, const FixedText<B>& right) {
  return left.view() == right.view();
}

}  // namespace cx
