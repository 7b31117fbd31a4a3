// Plays the boot loader for a host node: chooses a slot, runs what is in it, watches it, and chooses again.
#pragma once
#include "hal_host/boot_loader.hpp"
#include "hal_host/node_process.hpp"
#include "hal_host/options.hpp"
#include "hal_host/state_folder.hpp"
#include "hal_host/stderr_log.hpp"

namespace cx::host {

// Exit codes of the supervisor (sysexits.h where it has one).
constexpr int exitUsage = 64;
constexpr int exitBadImage = 65;
constexpr int exitNoImage = 66;
constexpr int exitSystem = 71;
constexpr int exitState = 73;
constexpr int exitLocked = 75;
// exitNotEnrolled = 77, which the node ends with too.

class Supervisor {
 public:
  // `flags` are the operator's, to be handed on.
  Supervisor(const Options& options, int flagCount, char* const* flags, StderrLog& log);
  // Until the node terminates or a signal asks for the end. Returns the exit code.
  int run();

 private:
  int prepareState();
  // Takes the operator's keys into the state folder. 0, or the exit code.
  int takeCredentials();
  int takeAnchors();
  int takePayloadKeys();
  // The same of what it enrols with, where it has no keys.
  int takeEnrolment(bool hasCredentials);
  int installFirst(const char* why);
  // Runs the chosen image to its end. False: stop, with exitCode_ set.
  bool runOnce(const BootChoice& choice, RunEnd& end);
  RunEnd watch(NodeProcess& node, const BootChoice& choice);
  RunEnd endOf(int status) const;
  // Waits, but not past a signal. False: the end was asked for.
  bool pause(uint32_t ms);
  // Reads the signal descriptor. True: somebody asks for the end.
  bool isEndAsked();
  void say(const BootChoice& choice) const;

  const Options& options_;
  int flagCount_;
  char* const* flags_;
  StderrLog& log_;
  StateFolder folder_;
  OpenSlot slot_;
  BootLoader loader_;
  int signals_ = -1;
  int retained_ = -1;       // what a chip keeps over a reset: gone with this process, as with power
  bool needsTls_ = false;  // which image is the first, where nobody named one
  bool isStopping_ = false;
  int exitCode_ = 0;
  uint32_t wakeAfterMs_ = 0;
  uint32_t failures_ = 0;  // in a row, for the pause before the next boot
};

}  // namespace cx::host
