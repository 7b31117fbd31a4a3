// The lines of serial-line CAN (Lawicel's ASCII protocol): one frame a line, ended by CR.
//
//   tIIIL[DD...]         11-bit identifier, length, data, all in hexadecimal
//   TIIIIIIIIL[DD...]    29-bit identifier
#pragma once

#include "can.hpp"
#include "span.hpp"

namespace cx::pack {

constexpr size_t slcanLineMax = 27;  // T, 8 digits, length, 16 digits, CR
constexpr uint8_t slcanEnd = '\r';
constexpr uint8_t slcanFailed = 7;   // BEL: what was asked for failed

// With the CR. Returns the length.
size_t writeSlcanLine(const can::Frame& frame, uint8_t (&out)[slcanLineMax]);
// `line` without its CR. A time stamp of four digits behind the data is passed over. False: not a data frame.
bool readSlcanLine(ByteSpan line, can::Frame& out);

}  // namespace cx::pack
