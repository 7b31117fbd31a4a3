// The head of an HTTP/1.1 response (RFC 9112), byte after byte, with bounds on everything.
#pragma once

#include <cstddef>
#include <cstdint>

#include "span.hpp"
#include "status.hpp"

namespace cx {

constexpr size_t httpLineMax = 256;     // a longer status line or field line is tooLarge
constexpr size_t httpHeadMax = 4096;    // all lines together
constexpr size_t httpEtagMax = 72;

// Feed bytes until isComplete(). Unknown fields are passed over; repeated or contradictory framing is malformed.
class HttpResponseHead {
 public:
  void reset();
  // Takes bytes up to the end of the head; `taken` says how many. again: more are needed. ok: complete.
  // malformed, tooLarge, unsupported (not HTTP/1.x, a transfer coding): the connection is of no more use.
  Status feed(ByteSpan bytes, size_t& taken);
  bool isComplete() const { return isComplete_; }

  uint16_t status() const { return status_; }
  bool hasContentLength() const { return hasContentLength_; }
  uint64_t contentLength() const { return contentLength_; }
  // Content-Range: bytes FIRST-LAST/TOTAL, or bytes */TOTAL (then hasRange is false and hasTotal true).
  bool hasRange() const { return hasRange_; }
  uint64_t rangeFirst() const { return rangeFirst_; }
  uint64_t rangeLast() const { return rangeLast_; }
  bool hasTotal() const { return hasTotal_; }
  uint64_t total() const { return total_; }
  // The strong entity tag with its quotes; empty: none, or a weak one (which can't guard a range).
  std::string_view etag() const { return etag_.view(); }
  bool hasRetryAfter() const { return hasRetryAfter_; }
  uint32_t retryAfterSeconds() const { return retryAfterSeconds_; }

 private:
  Status line();
  Status statusLine(std::string_view text);
  Status field(std::string_view name, std::string_view value);
  Status contentRange(std::string_view value);

  FixedText<httpLineMax> line_;
  size_t headSize_ = 0;
  uint16_t status_ = 0;
  bool isComplete_ = false;
  bool hasStatusLine_ = false;
  bool isAfterCr_ = false;
  bool hasContentLength_ = false;
  bool hasRange_ = false;
  bool hasTotal_ = false;
  bool hasRetryAfter_ = false;
  uint64_t contentLength_ = 0;
  uint64_t rangeFirst_ = 0;
  uint64_t rangeLast_ = 0;
  uint64_t total_ = 0;
  uint32_t retryAfterSeconds_ = 0;
  FixedText<httpEtagMax> etag_;
};

}  // namespace cx
