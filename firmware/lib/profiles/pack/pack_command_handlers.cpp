// What a pack does at each command. A change of the modes is judged in this turn, not at the next tick.
#include "pack/pack.hpp"

namespace cx::pack {

using can::CommandResult;

CommandResult Pack::onCommand(const can::SetMode& command) {
  kept_.settings.set(command.mode, command.isOn);
  isTickDue_ = true;
  return CommandResult::ok;
}

CommandResult Pack::onCommand(const can::SetEcoLimit& command) {
  kept_.settings.ecoLimitWatts = command.limit;
  isTickDue_ = true;
  return CommandResult::ok;
}

CommandResult Pack::onCommand(const can::RequestStatus&) {
  isTelemetryDue_ = true;
  return CommandResult::ok;
}

CommandResult Pack::onCommand(const can::SetTou& command) {
  kept_.settings.touStart = command.start;
  kept_.settings.touEnd = command.end;
  isTickDue_ = true;
  return CommandResult::ok;
}

CommandResult Pack::onCommand(const can::SetGridLimit& command) {
  kept_.settings.gridLimit = command.isOn;
  kept_.settings.importLimitKwh = command.limit;
  isTickDue_ = true;
  return CommandResult::ok;
}

CommandResult Pack::onCommand(const can::ResetGrid&) { return modes_.importLimit().reset(); }

CommandResult Pack::onCommand(const can::SetRelay& command) {
  const CommandResult result = modes_.setByHand(command.relay, command.isOn);
  ports_.board.setRelays(modes_.relays());
  return result;
}

// For one pack: what follows names a pack, and several at once would share one stream of data.
CommandResult Pack::onCommand(const can::OtaEnter& command) {
  if (ports_.firmware == nullptr || command.target == everyNode) return CommandResult::refused;
  return ports_.firmware->enter(nowMs_);
}

CommandResult Pack::onCommand(const can::FactoryReset&) {
  kept_.settings = PackSettings();
  kept_.settings.install(boot_.installation);
  isTickDue_ = true;
  return CommandResult::ok;
}

CommandResult Pack::onCommand(const can::RestoreLast& command) {
  LocalTime time;
  const CommandResult result = modes_.importLimit().restore(command, localTime(time));
  isTickDue_ = true;
  return result;
}

}  // namespace cx::pack
