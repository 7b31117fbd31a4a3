#include "pack_host/slcan_line.hpp"

namespace cx::pack {
namespace {

constexpr size_t stampDigits = 4;

uint8_t digitOf(uint32_t value) { return static_cast<uint8_t>("0123456789ABCDEF"[value & 15]); }

// At most 8 digits from `at` on. False: one of them isn't one.
bool readHex(ByteSpan line, size_t at, size_t digits, uint32_t& out) {
  out = 0;
  for (size_t i = at; i < at + digits; i++) {
    const uint8_t c = line[i];
    uint32_t value = 0;
    if (c >= '0' && c <= '9') value = c - uint32_t{'0'};
    else if (c >= 'A' && c <= 'F') value = c - uint32_t{'A'} + 10;
    else if (c >= 'a' && c <= 'f') value = c - uint32_t{'a'} + 10;
    else return false;
    out = out << 4 | value;
  }
  return true;
}

}  // namespace

size_t writeSlcanLine(const can::Frame& frame, uint8_t (&out)[slcanLineMax]) {
  size_t size = 0;
  out[size++] = frame.isExtended ? 'T' : 't';
  for (int shift = frame.isExtended ? 28 : 8; shift >= 0; shift -= 4) out[size++] = digitOf(frame.id >> shift);
  const uint8_t length = frame.length > 8 ? 8 : frame.length;
  out[size++] = digitOf(length);
  for (uint8_t i = 0; i < length; i++) {
    out[size++] = digitOf(frame.data[i] >> 4);
    out[size++] = digitOf(frame.data[i]);
  }
  out[size++] = slcanEnd;
  return size;
}

bool readSlcanLine(ByteSpan line, can::Frame& out) {
  if (line.empty() || (line[0] != 't' && line[0] != 'T')) return false;
  const bool isExtended = line[0] == 'T';
  const size_t idDigits = isExtended ? 8 : 3;
  const size_t head = 1 + idDigits + 1;
  uint32_t id = 0;
  uint32_t length = 0;
  if (line.size() < head || !readHex(line, 1, idDigits, id) || !readHex(line, head - 1, 1, length)) return false;
  if (length > 8 || id > (isExtended ? 0x1fffffffU : 0x7ffU)) return false;
  if (line.size() != head + 2 * length && line.size() != head + 2 * length + stampDigits) return false;
  out = can::Frame();
  out.id = id;
  out.isExtended = isExtended;
  out.length = static_cast<uint8_t>(length);
  for (uint32_t i = 0; i < length; i++) {
    uint32_t byte = 0;
    if (!readHex(line, head + 2 * i, 2, byte)) return false;
    out.data[i] = static_cast<uint8_t>(byte);
  }
  uint32_t stamp = 0;
  return line.size() == head + 2 * length || readHex(line, head + 2 * length, stampDigits, stamp);
}

}  // namespace cx::pack
