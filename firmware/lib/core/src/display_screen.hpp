// Text on a small monochrome display: a framebuffer in the SSD1306's layout, an own 3x5 font in cells of 4x6.
#pragma once

#include <cstdint>
#include <string_view>

#include "hal/display.hpp"
#include "span.hpp"

namespace cx {

constexpr uint8_t screenLines = 4;
constexpr size_t screenColumns = 32;

// Lines of text over a framebuffer. Nothing is sent to the glass before flush(), and nothing unless something changed.
class Screen {
 public:
  // `frame` is the owner's: width * height / 8 bytes; smaller ones leave only the words (Display::text).
  Screen(hal::Display* display, MutableSpan frame) : display_(display), frame_(frame) {}

  // False: there is no display, or it doesn't answer.
  bool begin();
  // Line 0 is on top. Cut off at the width. Ignored while frozen.
  void line(uint8_t index, std::string_view words);
  // Shows these words alone until thaw(): the picture of maintenance.
  void freeze(std::string_view words);
  void thaw();
  bool isFrozen() const { return isFrozen_; }
  void flush();
  ByteSpan frame() const { return frame_; }
  std::string_view words(uint8_t index) const { return index < screenLines ? lines_[index].view() : std::string_view(); }

 private:
  void draw(uint8_t index);
  void set(uint8_t index, std::string_view words);

  hal::Display* display_;
  MutableSpan frame_;
  uint16_t width_ = 0;
  uint16_t height_ = 0;
  bool isFrozen_ = false;
  uint8_t changed_ = 0;  // a bit per line
  FixedText<screenColumns> lines_[screenLines];
};

// Rows of one glyph, 3 bits each from the top, the highest bits first; unknown characters are a filled box.
uint16_t glyphOf(char character);

}  // namespace cx
