// The one way in which an image's bytes reach the updater, whatever carries them (CoAP Block2, HTTP Range).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hal/address.hpp"
#include "span.hpp"
#include "status.hpp"

namespace cx {

constexpr size_t downloadPathMax = 160;   // path and query of the URI together, each
constexpr size_t downloadHostMax = 72;
constexpr size_t validatorMax = 72;       // an entity tag: 1..8 bytes by CoAP, quoted text by HTTP

using Validator = FixedBytes<validatorMax>;

struct DownloadRequest {
  hal::Address to;              // resolved by the caller
  std::string_view host;        // as in the URI, for the Host field
  std::string_view path;        // "/artifacts/ab12..." as in the URI, percent-encoding included
  std::string_view query;       // without '?'
  uint64_t offset = 0;          // first byte wanted: what is durable already
  uint64_t expectedSize = 0;    // 0: not known. Another total is a mismatch
  ByteSpan validator;           // entity tag of an earlier part, by the same carrier; empty: none
  uint16_t blockSize = 0;       // CoAP only; 0: default
  bool mayQBlock = false;       // CoAP only: by Q-Block2 where the server takes that
  bool isTls = false;           // HTTP only: `host` is whom the server must prove to be
};

struct DownloadStart {
  uint64_t offset = 0;     // 0 although more was asked: the content changed or the server knows no ranges; begin anew
  uint64_t totalSize = 0;  // 0: the server didn't say
  ByteSpan validator;      // keep it to resume
};

struct DownloadEnd {
  Status status = Status::ok;  // ok: every byte was delivered
  // What the server said: HTTP status, or the CoAP code as class * 100 + detail (404 both ways); 0: nothing.
  uint16_t code = 0;
  bool mayRetry = false;       // 5xx, time-outs, a cut connection: again later, from the last durable byte
  uint32_t retryAfterMs = 0;   // asked for by the server (Max-Age, Retry-After)
  const char* fault = "";      // what TLS had against the server; "": nothing
};

class DownloadSink {
 public:
  // Before the first byte. Anything but ok ends the download with that status.
  virtual Status onStart(const DownloadStart& start) = 0;
  // The next bytes, in order, never empty. again: nothing was taken, offer the same later (flash is busy, rate limit);
  // any other failure ends the download with that status.
  virtual Status onBytes(uint64_t offset, ByteSpan bytes) = 0;
  // Once, at the end, whatever the end; not after cancel().
  virtual void onEnd(const DownloadEnd& end) = 0;

 protected:
  ~DownloadSink() = default;
};

class Download {
 public:
  // busy: one is running. invalid: the request breaks a limit.
  virtual Status start(const DownloadRequest& request, DownloadSink& sink) = 0;
  virtual void poll() = 0;
  // Ends without a word to the sink. Nothing running is not an error.
  virtual void cancel() = 0;
  virtual bool isRunning() const = 0;
  virtual uint64_t nextDueMs() const = 0;

 protected:
  ~Download() = default;
};

}  // namespace cx
