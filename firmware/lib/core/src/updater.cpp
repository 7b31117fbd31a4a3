#include "updater.hpp"

#include "text.hpp"

namespace cx {

namespace {

constexpr uint32_t resolveLimitMs = 10000;
constexpr uint8_t chunksPerStep = 8;

}  // namespace

void Updater::start(const Action& action, uint64_t nowMs) {
  state_ = State::manifest;  // running, so that every end below goes one way
  result_ = UpdaterResult::none;
  rev_ = action.rev;
  sequence_ = 0;
  uriCount_ = action.uriCount;
  for (uint8_t i = 0; i < uriCount_; ++i) uris_[i] = action.uris[i];
  std::memcpy(identity_.digest, action.digest, sizeof identity_.digest);
  identity_.size = action.size;
  std::memcpy(payloadDigest_, action.digest, sizeof payloadDigest_);
  payloadSize_ = action.size;
  decoder_ = nullptr;
  isDecoding_ = hasNext_ = false;
  failure_ = Status::ok;
  taken_ = keptAt_ = 0;
  report_ = AttemptReport();
  report_.update = action.update;
  report_.attempt = action.attempt;
  report_.total = action.size;
  startedMs_ = nowMs;
  backoff_ = Backoff(limits_.waitBaseMs, limits_.waitCapMs);
  triesOnWay_ = tokens_ = 0;
  isActionWished_ = hasRestarted_ = wasResumed_ = isChanged_ = false;
  came_.reset();
  cameTo_ = 0;
  lastTaken_ = verifiedTo_ = 0;
  fetched_ = paidTo_ = costBefore_ = 0;
  credit_ = context_.settings.downloadRate;
  creditMs_ = nowMs;
  way_ = DownloadWay::none;
  if (brought_ == nullptr && (!action.hasDigest || action.size == 0)) return end(UpdaterResult::refused, AttemptReason::noDigestOrSize);
  if (!chooseWay(false)) return end(UpdaterResult::refused, AttemptReason::unknownScheme);
  if (!action.hasManifest && context_.settings.isUnsignedAllowed && !manifest_.isSignatureNeeded()) {
    context_.log.warn().put("update ").put(report_.update.view()).put(": nobody signed it, and this node was told to take such ones");
    state_ = State::judged;
    return;
  }
  manifest_.ask(action, nowMs);
  awaitManifest();
}

void Updater::renew(const Action& action, uint64_t nowMs) {
  const bool isWaiting = state_ == State::waiting;
  if (state_ == State::idle || action.uriCount == 0) return;
  // A URI that is in use stays: the request may be sent again from it.
  uriCount_ = action.uriCount;
  for (uint8_t i = 0; i < uriCount_; ++i) uris_[i] = action.uris[i];
  // The same way, wherever its address stands now; where it has none any more, what runs on it is given up.
  if (!keepWay()) {
    if (state_ == State::fetching) {
      download()->cancel();
      state_ = State::waiting;
      dueMs_ = nowMs;
    }
    if (!chooseWay(false)) return end(UpdaterResult::refused, AttemptReason::unknownScheme);
  }
  if (isWaiting && isActionAwaited_) {
    isActionAwaited_ = isActionWished_ = false;
    dueMs_ = nowMs;
  }
}

bool Updater::takeActionWish() {
  const bool isWished = isActionWished_;
  isActionWished_ = false;
  return isWished;
}

void Updater::awaitManifest() {
  switch (manifest_.state()) {
    case ManifestState::ready: return judged();
    case ManifestState::refused: return end(UpdaterResult::refused, manifest_.reason());
    case ManifestState::failed: return end(UpdaterResult::failed, manifest_.reason());
    default: return;
  }
}

void Updater::judged() {
  const UpdateManifest& manifest = manifest_.manifest();
  sequence_ = manifest.sequence;
  state_ = State::judged;
  std::memcpy(identity_.digest, manifest.digest, sizeof identity_.digest);
  identity_.size = manifest.size;
  if (manifest.kind != ManifestKind::install) return;
  const PayloadVariant& variant = manifest_.variant();
  std::memcpy(payloadDigest_, variant.digest, sizeof payloadDigest_);
  payloadSize_ = report_.total = variant.size;
  const bool isPlain = variant.kind == PayloadKind::full && variant.encryptionInfo.empty();
  if (!isPlain) decoder_ = manifest_.decoder();
  if (!isPlain && decoder_ == nullptr) end(UpdaterResult::refused, AttemptReason::unsupportedVariant);
  if (isPlain && payloadSize_ != identity_.size) end(UpdaterResult::refused, AttemptReason::payloadSize);
}

void Updater::proceed(uint64_t nowMs) {
  if (state_ != State::judged) return;
  if (isForAnchors()) {
    if (!manifest_.replaceAnchors()) return end(UpdaterResult::failed, AttemptReason::notStored);
    context_.log.info().put("update ").put(report_.update.view()).put(": other trust anchors are in force");
    return end(UpdaterResult::applied, AttemptReason::none);
  }
  if (isSigned() && manifest_.manifest().kind == ManifestKind::bootPrevious) return bootPrevious();
  record_.open(payloadDigest_);
  if (!openSlot()) return;
  takeUpCost(nowMs);
  progress();
  context_.log.info().put("update ").put(report_.update.view()).put(": ").put(static_cast<uint64_t>(writer_.end())).put(" of ").put(
      static_cast<uint64_t>(identity_.size)).put(" bytes of the image are there");
  report_.state = AttemptState::downloading;
  state_ = writer_.durable() == identity_.size ? State::verifying : State::resolving;
  if (state_ == State::verifying) {
    report_.state = AttemptState::verifying;
    hash_.reset();
  }
  resolveEndMs_ = nowMs + resolveLimitMs;
  dueMs_ = nowMs;
}

void Updater::bootPrevious() {
  const hal::Code code = context_.slots.tryPrevious();
  if (code == hal::Code::ok) return end(UpdaterResult::staged, AttemptReason::none);
  const bool isGone = code == hal::Code::notFound;
  end(isGone ? UpdaterResult::refused : UpdaterResult::failed, isGone ? AttemptReason::noPreviousImage : AttemptReason::bootRecord);
}

void Updater::poll(uint64_t nowMs) {
  if (state_ == State::idle) return;
  if (spentMs(nowMs) > limits_.deadlineMs) return end(UpdaterResult::failed, AttemptReason::deadline);
  switch (state_) {
    case State::manifest:
      manifest_.poll(nowMs);
      return awaitManifest();
    case State::waiting:
      if (nowMs < dueMs_) return;
      if (isActionAwaited_) return awaitAction(nowMs);
      state_ = State::resolving;
      resolveEndMs_ = nowMs + resolveLimitMs;
      [[fallthrough]];
    case State::resolving: return resolve(nowMs);
    case State::fetching: return download()->poll();
    case State::finishing: return finish();
    case State::verifying: return verify(nowMs);
    case State::judged:
    case State::idle: return;
  }
}

uint64_t Updater::nextDueMs() const {
  const uint64_t deadline = startedMs_ + (costBefore_ < limits_.deadlineMs ? limits_.deadlineMs - costBefore_ : 0) + 1;
  uint64_t due = dueMs_;
  switch (state_) {
    case State::idle: return UINT64_MAX;
    case State::finishing:
    case State::verifying:
    case State::judged: return 1;
    case State::manifest: due = manifest_.nextDueMs(); break;
    case State::fetching: due = download()->nextDueMs(); break;
    default: break;
  }
  return due < deadline ? due : deadline;
}

void Updater::progress() {
  report_.bytes = taken();
  report_.percent = static_cast<uint8_t>(payloadSize_ == 0 ? 0U : static_cast<uint64_t>(taken()) * 100U / payloadSize_);
}

void Updater::verify(uint64_t nowMs) {
  for (uint8_t i = 0; i < chunksPerStep && verifiedTo_ < identity_.size; ++i) {
    const uint32_t left = identity_.size - verifiedTo_;
    const uint32_t size = left < chunk_.size() ? left : static_cast<uint32_t>(chunk_.size());
    const hal::Io io = context_.slots.read(verifiedTo_, chunk_.data(), size);
    if (io.code != hal::Code::ok || io.size == 0) return end(UpdaterResult::failed, AttemptReason::slotRead);
    hash_.update(ByteSpan(chunk_.data(), io.size));
    verifiedTo_ += io.size;
  }
  if (verifiedTo_ < identity_.size) return;
  uint8_t found[Sha256::digestSize];
  hash_.finish(found);
  if (std::memcmp(found, identity_.digest, sizeof found) == 0) return verified();
  dueMs_ = nowMs;
  if (startAgain("the digest of the slot is wrong")) return;
  if (context_.slots.abandon() != hal::Code::ok) context_.log.warn().put("update: the slot couldn't be given up");
  end(UpdaterResult::failed, wrongPayload(AttemptReason::digestMismatch));
}

// Parts of two contents may have met in the slot: once from the start before it counts.
bool Updater::startAgain(std::string_view why) {
  if (!wasResumed_ || hasRestarted_ || !isOk(rewind())) return false;
  hasRestarted_ = true;
  record_.forgetValidator();
  lastTaken_ = 0;
  progress();
  report_.state = AttemptState::downloading;
  context_.log.warn().put("update: ").put(why).put(" after a resume, from the start once more");
  state_ = State::waiting;
  return true;
}

void Updater::verified() {
  const hal::Code code = context_.slots.makeTrial();
  if (code != hal::Code::ok) {
    context_.log.error().put("update: no trial: ").put(hal::nameOf(code));
    return end(UpdaterResult::failed, AttemptReason::bootRecord);
  }
  end(UpdaterResult::staged, AttemptReason::none);
}

void Updater::cancel(std::string_view reason) {
  if (state_ == State::idle) return;
  end(UpdaterResult::cancelled, reason);
}

void Updater::end(UpdaterResult result, std::string_view reason) {
  if (state_ == State::fetching) download()->cancel();
  report_.reason.assignCut(reason);  // before the manifest is let go, whose word it may be
  manifest_.stop();
  state_ = State::idle;
  isActionWished_ = isActionAwaited_ = false;
  result_ = result;
  switch (result) {
    case UpdaterResult::staged: report_.state = AttemptState::staged; break;
    case UpdaterResult::applied: report_.state = AttemptState::succeeded; break;
    case UpdaterResult::cancelled: report_.state = AttemptState::cancelled; break;
    default: report_.state = AttemptState::failed; break;
  }
  context_.log.info().put("update ").put(report_.update.view()).put(": ").put(attemptStateWord(report_.state)).put(" ").put(report_.reason.view());
}

UpdaterResult Updater::takeResult() {
  const UpdaterResult result = result_;
  result_ = UpdaterResult::none;
  return result;
}

}  // namespace cx
