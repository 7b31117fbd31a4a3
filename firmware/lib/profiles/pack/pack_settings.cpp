#include "pack/pack_settings.hpp"

namespace cx::pack {

void PackSettings::install(const Installation& in) {
  if (in.hasLoadsBehindInverter) areLoadsBehindInverter = in.areLoadsBehindInverter;
  if (in.hasEcoShedsOutput) ecoShedsOutput = in.ecoShedsOutput;
  if (in.hasCharge) charge = in.charge;
}

bool PackSettings::isOn(can::PackMode mode) const {
  switch (mode) {
    case can::PackMode::selfConsumption: return selfConsumption;
    case can::PackMode::eco: return eco;
    case can::PackMode::timeOfUse: return timeOfUse;
    case can::PackMode::backup: return backup;
    case can::PackMode::gridLimit: return gridLimit;
  }
  return false;
}

void PackSettings::set(can::PackMode mode, bool value) {
  switch (mode) {
    case can::PackMode::selfConsumption: selfConsumption = value; return;
    case can::PackMode::eco: eco = value; return;
    case can::PackMode::timeOfUse: timeOfUse = value; return;
    case can::PackMode::backup: backup = value; return;
    case can::PackMode::gridLimit: gridLimit = value; return;
  }
}

bool PackSettings::operator==(const PackSettings& other) const {
  return selfConsumption == other.selfConsumption && eco == other.eco && timeOfUse == other.timeOfUse && backup == other.backup &&
         gridLimit == other.gridLimit && ecoShedsOutput == other.ecoShedsOutput && areLoadsBehindInverter == other.areLoadsBehindInverter &&
         ecoLimitWatts == other.ecoLimitWatts && touStart == other.touStart && touEnd == other.touEnd &&
         importLimitKwh == other.importLimitKwh && charge.emptyMillivolts == other.charge.emptyMillivolts &&
         charge.fullMillivolts == other.charge.fullMillivolts;
}

}  // namespace cx::pack
