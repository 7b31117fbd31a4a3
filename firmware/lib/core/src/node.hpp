// One node: everything between power on and power off, over one Hal. The port owns the loop:
//
//   cx::NodeStorage<cx::NodeLimitsHost> storage;
//   cx::Node node(hal, profile, settings, storage.memory());
//   for (;;) sleepUntil(node.step(hal.clock.monotonicMs()));    // or until a socket has something
//
// Nothing is allocated, nothing waits, nothing is global: many nodes live in one process.
#pragma once

#include "actions_record.hpp"
#include "coap_download.hpp"
#include "credentials_trial.hpp"
#include "display_screen.hpp"
#include "http_download.hpp"
#include "lifecycle.hpp"
#include "log_ring.hpp"
#include "manager_manifest.hpp"
#include "node_broker.hpp"
#include "node_inbox.hpp"
#include "node_memory.hpp"
#include "registration_link.hpp"
#include "resources_service.hpp"
#include "trust_store.hpp"
#include "updater.hpp"
#include "updater_install.hpp"
#include "updater_report.hpp"

namespace cx {

struct NodeTiming {
  uint32_t bootLimitMs = 120000;         // without a link for that long: restart
  uint32_t discoveryLimitMs = 1800000;   // then the search starts anew, with short delays
  uint32_t beatlessPolls = 10;           // OPERATIONAL ends after so many polls without an answered heartbeat
  uint32_t maintenanceLimitMs = 3660000; // longer than the updater's own deadline, which comes first
  uint32_t heldLimitMs = 600000;         // maintenance asked for by a person, without a job
  uint32_t safeLimitMs = 3600000;        // then a normal boot is tried
  uint32_t leaveLimitMs = 5000;          // to say goodbye before a restart
  uint32_t healthyAfterMs = 60000;
  uint32_t confirmLimitMs = 285000;      // a little before the boot loader's 5 minutes, so that the reason is ours
  uint32_t heardWithinMs = 120000;       // no trial without a heartbeat answered lately
};

class Node {
 public:
  Node(hal::Hal& hal, Profile& profile, const NodeSettings& settings, const NodeMemory& memory, const NodeTiming& timing = {});
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // One turn of the loop. Returns when the next one is due at the latest, in monotonic milliseconds; a datagram or bytes
  // on a stream make it due at once. After System::restart() or terminate() it isn't called again.
  uint64_t step(uint64_t nowMs);

  Phase phase() const { return life_.phase(); }
  const NodeState& state() const { return state_; }
  const AttemptReport& attempt() const { return attempt_; }
  const BrokerSession& broker() const { return broker_; }
  const CoapEndpoint& coap() const { return coap_; }
  const LogRing& log() const { return ring_; }
  const Screen& screen() const { return screen_; }
  uint32_t lifeFaults() const { return life_.faults(); }

 private:
  enum class Job : uint8_t { none, update, credentials, held };
  enum class Leave : uint8_t { none, restart, terminate };
  enum class Source : uint8_t { link, resource };

  // node.cpp: the loop and the life cycle
  void boot(uint64_t nowMs);
  void openSession();
  void openNetwork(uint64_t nowMs);
  LifeStep apply(LifeEvent event, uint64_t nowMs);
  void perform(LifeAction action, uint64_t nowMs);
  void drainLink(uint64_t nowMs);
  void drainInbox(uint64_t nowMs);
  void drainBroker(uint64_t nowMs);
  void checkDeadlines(uint64_t nowMs);
  void leave(uint64_t nowMs);
  void notifyObservers(uint64_t nowMs);
  void drawScreen(uint64_t nowMs);
  uint64_t nextDueMs(uint64_t nowMs) const;
  bool isTrialAllowed(uint64_t nowMs) const;
  bool keepsMqtt() const { return state_.environment.keepMqttInMaintenance && !isEnvelopeShared_; }
  bool isOnTrial() const { return state_.boot.trial || credentials_.isOnTrial(); }
  void setDeadline(uint64_t nowMs);

  // node_actions.cpp: what the manager wants
  void take(const Action& action, uint64_t nowMs);
  void takeUpdate(const Action& action, uint64_t nowMs);
  void takeEnvironment(const Action& action, uint64_t nowMs);
  void takeCommandAction(const Action& action, uint64_t nowMs);
  void actOn(const Action& action, uint64_t nowMs);
  void takeConfiguration(const Action& action);
  void readEnvironment(uint64_t nowMs);
  void adoptEnvironment(const Environment& environment, uint64_t nowMs);
  Outcome doCommand(CommandName command, uint64_t nowMs, Reason& reason);
  void finish(uint32_t rev, Outcome outcome, std::string_view reason);

  // node_trial.cpp: what goes on trial, and what came of it
  void onRegistered(uint64_t nowMs);
  void beginJob(uint64_t nowMs);
  void pollJob(uint64_t nowMs);
  void tellProgress(uint64_t nowMs);
  void endUpdate(UpdaterResult result, uint64_t nowMs);
  void cancelJob(AttemptReason reason, uint64_t nowMs);
  void loadTrialRecord();
  void settleTrialRecord(uint64_t nowMs);
  bool beginTrialRecord();
  bool storeTrialRecord();
  void dropTrialRecord();
  bool keepSequence();
  void openTrust();
  void confirmImage(uint64_t nowMs);
  void giveTrialUp(hal::RollbackReason reason, uint64_t nowMs);

  hal::Hal& hal_;
  Profile& profile_;
  const NodeSettings settings_;
  const NodeTiming timing_;
  NodeState state_;
  LifeCycle life_;
  LogRing ring_;
  Log log_;
  OscoreSession session_;
  CoapEndpoint coap_;
  NodeContext context_;
  NodeInbox inbox_;
  AttemptReport attempt_;  // of the job that runs or ran last; what /update shows
  ResourcesService resources_;
  RegistrationLink link_;
  MqttClient mqtt_;
  BrokerSession broker_;
  HttpDownload http_;
  CoapDownload coapDownload_;
  TrustStore trust_;
  NoPayloadTools noTools_;
  UpdaterContext updaterContext_;
  ManagerManifest manifest_;
  Updater updater_;
  UpdaterReport report_;
  ProgressGate progress_;
  UpdaterInstall install_;
  ActionsRecord actions_;
  CredentialsTrial credentials_;
  Screen screen_;

  const bool isEnvelopeShared_;
  bool isBegun_ = false;
  Job job_ = Job::none;
  uint32_t jobRev_ = 0;
  uint32_t environmentRev_ = 0;  // of an action whose environment is being read from the manager; 0: none
  bool isJobReported_ = false;   // the job is over, its last report is under way
  uint64_t jobReportEndMs_ = 0;
  bool isJobDone_ = false;
  TrialRecord trial_;
  bool hasTrialRecord_ = false;
  Leave leave_ = Leave::none;
  uint64_t leaveEndMs_ = 0;
  uint64_t deadlineMs_ = 0;      // of the phase; 0: none
  uint64_t searchSinceMs_ = 0;
  uint64_t nextNotifyMs_ = 0;
  uint64_t identifyEndMs_ = 0;
};

}  // namespace cx
