// Finds managers: the configured address, else everyone who answers GET /.well-known/core?rt=coxswain.manager sent to
// the groups of the protocol page. DNS service discovery isn't built; a node without multicast needs --manager.
#pragma once

#include "node_context.hpp"

namespace cx {

constexpr uint8_t candidatesMax = 4;            // further answers are dropped
constexpr uint32_t discoveryListenMs = 6000;    // longer than the leisure of a manager (5 s)
constexpr uint32_t resolveTimeoutMs = 10000;

class Discovery final : private CoapResponseHandler {
 public:
  explicit Discovery(NodeContext& context) : context_(context) {}

  // Begins a search; a running one is forgotten.
  void start(uint64_t nowMs);
  void poll(uint64_t nowMs);
  void stop();
  // The next candidate in order of arrival; false: none yet.
  bool take(hal::Address& out);
  // No candidate is left and none will come: search again later.
  bool isExhausted() const { return state_ == State::done && count_ == 0; }
  // When poll() is due without a datagram; 0: not at all.
  uint64_t nextDueMs() const { return state_ == State::resolving || state_ == State::asking ? dueMs_ : 0; }

 private:
  enum class State : uint8_t { idle, resolving, asking, done };
  void onResponse(CoapRequestId id, const CoapResponse& response) override;
  void onRequestEnded(CoapRequestId id, Status why) override;
  void ask(const char* group, uint64_t nowMs);
  void add(const hal::Address& address);

  NodeContext& context_;
  State state_ = State::idle;
  uint64_t dueMs_ = 0;
  uint64_t endMs_ = 0;
  uint8_t open_ = 0;  // multicast requests that still listen
  uint8_t count_ = 0;
  hal::Address candidates_[candidatesMax];
};

}  // namespace cx
