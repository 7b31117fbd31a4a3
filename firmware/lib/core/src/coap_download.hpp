// An image by CoAP Block2 (RFC 7959): block after block, stop-and-wait, from any offset, guarded by the entity tag.
#pragma once

#include "coap_endpoint.hpp"
#include "download.hpp"

namespace cx {

class CoapDownload final : public Download, private CoapResponseHandler {
 public:
  CoapDownload(CoapEndpoint& endpoint, hal::Clock& clock) : endpoint_(endpoint), clock_(clock) {}

  // The offset is rounded down to a block and the bytes before it are not delivered again.
  Status start(const DownloadRequest& request, DownloadSink& sink) override;
  void poll() override;
  void cancel() override;
  bool isRunning() const override { return sink_ != nullptr; }
  uint64_t nextDueMs() const override;

 private:
  void onResponse(CoapRequestId id, const CoapResponse& response) override;
  void onRequestEnded(CoapRequestId id, Status why) override;
  void ask();
  void deliver(ByteSpan bytes);
  void end(Status status, uint16_t code, bool mayRetry, uint32_t retryAfterMs = 0);

  CoapEndpoint& endpoint_;
  hal::Clock& clock_;
  DownloadSink* sink_ = nullptr;
  CoapRequestId request_ = 0;
  hal::Address to_;
  FixedText<downloadPathMax> path_;
  FixedText<downloadPathMax> query_;
  FixedBytes<8> etag_;
  uint64_t offset_ = 0;         // next byte to deliver
  uint64_t expectedSize_ = 0;
  uint64_t totalSize_ = 0;
  uint64_t resumeAtMs_ = 0;     // the sink said "again", or no slot was free
  uint8_t szx_ = 6;
  bool isStarted_ = false;      // onStart was called
  bool isAsking_ = false;       // ask() is due
  uint8_t restarts_ = 0;
};

}  // namespace cx
