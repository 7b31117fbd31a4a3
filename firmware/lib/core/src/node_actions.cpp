// What the manager wants of the node: each action is taken once, and its outcome stored before it is told.
#include "node.hpp"

namespace cx {

namespace {

constexpr uint32_t identifyMs = 10000;  // how long the display says so

}  // namespace

void Node::finish(uint32_t rev, Outcome outcome, std::string_view reason) {
  if (!actions_.finish(rev, outcome, reason)) log_.error().put("an outcome is known only until the next reset");
  link_.beatNow();
}

void Node::take(const Action& action, uint64_t nowMs) {
  if (action.kind == ActionKind::none) {
    // A cancelled or expired rev: it ends the job that it began.
    if (job_ == Job::update && action.rev != 0 && action.rev >= jobRev_) {
      cancelJob(AttemptReason::cancelled, nowMs);
    } else {
      actions_.skip(action.rev);
    }
    return;
  }
  if (action.rev != 0 && action.rev <= state_.lastRev) {
    actions_.repeat(action.rev);
    link_.beatNow();
    return;
  }
  // Finishing a later one would say that the one under way is finished too. It is offered again.
  if (job_ == Job::update && action.rev > jobRev_ && action.kind != ActionKind::update) return;
  switch (action.kind) {
    case ActionKind::update: return takeUpdate(action, nowMs);
    case ActionKind::environment: return takeEnvironment(action, nowMs);
    case ActionKind::config:
      takeConfiguration(action);
      return finish(action.rev, Outcome::done, "");
    case ActionKind::command: return takeCommandAction(action, nowMs);
    case ActionKind::none: return;
  }
}

void Node::takeUpdate(const Action& action, uint64_t nowMs) {
  if (!action.hasDigest) return finish(action.rev, Outcome::refused, attemptReasonWord(AttemptReason::noDigest));
  if (std::memcmp(action.digest, state_.boot.runningDigest, wireDigestSize) == 0) {
    // On trial it is finished when it is confirmed or left, and not before.
    if (!state_.boot.trial) finish(action.rev, Outcome::done, "already-running");
    return;
  }
  if (job_ == Job::update) {
    if (action.rev == jobRev_) return updater_.renew(action, nowMs);
    // A newer one replaces the one under way; it is offered again once that has ended.
    return cancelJob(AttemptReason::replaced, nowMs);
  }
  if (job_ != Job::none) return;
  if (!isTrialAllowed(nowMs)) {
    log_.info().put("update ").put(action.update.view()).put(": not now");
    return;
  }
  // The record still knows the number of what runs: it isn't given up for another.
  if (hasTrialRecord_ && std::memcmp(trial_.digest, state_.boot.runningDigest, wireDigestSize) == 0) {
    if (!keepSequence()) return finish(action.rev, Outcome::failed, attemptReasonWord(AttemptReason::notStored));
    dropTrialRecord();
  }
  job_ = Job::update;
  jobRev_ = action.rev;
  isJobReported_ = isJobDone_ = false;
  if (apply(LifeEvent::jobOffered, nowMs).verdict != Verdict::go) {
    job_ = Job::none;
    return;
  }
  trial_ = TrialRecord();
  trial_.rev = action.rev;
  trial_.update = action.update;
  trial_.attempt = action.attempt;
  std::memcpy(trial_.digest, action.digest, wireDigestSize);
  updater_.start(action, nowMs);
  attempt_ = updater_.report();
}

void Node::takeEnvironment(const Action& action, uint64_t nowMs) {
  if (!action.hasEnvironment) {
    // Only its digest may be told openly: it is read where it may be read, and taken then.
    environmentRev_ = action.rev;
    return link_.registerAgain();
  }
  if (!credentials_.needsTrial(action.environment)) {
    adoptEnvironment(action.environment, nowMs);
    return finish(action.rev, Outcome::done, "");
  }
  if (job_ != Job::none || !isTrialAllowed(nowMs)) return;  // offered again
  if (action.environment.mqtt.isTls && !hal_.mqtt.hasTls()) return finish(action.rev, Outcome::refused, "tls-not-built-in");
  job_ = Job::credentials;
  jobRev_ = action.rev;
  isJobReported_ = isJobDone_ = false;
  if (apply(LifeEvent::jobOffered, nowMs).verdict != Verdict::go) {
    job_ = Job::none;
    return;
  }
  if (credentials_.write(action.environment, action.rev)) {
    isJobDone_ = true;
  } else {
    finish(action.rev, Outcome::failed, "not-stored");
  }
  isJobReported_ = true;
  jobReportEndMs_ = nowMs;
}

void Node::takeConfiguration(const Action& action) {
  Environment next = state_.environment;
  const Configuration& config = action.config;
  if (config.pollS != 0) next.pollS = config.pollS;
  if (config.reportS != 0) next.reportS = config.reportS;
  if (config.hasLogLevel) {
    next.hasLogLevel = true;
    next.logLevel = config.logLevel;
    hal_.log.setLevel(config.logLevel);
  }
  if (config.hasKeepMqtt) next.keepMqttInMaintenance = config.keepMqttInMaintenance;
  credentials_.adopt(next);
}

// What came with a registration. From a manager that was just reached it is in force at once, unless an action asked for
// it: then what could cut the node off goes on trial like any other.
void Node::readEnvironment(uint64_t nowMs) {
  const uint32_t rev = environmentRev_;
  environmentRev_ = 0;
  Environment next = state_.environment;
  next.pollS = state_.registration.pollS;
  const ByteSpan bytes = link_.environment();
  if (bytes.empty() || !isOk(decodeEnvironment(link_.actionFormat(), bytes, next))) {
    if (!bytes.empty()) log_.error().put("the environment isn't understood, the one before stays");
    Environment& now = state_.environment;
    now.pollS = state_.registration.pollS;
    if (rev != 0) finish(rev, Outcome::failed, "no-environment");
    return;
  }
  if (rev != 0 && credentials_.needsTrial(next) && !inbox_.hasAction) {
    Action& action = inbox_.action;
    renew(action);
    action.rev = rev;
    action.kind = ActionKind::environment;
    action.hasEnvironment = true;
    action.environment = next;
    return takeEnvironment(action, nowMs);
  }
  adoptEnvironment(next, nowMs);
  if (rev != 0) finish(rev, Outcome::done, "");
}

void Node::adoptEnvironment(const Environment& environment, uint64_t nowMs) {
  credentials_.adopt(environment);
  if (environment.hasTime) hal_.clock.setWallMs(environment.timeMs);
  if (environment.hasLogLevel) hal_.log.setLevel(environment.logLevel);
  broker_.environmentChanged(nowMs);
}

void Node::takeCommandAction(const Action& action, uint64_t nowMs) {
  // Stored before it acts: a command done once is never done again, whatever power does in between.
  switch (actions_.begin(action)) {
    case CommandBegin::act: return actOn(action, nowMs);
    case CommandBegin::notStored:
      if (action.rev > state_.lastRev) return finish(action.rev, Outcome::failed, "not-stored");
      [[fallthrough]];  // what came of it is known, until the next reset
    case CommandBegin::over: return link_.beatNow();
  }
}

void Node::actOn(const Action& action, uint64_t nowMs) {
  log_.info().put("command ").put(commandWord(action.command)).put(" ").put(action.commandId.view());
  const bool isEnding = action.command == CommandName::restart || action.command == CommandName::terminate;
  if (isEnding) {
    if (!actions_.finish(action.rev, Outcome::done, "")) return finish(action.rev, Outcome::failed, "not-stored");
    Reason ignored;
    (void)doCommand(action.command, nowMs, ignored);
    return;
  }
  Reason reason;
  const Outcome outcome = doCommand(action.command, nowMs, reason);
  finish(action.rev, outcome, reason.view());
}

Outcome Node::doCommand(CommandName command, uint64_t nowMs, Reason& reason) {
  switch (command) {
    case CommandName::restart: apply(LifeEvent::restartRequested, nowMs); return Outcome::done;
    case CommandName::terminate: apply(LifeEvent::terminateRequested, nowMs); return Outcome::done;
    case CommandName::identify:
      hal_.actuators.identify();
      identifyEndMs_ = nowMs + identifyMs;
      return Outcome::done;
    case CommandName::queryStatus:
      broker_.reportNow();
      coap_.notify(resource::health);
      link_.beatNow();
      return Outcome::done;
    case CommandName::bootPrevious: reason.assignCut("needs-a-signed-authorisation"); return Outcome::refused;
    case CommandName::none: break;
  }
  reason.assignCut("unknown-command");
  return Outcome::refused;
}

}  // namespace cx
