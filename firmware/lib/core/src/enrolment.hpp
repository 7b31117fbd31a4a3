// The first contact of a node that has an enrolment key and no credentials: POST /enrol by OSCORE, until the manager answers
// with its own ones. Runs in the place of a Node and over the same memory; the node starts anew with what it got.
//
//   cx::Enrolment enrolment(hal, profile, settings, storage.memory(), keeper);   // settings.oscore: the enrolment key
//   while (enrolment.outcome() == cx::EnrolmentOutcome::none) sleepUntil(enrolment.step(hal.clock.monotonicMs()));
//
// The answer may be lost at any point: the manager gives the same one again until the node used what it got.
#pragma once

#include "discovery.hpp"
#include "node_backoff.hpp"
#include "node_memory.hpp"

namespace cx {

struct EnrolledCredentials {
  FixedText<nodeIdMax> id;
  OscoreCredentials oscore;
  ByteSpan anchors;         // a COSE key set, a view into the answer; empty: the manager knows of none
  std::string_view vendor;  // likewise
  std::string_view ca;  // PEM, a view into the answer; empty: the manager speaks no TLS, or wasn't asked
};

// `{id, oscore: {masterSecret, masterSalt, senderId, recipientId}}`, and `ca` where it was asked for, in CBOR. malformed, tooLarge: it isn't that.
Status decodeEnrolled(ByteSpan cbor, EnrolledCredentials& out);

// Where the port keeps credentials.
class CredentialKeeper {
 public:
  // ok: they outlive power, their sequence numbers have begun, and the enrolment key is gone, or goes at the next start.
  // Anything else leaves the enrolment key in force. refused: they are another node's than the port was told to be.
  virtual Status keep(const EnrolledCredentials& credentials) = 0;

 protected:
  ~CredentialKeeper() = default;
};

enum class EnrolmentOutcome : uint8_t {
  none,
  enrolled,  // the port was asked to restart
  refused,   // by a manager that has the key: its code won't be good again. Nothing more is sent
};

class Enrolment final : private CoapResponseHandler {
 public:
  Enrolment(hal::Hal& hal, Profile& profile, const NodeSettings& settings, const NodeMemory& memory, CredentialKeeper& keeper);
  Enrolment(const Enrolment&) = delete;
  Enrolment& operator=(const Enrolment&) = delete;

  // One turn of the loop, as Node::step().
  uint64_t step(uint64_t nowMs);
  EnrolmentOutcome outcome() const { return outcome_; }
  const LogRing& log() const { return ring_; }

 private:
  enum class State : uint8_t { waiting, searching, asking };
  void onResponse(CoapRequestId id, const CoapResponse& response) override;
  void onRequestEnded(CoapRequestId id, Status why) override;
  void begin();
  void ask();
  void keep(ByteSpan body);
  void refused(const CoapResponse& response);
  // The next manager that was found, else all of them again after the back-off.
  void tryNext();
  void wait(uint64_t delayMs);

  hal::Hal& hal_;
  const NodeSettings settings_;
  CredentialKeeper& keeper_;
  LogRing ring_;
  Log log_;
  OscoreSession session_;
  CoapEndpoint coap_;
  NodeState state_;
  NodeContext context_;
  Discovery discovery_;
  MutableSpan body_;
  Backoff backoff_;
  State at_ = State::waiting;
  EnrolmentOutcome outcome_ = EnrolmentOutcome::none;
  bool isBegun_ = false;
  bool isStarted_ = false;
  hal::Address candidate_;
  CoapRequestId request_ = 0;
  uint64_t dueMs_ = 0;
};

}  // namespace cx
