// Asks the manager for the action of an update that was started by MQTT or by PUT /mode: POST /updates/{id}/install.
#pragma once

#include "node_context.hpp"
#include "node_inbox.hpp"

namespace cx {

constexpr uint8_t installTriesMax = 20;  // of "not yet" and of silence; then the start is forgotten

class UpdaterInstall final : private CoapResponseHandler {
 public:
  // `body` collects the answer; it may be the HTTP buffer, which no download uses meanwhile.
  UpdaterInstall(NodeContext& context, NodeInbox& inbox, MutableSpan body) : context_(context), inbox_(inbox), body_(body) {}

  // A newer start replaces one that still waits.
  void ask(std::string_view update, uint64_t nowMs);
  void poll(uint64_t nowMs);
  void stop();
  bool isWaiting() const { return !update_.empty(); }
  uint64_t nextDueMs() const { return update_.empty() || request_ != 0 ? UINT64_MAX : dueMs_; }

 private:
  void onResponse(CoapRequestId id, const CoapResponse& response) override;
  void onRequestEnded(CoapRequestId id, Status why) override;
  void later(uint32_t delayMs);

  NodeContext& context_;
  NodeInbox& inbox_;
  MutableSpan body_;
  FixedText<48> update_;
  CoapRequestId request_ = 0;
  uint8_t tries_ = 0;
  uint64_t dueMs_ = 0;
};

}  // namespace cx
