#include "pack/pack_commands.hpp"

namespace cx::pack {
namespace {

using can::CommandResult;

constexpr uint32_t commandIdFirst = 0x200;
constexpr uint32_t commandIdLast = 0x27f;

template <class Command>
CommandResult run(const can::Frame& frame, CommandTarget& target) {
  Command command;
  switch (can::decode(frame, command)) {
    case can::Fault::none: return target.onCommand(command);
    case can::Fault::wrongLength: return CommandResult::wrongLength;
    case can::Fault::outOfRange: return CommandResult::outOfRange;
    case can::Fault::otherFrame: break;
  }
  return CommandResult::unknownCommand;
}

struct Row {
  uint8_t code;
  uint8_t length;
  CommandResult (*run)(const can::Frame& frame, CommandTarget& target);
};

constexpr Row rows[] = {
    {can::SetMode::kId & 0x7f, 4, run<can::SetMode>},
    {can::SetEcoLimit::kId & 0x7f, 4, run<can::SetEcoLimit>},
    {can::RequestStatus::kId & 0x7f, 2, run<can::RequestStatus>},
    {can::SetTou::kId & 0x7f, 6, run<can::SetTou>},
    {can::SetGridLimit::kId & 0x7f, 4, run<can::SetGridLimit>},
    {can::ResetGrid::kId & 0x7f, 2, run<can::ResetGrid>},
    {can::SetRelay::kId & 0x7f, 4, run<can::SetRelay>},
    {can::OtaEnter::kId & 0x7f, 2, run<can::OtaEnter>},
    {can::FactoryReset::kId & 0x7f, 2, run<can::FactoryReset>},
    {can::RestoreLast::kId & 0x7f, 6, run<can::RestoreLast>},
};

CommandResult dispatch(const can::Frame& frame, CommandTarget& target) {
  for (const Row& row : rows) {
    if (row.code != (frame.id & 0x7f)) continue;
    return row.length == frame.length ? row.run(frame, target) : CommandResult::wrongLength;
  }
  return CommandResult::unknownCommand;
}

}  // namespace

bool runCommand(const can::Frame& frame, uint8_t nodeId, CommandTarget& target, can::Frame& answer) {
  if (frame.isExtended || frame.id < commandIdFirst || frame.id > commandIdLast) return false;
  // Shorter ones say neither whom they are for nor what to answer to.
  if (frame.length < 2 || frame.length > 8) return false;
  if (frame.data[0] != nodeId && frame.data[0] != everyNode) return false;
  can::CommandAck ack;
  ack.node = nodeId;
  ack.code = static_cast<uint8_t>(frame.id & 0x7f);
  ack.sequence = frame.data[1];
  ack.result = dispatch(frame, target);
  answer = can::encode(ack);
  return true;
}

}  // namespace cx::pack
