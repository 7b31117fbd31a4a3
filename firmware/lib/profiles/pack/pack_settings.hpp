// What a household set on a pack: kept in flash, and nothing else of it is.
#pragma once

#include <cstdint>

#include "can.hpp"
#include "pack/state_of_charge.hpp"

namespace cx::pack {

constexpr uint16_t minutesPerDay = 1440;

// What an installer knows of a house and no household sets: there is no command on the bus for it.
struct Installation {
  bool hasLoadsBehindInverter = false;  // whether the next one was given
  bool areLoadsBehindInverter = false;
  bool hasEcoShedsOutput = false;
  bool ecoShedsOutput = true;
  bool hasCharge = false;
  ChargeRange charge;
};

struct PackSettings {
  bool selfConsumption = false;
  bool eco = false;
  bool timeOfUse = false;
  bool backup = false;
  bool gridLimit = false;
  bool ecoShedsOutput = true;
  bool areLoadsBehindInverter = false;  // the page's externalLoadsBehindInverter
  uint16_t ecoLimitWatts = 5000;
  uint16_t touStart = 0;  // minute of the day
  uint16_t touEnd = 0;
  uint8_t importLimitKwh = 10;
  ChargeRange charge;

  void install(const Installation& installation);
  bool isOn(can::PackMode mode) const;
  void set(can::PackMode mode, bool isOn);
  bool operator==(const PackSettings& other) const;
};

}  // namespace cx::pack
