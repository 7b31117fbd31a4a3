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
  constexpr Span(T* data, std::size_t size) : data_(data), size_(size) {}
  template <std::size_t N>
  constexpr Span(T (&array)[N]) : data_(array), size_(N) {}
  // A mutable view converts to a constant one.
  template <typename U, typename = std::enable_if_t<std::is_same_v<const U, T>>>
  constexpr Span(Span<U> other) : data_(other.data()), size_(other.size()) {}

  constexpr T* data() const { return data_; }
  constexpr std::size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T& operator[](std::size_t index) const { return data_[index]; }
  constexpr T* begin() const { return data_; }
  constexpr T* end() const { return data_ + size_; }

  constexpr Span first(std::size_t count) const { return Span(data_, count < size_ ? count : size_); }
  constexpr Span from(std::size_t offset) const {
    return offset >= size_ ? Span(data_ + size_, 0) : Span(data_ + offset, size_ - offset);
  }
  constexpr Span slice(std::size_t offset, std::size_t count) const { return from(offset).first(count); }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

using ByteSpan = Span<const std::uint8_t>;
using MutableSpan = Span<std::uint8_t>;

inline ByteSpan as_bytes(std::string_view text) {
  return ByteSpan(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
}
inline std::string_view as_text(ByteSpan bytes) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}
inline bool equal(ByteSpan left, ByteSpan right) {
  return left.size() == right.size() && (left.empty() || std::memcmp(left.data(), right.data(), left.size()) == 0);
}
// std::string_view::substr may throw, which no target here links; this one clamps.
constexpr std::string_view slice(std::string_view text, std::size_t offset, std::size_t count = static_cast<std::size_t>(-1)) {
  if (offset >= text.size()) return std::string_view(text.data() + text.size(), 0);
  const std::size_t rest = text.size() - offset;
  return std::string_view(text.data() + offset, count < rest ? count : rest);
}

// Bytes with a fixed capacity inside. assign() refuses what doesn't fit and then keeps the old content.
template <std::size_t Capacity>
class FixedBytes {
 public:
  static constexpr std::size_t capacity() { return Capacity; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const std::uint8_t* data() const { return bytes_; }
  std::uint8_t* data() { return bytes_; }
  ByteSpan view() const { return ByteSpan(bytes_, size_); }
  MutableSpan storage() { return MutableSpan(bytes_, Capacity); }
  void clear() { size_ = 0; }
  // After writing through storage(): the number of bytes that count; false if over the capacity.
  bool resize(std::size_t size) {
    if (size > Capacity) return false;
    size_ = size;
    return true;
  }
  Status assign(ByteSpan source) {
    if (source.size() > Capacity) return Status::too_large;
    if (!source.empty()) std::memmove(bytes_, source.data(), source.size());
    size_ = source.size();
    return Status::ok;
  }
  Status append(ByteSpan source) {
    if (source.size() > Capacity - size_) return Status::too_large;
    if (!source.empty()) std::memmove(bytes_ + size_, source.data(), source.size());
    size_ += source.size();
    return Status::ok;
  }

 private:
  std::size_t size_ = 0;
  std::uint8_t bytes_[Capacity == 0 ? 1 : Capacity] = {};
};

// Text with a fixed capacity inside, always NUL-terminated for logs and systems that want it; NUL is not counted.
template <std::size_t Capacity>
class FixedText {
 public:
  FixedText() = default;
  static constexpr std::size_t capacity() { return Capacity; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const char* c_str() const { return text_; }
  std::string_view view() const { return std::string_view(text_, size_); }
  operator std::string_view() const { return view(); }
  void clear() {
    size_ = 0;
    text_[0] = '\0';
  }
  Status assign(std::string_view source) {
    if (source.size() > Capacity) return Status::too_large;
    if (!source.empty()) std::memmove(text_, source.data(), source.size());
    size_ = source.size();
    text_[size_] = '\0';
    return Status::ok;
  }
  Status append(std::string_view source) {
    if (source.size() > Capacity - size_) return Status::too_large;
    if (!source.empty()) std::memmove(text_ + size_, source.data(), source.size());
    size_ += source.size();
    text_[size_] = '\0';
    return Status::ok;
  }
  // For people's eyes only: what doesn't fit is cut off (at a byte, which display and log accept).
  void assign_cut(std::string_view source) {
    const std::string_view head = slice(source, 0, Capacity);
    if (!head.empty()) std::memmove(text_, head.data(), head.size());
    size_ = head.size();
    text_[size_] = '\0';
  }

 private:
  std::size_t size_ = 0;
  char text_[Capacity + 1] = {};
};

template <std::size_t A, std::size_t B>
bool operator==(const FixedText<A>& left, const FixedText<B>& right) {
  return left.view() == right.view();
}

}  // namespace cx
