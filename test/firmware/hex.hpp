// Bytes written as hex text in a test.
#pragma once
#include <string_view>

#include "span.hpp"
#include "text.hpp"

template <size_t Capacity>
struct Hex {
  uint8_t bytes[Capacity] = {};
  size_t size = 0;
  explicit Hex(std::string_view text) {
    size = text.size() / 2;
    if (size > Capacity || cx::parseHex(text, cx::MutableSpan(bytes, size)) != cx::Status::ok) size = 0;
  }
  cx::ByteSpan view() const { return cx::ByteSpan(bytes, size); }
};

template <size_t Capacity = 512>
bool isHex(cx::ByteSpan bytes, std::string_view text) {
  const Hex<Capacity> wanted(text);
  return wanted.size * 2 == text.size() && cx::equal(bytes, wanted.view());
}
