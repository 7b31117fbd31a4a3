// The environment in force, and a new one on trial: kept only if the manager was reached with it in time.
#pragma once

#include "node_context.hpp"

namespace cx {

constexpr uint32_t credentialsTrialMs = 180000;
constexpr uint8_t credentialsBootsMax = 3;  // boots into the same trial; one more brings the old ones back

enum class CredentialsEnd : uint8_t { none, kept, restored };

class CredentialsTrial {
 public:
  explicit CredentialsTrial(NodeContext& context) : context_(context) {}

  // At boot: the environment on trial when there is one, else the stored one, else what is built in.
  void load(uint64_t nowMs);
  bool isOnTrial() const { return trialRev_ != 0; }
  uint32_t rev() const { return trialRev_; }
  uint64_t deadlineMs() const { return isOnTrial() ? deadlineMs_ : 0; }

  // True when `next` differs in what could cut the node off: Wi-Fi or broker.
  bool needsTrial(const Environment& next) const;
  // In MAINTENANCE: stores it beside the old one; takes effect at the reboot that follows. False: not stored.
  bool write(const Environment& next, uint32_t rev);
  // In OPERATIONAL, from the manager itself over a path that works: in force at once, stored when it differs.
  void adopt(const Environment& next);
  // The manager was reached.
  void keep();
  // It was not, in time: the old ones come back. The caller restarts, so that the link is made with them.
  void restore();
  // At boot, after power was lost within a restore, or for the report: what became of the last trial, once.
  CredentialsEnd takeEnd(uint32_t& rev);

 private:
  bool store(const char* key, const Environment& environment);
  // Renews `out` first; false leaves it as built in.
  bool read(const char* key, Environment& out);
  bool isStored(const Environment& environment) const;

  NodeContext& context_;
  uint32_t trialRev_ = 0;
  uint64_t deadlineMs_ = 0;
  CredentialsEnd end_ = CredentialsEnd::none;
  uint32_t endRev_ = 0;
  uint64_t check_ = 0;  // of the encoded environment that was read or stored last
};

}  // namespace cx
