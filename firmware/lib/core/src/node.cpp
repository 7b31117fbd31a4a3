#include "node.hpp"

#include "text.hpp"

namespace cx {

namespace {

constexpr uint32_t rediscoverSpreadMs = 10000;  // 4.04 to everybody at once must not bring everybody back at once
constexpr uint32_t bootPollMs = 200;
constexpr uint32_t restartAgainMs = 10000;

// The share of an ESP8266's memory that core may take, stack and constants not counted; checked by every 32-bit build.
constexpr size_t smallBoardBudget = 24 * 1024;
static_assert(sizeof(void*) != 4 || sizeof(Node) + sizeof(NodeStorage<NodeLimitsSmall>) <= smallBoardBudget,
              "a node no longer fits the memory of a small board");

}  // namespace

Node::Node(hal::Hal& hal, Profile& profile, const NodeSettings& settings, const NodeMemory& memory, const NodeTiming& timing)
    : hal_(hal),
      profile_(profile),
      settings_(settings),
      timing_(timing),
      ring_(memory.log),
      log_(hal.log, hal.clock, ring_),
      session_(hal.entropy, hal.clock),
      coap_(hal.coap, hal.clock, hal.entropy, memory.coap),
      context_{hal, coap_, log_, settings_, state_, profile, memory.scratch},
      resources_(context_, inbox_, ring_, attempt_, actions_),
      link_(context_, memory.body),
      mqtt_(hal.mqtt, hal.clock, memory.mqttReceive, memory.mqttSend),
      broker_(context_, mqtt_),
      http_(hal.http, hal.clock, memory.http),
      coapDownload_(coap_, hal.clock, memory.http),  // one download at a time
      updaterContext_{hal.clock, hal.entropy, hal.storage, hal.slots, hal.signature, &hal.network, &hal.http, log_, settings_},
      manifest_(context_, updaterContext_, trust_, memory.tools != nullptr ? *memory.tools : noTools_, memory.envelope),
      updater_(updaterContext_, manifest_, &http_, &coapDownload_, memory.chunk),
      report_(context_),
      install_(context_, inbox_, memory.http),
      actions_(context_),
      credentials_(context_),
      screen_(hal.display, memory.frame),
      isEnvelopeShared_(memory.isEnvelopeShared) {}

bool Node::isTrialAllowed(uint64_t nowMs) const {
  return state_.heardMs != 0 && nowMs - state_.heardMs <= timing_.heardWithinMs && !isOnTrial();
}

uint64_t Node::step(uint64_t nowMs) {
  if (!isBegun_) boot(nowMs);
  hal_.watchdog.feed();
  inbox_.isJobAllowed = isTrialAllowed(nowMs);
  inbox_.isJobRunning = job_ != Job::none;
  inbox_.updateRev = job_ == Job::update ? jobRev_ : 0;
  if (life_.phase() == Phase::boot) openNetwork(nowMs);
  coap_.poll();
  drainLink(nowMs);  // before the link goes on: its next request takes the buffer that holds what arrived
  link_.poll(nowMs);
  broker_.poll(nowMs);
  drainBroker(nowMs);
  drainInbox(nowMs);
  if (job_ == Job::none) install_.poll(nowMs);
  pollJob(nowMs);
  report_.poll(nowMs);
  checkDeadlines(nowMs);
  notifyObservers(nowMs);
  drawScreen(nowMs);
  if (leave_ != Leave::none) leave(nowMs);
  return nextDueMs(nowMs);
}

// Counts, settings, credentials: the smallest set that the network needs, before anything that could fail.
void Node::boot(uint64_t nowMs) {
  isBegun_ = true;
  state_.startedMs = nowMs;
  state_.boot = hal_.slots.boot();
  hal_.watchdog.start();
  const hal::Identity identity = hal_.system.identity();
  state_.id = settings_.id;
  if (state_.id.empty()) {
    char buffer[nodeIdMax + 1];
    TextWriter text(buffer, sizeof buffer);
    text.put(identity.model).put('-').put(identity.hardware);
    state_.id.assignCut(text.view());
  }
  log_.info().put("boot: ").put(state_.id.view()).put(", version ").put(identity.version).put(", ").put(hal::nameOf(hal_.system.resetReason()));
  openSession();
  actions_.load();
  credentials_.load(nowMs);
  openTrust();
  loadTrialRecord();
  screen_.begin();
  screen_.line(0, "Starting...");
  setDeadline(nowMs);
}

// A session that can't be opened stays in force, closed: a node that was given keys never speaks without them.
void Node::openSession() {
  if (settings_.isPortProtected) coap_.requireProtection();
  if (!settings_.isProtected) return;
  coap_.secure(&session_);
  hal::Storage& numbers = hal_.numbers != nullptr ? *hal_.numbers : hal_.storage;
  const Status status = session_.open(settings_.oscore, numbers, hal_.retained, hal_.aead);
  if (isOk(status)) return;
  log_.error().put("security: ").put(status == Status::invalid ? "the credentials are no good" : "the sequence numbers are lost").put(
      ": this node needs new credentials (").put(statusName(status)).put(')');
}

void Node::openNetwork(uint64_t nowMs) {
  if (hal_.network.link() != hal::Link::up) return;
  const Status status = coap_.start(settings_.coapPort, ResourcesService::routes(), &resources_);
  if (!isOk(status)) {
    log_.error().put("no CoAP socket: ").put(statusName(status));
    return;
  }
  apply(state_.boot.safe ? LifeEvent::bootsExhausted : LifeEvent::booted, nowMs);
}

LifeStep Node::apply(LifeEvent event, uint64_t nowMs) {
  const LifeStep step = life_.apply(event, isTrialAllowed(nowMs));
  state_.phase = step.to;
  if (step.verdict == Verdict::fault) log_.error().put("life cycle: an event that can't be, in ").put(phaseName(step.from));
  if (step.verdict == Verdict::go) {
    if (step.from != step.to) log_.info().put(phaseName(step.from)).put(" -> ").put(phaseName(step.to));
    setDeadline(nowMs);
    perform(step.action, nowMs);
    nextNotifyMs_ = nowMs;
  }
  return step;
}

void Node::setDeadline(uint64_t nowMs) {
  switch (life_.phase()) {
    case Phase::boot: deadlineMs_ = nowMs + timing_.bootLimitMs; break;
    case Phase::discovery: deadlineMs_ = nowMs + timing_.discoveryLimitMs; break;
    case Phase::maintenance: deadlineMs_ = nowMs + (job_ == Job::held ? timing_.heldLimitMs : timing_.maintenanceLimitMs); break;
    case Phase::safe: deadlineMs_ = state_.startedMs + timing_.safeLimitMs; break;
    case Phase::restart: deadlineMs_ = nowMs + restartAgainMs; break;
    default: deadlineMs_ = 0; break;
  }
}

void Node::perform(LifeAction action, uint64_t nowMs) {
  switch (action) {
    case LifeAction::none:
    case LifeAction::refuseJob: return;
    case LifeAction::findManager:
    case LifeAction::findManagerLater:
      screen_.line(0, "Registering...");
      searchSinceMs_ = nowMs;
      return link_.search(nowMs, action == LifeAction::findManager ? 0 : randomBelow(hal_.entropy, rediscoverSpreadMs + 1), isOnTrial());
    case LifeAction::serve: return broker_.start(nowMs);
    case LifeAction::enterSafe:
      if (job_ != Job::none) cancelJob(AttemptReason::deadline, nowMs);
      screen_.thaw();
      screen_.line(0, "SAFE");
      broker_.stop("offline", nowMs);
      if (!link_.isUp()) link_.search(nowMs, 0, true);
      return;
    case LifeAction::beginJob: return beginJob(nowMs);
    case LifeAction::abandonJob:
      cancelJob(AttemptReason::deadline, nowMs);
      [[fallthrough]];
    case LifeAction::resume:
      screen_.thaw();
      broker_.setReporting(true);
      return broker_.start(nowMs);
    case LifeAction::handOver:
      if (leave_ == Leave::restart && nowMs >= leaveEndMs_) hal_.system.restart();
      leave_ = Leave::restart;
      leaveEndMs_ = nowMs + timing_.leaveLimitMs;
      screen_.thaw();
      screen_.line(0, "Restarting...");
      return broker_.stop("offline", nowMs);
    case LifeAction::powerDown:
      leave_ = Leave::terminate;
      leaveEndMs_ = nowMs + timing_.leaveLimitMs;
      screen_.thaw();
      screen_.line(0, "Off");
      link_.beatNow();  // the result is told while there is somebody to tell it
      return broker_.stop("offline", nowMs);
  }
}

void Node::drainLink(uint64_t nowMs) {
  if (resources_.takeHeard()) link_.heard(nowMs);
  for (LinkEvent event = link_.takeEvent(); event != LinkEvent::none; event = link_.takeEvent()) {
    switch (event) {
      case LinkEvent::registered: onRegistered(nowMs); break;
      case LinkEvent::unknownToManager:
        // Phases that must go on register again beside their work.
        if (apply(LifeEvent::unknownToManager, nowMs).verdict != Verdict::go) link_.registerAgain();
        break;
      case LinkEvent::managerLost: apply(LifeEvent::managerLost, nowMs); break;
      case LinkEvent::actionArrived: {
        if (inbox_.hasAction) break;  // offered again at the next heartbeat
        const Status status = decodeAction(link_.actionFormat(), link_.action(), state_.environment, inbox_.action);
        const bool hasMore = inbox_.action.hasMore;
        if (status == Status::unsupported) {
          finish(inbox_.action.rev, Outcome::refused, "unsupported");
        } else if (!isOk(status)) {
          log_.error().put("an action isn't understood: ").put(statusName(status));
          // Refusing what can't be read at least lets the queue go on, when its number was readable.
          if (inbox_.action.rev > state_.lastRev) finish(inbox_.action.rev, Outcome::refused, "malformed");
        } else {
          take(inbox_.action, nowMs);
        }
        if (hasMore && job_ == Job::none) link_.beatNow();
        break;
      }
      case LinkEvent::beatAnswered:
      case LinkEvent::none: break;
    }
  }
}

void Node::drainInbox(uint64_t nowMs) {
  if (inbox_.hasAction) {
    if (inbox_.isBegun) {
      actOn(inbox_.action, nowMs);
    } else {
      take(inbox_.action, nowMs);
    }
    inbox_.hasAction = inbox_.isBegun = false;
  }
  if (inbox_.hasMode) {
    inbox_.hasMode = false;
    if (!inbox_.mode.isMaintenance) {
      cancelJob(AttemptReason::cancelledByOperator, nowMs);
      install_.stop();
    } else if (!inbox_.mode.update.empty()) {
      install_.ask(inbox_.mode.update.view(), nowMs);
    } else if (job_ == Job::none) {
      job_ = Job::held;
      if (apply(LifeEvent::jobOffered, nowMs).verdict != Verdict::go) job_ = Job::none;
    }
  }
  if (inbox_.isRestartAsked || inbox_.isTerminateAsked) {
    const LifeEvent event = inbox_.isTerminateAsked ? LifeEvent::terminateRequested : LifeEvent::restartRequested;
    inbox_.isRestartAsked = inbox_.isTerminateAsked = false;
    apply(event, nowMs);
  }
}

void Node::drainBroker(uint64_t nowMs) {
  BrokerMessage message;
  while (broker_.take(message)) {
    if (message.kind == BrokerMessageKind::otaStart) {
      OtaStart start;
      if (!isOk(decodeOtaStart(message.payload.view(), start)) || start.update.empty()) {
        log_.warn().put("mqtt: ota/start without an update id is not accepted: nothing says what its bytes should be");
        continue;
      }
      install_.ask(start.update.view(), nowMs);
      continue;
    }
    CommandMessage command;
    const bool isKnown = isOk(decodeCommand(WireFormat::json, message.payload.view(), command)) && command.command != CommandName::none &&
                         message.command.view() == commandWord(command.command);
    if (!isKnown) {
      // The topic names the command as well; a body without it is common.
      for (uint8_t name = 1; name <= static_cast<uint8_t>(CommandName::queryStatus); ++name) {
        if (message.command.view() == commandWord(static_cast<CommandName>(name))) command.command = static_cast<CommandName>(name);
      }
    }
    if (command.command == CommandName::none || command.id.empty()) {
      log_.warn().put("mqtt: a command that isn't known, or without an id: ").put(message.command.view());
      continue;
    }
    Reason reason;
    Outcome outcome = Outcome::done;
    if (isExpired(hal_.clock, command.hasExpiry, command.expiresMs)) {
      outcome = Outcome::refused;
      reason.assignCut("expired");
    } else if (!actions_.wasDone(command.id.view())) {
      if (actions_.remember(command.id.view(), 0)) {
        log_.info().put("command ").put(commandWord(command.command)).put(" ").put(command.id.view());
        outcome = doCommand(command.command, nowMs, reason);
      } else {
        outcome = Outcome::failed;
        reason.assignCut("not-stored");
      }
    }
    broker_.acknowledgeCommand(message.command.view(), command.id.view(), outcome, reason.view());
  }
}

void Node::checkDeadlines(uint64_t nowMs) {
  if (!state_.isMarkedHealthy && nowMs - state_.startedMs >= timing_.healthyAfterMs && life_.phase() != Phase::boot) {
    state_.isMarkedHealthy = hal_.slots.markHealthy() == hal::Code::ok;
  }
  if (state_.boot.trial && leave_ == Leave::none && nowMs - state_.startedMs >= timing_.confirmLimitMs) {
    return giveTrialUp(hal::RollbackReason::managerUnreachable, nowMs);
  }
  if (credentials_.isOnTrial() && nowMs >= credentials_.deadlineMs() && leave_ == Leave::none) {
    log_.warn().put("credentials: the manager wasn't reached in time, the previous set comes back");
    const uint32_t rev = credentials_.rev();
    credentials_.restore();
    finish(rev, Outcome::failed, "manager-unreachable");
    apply(LifeEvent::restartRequested, nowMs);
    return;
  }
  if (life_.phase() == Phase::operational) {
    deadlineMs_ = (state_.heardMs == 0 ? nowMs : state_.heardMs) + static_cast<uint64_t>(timing_.beatlessPolls) * state_.environment.pollS * 1000 +
                  timing_.bootLimitMs;
  }
  if (isDue(deadlineMs_, nowMs)) {
    deadlineMs_ = 0;
    log_.warn().put("the time limit of ").put(phaseName(life_.phase())).put(" is over");
    apply(LifeEvent::deadline, nowMs);
  }
}

void Node::leave(uint64_t nowMs) {
  const bool isSaid = leave_ == Leave::restart || state_.result.rev == 0 || !state_.isRegistered;
  if (nowMs < leaveEndMs_ && !(broker_.isStopped() && isSaid)) return;
  leaveEndMs_ = nowMs + restartAgainMs;
  if (leave_ == Leave::restart) {
    hal_.system.restart();
  } else {
    hal_.system.terminate(0);
  }
}

void Node::notifyObservers(uint64_t nowMs) {
  if (nowMs < nextNotifyMs_) return;
  nextNotifyMs_ = nowMs + state_.environment.reportS * 1000ULL;
  coap_.notify(resource::health, state_.environment.liveness == Liveness::observe);
  coap_.notify(resource::metrics);
}

void Node::drawScreen(uint64_t nowMs) {
  if (life_.phase() == Phase::operational && !screen_.isFrozen()) {
    char buffer[screenColumns + 1];
    TextWriter text(buffer, sizeof buffer);
    text.put(hal_.system.identity().version).put(broker_.isConnected() ? " online" : " no broker");
    screen_.line(0, state_.id.view());
    screen_.line(1, text.view());
    screen_.line(2, nowMs < identifyEndMs_ ? "*** here I am ***" : "");
  }
  screen_.flush();
}

uint64_t Node::nextDueMs(uint64_t nowMs) const {
  uint64_t due = coap_.nextDueMs();
  // A moment that is 0 isn't set; a part whose next turn is 0 wants one at once.
  const auto consider = [&](uint64_t at) {
    if (at != 0 && at < due) due = at;
  };
  const auto part = [&](uint64_t at) {
    if (at < due) due = at;
  };
  part(link_.nextDueMs());
  part(broker_.nextDueMs());
  if (job_ == Job::update && !isJobReported_) part(broker_.isStopped() || keepsMqtt() ? updater_.nextDueMs() : nowMs + bootPollMs);
  if (isJobReported_) consider(jobReportEndMs_);
  part(report_.nextDueMs());
  part(install_.nextDueMs());
  consider(deadlineMs_);
  consider(nextNotifyMs_);
  if (identifyEndMs_ > nowMs) consider(identifyEndMs_);
  consider(credentials_.deadlineMs());
  if (life_.phase() == Phase::boot) consider(nowMs + bootPollMs);
  if (leave_ != Leave::none) consider(nowMs + bootPollMs < leaveEndMs_ ? nowMs + bootPollMs : leaveEndMs_);
  if (!state_.isMarkedHealthy) consider(state_.startedMs + timing_.healthyAfterMs);
  if (state_.boot.trial) consider(state_.startedMs + timing_.confirmLimitMs);
  return due > nowMs ? due : nowMs;
}

}  // namespace cx
