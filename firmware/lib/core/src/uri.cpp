#include "uri.hpp"

#include "text.hpp"

namespace cx {

namespace {

constexpr int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t find(std::string_view text, char wanted) {
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == wanted) return i;
  }
  return text.size();
}

// Visible ASCII, and each '%' begins a whole escape.
bool isClean(std::string_view text) {
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] <= ' ' || text[i] > '~') return false;
    if (text[i] == '%' && (text.size() - i < 3 || hexDigit(text[i + 1]) < 0 || hexDigit(text[i + 2]) < 0)) return false;
  }
  return true;
}

bool isHostName(std::string_view host) {
  for (const char c : host) {
    const bool isAlnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!isAlnum && c != '.' && c != '-' && c != '_') return false;
  }
  return !host.empty();
}

bool isIpv6Text(std::string_view host) {
  for (const char c : host) {
    if (hexDigit(c) < 0 && c != ':' && c != '.') return false;
  }
  return host.size() >= 2;
}

}  // namespace

Expected<Uri> parseUri(std::string_view text) {
  struct Known {
    std::string_view name;
    UriScheme scheme;
    uint16_t port;
  };
  static constexpr Known schemes[] = {{"coap", UriScheme::coap, 5683}, {"coaps", UriScheme::coaps, 5684},
                                      {"http", UriScheme::http, 80}, {"https", UriScheme::https, 443}};
  if (text.size() > uriMax) return Status::tooLarge;
  if (!isClean(text) || find(text, '#') != text.size()) return Status::malformed;
  const size_t colon = find(text, ':');
  if (colon == 0 || slice(text, colon, 3) != "://") return Status::malformed;
  Uri uri;
  bool isKnown = false;
  for (const Known& known : schemes) {
    if (!equalIgnoringCase(known.name, slice(text, 0, colon))) continue;
    uri.scheme = known.scheme;
    uri.port = known.port;
    isKnown = true;
  }
  if (!isKnown) return Status::unsupported;

  std::string_view rest = slice(text, colon + 3);
  const size_t slash = find(rest, '/');
  const size_t mark = find(rest, '?');
  const std::string_view authority = slice(rest, 0, slash < mark ? slash : mark);
  rest = slice(rest, authority.size());

  std::string_view port;
  if (!authority.empty() && authority[0] == '[') {
    const size_t close = find(authority, ']');
    uri.host = slice(authority, 1, close - 1);
    uri.isIpv6Literal = true;
    port = slice(authority, close + 1);
    if (close == authority.size() || !isIpv6Text(uri.host) || (!port.empty() && port[0] != ':')) return Status::malformed;
  } else {
    const size_t end = find(authority, ':');
    uri.host = slice(authority, 0, end);
    port = slice(authority, end);
    if (!isHostName(uri.host)) return Status::malformed;  // user info has an '@', which no host name has
  }
  if (uri.host.size() > uriHostMax) return Status::tooLarge;
  if (port.size() > 1) {
    const Expected<uint64_t> number = parseUint(slice(port, 1));
    if (!number || *number == 0 || *number > UINT16_MAX) return Status::malformed;
    uri.port = static_cast<uint16_t>(*number);
  }
  const size_t question = find(rest, '?');
  uri.path = question == 0 ? std::string_view("/") : slice(rest, 0, question);
  uri.query = slice(rest, question + 1);
  if (uri.path.empty()) uri.path = "/";
  return uri;
}

Expected<std::string_view> decodePercent(std::string_view text, char* out, size_t capacity) {
  size_t size = 0;
  for (size_t i = 0; i < text.size(); i++) {
    char c = text[i];
    if (c == '%') {
      if (text.size() - i < 3) return Status::malformed;
      const int high = hexDigit(text[i + 1]);
      const int low = hexDigit(text[i + 2]);
      if (high < 0 || low < 0) return Status::malformed;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (size == capacity) return Status::full;
    out[size++] = c;
  }
  return std::string_view(out, size);
}

}  // namespace cx
