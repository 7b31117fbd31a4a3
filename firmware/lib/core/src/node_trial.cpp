// The one job of MAINTENANCE, the trial that follows it, and what the manager is told of both.
#include "node.hpp"

namespace cx {

namespace {

constexpr const char* trialKey = "trial";
constexpr uint32_t lastReportMs = 6000;  // for the report that ends a job, before the node goes on without it

}  // namespace

void Node::beginJob(uint64_t nowMs) {
  screen_.freeze("Updating...");
  install_.stop();  // its buffer is the download's
  broker_.setReporting(false);
  if (keepsMqtt()) {
    broker_.announce("maintenance");
  } else {
    broker_.stop("maintenance", nowMs);
  }
  coap_.notify(resource::health);
}

void Node::pollJob(uint64_t nowMs) {
  if (job_ == Job::none) return;
  if (job_ == Job::update && !isJobReported_) {
    const bool hasRoom = broker_.isStopped() || keepsMqtt();
    if (hasRoom) updater_.poll(nowMs);
    if (updater_.isJudged()) {
      if (beginTrialRecord()) {
        updater_.proceed(nowMs);
      } else {
        updater_.refuse(AttemptReason::notStored);
      }
    }
    if (updater_.takeActionWish()) link_.beatNow();
    attempt_ = updater_.report();
    const UpdaterResult result = updater_.takeResult();
    tellProgress(nowMs);
    if (result != UpdaterResult::none) endUpdate(result, nowMs);
  }
  if (!isJobReported_ || (nowMs < jobReportEndMs_ && !report_.isDelivered())) return;
  const bool isDone = isJobDone_;
  job_ = Job::none;
  isJobReported_ = isJobDone_ = false;
  apply(isDone ? LifeEvent::jobDone : LifeEvent::jobEnded, nowMs);
}

void Node::tellProgress(uint64_t nowMs) {
  report_.update(attempt_, nowMs);
  if (!progress_.passes(attempt_, nowMs)) return;
  coap_.notify(resource::update);
  broker_.publishProgress(attempt_);
}

void Node::endUpdate(UpdaterResult result, uint64_t nowMs) {
  isJobReported_ = true;
  isJobDone_ = result == UpdaterResult::staged;
  jobReportEndMs_ = nowMs + lastReportMs;
  if (isJobDone_) return;
  const Outcome outcome = result == UpdaterResult::applied     ? Outcome::done
                          : result == UpdaterResult::refused   ? Outcome::refused
                          : result == UpdaterResult::cancelled ? Outcome::cancelled
                                                               : Outcome::failed;
  // A replaced one ends for good as well: the newer rev is above it.
  finish(jobRev_, outcome, attempt_.reason.view());
  // Not before: where power is lost in between, the record says what was done.
  dropTrialRecord();
}

void Node::cancelJob(AttemptReason reason, uint64_t nowMs) {
  if (job_ == Job::none) return;
  if (job_ == Job::update) {
    if (isJobReported_) return;  // staged or over already: too late to cancel
    updater_.cancel(attemptReasonWord(reason));
    attempt_ = updater_.report();
    const UpdaterResult result = updater_.takeResult();
    tellProgress(nowMs);
    endUpdate(result, nowMs);
    if (life_.phase() == Phase::maintenance) return;  // pollJob() ends it once that was told
  }
  job_ = Job::none;
  isJobReported_ = isJobDone_ = false;
  if (life_.phase() == Phase::maintenance) apply(LifeEvent::jobEnded, nowMs);
}

void Node::loadTrialRecord() {
  uint8_t buffer[160];
  const hal::Io io = hal_.storage.get(trialKey, buffer, sizeof buffer);
  hasTrialRecord_ = io.code == hal::Code::ok && isOk(decodeTrialRecord(ByteSpan(buffer, io.size), trial_));
  // Power was lost between the image's confirmation and its number.
  if (hasTrialRecord_ && !state_.boot.trial && std::memcmp(trial_.digest, state_.boot.runningDigest, wireDigestSize) == 0) (void)keepSequence();
}

// What is on trial after the reboot must be known then: stored before the first byte, harmless until it matters. A rollback of
// this very image by an earlier attempt is forgotten first, or power lost on the way would make it this one's.
bool Node::beginTrialRecord() {
  if (state_.boot.rolledBack && std::memcmp(trial_.digest, state_.boot.rolledBackDigest, wireDigestSize) == 0) {
    if (hal_.slots.forgetRollback() != hal::Code::ok) return false;
    state_.boot.rolledBack = false;
  }
  trial_.sequence = updater_.sequence();
  trial_.isForAnchors = updater_.isForAnchors();
  return storeTrialRecord();
}

bool Node::storeTrialRecord() {
  uint8_t buffer[160];
  const Expected<ByteSpan> record = encodeTrialRecord(trial_, buffer);
  hasTrialRecord_ = record.hasValue() && hal_.storage.put(trialKey, record->data(), static_cast<uint32_t>(record->size())) == hal::Code::ok;
  return hasTrialRecord_;
}

// Anti-rollback: what runs confirmed is the least that may come. The record that knows the number stays until it is kept.
bool Node::keepSequence() {
  const bool isKept = trial_.sequence == 0 || trust_.raiseImageSequence(trial_.sequence);
  state_.imageSequence = trust_.imageSequence();
  if (isKept) return true;
  log_.error().put("the sequence number of the image couldn't be stored; tried again before anything is installed");
  return false;
}

void Node::openTrust() {
  if (!settings_.vendor.empty()) {
    manifest_.identify(settings_.vendor.view(), hal_.system.identity().model, state_.id.view());
    state_.vendorId = manifest_.vendorId();
    state_.classId = manifest_.classId();
  }
  const TrustAnchors none;
  if (!trust_.load(hal_.storage, settings_.anchors != nullptr ? *settings_.anchors : none)) {
    log_.error().put("trust anchors: the stored ones can't be read or written; no update is taken");
  } else if (!trust_.isTrustable()) {
    log_.warn().put(settings_.isUnsignedAllowed ? "updates: images are taken that nobody signed"
                                                : "updates: this node has no trust anchor and takes none; start it with some, or give it new credentials");
  }
  state_.imageSequence = trust_.imageSequence();
}

void Node::dropTrialRecord() {
  if (!hasTrialRecord_) return;
  hasTrialRecord_ = false;
  (void)hal_.storage.remove(trialKey);
}

void Node::onRegistered(uint64_t nowMs) {
  if (!state_.isMarkedHealthy) state_.isMarkedHealthy = hal_.slots.markHealthy() == hal::Code::ok;
  readEnvironment(nowMs);
  uint32_t rev = 0;
  if (credentials_.isOnTrial()) credentials_.keep();
  const CredentialsEnd end = credentials_.takeEnd(rev);
  if (end == CredentialsEnd::kept) finish(rev, Outcome::done, "");
  if (end == CredentialsEnd::restored && rev > state_.lastRev) finish(rev, Outcome::failed, "manager-unreachable");
  log_.info().put("registered as ").put(state_.registration.id.view()).put(", poll ").put(static_cast<uint64_t>(state_.environment.pollS)).put(" s");
  apply(LifeEvent::registered, nowMs);
  settleTrialRecord(nowMs);
  if (state_.boot.trial && leave_ == Leave::none) confirmImage(nowMs);
}

// What came of the image that was staged before this boot, told once.
void Node::settleTrialRecord(uint64_t nowMs) {
  if (!hasTrialRecord_ || job_ != Job::none) return;
  const bool isRunning = std::memcmp(trial_.digest, state_.boot.runningDigest, wireDigestSize) == 0;
  const bool isLeft = state_.boot.rolledBack && std::memcmp(trial_.digest, state_.boot.rolledBackDigest, wireDigestSize) == 0;
  const bool isApplied = trial_.isForAnchors && trial_.sequence == trust_.anchorsSequence();
  if (!isRunning && !isLeft && !isApplied) return;  // power was lost before it was staged; the manager offers it again
  attempt_ = AttemptReport();
  attempt_.update = trial_.update;
  attempt_.attempt = trial_.attempt;
  attempt_.percent = 100;
  if (isRunning || isApplied) {
    attempt_.state = isRunning && state_.boot.trial ? AttemptState::trial : AttemptState::succeeded;
  } else {
    attempt_.state = AttemptState::rolledBack;
    attempt_.reason.assignCut(hal::nameOf(state_.boot.rolledBackReason));
  }
  tellProgress(nowMs);
  if (isRunning && state_.boot.trial) return;
  if (trial_.rev > state_.lastRev) finish(trial_.rev, isRunning || isApplied ? Outcome::done : Outcome::failed, attempt_.reason.view());
  if (!isRunning || keepSequence()) dropTrialRecord();
}

void Node::confirmImage(uint64_t nowMs) {
  Reason why;
  if (!profile_.selfTest(why)) {
    log_.error().put("self-test failed: ").put(why.view());
    return giveTrialUp(hal::RollbackReason::selfTest, nowMs);
  }
  const hal::Code code = hal_.slots.confirm();
  if (code != hal::Code::ok) {
    log_.error().put("the image couldn't be confirmed: ").put(hal::nameOf(code));
    return;  // the trial goes on; the next registration tries again, the time limit ends it
  }
  state_.boot.trial = false;
  log_.info().put("the image is confirmed");
  settleTrialRecord(nowMs);
  link_.registerAgain();  // the manifest says `confirmed` now
}

void Node::giveTrialUp(hal::RollbackReason reason, uint64_t nowMs) {
  log_.error().put("the trial is given up: ").put(hal::nameOf(reason));
  const hal::Code code = hal_.slots.rollBack(reason);
  if (code != hal::Code::ok) log_.error().put("rollback: ").put(hal::nameOf(code));
  apply(LifeEvent::trialFailed, nowMs);
}

}  // namespace cx
