// What happens to a pack, as lines on the standard output: a word, then what it is now. A line comes when it changes.
//
//   boot Alfaspark 2.5 energy-pack 24a160b1c2d3 after power-on
//   can up                                      can down: Connection refused
//   bms ok 52.8 V 40 %                          bms stale, bms fault
//   node 4                                      node none, node crowded: all 32 are taken
//   role master                                 role follower
//   relays grid=closed output=closed pump=open heater=open
//   modes eco,backup                            modes none
//   loads-limit warning                         loads-limit none
//   lock-out on                                 lock-out off
#pragma once

#include "hal/system.hpp"
#include "pack/pack.hpp"

namespace cx::pack {

class PackEvents {
 public:
  void boot(const hal::Identity& identity, FirmwareVersion version, hal::ResetReason reason) const;
  // `canFault`: null while CAN is up.
  void tell(const Pack& pack, const char* canFault);

 private:
  void say(int slot, const char* format, ...) __attribute__((format(printf, 3, 4)));

  static constexpr int slots = 8;
  char last_[slots][96] = {};
};

}  // namespace cx::pack
