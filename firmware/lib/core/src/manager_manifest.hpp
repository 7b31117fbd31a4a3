// Gets the update manifest of an action from the manager: GET /updates/<update>/manifest over the node's own association,
// whatever the action's URI names.
#pragma once

#include "node_backoff.hpp"
#include "node_context.hpp"
#include "updater_manifest.hpp"

namespace cx {

constexpr uint8_t manifestTriesMax = 8;  // of silence and of "not now"; then the attempt fails

class ManagerManifest final : public UpdaterManifest, private CoapResponseHandler {
 public:
  ManagerManifest(NodeContext& context, UpdaterContext& updater, TrustStore& trust, PayloadTools& tools, MutableSpan envelope)
      : UpdaterManifest(updater, trust, tools, envelope), context_(context) {}

  void ask(const Action& action, uint64_t nowMs) override;
  void poll(uint64_t nowMs) override;
  void stop() override;
  uint64_t nextDueMs() const override { return state_ == ManifestState::waiting ? dueMs_ : UINT64_MAX; }

 private:
  void onResponse(CoapRequestId id, const CoapResponse& response) override;
  void onRequestEnded(CoapRequestId id, Status why) override;
  void later(std::string_view why, uint32_t askedMs);

  NodeContext& context_;
  CoapRequestId request_ = 0;
  FixedText<48> update_;
  uint8_t askedDigest_[wireDigestSize] = {};
  uint32_t askedSize_ = 0;
  uint64_t dueMs_ = 0;
  Backoff backoff_{1000, 60000};
};

}  // namespace cx
