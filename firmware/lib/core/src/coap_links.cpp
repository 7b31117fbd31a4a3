#include "coap_links.hpp"

namespace cx {

namespace {

size_t indexOf(std::string_view text, char wanted) {
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == wanted) return i;
  }
  return text.size();
}

// "abc*" matches what begins with abc, "abc" itself alone.
bool matches(std::string_view value, std::string_view pattern) {
  if (!pattern.empty() && pattern[pattern.size() - 1] == '*') return startsWith(value, slice(pattern, 0, pattern.size() - 1));
  return value == pattern;
}

// One of the attribute's space-separated values matches (RFC 6690 section 4.1).
bool anyMatches(std::string_view values, std::string_view pattern) {
  while (!values.empty()) {
    const std::string_view value = slice(values, 0, indexOf(values, ' '));
    if (matches(value, pattern)) return true;
    values = slice(values, value.size() + 1);
  }
  return false;
}

// The value of `name` in ";name=\"value\";flag"; false when absent.
bool attribute(std::string_view attributes, std::string_view name, std::string_view& value) {
  while (!attributes.empty()) {
    attributes = slice(attributes, 1);  // ';'
    size_t end = 0;
    for (bool isQuoted = false; end < attributes.size() && (isQuoted || attributes[end] != ';'); end++) {
      if (attributes[end] == '"') isQuoted = !isQuoted;
    }
    const std::string_view item = slice(attributes, 0, end);
    attributes = slice(attributes, end);
    const size_t equals = indexOf(item, '=');
    if (slice(item, 0, equals) != name) continue;
    value = slice(item, equals + 1);
    if (value.size() >= 2 && value[0] == '"') value = slice(value, 1, value.size() - 2);
    return true;
  }
  return false;
}

bool isWanted(const CoapRoute& route, std::string_view filter) {
  if (filter.empty()) return true;
  const size_t equals = indexOf(filter, '=');
  const std::string_view name = slice(filter, 0, equals);
  const std::string_view pattern = slice(filter, equals + 1);
  if (name == "href") return !pattern.empty() && pattern[0] == '/' && matches(route.path, slice(pattern, 1));
  if (name == "obs") return route.isObservable;
  std::string_view value;
  return attribute(route.attributes, name, value) && anyMatches(value, pattern);
}

}  // namespace

size_t writeLinks(Span<const CoapRoute> routes, std::string_view filter, TextWriter& out) {
  size_t count = 0;
  for (const CoapRoute& route : routes) {
    if (!route.isListed || !isWanted(route, filter)) continue;
    if (count++ > 0) out.put(',');
    out.put("</").put(route.path).put('>').put(route.attributes);
    if (route.isObservable) out.put(";obs");
  }
  return count;
}

}  // namespace cx
