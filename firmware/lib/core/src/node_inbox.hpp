// What handlers leave for the node's own step: they only enqueue. One place each; a full one is answered 5.03.
#pragma once

#include "node_messages.hpp"

namespace cx {

struct NodeInbox {
  bool hasAction = false;
  Action action;
  bool isRestartAsked = false;
  bool isTerminateAsked = false;
  bool hasMode = false;
  ModeMessage mode;
  // Set by the node before each poll, read by handlers.
  bool isJobAllowed = false;
  bool isJobRunning = false;
};

}  // namespace cx
