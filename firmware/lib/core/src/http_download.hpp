// An image by HTTP/1.1 GET with Range and If-Range (RFC 9110) over one TCP connection, never redirected.
#pragma once

#include "download.hpp"
#include "hal/clock.hpp"
#include "hal/tcp_stream.hpp"
#include "http_response.hpp"

namespace cx {

struct HttpTiming {
  uint32_t connectTimeoutMs = 10000;
  uint32_t stallTimeoutMs = 20000;  // no byte for that long, while we would take one, ends the connection
};

class HttpDownload final : public Download {
 public:
  // `buffer` holds the request while it is sent and then the bytes as they come: 640 bytes or more, the owner's.
  HttpDownload(hal::TcpStream& stream, hal::Clock& clock, MutableSpan buffer, HttpTiming timing = {})
      : stream_(stream), clock_(clock), buffer_(buffer), timing_(timing) {}

  Status start(const DownloadRequest& request, DownloadSink& sink) override;
  void poll() override;
  void cancel() override;
  bool isRunning() const override { return sink_ != nullptr; }
  // TCP bytes come without a timer: a loop that sleeps is woken by its socket, or polls while isRunning().
  uint64_t nextDueMs() const override;

 private:
  enum class State : uint8_t { connecting, sending, head, body };
  Status encodeRequest(const DownloadRequest& request);
  bool pollConnecting(uint64_t nowMs);
  bool pollSending(uint64_t nowMs);
  bool pollReading(uint64_t nowMs);
  bool takeHead();
  bool takeBody(uint64_t nowMs);
  bool onHead();
  void finishBody();
  void end(Status status, bool mayRetry);

  hal::TcpStream& stream_;
  hal::Clock& clock_;
  MutableSpan buffer_;
  HttpTiming timing_;
  HttpResponseHead head_;
  FixedText<downloadHostMax> host_;  // for the handshake of TLS, which may outlast the request
  DownloadSink* sink_ = nullptr;
  State state_ = State::connecting;
  size_t begin_ = 0;  // what is in the buffer and not yet sent, or not yet used: [begin_, end_)
  size_t end_ = 0;
  uint64_t offset_ = 0;     // next byte to deliver
  uint64_t bodyEnd_ = 0;    // one past the last byte of this response
  uint64_t askedOffset_ = 0;
  uint64_t expectedSize_ = 0;
  uint64_t lastProgressMs_ = 0;
  uint64_t resumeAtMs_ = 0;  // the sink said "again"
};

}  // namespace cx
