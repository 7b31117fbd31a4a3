// One OSCORE association of the node, in both roles: its keys, its numbers, and what the other side has sent before.
// After a restart nobody knows what was received: the first request is asked for an Echo (RFC 8613 appendix B.1.2).
#pragma once

#include "aes_ccm.hpp"
#include "hal/clock.hpp"
#include "hal/entropy.hpp"
#include "oscore.hpp"
#include "oscore_sequence.hpp"

namespace cx {

enum class OscoreVerdict : uint8_t {
  fresh,        // genuine, and never seen
  duplicate,    // genuine: the very message that `repeats` names
  challenge,    // genuine, and perhaps seen before the restart: answer 4.01 with echo()
  undecodable,  // 4.02
  unknown,      // 4.01, another context than ours
  replayed,     // 4.01
  forged,       // 4.00
};

// Which numbers of the other side were seen: the last 32 one by one, all older ones are taken for seen (section 3.2.2).
class OscoreReplayWindow {
 public:
  bool isKnown() const { return isKnown_; }
  bool wasSeen(uint64_t number) const;
  void mark(uint64_t number);
  // From here on everything below is old.
  void begin(uint64_t number);

 private:
  static constexpr unsigned width = 32;
  bool isKnown_ = false;
  uint64_t highest_ = 0;
  uint32_t seen_ = 0;  // bit i: highest_ - i
};

class OscoreSession {
 public:
  static constexpr uint8_t echoSize = 8;
  static constexpr uint32_t echoLifetimeMs = 60000;
  static constexpr uint32_t challengeIntervalMs = 250;

  OscoreSession(hal::Entropy& entropy, hal::Clock& clock) : entropy_(entropy), clock_(clock) {}
  OscoreSession(const OscoreSession&) = delete;
  OscoreSession& operator=(const OscoreSession&) = delete;

  // `aead` null: the one in software. When it fails, the session stays closed: it opens nothing and protects nothing.
  Status open(const OscoreCredentials& credentials, hal::Storage& storage, hal::RetainedMemory* retained, hal::Aead* aead);
  bool isOpen() const { return isOpen_; }

  // A number for a request, or for an answer that can't take its request's nonce. Never the same twice.
  Expected<OscorePiv> takeNumber();
  Expected<ByteSpan> protect(const CoapMessage& plain, const OscoreBinding& binding, MutableSpan out);
  // Opens a request in place. `repeats`: the number of a request whose message came again, or null. `piv` is set from
  // `duplicate` up.
  OscoreVerdict openRequest(CoapMessage& message, MutableSpan ciphertext, const OscorePiv* repeats, OscorePiv& piv);
  // Opens an answer to our request `request` in place.
  Status openResponse(const OscorePiv& request, CoapMessage& message, MutableSpan ciphertext);
  // Whether a `challenge` may be answered now. Each answer takes a number, and whoever repeats what was recorded before the
  // restart needs no key: unbounded, it would wear out the flash.
  bool mayChallenge();
  // For an answer to `challenge`.
  ByteSpan echo();

 private:
  bool isFreshEcho(const CoapMessage& message) const;

  hal::Entropy& entropy_;
  hal::Clock& clock_;
  SoftwareAead software_;
  hal::Aead* aead_ = &software_;
  OscoreKeys keys_;
  OscoreSequence sequence_;
  OscoreReplayWindow window_;
  bool isOpen_ = false;
  uint8_t echo_[echoSize] = {};
  uint64_t echoEndMs_ = 0;  // 0: none was given out
  uint64_t nextChallengeMs_ = 0;
};

}  // namespace cx
