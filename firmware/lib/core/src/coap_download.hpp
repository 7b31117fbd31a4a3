// An image by CoAP Block2 (RFC 7959): block after block, stop-and-wait, from any offset, guarded by the entity tag. Or by
// Q-Block2 (RFC 9177): ten blocks at once, and those that were lost again; a server that refuses that is asked by Block2.
#pragma once

#include "coap_endpoint.hpp"
#include "coap_q_blocks.hpp"
#include "download.hpp"

namespace cx {

class CoapDownload final : public Download, private CoapResponseHandler {
 public:
  // `hold` keeps a block that the sink couldn't take yet; without it (or when too small) the block is asked for again.
  CoapDownload(CoapEndpoint& endpoint, hal::Clock& clock, MutableSpan hold = {}) : endpoint_(endpoint), clock_(clock), hold_(hold), set_(hold) {}

  Status start(const DownloadRequest& request, DownloadSink& sink) override;
  void poll() override;
  void cancel() override;
  bool isRunning() const override { return sink_ != nullptr; }
  uint64_t nextDueMs() const override;

 private:
  void onResponse(CoapRequestId id, const CoapResponse& response) override;
  void onRequestEnded(CoapRequestId id, Status why) override;
  void ask();
  void beginSet();
  void askSet();
  void late();
  void onBlock(const CoapResponse& response);
  void drain();
  bool pass(const coap::Block& block, ByteSpan bytes);
  bool leaveQBlock();
  void takeBlock(const CoapResponse& response);
  bool begin(const CoapResponse& response);
  void deliver(ByteSpan bytes);
  void end(Status status, uint16_t code, bool mayRetry, uint32_t retryAfterMs = 0);

  CoapEndpoint& endpoint_;
  hal::Clock& clock_;
  MutableSpan hold_;
  size_t held_ = 0;
  DownloadSink* sink_ = nullptr;
  CoapRequestId request_ = 0;
  hal::Address to_;
  FixedText<downloadPathMax> path_;
  FixedText<downloadPathMax> query_;
  FixedBytes<8> etag_;
  uint64_t offset_ = 0;        // next byte to deliver
  uint64_t expectedSize_ = 0;  // 0: not known
  uint64_t totalSize_ = 0;
  uint64_t resumeAtMs_ = UINT64_MAX;  // when to ask, or to offer what is held
  uint8_t szx_ = 6;
  bool isStarted_ = false;     // onStart was called
  bool isLast_ = false;        // the block in hand is the last
  bool usesQBlock_ = false;
  bool isPaused_ = false;      // the sink takes nothing now, and the next block is kept
  bool isSetOver_ = false;     // its last block came
  uint8_t silences_ = 0;       // in a row, of Q-Block2
  CoapQBlocks set_;
};

}  // namespace cx
