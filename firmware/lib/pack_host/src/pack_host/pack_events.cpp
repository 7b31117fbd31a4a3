#include "pack_host/pack_events.hpp"

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "pack/state_of_charge.hpp"

namespace cx::pack {
namespace {

const char* positionOf(bool isClosed) { return isClosed ? "closed" : "open"; }

void listModes(const PackSettings& settings, char (&out)[80]) {
  struct Named {
    const char* name;
    bool isOn;
  };
  const Named modes[] = {{"self-consumption", settings.selfConsumption}, {"eco", settings.eco}, {"time-of-use", settings.timeOfUse}, {"backup", settings.backup}, {"grid-limit", settings.gridLimit}};
  size_t size = 0;
  out[0] = '\0';
  for (const Named& mode : modes) {
    if (mode.isOn) size += static_cast<size_t>(std::snprintf(out + size, sizeof out - size, "%s%s", size > 0 ? "," : "", mode.name));
  }
  if (size == 0) std::snprintf(out, sizeof out, "none");
}

}  // namespace

void PackEvents::boot(const hal::Identity& identity, FirmwareVersion version, hal::ResetReason reason) const {
  std::printf("boot %s %u.%u energy-pack %s after %s\n", firmwareName, version.major, version.minor, identity.hardware, hal::nameOf(reason));
  std::fflush(stdout);
}

void PackEvents::say(int slot, const char* format, ...) {
  char line[sizeof last_[0]];
  va_list values;
  va_start(values, format);
  std::vsnprintf(line, sizeof line, format, values);
  va_end(values);
  if (std::strcmp(line, last_[slot]) == 0) return;
  std::strcpy(last_[slot], line);
  std::printf("%s\n", line);
  std::fflush(stdout);
}

void PackEvents::tell(const Pack& pack, const char* canFault) {
  if (canFault == nullptr) say(0, "can up");
  else say(0, "can down: %s", canFault);

  const BmsPoller& bms = pack.bms();
  if (bms.state() == can::BmsState::ok) {
    const uint32_t decivolts = bms.reading().millivolts / 100;
    say(1, "bms ok %u.%u V %u %%", decivolts / 10, decivolts % 10, stateOfCharge(bms.reading().millivolts, pack.settings().charge));
  } else {
    say(1, bms.state() == can::BmsState::stale ? "bms stale" : "bms fault");
  }

  const NodeClaim& claim = pack.claim();
  if (claim.isSettled()) say(2, "node %u", claim.nodeId());
  else say(2, claim.phase() == NodeClaim::Phase::crowded ? "node crowded: all 32 are taken" : "node none");

  say(3, pack.election().isMaster() ? "role master" : "role follower");

  const Relays& relays = pack.modes().relays();
  say(4, "relays grid=%s output=%s pump=%s heater=%s", positionOf(relays.grid), positionOf(relays.output), positionOf(relays.pump), positionOf(relays.heater));

  char modes[80];
  listModes(pack.settings(), modes);
  say(5, "modes %s", modes);
  say(6, pack.modes().warnsOfLoad() ? "loads-limit warning" : "loads-limit none");
  say(7, pack.modes().importLimit().isLockedOut() ? "lock-out on" : "lock-out off");
}

}  // namespace cx::pack
