#include "lifecycle.hpp"

namespace cx {

const char* phaseName(Phase phase) {
  switch (phase) {
    case Phase::boot: return "boot";
    case Phase::discovery: return "discovery";
    case Phase::operational: return "operational";
    case Phase::maintenance: return "maintenance";
    case Phase::restart: return "restart";
    case Phase::safe: return "safe";
    case Phase::terminated: return "terminated";
  }
  return "unknown";
}

LifeStep LifeCycle::apply(LifeEvent event, bool trialAllowed) {
  const LifeRow& row = fsmFind(life::table, phase_, event, [&](LifeGuard guard) {
    return guard == LifeGuard::trialAllowed ? trialAllowed : cameFromSafe_;
  });
  const LifeStep step{row.verdict, row.action, phase_, row.next};
  if (row.verdict == Verdict::fault) ++faults_;
  if (row.verdict == Verdict::go) {
    if (row.next == Phase::maintenance) cameFromSafe_ = phase_ == Phase::safe;
    phase_ = row.next;
  }
  return step;
}

}  // namespace cx
