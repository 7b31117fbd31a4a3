// Tells the manager how an attempt goes: PUT /updates/{id}/status, at most once a second, and on every 5 % or change of
// state. Only the newest report matters; one that ends the attempt is repeated until it was answered.
#pragma once

#include "node_context.hpp"

namespace cx {

constexpr uint32_t reportGapMs = 1000;
constexpr uint32_t reportIdleMs = 10000;   // without any change, so that the manager sees it lives
constexpr uint8_t reportPercentStep = 5;
constexpr uint8_t reportTriesMax = 5;      // of a state; then the heartbeat's result has to say it

// The same rule for the channels that don't answer: a change of state at once, else each 5 %, at most once a second.
class ProgressGate {
 public:
  bool passes(const AttemptReport& report, uint64_t nowMs) {
    const bool isChanged = !(report.attempt == attempt_) || report.state != state_;
    const bool isStep = report.percent >= percent_ + reportPercentStep || report.percent < percent_;
    if (!isChanged && !(isStep && nowMs - sentMs_ >= reportGapMs)) return false;
    attempt_ = report.attempt;
    state_ = report.state;
    percent_ = report.percent;
    sentMs_ = nowMs;
    return true;
  }

 private:
  FixedText<24> attempt_;
  AttemptState state_ = AttemptState::offered;
  uint8_t percent_ = 0;
  uint64_t sentMs_ = 0;
};

class UpdaterReport final : private CoapResponseHandler {
 public:
  explicit UpdaterReport(NodeContext& context) : context_(context) {}

  // What is true now; sent when it is worth it.
  void update(const AttemptReport& report, uint64_t nowMs);
  void poll(uint64_t nowMs);
  void stop();
  // The newest state was answered, or given up.
  bool isDelivered() const { return !hasReport_ || (deliveredState_ == report_.state && request_ == 0) || tries_ >= reportTriesMax; }
  uint64_t nextDueMs() const { return hasReport_ && request_ == 0 && isNews_ ? dueMs_ : UINT64_MAX; }

 private:
  void onResponse(CoapRequestId id, const CoapResponse& response) override;
  void onRequestEnded(CoapRequestId id, Status why) override;
  void send(uint64_t nowMs);

  NodeContext& context_;
  AttemptReport report_;
  bool hasReport_ = false;
  bool isNews_ = false;
  CoapRequestId request_ = 0;
  AttemptState sentState_ = AttemptState::offered;
  AttemptState deliveredState_ = AttemptState::offered;
  uint8_t sentPercent_ = 0;
  uint8_t tries_ = 0;
  uint64_t sentMs_ = 0;
  uint64_t dueMs_ = 0;
};

}  // namespace cx
