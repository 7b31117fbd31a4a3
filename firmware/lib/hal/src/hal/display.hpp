// A small monochrome display. Core draws into its own buffer; the port only carries it to the glass.
#pragma once
#include <cstdint>

namespace cx::hal {

class Display {
 public:
  // False: no display answers; the node goes on without (and a self-test that needs it fails).
  virtual bool initialise() = 0;
  virtual uint16_t width() = 0;   // pixels
  virtual uint16_t height() = 0;  // pixels, a multiple of 8
  // The whole picture: width * height / 8 bytes, pages of 8 rows, the lowest bit on top (as the SSD1306 has it).
  virtual void show(const uint8_t* frame, uint32_t size) = 0;
  // The same content as words, line by line, for ports that have no glass. `line` counts from 0.
  virtual void text(uint8_t line, const char* words) = 0;

 protected:
  ~Display() = default;
};

}  // namespace cx::hal
