#include "http_response.hpp"

#include "text.hpp"

namespace cx {

namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text[0] == ' ' || text[0] == '\t')) text = slice(text, 1);
  while (!text.empty() && (text[text.size() - 1] == ' ' || text[text.size() - 1] == '\t')) text = slice(text, 0, text.size() - 1);
  return text;
}

size_t indexOf(std::string_view text, char wanted) {
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == wanted) return i;
  }
  return text.size();
}

// RFC 9110 section 5.6.2. A space before the colon, for one, isn't part of a name.
bool isToken(std::string_view text) {
  static constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  for (const char c : text) {
    const bool isAlnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!isAlnum && indexOf(others, c) == others.size()) return false;
  }
  return !text.empty();
}

}  // namespace

void HttpResponseHead::reset() { *this = HttpResponseHead{}; }

Status HttpResponseHead::feed(ByteSpan bytes, size_t& taken) {
  taken = 0;
  while (taken < bytes.size() && !isComplete_) {
    const auto c = static_cast<char>(bytes[taken++]);
    if (++headSize_ > httpHeadMax) return Status::tooLarge;
    if (c == '\n') {  // a lone LF ends a line as well (RFC 9112 section 2.2)
      isAfterCr_ = false;
      CX_TRY(line());
      line_.clear();
      continue;
    }
    if (isAfterCr_) return Status::malformed;
    if (c == '\r') {
      isAfterCr_ = true;
      continue;
    }
    if (c == '\0' || !isOk(line_.append(std::string_view(&c, 1)))) return c == '\0' ? Status::malformed : Status::tooLarge;
  }
  return isComplete_ ? Status::ok : Status::again;
}

Status HttpResponseHead::line() {
  const std::string_view text = line_.view();
  if (!hasStatusLine_) {
    hasStatusLine_ = true;
    return statusLine(text);
  }
  if (text.empty()) {
    // An interim response (1xx) has a head only; the final one follows.
    if (status_ >= 100 && status_ < 200) {
      const size_t size = headSize_;
      reset();
      headSize_ = size;
      return Status::ok;
    }
    isComplete_ = true;
    return Status::ok;
  }
  if (text[0] == ' ' || text[0] == '\t') return Status::malformed;  // line folding, obsolete
  const size_t colon = indexOf(text, ':');
  if (colon == text.size() || !isToken(slice(text, 0, colon))) return Status::malformed;
  return field(slice(text, 0, colon), trimmed(slice(text, colon + 1)));
}

Status HttpResponseHead::statusLine(std::string_view text) {
  if (!startsWith(text, "HTTP/")) return Status::malformed;
  if (!startsWith(text, "HTTP/1.")) return Status::unsupported;
  if (text.size() < 12 || text[8] != ' ' || (text.size() > 12 && text[12] != ' ')) return Status::malformed;
  const Expected<uint64_t> code = parseUint(slice(text, 9, 3));
  if (!code || *code < 100 || *code > 599) return Status::malformed;
  status_ = static_cast<uint16_t>(*code);
  return Status::ok;
}

Status HttpResponseHead::field(std::string_view name, std::string_view value) {
  const bool hasWantedBody = status_ >= 200 && status_ < 300;  // how the page of an error is coded is nobody's concern
  if (equalIgnoringCase(name, "content-length")) {
    const Expected<uint64_t> length = parseUint(value);
    if (!length || (hasContentLength_ && *length != contentLength_)) return Status::malformed;
    hasContentLength_ = true;
    contentLength_ = *length;
  } else if (equalIgnoringCase(name, "transfer-encoding")) {
    if (!hasWantedBody) return Status::ok;
    // We ask for bytes of a known number; a server that sends chunks can't resume either.
    return equalIgnoringCase(value, "identity") ? Status::ok : Status::unsupported;
  } else if (equalIgnoringCase(name, "content-encoding")) {
    if (!hasWantedBody) return Status::ok;
    return equalIgnoringCase(value, "identity") ? Status::ok : Status::unsupported;
  } else if (equalIgnoringCase(name, "content-range")) {
    return contentRange(value);
  } else if (equalIgnoringCase(name, "etag")) {
    if (value.size() < 2 || value[0] != '"' || value[value.size() - 1] != '"') return Status::ok;  // weak, or nonsense: none
    if (!isOk(etag_.assign(value))) etag_.clear();
  } else if (equalIgnoringCase(name, "retry-after")) {
    const Expected<uint64_t> seconds = parseUint(value);  // the form with a date is passed over
    hasRetryAfter_ = seconds && *seconds <= 86400;
    if (hasRetryAfter_) retryAfterSeconds_ = static_cast<uint32_t>(*seconds);
  }
  return Status::ok;
}

// "bytes 0-99/1000", "bytes 0-99/*", "bytes */1000" (RFC 9110 section 14.4).
Status HttpResponseHead::contentRange(std::string_view value) {
  if (hasRange_ || hasTotal_ || !startsWith(value, "bytes ")) return Status::malformed;
  value = slice(value, 6);
  const std::string_view range = slice(value, 0, indexOf(value, '/'));
  const std::string_view total = slice(value, range.size() + 1);
  if (total != "*") {
    const Expected<uint64_t> number = parseUint(total);
    if (!number) return Status::malformed;
    hasTotal_ = true;
    total_ = *number;
  }
  if (range == "*") return hasTotal_ ? Status::ok : Status::malformed;
  const size_t dash = indexOf(range, '-');
  const Expected<uint64_t> first = parseUint(slice(range, 0, dash));
  const Expected<uint64_t> last = parseUint(slice(range, dash + 1));
  if (!first || !last || *last < *first || (hasTotal_ && *last >= total_)) return Status::malformed;
  hasRange_ = true;
  rangeFirst_ = *first;
  rangeLast_ = *last;
  return Status::ok;
}

}  // namespace cx
