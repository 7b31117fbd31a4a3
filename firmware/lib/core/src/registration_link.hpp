// The node's bond with its manager: search, register, read the environment, beat, and notice when it is gone.
// It changes no phase: it says what happened, and the node feeds that to the life cycle.
#pragma once

#include "discovery.hpp"
#include "node_backoff.hpp"
#include "node_context.hpp"

namespace cx {

constexpr uint32_t searchCapMs = 300000;       // back-off between searches
constexpr uint32_t searchCapOnTrialMs = 20000; // while an image or credentials are on trial
constexpr uint32_t registerTimeoutMs = 45000;
constexpr uint32_t beatTimeoutMaxMs = 45000;
constexpr uint32_t beatTimeoutMinMs = 8000;
constexpr uint8_t beatsMissedMax = 3;

enum class LinkEvent : uint8_t {
  none,
  registered,        // registration and environment are there, or a re-registration was answered
  unknownToManager,  // a heartbeat was answered 4.04
  managerLost,       // three heartbeats missed and the registration after them failed
  actionArrived,     // action() holds it
  beatAnswered,      // nothing to do
};

class RegistrationLink final : private CoapResponseHandler {
 public:
  // `body` takes a manifest on its way out and an environment or an action on its way in.
  RegistrationLink(NodeContext& context, MutableSpan body) : context_(context), discovery_(context), body_(body) {}

  // Forgets the manager and searches after `delayMs`. On trial the back-off is short.
  void search(uint64_t nowMs, uint32_t delayMs, bool isOnTrial);
  void poll(uint64_t nowMs);
  void stop();
  uint64_t nextDueMs() const;
  // The oldest event not taken yet; call until none.
  LinkEvent takeEvent();

  // Beats at once, for instance since a result waits or the manager said `more`.
  void beatNow() { isBeatAsked_ = true; }
  // A liveness notification was acknowledged: as good as a heartbeat.
  void heard(uint64_t nowMs);
  // Registers again without leaving the phase: the image was confirmed, the manifest changed.
  void registerAgain() { isRegisterAsked_ = true; }
  bool isUp() const { return state_ == State::up || (context_.state.isRegistered && state_ == State::registering); }

  // The encoded action, valid until the next poll().
  ByteSpan action() const { return ByteSpan(body_.data(), bodySize_); }
  WireFormat actionFormat() const { return actionFormat_; }
  // The encoded environment of the last registration, valid while the event `registered` is handled; empty: none.
  ByteSpan environment() const { return hasEnvironment_ ? ByteSpan(body_.data(), bodySize_) : ByteSpan(); }

 private:
  enum class State : uint8_t { idle, waiting, searching, registering, environment, up };
  void onResponse(CoapRequestId id, const CoapResponse& response) override;
  void onRequestEnded(CoapRequestId id, Status why) override;
  void onRegistered(const CoapResponse& response);
  void onEnvironment(const CoapResponse& response);
  void onBeat(const CoapResponse& response);
  void sendRegistration(uint64_t nowMs);
  void sendEnvironment();
  void sendBeat(uint64_t nowMs);
  void registrationFailed(std::string_view why);
  void beatFailed();
  void becomeUp();
  void put(LinkEvent event);
  uint32_t pollMs() const;
  bool keepBody(const CoapResponse& response);

  NodeContext& context_;
  Discovery discovery_;
  MutableSpan body_;
  size_t bodySize_ = 0;
  bool hasEnvironment_ = false;
  WireFormat actionFormat_ = WireFormat::cbor;
  State state_ = State::idle;
  Backoff backoff_{1000, searchCapMs};
  hal::Address candidate_;
  CoapRequestId request_ = 0;
  uint32_t resultRevSent_ = 0;
  uint64_t dueMs_ = 0;      // of `waiting`
  uint64_t nextBeatMs_ = 0;
  uint64_t beatAnsweredMs_ = 0;
  uint8_t missed_ = 0;
  bool isBeatAsked_ = false;
  bool isRegisterAsked_ = false;
  bool isRegisteringAgain_ = false;
  LinkEvent events_[4] = {};
  uint8_t eventCount_ = 0;
};

}  // namespace cx
