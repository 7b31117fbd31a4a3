// Text forms of addresses (RFC 4291 section 2.2, written as RFC 5952 says), without any socket header.
#include "hal/address.hpp"

#include <cstring>

namespace cx::hal {

namespace {

constexpr uint32_t groups = 8;

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four decimal numbers of 0..255 without leading zeros, up to the end of the text.
bool parseV4(const char* text, uint8_t* out) {
  for (int part = 0; part < 4; part++) {
    if (part > 0 && *text++ != '.') return false;
    uint32_t value = 0;
    const char* start = text;
    while (*text >= '0' && *text <= '9' && text - start < 3) value = value * 10 + static_cast<uint32_t>(*text++ - '0');
    if (text == start || value > 255 || (*start == '0' && text - start > 1)) return false;
    out[part] = static_cast<uint8_t>(value);
  }
  return *text == '\0';
}

bool parseV6(const char* text, uint8_t* out) {
  uint16_t value[groups] = {};
  uint32_t count = 0;
  uint32_t gap = groups + 1;  // index of the group before which "::" stands
  if (text[0] == ':' && text[1] == ':') {
    gap = 0;
    text += 2;
  }
  while (*text != '\0') {
    if (count == groups) return false;
    const char* start = text;
    uint32_t group = 0;
    while (hexDigit(*text) >= 0 && text - start < 4) group = group * 16 + static_cast<uint32_t>(hexDigit(*text++));
    if (text == start) return false;
    if (*text == '.') {  // an IPv4 address as the last two groups
      uint8_t v4[4];
      if (count > groups - 2 || !parseV4(start, v4)) return false;
      value[count++] = static_cast<uint16_t>(v4[0] << 8 | v4[1]);
      value[count++] = static_cast<uint16_t>(v4[2] << 8 | v4[3]);
      break;
    }
    value[count++] = static_cast<uint16_t>(group);
    if (*text == '\0') break;
    if (*text++ != ':') return false;
    if (*text == ':') {
      if (gap <= groups) return false;
      gap = count;
      text++;
    } else if (*text == '\0') {
      return false;
    }
  }
  const bool hasGap = gap <= groups;
  if (hasGap ? count == groups : count != groups) return false;
  const uint32_t filled = groups - count;
  std::memset(out, 0, 16);
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t at = hasGap && i >= gap ? i + filled : i;
    out[at * 2] = static_cast<uint8_t>(value[i] >> 8);
    out[at * 2 + 1] = static_cast<uint8_t>(value[i]);
  }
  return true;
}

// Collects text and stops silently at the capacity; the buffers of callers are large enough by addressTextMax.
struct Writer {
  char* out;
  uint32_t capacity;
  uint32_t size = 0;

  void put(char c) {
    if (size + 1 < capacity) out[size++] = c;
  }
  void number(uint32_t value, uint32_t base) {
    char digits[10];
    uint32_t count = 0;
    do {
      digits[count++] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    while (count > 0) put(digits[--count]);
  }
};

void writeV6(Writer& writer, const uint8_t* bytes) {
  uint16_t value[groups];
  for (uint32_t i = 0; i < groups; i++) value[i] = static_cast<uint16_t>(bytes[i * 2] << 8 | bytes[i * 2 + 1]);
  uint32_t bestStart = groups, bestLength = 1;  // the longest run of two or more zero groups, the first of equals
  for (uint32_t i = 0; i < groups; i++) {
    uint32_t length = 0;
    while (i + length < groups && value[i + length] == 0) length++;
    if (length > bestLength) {
      bestStart = i;
      bestLength = length;
    }
  }
  for (uint32_t i = 0; i < groups; i++) {
    if (i == bestStart) {
      writer.put(':');
      writer.put(':');
      i += bestLength - 1;
      continue;
    }
    if (i > 0 && !(bestStart < groups && i == bestStart + bestLength)) writer.put(':');
    writer.number(value[i], 16);
  }
}

}  // namespace

bool Address::isLoopback() const {
  if (family == 4) return bytes[0] == 127;
  if (family != 6) return false;
  for (int i = 0; i < 15; i++) {
    if (bytes[i] != 0) return false;
  }
  return bytes[15] == 1;
}

bool operator==(const Address& a, const Address& b) {
  if (a.family != b.family || a.port != b.port) return false;
  return std::memcmp(a.bytes, b.bytes, a.family == 4 ? 4 : 16) == 0;
}

bool parseAddress(const char* text, uint16_t port, Address& out) {
  Address parsed;
  if (parseV4(text, parsed.bytes)) {
    parsed.family = 4;
  } else if (parseV6(text, parsed.bytes)) {
    parsed.family = 6;
  } else {
    return false;
  }
  parsed.port = port;
  out = parsed;
  return true;
}

uint32_t formatAddress(const Address& address, char* out, uint32_t capacity) {
  if (capacity == 0) return 0;
  Writer writer{out, capacity};
  if (address.family == 4) {
    for (int i = 0; i < 4; i++) {
      if (i > 0) writer.put('.');
      writer.number(address.bytes[i], 10);
    }
  } else if (address.family == 6) {
    writer.put('[');
    writeV6(writer, address.bytes);
    writer.put(']');
  }
  if (address.isSet()) {
    writer.put(':');
    writer.number(address.port, 10);
  }
  out[writer.size] = '\0';
  return writer.size;
}

}  // namespace cx::hal
