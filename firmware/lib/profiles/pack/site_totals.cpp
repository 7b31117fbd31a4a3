#include "pack/site_totals.hpp"

namespace cx::pack {

void SiteTotals::receive(const can::Frame& frame, uint64_t nowMs) {
  uint8_t node = 0;
  if (!senderOf(frame, node)) return;
  Pack& pack = packs_[node];
  if (pack.isHeard && nowMs - pack.heardAtMs >= nodeSilentMs) pack = Pack();
  pack.isHeard = true;
  pack.heardAtMs = nowMs;
  can::PackBattery battery;
  can::PackPower power;
  can::PackLoads loads;
  if (can::decode(frame, battery) == can::Fault::none) {
    pack.hasCharge = battery.bmsState == can::BmsState::ok && battery.stateOfCharge <= 100;
    pack.percent = battery.stateOfCharge;
  } else if (can::decode(frame, power) == can::Fault::none) {
    pack.grid = power.grid;
    pack.home = power.home;
    pack.hasBattery = power.battery != can::PackPower::noBattery;
    pack.battery = power.battery;
    pack.hasSolar = power.solar != can::PackPower::noSolar;
    pack.solar = power.solar;
  } else if (can::decode(frame, loads) == can::Fault::none) {
    pack.imported = loads.imported;
  }
}

void SiteTotals::write(uint8_t master, uint64_t nowMs, can::Frame (&out)[totalsPages]) const {
  can::TotalsBattery first;
  can::TotalsSolarHome second;
  can::TotalsGrid third;
  uint32_t charged = 0;
  uint32_t percents = 0;
  for (const Pack& pack : packs_) {
    if (!pack.isHeard || nowMs - pack.heardAtMs >= nodeSilentMs) continue;
    first.packsOnline++;
    if (pack.hasCharge) {
      charged++;
      percents += pack.percent;
    }
    if (pack.hasBattery) first.battery += pack.battery;
    if (pack.hasSolar) second.solar += pack.solar;
    second.home += pack.home;
    third.grid += pack.grid;
    third.imported += pack.imported;
  }
  first.stateOfCharge = charged == 0 ? can::TotalsBattery::noStateOfCharge : static_cast<uint8_t>(percents / charged);
  first.node = second.node = third.node = master;
  out[0] = can::encode(first);
  out[1] = can::encode(second);
  out[2] = can::encode(third);
}

}  // namespace cx::pack
