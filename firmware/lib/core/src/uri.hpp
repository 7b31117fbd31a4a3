// URIs of artifacts and managers: coap://, http:// with host, port, path and query. Views into the text.
#pragma once

#include <cstdint>
#include <string_view>

#include "span.hpp"
#include "status.hpp"

namespace cx {

constexpr size_t uriMax = 255;
constexpr size_t uriHostMax = 63;

enum class UriScheme : uint8_t { coap, coaps, http, https };

struct Uri {
  UriScheme scheme = UriScheme::coap;
  std::string_view host;  // without the brackets of an IPv6 address
  bool isIpv6Literal = false;
  uint16_t port = 0;      // the scheme's default when absent: 5683, 5684, 80, 443
  std::string_view path;  // with its leading '/', "/" when absent; still percent-encoded
  std::string_view query; // without '?'
};

// malformed: no such scheme syntax, control characters, spaces, user info, fragment, bad port or percent-encoding;
// unsupported: another scheme; tooLarge: over the limits.
Expected<Uri> parseUri(std::string_view text);

// Decodes %XX; malformed: a bad escape; full: it doesn't fit.
Expected<std::string_view> decodePercent(std::string_view text, char* out, size_t capacity);

}  // namespace cx
