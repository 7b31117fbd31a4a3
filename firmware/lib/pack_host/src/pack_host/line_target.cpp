#include "pack_host/line_target.hpp"

#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <sys/un.h>

namespace cx::pack {
namespace {

bool parseTcp(const char* text, LineTarget& out) {
  const char* const colon = std::strrchr(text, ':');
  if (colon == nullptr) return false;
  char host[hal::addressTextMax];
  const bool isBracketed = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
  const char* const first = text + (isBracketed ? 1 : 0);
  const size_t length = static_cast<size_t>(colon - first) - (isBracketed ? 1 : 0);
  if (length == 0 || length >= sizeof host) return false;
  std::memcpy(host, first, length);
  host[length] = '\0';
  if (std::strspn(colon + 1, "0123456789") != std::strlen(colon + 1) || colon[1] == '\0' || std::strlen(colon + 1) > 5) return false;
  const unsigned long port = std::strtoul(colon + 1, nullptr, 10);
  if (port == 0 || port > 65535) return false;
  return hal::parseAddress(std::strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, static_cast<uint16_t>(port), out.address);
}

}  // namespace

bool parseLineTarget(const char* text, LineTarget& out) {
  out = LineTarget();
  for (const char* scheme : {"tcp://", "socket://"}) {
    if (std::strncmp(text, scheme, std::strlen(scheme)) != 0) continue;
    out.kind = LineKind::tcp;
    return parseTcp(text + std::strlen(scheme), out);
  }
  if (std::strncmp(text, "unix:", 5) == 0) text += 5;
  if (std::strchr(text, '/') == nullptr || std::strstr(text, "://") != nullptr || std::strlen(text) >= sizeof(sockaddr_un{}.sun_path)) return false;
  out.kind = LineKind::path;
  out.path = text;
  return true;
}

}  // namespace cx::pack
