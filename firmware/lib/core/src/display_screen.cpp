#include "display_screen.hpp"

#include <cstring>

namespace cx {

namespace {

constexpr uint16_t cellWidth = 4;
constexpr uint16_t cellHeight = 6;
constexpr uint16_t glyphWidth = 3;
constexpr uint16_t glyphHeight = 5;
constexpr uint16_t lineSkip = 2;  // pixels between lines

// Printable ASCII from space on, drawn for this project: 5 rows of 3 pixels, the top left one in bit 14.
constexpr uint16_t font[95] = {
    0x0000, 0x2482, 0x5A00, 0x5F7D, 0x3CF2, 0x52A5, 0x2AAB, 0x2400, 0x1491, 0x4494, 0x0AA8, 0x05D0,
    0x0014, 0x01C0, 0x0002, 0x12A4, 0x7B6F, 0x2C97, 0x62A7, 0x72CF, 0x5BC9, 0x798E, 0x39EF, 0x7292,
    0x7BEF, 0x7BCE, 0x0410, 0x0414, 0x1511, 0x0E38, 0x4454, 0x6282, 0x2BE3, 0x2BED, 0x6BAE, 0x3923,
    0x6B6E, 0x79A7, 0x79A4, 0x396B, 0x5BED, 0x7497, 0x126A, 0x5BAD, 0x4927, 0x5FED, 0x6B6D, 0x2B6A,
    0x6BA4, 0x2B73, 0x6BAD, 0x388E, 0x7492, 0x5B6F, 0x5B6A, 0x5BFD, 0x5AAD, 0x5A92, 0x72A7, 0x6926,
    0x4889, 0x324B, 0x2A00, 0x0007, 0x4400, 0x076B, 0x4D6E, 0x0723, 0x176B, 0x05E3, 0x15D2, 0x075E,
    0x4D6D, 0x2092, 0x104E, 0x4BB5, 0x6497, 0x0DED, 0x0D6D, 0x056A, 0x0D74, 0x0759, 0x0724, 0x079E,
    0x2E91, 0x0B6B, 0x0B6A, 0x0B7E, 0x0A95, 0x0B54, 0x0EF7, 0x3593, 0x2492, 0x64D6, 0x03E0,
};

}  // namespace

uint16_t glyphOf(char character) {
  return character >= ' ' && character <= '~' ? font[character - ' '] : 0x7FFF;
}

bool Screen::begin() {
  if (display_ == nullptr || !display_->initialise()) {
    display_ = nullptr;
    return false;
  }
  width_ = display_->width();
  height_ = display_->height();
  if (frame_.size() < static_cast<size_t>(width_) * height_ / 8) frame_ = MutableSpan();
  if (!frame_.empty()) std::memset(frame_.data(), 0, frame_.size());
  changed_ = (1U << screenLines) - 1U;
  return true;
}

void Screen::set(uint8_t index, std::string_view words) {
  if (index >= screenLines) return;
  const std::string_view cut = slice(words, 0, screenColumns);
  if (lines_[index].view() == cut) return;
  lines_[index].assignCut(cut);
  changed_ = static_cast<uint8_t>(changed_ | 1U << index);
}

void Screen::line(uint8_t index, std::string_view words) {
  if (!isFrozen_) set(index, words);
}

void Screen::freeze(std::string_view words) {
  isFrozen_ = true;
  for (uint8_t i = 0; i < screenLines; ++i) set(i, i == 0 ? words : std::string_view());
}

void Screen::thaw() {
  isFrozen_ = false;
  set(0, "");
}

void Screen::draw(uint8_t index) {
  const uint16_t top = static_cast<uint16_t>(index * (cellHeight + lineSkip));
  const std::string_view words = lines_[index].view();
  for (uint16_t x = 0; x < width_; ++x) {
    const uint16_t column = x / cellWidth;
    const uint16_t within = x % cellWidth;
    const uint16_t glyph = column < words.size() && within < glyphWidth ? glyphOf(words[column]) : 0;
    for (uint16_t row = 0; row < cellHeight; ++row) {
      const uint16_t y = static_cast<uint16_t>(top + row);
      if (y >= height_) return;
      uint8_t& cell = frame_[static_cast<size_t>(y / 8) * width_ + x];
      const uint8_t bit = static_cast<uint8_t>(1U << (y % 8));
      const bool isSet = glyph != 0 && row < glyphHeight && (glyph >> (14 - row * glyphWidth - within) & 1U) != 0;
      cell = static_cast<uint8_t>(isSet ? cell | bit : cell & ~bit);
    }
  }
}

void Screen::flush() {
  if (display_ == nullptr || changed_ == 0) return;
  for (uint8_t i = 0; i < screenLines; ++i) {
    if ((changed_ & 1U << i) == 0) continue;
    if (!frame_.empty()) draw(i);
    display_->text(i, lines_[i].cStr());
  }
  changed_ = 0;
  if (!frame_.empty()) display_->show(frame_.data(), static_cast<uint32_t>(static_cast<size_t>(width_) * height_ / 8));
}

}  // namespace cx
