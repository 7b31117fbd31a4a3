#include "oscore_session.hpp"

namespace cx {

bool OscoreReplayWindow::wasSeen(uint64_t number) const {
  if (number > highest_) return false;
  const uint64_t age = highest_ - number;
  return age >= width || (seen_ >> age & 1U) != 0;
}

void OscoreReplayWindow::mark(uint64_t number) {
  if (number > highest_) {
    const uint64_t step = number - highest_;
    seen_ = step >= width ? 0 : seen_ << step;
    highest_ = number;
  }
  const uint64_t age = highest_ - number;
  if (age < width) seen_ |= 1U << age;
}

void OscoreReplayWindow::begin(uint64_t number) {
  isKnown_ = true;
  highest_ = number;
  seen_ = UINT32_MAX;
}

Status OscoreSession::open(const OscoreCredentials& credentials, hal::Storage& storage, hal::RetainedMemory* retained, hal::Aead* aead) {
  isOpen_ = false;
  window_ = OscoreReplayWindow();
  echoEndMs_ = 0;
  aead_ = aead != nullptr ? aead : &software_;
  CX_TRY(deriveOscoreKeys(credentials, keys_));
  CX_TRY(sequence_.open(storage, retained, keys_));
  isOpen_ = true;
  return Status::ok;
}

Expected<OscorePiv> OscoreSession::takeNumber() {
  if (!isOpen_) return Status::closed;
  const Expected<uint64_t> number = sequence_.take();
  if (!number) return number.status();
  return OscorePiv::of(*number);
}

Expected<ByteSpan> OscoreSession::protect(const CoapMessage& plain, const OscoreBinding& binding, MutableSpan out) {
  if (!isOpen_) return Status::closed;
  return protectOscore(keys_, *aead_, plain, binding, out);
}

OscoreVerdict OscoreSession::openRequest(CoapMessage& message, MutableSpan ciphertext, const OscorePiv* repeats, OscorePiv& piv) {
  ByteSpan value;
  OscoreOption option;
  if (!findOption(message.options, coap::option::oscore, value) || !isOk(decodeOscoreOption(value, option))) return OscoreVerdict::undecodable;
  if (!option.hasKid || option.piv.size == 0 || ciphertext.size() <= hal::aeadTagSize) return OscoreVerdict::undecodable;
  if (!isOpen_ || !equal(option.kid, keys_.recipientId.view())) return OscoreVerdict::unknown;
  // No ID Context and an empty one are two things, and ours is never empty.
  const bool isOtherContext = option.hasKidContext && (option.kidContext.empty() || !equal(option.kidContext, keys_.idContext.view()));
  if (isOtherContext) return OscoreVerdict::unknown;

  const uint64_t number = option.piv.number();
  const bool isRepeated = window_.isKnown() && window_.wasSeen(number);
  const bool isExpected = repeats != nullptr && equal(repeats->view(), option.piv.view());
  if (isRepeated && !isExpected) return OscoreVerdict::replayed;
  OscoreBinding binding;
  binding.isRequest = true;
  binding.request = option.piv;
  const Status status = unprotectOscore(keys_, *aead_, binding, ciphertext, message);
  if (status == Status::malformed) return OscoreVerdict::undecodable;
  if (!isOk(status)) return OscoreVerdict::forged;
  piv = option.piv;
  if (isRepeated) return OscoreVerdict::duplicate;
  if (window_.isKnown()) {
    window_.mark(number);
    return OscoreVerdict::fresh;
  }
  if (!isFreshEcho(message)) return OscoreVerdict::challenge;
  window_.begin(number);
  echoEndMs_ = 0;
  return OscoreVerdict::fresh;
}

Status OscoreSession::openResponse(const OscorePiv& request, CoapMessage& message, MutableSpan ciphertext) {
  ByteSpan value;
  OscoreOption option;
  if (!isOpen_ || !findOption(message.options, coap::option::oscore, value)) return Status::mismatch;
  CX_TRY(decodeOscoreOption(value, option));
  if (option.hasKid && !equal(option.kid, keys_.recipientId.view())) return Status::mismatch;
  OscoreBinding binding;
  binding.request = request;
  binding.own = option.piv;
  return unprotectOscore(keys_, *aead_, binding, ciphertext, message);
}

bool OscoreSession::mayChallenge() {
  const uint64_t nowMs = clock_.monotonicMs();
  if (nowMs < nextChallengeMs_) return false;
  nextChallengeMs_ = nowMs + challengeIntervalMs;
  return true;
}

ByteSpan OscoreSession::echo() {
  const uint64_t nowMs = clock_.monotonicMs();
  // One value for all who ask meanwhile: none of them could finish if each question made a new one.
  if (echoEndMs_ == 0 || nowMs >= echoEndMs_) {
    entropy_.fill(echo_, sizeof echo_);
    echoEndMs_ = nowMs + echoLifetimeMs;
  }
  return echo_;
}

bool OscoreSession::isFreshEcho(const CoapMessage& message) const {
  ByteSpan value;
  if (echoEndMs_ == 0 || clock_.monotonicMs() >= echoEndMs_) return false;
  return findOption(message.options, coap::option::echo, value) && equal(value, ByteSpan(echo_));
}

}  // namespace cx
