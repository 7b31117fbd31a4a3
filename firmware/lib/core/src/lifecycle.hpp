// The life of a node, the same table for every board: host, ESP32, ESP8266, simulation.
#pragma once

#include "fsm_table.hpp"

namespace cx {

enum class Phase : uint8_t { boot, discovery, operational, maintenance, restart, safe, terminated };
constexpr unsigned phaseCount = 7;

enum class LifeEvent : uint8_t {
  booted,              // boot counted, settings loaded, slot known, network up
  bootsExhausted,      // a confirmed image failed to start three times
  registered,          // registration answered and environment read
  unknownToManager,    // a heartbeat was answered 4.04
  managerLost,         // three heartbeats missed and the registration after them failed
  jobOffered,          // an image or credentials to write, or maintenance asked for by an operator
  jobDone,             // staged, or written
  jobEnded,            // failed or cancelled: nothing changed
  trialFailed,         // self-test failed, or the trial was not confirmed in time
  restartRequested,
  terminateRequested,
  deadline,            // the time limit of the phase itself
};
constexpr unsigned lifeEventCount = 12;

enum class LifeGuard : uint8_t {
  always,
  trialAllowed,   // a heartbeat was answered in the last two minutes and no trial is open
  cameFromSafe,
};

enum class LifeAction : uint8_t {
  none,
  findManager,       // search and register, at once
  findManagerLater,  // the same after a random 0..10 s, so that a restarted manager isn't stormed
  serve,             // connect MQTT, beat, publish
  enterSafe,         // no MQTT, no sensors: only what an update over the air needs
  beginJob,          // stop MQTT, freeze the display, start the one job
  refuseJob,         // answer "not now"
  resume,            // thaw the display, connect MQTT again
  abandonJob,        // end the job as failed by its deadline, then resume
  handOver,          // store the cause, flush, give the processor to the boot loader
  powerDown,
};

using LifeRow = FsmRow<Phase, LifeEvent, LifeGuard, LifeAction>;

namespace life {
using P = Phase;
using E = LifeEvent;
using G = LifeGuard;
using V = Verdict;
using A = LifeAction;

inline constexpr LifeRow table[] = {
    {P::boot, eventSet(E::booted), G::always, V::go, A::findManager, P::discovery},
    {P::boot, eventSet(E::bootsExhausted), G::always, V::go, A::enterSafe, P::safe},
    {P::boot, eventSet(E::restartRequested, E::trialFailed, E::deadline), G::always, V::go, A::handOver, P::restart},
    {P::boot, eventSet(E::terminateRequested), G::always, V::go, A::powerDown, P::terminated},
    {P::boot, eventSet(E::registered, E::unknownToManager, E::managerLost, E::jobOffered, E::jobDone, E::jobEnded), G::always, V::fault, A::none, P::boot},

    {P::discovery, eventSet(E::registered), G::always, V::go, A::serve, P::operational},
    {P::discovery, eventSet(E::jobOffered), G::always, V::ignore, A::refuseJob, P::discovery},
    {P::discovery, eventSet(E::deadline), G::always, V::go, A::findManager, P::discovery},
    {P::discovery, eventSet(E::restartRequested, E::trialFailed), G::always, V::go, A::handOver, P::restart},
    {P::discovery, eventSet(E::terminateRequested), G::always, V::go, A::powerDown, P::terminated},
    {P::discovery, eventSet(E::unknownToManager, E::managerLost), G::always, V::ignore, A::none, P::discovery},
    {P::discovery, eventSet(E::booted, E::bootsExhausted, E::jobDone, E::jobEnded), G::always, V::fault, A::none, P::discovery},

    {P::operational, eventSet(E::jobOffered), G::trialAllowed, V::go, A::beginJob, P::maintenance},
    {P::operational, eventSet(E::jobOffered), G::always, V::ignore, A::refuseJob, P::operational},
    {P::operational, eventSet(E::unknownToManager), G::always, V::go, A::findManagerLater, P::discovery},
    {P::operational, eventSet(E::managerLost, E::deadline), G::always, V::go, A::findManager, P::discovery},
    {P::operational, eventSet(E::restartRequested, E::trialFailed), G::always, V::go, A::handOver, P::restart},
    {P::operational, eventSet(E::terminateRequested), G::always, V::go, A::powerDown, P::terminated},
    {P::operational, eventSet(E::registered), G::always, V::ignore, A::none, P::operational},
    {P::operational, eventSet(E::booted, E::bootsExhausted, E::jobDone, E::jobEnded), G::always, V::fault, A::none, P::operational},

    {P::maintenance, eventSet(E::jobDone), G::always, V::go, A::handOver, P::restart},
    {P::maintenance, eventSet(E::jobEnded), G::cameFromSafe, V::go, A::enterSafe, P::safe},
    {P::maintenance, eventSet(E::jobEnded), G::always, V::go, A::resume, P::operational},
    {P::maintenance, eventSet(E::deadline), G::cameFromSafe, V::go, A::enterSafe, P::safe},
    {P::maintenance, eventSet(E::deadline), G::always, V::go, A::abandonJob, P::operational},
    {P::maintenance, eventSet(E::restartRequested, E::trialFailed), G::always, V::go, A::handOver, P::restart},
    {P::maintenance, eventSet(E::terminateRequested), G::always, V::go, A::powerDown, P::terminated},
    {P::maintenance, eventSet(E::jobOffered), G::always, V::ignore, A::refuseJob, P::maintenance},
    {P::maintenance, eventSet(E::registered, E::unknownToManager, E::managerLost), G::always, V::ignore, A::none, P::maintenance},
    {P::maintenance, eventSet(E::booted, E::bootsExhausted), G::always, V::fault, A::none, P::maintenance},

    {P::restart, eventSet(E::deadline), G::always, V::go, A::handOver, P::restart},
    {P::restart, eventSet(E::jobOffered), G::always, V::ignore, A::refuseJob, P::restart},
    {P::restart, eventSet(E::booted, E::bootsExhausted, E::registered, E::unknownToManager, E::managerLost, E::jobDone, E::jobEnded, E::trialFailed, E::restartRequested, E::terminateRequested), G::always, V::ignore, A::none, P::restart},

    // SAFE registers and beats, so that it can be told to update, but never becomes operational.
    {P::safe, eventSet(E::registered, E::unknownToManager, E::managerLost), G::always, V::ignore, A::none, P::safe},
    {P::safe, eventSet(E::jobOffered), G::trialAllowed, V::go, A::beginJob, P::maintenance},
    {P::safe, eventSet(E::jobOffered), G::always, V::ignore, A::refuseJob, P::safe},
    {P::safe, eventSet(E::deadline, E::restartRequested, E::trialFailed), G::always, V::go, A::handOver, P::restart},
    {P::safe, eventSet(E::terminateRequested), G::always, V::go, A::powerDown, P::terminated},
    {P::safe, eventSet(E::booted, E::bootsExhausted, E::jobDone, E::jobEnded), G::always, V::fault, A::none, P::safe},

    {P::terminated, eventSet(E::booted, E::bootsExhausted, E::registered, E::unknownToManager, E::managerLost, E::jobOffered, E::jobDone, E::jobEnded, E::trialFailed, E::restartRequested, E::terminateRequested, E::deadline), G::always, V::ignore, A::none, P::terminated},
};

static_assert(!fsmHasDuplicate(table), "two rows answer the same state, event and guard");
static_assert(fsmDecidesEveryPair<Phase, LifeEvent>(table, phaseCount, lifeEventCount),
              "a (state, event) pair is undecided, or a row stands behind an unguarded one");
}  // namespace life

/// "boot", "discovery"...: the value of `phase` in a status report.
const char* phaseName(Phase phase);

/// What one event did. `action` is to be carried out by the caller, after the phase has changed.
struct LifeStep {
  Verdict verdict;
  LifeAction action;
  Phase from;
  Phase to;
};

/// The running machine: a phase, where a job was begun from, and a count of defects seen.
class LifeCycle {
 public:
  LifeStep apply(LifeEvent event, bool trialAllowed);
  Phase phase() const { return phase_; }
  uint32_t faults() const { return faults_; }

 private:
  Phase phase_ = Phase::boot;
  bool cameFromSafe_ = false;
  uint32_t faults_ = 0;
};

}  // namespace cx
