// What handlers leave for the node's own step: they only enqueue. One place each; a full one is answered 5.03.
#pragma once

#include "node_messages.hpp"

namespace cx {

struct NodeInbox {
  bool hasAction = false;
  bool isBegun = false;  // the action is a command that ActionsRecord::begin() has let in
  Action action;
  bool isRestartAsked = false;
  bool isTerminateAsked = false;
  bool hasMode = false;
  ModeMessage mode;
  // Set by the node before each poll, read by handlers.
  bool isJobAllowed = false;
  bool isJobRunning = false;
  uint32_t updateRev = 0;  // of the update under way; 0: none
};

}  // namespace cx
