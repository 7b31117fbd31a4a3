// The gateway's commands: one const table says which code has which length and what it does. What isn't in it, is of
// another length or out of range is answered by its reason and reaches nobody.
#pragma once

#include "can.hpp"

namespace cx::pack {

constexpr uint8_t everyNode = 127;

// What a pack does at a command, at once.
class CommandTarget {
 public:
  virtual can::CommandResult onCommand(const can::SetMode& command) = 0;
  virtual can::CommandResult onCommand(const can::SetEcoLimit& command) = 0;
  virtual can::CommandResult onCommand(const can::RequestStatus& command) = 0;
  virtual can::CommandResult onCommand(const can::SetTou& command) = 0;
  virtual can::CommandResult onCommand(const can::SetGridLimit& command) = 0;
  virtual can::CommandResult onCommand(const can::ResetGrid& command) = 0;
  virtual can::CommandResult onCommand(const can::SetRelay& command) = 0;
  virtual can::CommandResult onCommand(const can::OtaEnter& command) = 0;
  virtual can::CommandResult onCommand(const can::FactoryReset& command) = 0;
  virtual can::CommandResult onCommand(const can::RestoreLast& command) = 0;

 protected:
  ~CommandTarget() = default;
};

// True: `frame` was a command to this node, and `answer` is the ACK or NACK to send.
bool runCommand(const can::Frame& frame, uint8_t nodeId, CommandTarget& target, can::Frame& answer);

}  // namespace cx::pack
