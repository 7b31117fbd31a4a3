// Made by test/firmware/vectors.py from test/vectors/can.json. Do not edit.
#pragma once
#include <cstddef>
#include <cstdint>

namespace vectors {

// What is wrong with a frame that must be read and written the same; null: nothing.
inline const char* canGood(size_t at) {
  switch (at) {
    case 0: {  // 52.8 V, 1.00 A, 40 %
      const can::Frame frame = can::Frame{0x119, false, 7, {0x28, 0x02, 0x10, 0x00, 0x64, 0x01, 0x00}};
      can::PackBattery message;
      if (can::kindOf(frame) != can::Kind::packBattery) return "52.8 V, 1.00 A, 40 %: kind";
      if (can::decode(frame, message) != can::Fault::none) return "52.8 V, 1.00 A, 40 %: refused";
      if (!(message.node == 3)) return "52.8 V, 1.00 A, 40 %: message.node";
      if (!(message.stateOfCharge == 40)) return "52.8 V, 1.00 A, 40 %: message.stateOfCharge";
      if (!(message.voltage == 528)) return "52.8 V, 1.00 A, 40 %: message.voltage";
      if (!(message.current == 100)) return "52.8 V, 1.00 A, 40 %: message.current";
      if (!(message.batteryState == can::BatteryState::charging)) return "52.8 V, 1.00 A, 40 %: message.batteryState";
      if (!(message.bmsState == can::BmsState::ok)) return "52.8 V, 1.00 A, 40 %: message.bmsState";
      return isSame(can::encode(message), frame) ? nullptr : "52.8 V, 1.00 A, 40 %: written otherwise";
    }
    case 1: {  // nothing was heard of the BMS
      const can::Frame frame = can::Frame{0x101, false, 7, {0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x02}};
      can::PackBattery message;
      if (can::kindOf(frame) != can::Kind::packBattery) return "nothing was heard of the BMS: kind";
      if (can::decode(frame, message) != can::Fault::none) return "nothing was heard of the BMS: refused";
      if (!(message.node == 0)) return "nothing was heard of the BMS: message.node";
      if (!(message.stateOfCharge == can::PackBattery::noStateOfCharge)) return "nothing was heard of the BMS: message.stateOfCharge";
      if (!(message.voltage == can::PackBattery::noVoltage)) return "nothing was heard of the BMS: message.voltage";
      if (!(message.current == can::PackBattery::noCurrent)) return "nothing was heard of the BMS: message.current";
      if (!(message.batteryState == can::BatteryState::idle)) return "nothing was heard of the BMS: message.batteryState";
      if (!(message.bmsState == can::BmsState::fault)) return "nothing was heard of the BMS: message.bmsState";
      return isSame(can::encode(message), frame) ? nullptr : "nothing was heard of the BMS: written otherwise";
    }
    case 2: {  // 2000 W of load, 500 W out of the battery
      const can::Frame frame = can::Frame{0x1fa, false, 8, {0x00, 0x00, 0x07, 0xd0, 0xfe, 0x0c, 0x05, 0xdc}};
      can::PackPower message;
      if (can::kindOf(frame) != can::Kind::packPower) return "2000 W of load, 500 W out of the battery: kind";
      if (can::decode(frame, message) != can::Fault::none) return "2000 W of load, 500 W out of the battery: refused";
      if (!(message.node == 31)) return "2000 W of load, 500 W out of the battery: message.node";
      if (!(message.grid == 0)) return "2000 W of load, 500 W out of the battery: message.grid";
      if (!(message.home == 2000)) return "2000 W of load, 500 W out of the battery: message.home";
      if (!(message.battery == -500)) return "2000 W of load, 500 W out of the battery: message.battery";
      if (!(message.solar == 1500)) return "2000 W of load, 500 W out of the battery: message.solar";
      return isSame(can::encode(message), frame) ? nullptr : "2000 W of load, 500 W out of the battery: written otherwise";
    }
    case 3: {  // all packs: Eco at 2000 W
      const can::Frame frame = can::Frame{0x202, false, 4, {0x7f, 0x09, 0x07, 0xd0}};
      can::SetEcoLimit message;
      if (can::kindOf(frame) != can::Kind::setEcoLimit) return "all packs: Eco at 2000 W: kind";
      if (can::decode(frame, message) != can::Fault::none) return "all packs: Eco at 2000 W: refused";
      if (!(message.target == 127)) return "all packs: Eco at 2000 W: message.target";
      if (!(message.sequence == 9)) return "all packs: Eco at 2000 W: message.sequence";
      if (!(message.limit == 2000)) return "all packs: Eco at 2000 W: message.limit";
      return isSame(can::encode(message), frame) ? nullptr : "all packs: Eco at 2000 W: written otherwise";
    }
    case 4: {  // all the batteries give 2500 W
      const can::Frame frame = can::Frame{0x13f, false, 7, {0x00, 0x03, 0x4a, 0xff, 0xff, 0xf6, 0x3c}};
      can::TotalsBattery message;
      if (can::kindOf(frame) != can::Kind::totalsBattery) return "all the batteries give 2500 W: kind";
      if (can::decode(frame, message) != can::Fault::none) return "all the batteries give 2500 W: refused";
      if (!(message.node == 7)) return "all the batteries give 2500 W: message.node";
      if (!(message.packsOnline == 3)) return "all the batteries give 2500 W: message.packsOnline";
      if (!(message.stateOfCharge == 74)) return "all the batteries give 2500 W: message.stateOfCharge";
      if (!(message.battery == -2500)) return "all the batteries give 2500 W: message.battery";
      return isSame(can::encode(message), frame) ? nullptr : "all the batteries give 2500 W: written otherwise";
    }
    case 5: {  // PackState, least
      const can::Frame frame = can::Frame{0x100, false, 8, {0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::PackState message;
      if (can::kindOf(frame) != can::Kind::packState) return "PackState, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackState, least: refused";
      if (!(message.node == 0)) return "PackState, least: message.node";
      if (!(message.deviceType == can::DeviceType::energyPack)) return "PackState, least: message.deviceType";
      if (!(message.firmwareMajor == 0)) return "PackState, least: message.firmwareMajor";
      if (!(message.firmwareMinor == 0)) return "PackState, least: message.firmwareMinor";
      if (!(message.isMaster == false)) return "PackState, least: message.isMaster";
      if (!(message.isBmsOk == false)) return "PackState, least: message.isBmsOk";
      if (!(message.isTimeOk == false)) return "PackState, least: message.isTimeOk";
      if (!(message.isLockedOut == false)) return "PackState, least: message.isLockedOut";
      if (!(message.isOverLoadsLimit == false)) return "PackState, least: message.isOverLoadsLimit";
      if (!(message.selfConsumption == false)) return "PackState, least: message.selfConsumption";
      if (!(message.eco == false)) return "PackState, least: message.eco";
      if (!(message.timeOfUse == false)) return "PackState, least: message.timeOfUse";
      if (!(message.backup == false)) return "PackState, least: message.backup";
      if (!(message.gridLimit == false)) return "PackState, least: message.gridLimit";
      if (!(message.gridClosed == false)) return "PackState, least: message.gridClosed";
      if (!(message.outputClosed == false)) return "PackState, least: message.outputClosed";
      if (!(message.pumpClosed == false)) return "PackState, least: message.pumpClosed";
      if (!(message.heaterClosed == false)) return "PackState, least: message.heaterClosed";
      if (!(message.rank == 0)) return "PackState, least: message.rank";
      return isSame(can::encode(message), frame) ? nullptr : "PackState, least: written otherwise";
    }
    case 6: {  // PackState, most
      const can::Frame frame = can::Frame{0x1f8, false, 8, {0x02, 0xff, 0xff, 0x1f, 0x1f, 0x0f, 0x1f, 0x00}};
      can::PackState message;
      if (can::kindOf(frame) != can::Kind::packState) return "PackState, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackState, most: refused";
      if (!(message.node == 31)) return "PackState, most: message.node";
      if (!(message.deviceType == can::DeviceType::energyGateway)) return "PackState, most: message.deviceType";
      if (!(message.firmwareMajor == 255)) return "PackState, most: message.firmwareMajor";
      if (!(message.firmwareMinor == 255)) return "PackState, most: message.firmwareMinor";
      if (!(message.isMaster == true)) return "PackState, most: message.isMaster";
      if (!(message.isBmsOk == true)) return "PackState, most: message.isBmsOk";
      if (!(message.isTimeOk == true)) return "PackState, most: message.isTimeOk";
      if (!(message.isLockedOut == true)) return "PackState, most: message.isLockedOut";
      if (!(message.isOverLoadsLimit == true)) return "PackState, most: message.isOverLoadsLimit";
      if (!(message.selfConsumption == true)) return "PackState, most: message.selfConsumption";
      if (!(message.eco == true)) return "PackState, most: message.eco";
      if (!(message.timeOfUse == true)) return "PackState, most: message.timeOfUse";
      if (!(message.backup == true)) return "PackState, most: message.backup";
      if (!(message.gridLimit == true)) return "PackState, most: message.gridLimit";
      if (!(message.gridClosed == true)) return "PackState, most: message.gridClosed";
      if (!(message.outputClosed == true)) return "PackState, most: message.outputClosed";
      if (!(message.pumpClosed == true)) return "PackState, most: message.pumpClosed";
      if (!(message.heaterClosed == true)) return "PackState, most: message.heaterClosed";
      if (!(message.rank == 31)) return "PackState, most: message.rank";
      return isSame(can::encode(message), frame) ? nullptr : "PackState, most: written otherwise";
    }
    case 7: {  // PackState, between
      const can::Frame frame = can::Frame{0x150, false, 8, {0x02, 0x55, 0x55, 0x0a, 0x15, 0x0a, 0x0a, 0x00}};
      can::PackState message;
      if (can::kindOf(frame) != can::Kind::packState) return "PackState, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackState, between: refused";
      if (!(message.node == 10)) return "PackState, between: message.node";
      if (!(message.deviceType == can::DeviceType::energyGateway)) return "PackState, between: message.deviceType";
      if (!(message.firmwareMajor == 85)) return "PackState, between: message.firmwareMajor";
      if (!(message.firmwareMinor == 85)) return "PackState, between: message.firmwareMinor";
      if (!(message.isMaster == false)) return "PackState, between: message.isMaster";
      if (!(message.isBmsOk == true)) return "PackState, between: message.isBmsOk";
      if (!(message.isTimeOk == false)) return "PackState, between: message.isTimeOk";
      if (!(message.isLockedOut == true)) return "PackState, between: message.isLockedOut";
      if (!(message.isOverLoadsLimit == false)) return "PackState, between: message.isOverLoadsLimit";
      if (!(message.selfConsumption == true)) return "PackState, between: message.selfConsumption";
      if (!(message.eco == false)) return "PackState, between: message.eco";
      if (!(message.timeOfUse == true)) return "PackState, between: message.timeOfUse";
      if (!(message.backup == false)) return "PackState, between: message.backup";
      if (!(message.gridLimit == true)) return "PackState, between: message.gridLimit";
      if (!(message.gridClosed == false)) return "PackState, between: message.gridClosed";
      if (!(message.outputClosed == true)) return "PackState, between: message.outputClosed";
      if (!(message.pumpClosed == false)) return "PackState, between: message.pumpClosed";
      if (!(message.heaterClosed == true)) return "PackState, between: message.heaterClosed";
      if (!(message.rank == 10)) return "PackState, between: message.rank";
      return isSame(can::encode(message), frame) ? nullptr : "PackState, between: written otherwise";
    }
    case 8: {  // PackBattery, least
      const can::Frame frame = can::Frame{0x101, false, 7, {0x00, 0x00, 0x00, 0x80, 0x01, 0x00, 0x00}};
      can::PackBattery message;
      if (can::kindOf(frame) != can::Kind::packBattery) return "PackBattery, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackBattery, least: refused";
      if (!(message.node == 0)) return "PackBattery, least: message.node";
      if (!(message.stateOfCharge == 0)) return "PackBattery, least: message.stateOfCharge";
      if (!(message.voltage == 0)) return "PackBattery, least: message.voltage";
      if (!(message.current == -32767)) return "PackBattery, least: message.current";
      if (!(message.batteryState == can::BatteryState::idle)) return "PackBattery, least: message.batteryState";
      if (!(message.bmsState == can::BmsState::ok)) return "PackBattery, least: message.bmsState";
      return isSame(can::encode(message), frame) ? nullptr : "PackBattery, least: written otherwise";
    }
    case 9: {  // PackBattery, most
      const can::Frame frame = can::Frame{0x1f9, false, 7, {0x64, 0xff, 0xfe, 0x7f, 0xff, 0x02, 0x02}};
      can::PackBattery message;
      if (can::kindOf(frame) != can::Kind::packBattery) return "PackBattery, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackBattery, most: refused";
      if (!(message.node == 31)) return "PackBattery, most: message.node";
      if (!(message.stateOfCharge == 100)) return "PackBattery, most: message.stateOfCharge";
      if (!(message.voltage == 65534)) return "PackBattery, most: message.voltage";
      if (!(message.current == 32767)) return "PackBattery, most: message.current";
      if (!(message.batteryState == can::BatteryState::discharging)) return "PackBattery, most: message.batteryState";
      if (!(message.bmsState == can::BmsState::fault)) return "PackBattery, most: message.bmsState";
      return isSame(can::encode(message), frame) ? nullptr : "PackBattery, most: written otherwise";
    }
    case 10: {  // PackBattery, between
      const can::Frame frame = can::Frame{0x151, false, 7, {0x21, 0x55, 0x54, 0xd5, 0x55, 0x01, 0x01}};
      can::PackBattery message;
      if (can::kindOf(frame) != can::Kind::packBattery) return "PackBattery, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackBattery, between: refused";
      if (!(message.node == 10)) return "PackBattery, between: message.node";
      if (!(message.stateOfCharge == 33)) return "PackBattery, between: message.stateOfCharge";
      if (!(message.voltage == 21844)) return "PackBattery, between: message.voltage";
      if (!(message.current == -10923)) return "PackBattery, between: message.current";
      if (!(message.batteryState == can::BatteryState::charging)) return "PackBattery, between: message.batteryState";
      if (!(message.bmsState == can::BmsState::stale)) return "PackBattery, between: message.bmsState";
      return isSame(can::encode(message), frame) ? nullptr : "PackBattery, between: written otherwise";
    }
    case 11: {  // PackBattery, none
      const can::Frame frame = can::Frame{0x109, false, 7, {0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00}};
      can::PackBattery message;
      if (can::kindOf(frame) != can::Kind::packBattery) return "PackBattery, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackBattery, none: refused";
      if (!(message.node == 1)) return "PackBattery, none: message.node";
      if (!(message.stateOfCharge == can::PackBattery::noStateOfCharge)) return "PackBattery, none: message.stateOfCharge";
      if (!(message.voltage == can::PackBattery::noVoltage)) return "PackBattery, none: message.voltage";
      if (!(message.current == can::PackBattery::noCurrent)) return "PackBattery, none: message.current";
      if (!(message.batteryState == can::BatteryState::idle)) return "PackBattery, none: message.batteryState";
      if (!(message.bmsState == can::BmsState::ok)) return "PackBattery, none: message.bmsState";
      return isSame(can::encode(message), frame) ? nullptr : "PackBattery, none: written otherwise";
    }
    case 12: {  // PackPower, least
      const can::Frame frame = can::Frame{0x102, false, 8, {0x80, 0x00, 0x80, 0x00, 0x80, 0x01, 0x80, 0x01}};
      can::PackPower message;
      if (can::kindOf(frame) != can::Kind::packPower) return "PackPower, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackPower, least: refused";
      if (!(message.node == 0)) return "PackPower, least: message.node";
      if (!(message.grid == -32768)) return "PackPower, least: message.grid";
      if (!(message.home == -32768)) return "PackPower, least: message.home";
      if (!(message.battery == -32767)) return "PackPower, least: message.battery";
      if (!(message.solar == -32767)) return "PackPower, least: message.solar";
      return isSame(can::encode(message), frame) ? nullptr : "PackPower, least: written otherwise";
    }
    case 13: {  // PackPower, most
      const can::Frame frame = can::Frame{0x1fa, false, 8, {0x7f, 0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f, 0xff}};
      can::PackPower message;
      if (can::kindOf(frame) != can::Kind::packPower) return "PackPower, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackPower, most: refused";
      if (!(message.node == 31)) return "PackPower, most: message.node";
      if (!(message.grid == 32767)) return "PackPower, most: message.grid";
      if (!(message.home == 32767)) return "PackPower, most: message.home";
      if (!(message.battery == 32767)) return "PackPower, most: message.battery";
      if (!(message.solar == 32767)) return "PackPower, most: message.solar";
      return isSame(can::encode(message), frame) ? nullptr : "PackPower, most: written otherwise";
    }
    case 14: {  // PackPower, between
      const can::Frame frame = can::Frame{0x152, false, 8, {0xd5, 0x55, 0xd5, 0x55, 0xd5, 0x55, 0xd5, 0x55}};
      can::PackPower message;
      if (can::kindOf(frame) != can::Kind::packPower) return "PackPower, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackPower, between: refused";
      if (!(message.node == 10)) return "PackPower, between: message.node";
      if (!(message.grid == -10923)) return "PackPower, between: message.grid";
      if (!(message.home == -10923)) return "PackPower, between: message.home";
      if (!(message.battery == -10923)) return "PackPower, between: message.battery";
      if (!(message.solar == -10923)) return "PackPower, between: message.solar";
      return isSame(can::encode(message), frame) ? nullptr : "PackPower, between: written otherwise";
    }
    case 15: {  // PackPower, none
      const can::Frame frame = can::Frame{0x10a, false, 8, {0x80, 0x00, 0x80, 0x00, 0x80, 0x00, 0x80, 0x00}};
      can::PackPower message;
      if (can::kindOf(frame) != can::Kind::packPower) return "PackPower, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackPower, none: refused";
      if (!(message.node == 1)) return "PackPower, none: message.node";
      if (!(message.grid == -32768)) return "PackPower, none: message.grid";
      if (!(message.home == -32768)) return "PackPower, none: message.home";
      if (!(message.battery == can::PackPower::noBattery)) return "PackPower, none: message.battery";
      if (!(message.solar == can::PackPower::noSolar)) return "PackPower, none: message.solar";
      return isSame(can::encode(message), frame) ? nullptr : "PackPower, none: written otherwise";
    }
    case 16: {  // PackLoads, least
      const can::Frame frame = can::Frame{0x103, false, 8, {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::PackLoads message;
      if (can::kindOf(frame) != can::Kind::packLoads) return "PackLoads, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackLoads, least: refused";
      if (!(message.node == 0)) return "PackLoads, least: message.node";
      if (!(message.pool == 0)) return "PackLoads, least: message.pool";
      if (!(message.heater == 0)) return "PackLoads, least: message.heater";
      if (!(message.imported == 0)) return "PackLoads, least: message.imported";
      if (!(message.importLimit == 0)) return "PackLoads, least: message.importLimit";
      if (!(message.importLimitState == can::ImportLimitState::off)) return "PackLoads, least: message.importLimitState";
      return isSame(can::encode(message), frame) ? nullptr : "PackLoads, least: written otherwise";
    }
    case 17: {  // PackLoads, most
      const can::Frame frame = can::Frame{0x1fb, false, 8, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1e, 0x02}};
      can::PackLoads message;
      if (can::kindOf(frame) != can::Kind::packLoads) return "PackLoads, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackLoads, most: refused";
      if (!(message.node == 31)) return "PackLoads, most: message.node";
      if (!(message.pool == 65535)) return "PackLoads, most: message.pool";
      if (!(message.heater == 65535)) return "PackLoads, most: message.heater";
      if (!(message.imported == 65535)) return "PackLoads, most: message.imported";
      if (!(message.importLimit == 30)) return "PackLoads, most: message.importLimit";
      if (!(message.importLimitState == can::ImportLimitState::lockedOut)) return "PackLoads, most: message.importLimitState";
      return isSame(can::encode(message), frame) ? nullptr : "PackLoads, most: written otherwise";
    }
    case 18: {  // PackLoads, between
      const can::Frame frame = can::Frame{0x153, false, 8, {0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x0a, 0x01}};
      can::PackLoads message;
      if (can::kindOf(frame) != can::Kind::packLoads) return "PackLoads, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackLoads, between: refused";
      if (!(message.node == 10)) return "PackLoads, between: message.node";
      if (!(message.pool == 21845)) return "PackLoads, between: message.pool";
      if (!(message.heater == 21845)) return "PackLoads, between: message.heater";
      if (!(message.imported == 21845)) return "PackLoads, between: message.imported";
      if (!(message.importLimit == 10)) return "PackLoads, between: message.importLimit";
      if (!(message.importLimitState == can::ImportLimitState::counting)) return "PackLoads, between: message.importLimitState";
      return isSame(can::encode(message), frame) ? nullptr : "PackLoads, between: written otherwise";
    }
    case 19: {  // PackAlarms, least
      const can::Frame frame = can::Frame{0x104, false, 6, {0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::PackAlarms message;
      if (can::kindOf(frame) != can::Kind::packAlarms) return "PackAlarms, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackAlarms, least: refused";
      if (!(message.node == 0)) return "PackAlarms, least: message.node";
      if (!(message.alarms == 0)) return "PackAlarms, least: message.alarms";
      if (!(message.warnings == 0)) return "PackAlarms, least: message.warnings";
      return isSame(can::encode(message), frame) ? nullptr : "PackAlarms, least: written otherwise";
    }
    case 20: {  // PackAlarms, most
      const can::Frame frame = can::Frame{0x1fc, false, 6, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
      can::PackAlarms message;
      if (can::kindOf(frame) != can::Kind::packAlarms) return "PackAlarms, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackAlarms, most: refused";
      if (!(message.node == 31)) return "PackAlarms, most: message.node";
      if (!(message.alarms == 4294967295U)) return "PackAlarms, most: message.alarms";
      if (!(message.warnings == 65535)) return "PackAlarms, most: message.warnings";
      return isSame(can::encode(message), frame) ? nullptr : "PackAlarms, most: written otherwise";
    }
    case 21: {  // PackAlarms, between
      const can::Frame frame = can::Frame{0x154, false, 6, {0x55, 0x55, 0x55, 0x55, 0x55, 0x55}};
      can::PackAlarms message;
      if (can::kindOf(frame) != can::Kind::packAlarms) return "PackAlarms, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackAlarms, between: refused";
      if (!(message.node == 10)) return "PackAlarms, between: message.node";
      if (!(message.alarms == 1431655765)) return "PackAlarms, between: message.alarms";
      if (!(message.warnings == 21845)) return "PackAlarms, between: message.warnings";
      return isSame(can::encode(message), frame) ? nullptr : "PackAlarms, between: written otherwise";
    }
    case 22: {  // PackSettings, least
      const can::Frame frame = can::Frame{0x105, false, 6, {0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::PackSettings message;
      if (can::kindOf(frame) != can::Kind::packSettings) return "PackSettings, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackSettings, least: refused";
      if (!(message.node == 0)) return "PackSettings, least: message.node";
      if (!(message.ecoLimit == 0)) return "PackSettings, least: message.ecoLimit";
      if (!(message.touStart == 0)) return "PackSettings, least: message.touStart";
      if (!(message.touEnd == 0)) return "PackSettings, least: message.touEnd";
      return isSame(can::encode(message), frame) ? nullptr : "PackSettings, least: written otherwise";
    }
    case 23: {  // PackSettings, most
      const can::Frame frame = can::Frame{0x1fd, false, 6, {0xff, 0xff, 0x05, 0x9f, 0x05, 0x9f}};
      can::PackSettings message;
      if (can::kindOf(frame) != can::Kind::packSettings) return "PackSettings, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackSettings, most: refused";
      if (!(message.node == 31)) return "PackSettings, most: message.node";
      if (!(message.ecoLimit == 65535)) return "PackSettings, most: message.ecoLimit";
      if (!(message.touStart == 1439)) return "PackSettings, most: message.touStart";
      if (!(message.touEnd == 1439)) return "PackSettings, most: message.touEnd";
      return isSame(can::encode(message), frame) ? nullptr : "PackSettings, most: written otherwise";
    }
    case 24: {  // PackSettings, between
      const can::Frame frame = can::Frame{0x155, false, 6, {0x55, 0x55, 0x01, 0xdf, 0x01, 0xdf}};
      can::PackSettings message;
      if (can::kindOf(frame) != can::Kind::packSettings) return "PackSettings, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackSettings, between: refused";
      if (!(message.node == 10)) return "PackSettings, between: message.node";
      if (!(message.ecoLimit == 21845)) return "PackSettings, between: message.ecoLimit";
      if (!(message.touStart == 479)) return "PackSettings, between: message.touStart";
      if (!(message.touEnd == 479)) return "PackSettings, between: message.touEnd";
      return isSame(can::encode(message), frame) ? nullptr : "PackSettings, between: written otherwise";
    }
    case 25: {  // PackMac, least
      const can::Frame frame = can::Frame{0x106, false, 6, {0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::PackMac message;
      if (can::kindOf(frame) != can::Kind::packMac) return "PackMac, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackMac, least: refused";
      if (!(message.node == 0)) return "PackMac, least: message.node";
      if (!(message.mac[0] == 0x00)) return "PackMac, least: message.mac[0]";
      if (!(message.mac[1] == 0x00)) return "PackMac, least: message.mac[1]";
      if (!(message.mac[2] == 0x00)) return "PackMac, least: message.mac[2]";
      if (!(message.mac[3] == 0x00)) return "PackMac, least: message.mac[3]";
      if (!(message.mac[4] == 0x00)) return "PackMac, least: message.mac[4]";
      if (!(message.mac[5] == 0x00)) return "PackMac, least: message.mac[5]";
      return isSame(can::encode(message), frame) ? nullptr : "PackMac, least: written otherwise";
    }
    case 26: {  // PackMac, most
      const can::Frame frame = can::Frame{0x1fe, false, 6, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
      can::PackMac message;
      if (can::kindOf(frame) != can::Kind::packMac) return "PackMac, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackMac, most: refused";
      if (!(message.node == 31)) return "PackMac, most: message.node";
      if (!(message.mac[0] == 0xff)) return "PackMac, most: message.mac[0]";
      if (!(message.mac[1] == 0xff)) return "PackMac, most: message.mac[1]";
      if (!(message.mac[2] == 0xff)) return "PackMac, most: message.mac[2]";
      if (!(message.mac[3] == 0xff)) return "PackMac, most: message.mac[3]";
      if (!(message.mac[4] == 0xff)) return "PackMac, most: message.mac[4]";
      if (!(message.mac[5] == 0xff)) return "PackMac, most: message.mac[5]";
      return isSame(can::encode(message), frame) ? nullptr : "PackMac, most: written otherwise";
    }
    case 27: {  // PackMac, between
      const can::Frame frame = can::Frame{0x156, false, 6, {0x11, 0x22, 0x33, 0x44, 0x55, 0x66}};
      can::PackMac message;
      if (can::kindOf(frame) != can::Kind::packMac) return "PackMac, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "PackMac, between: refused";
      if (!(message.node == 10)) return "PackMac, between: message.node";
      if (!(message.mac[0] == 0x11)) return "PackMac, between: message.mac[0]";
      if (!(message.mac[1] == 0x22)) return "PackMac, between: message.mac[1]";
      if (!(message.mac[2] == 0x33)) return "PackMac, between: message.mac[2]";
      if (!(message.mac[3] == 0x44)) return "PackMac, between: message.mac[3]";
      if (!(message.mac[4] == 0x55)) return "PackMac, between: message.mac[4]";
      if (!(message.mac[5] == 0x66)) return "PackMac, between: message.mac[5]";
      return isSame(can::encode(message), frame) ? nullptr : "PackMac, between: written otherwise";
    }
    case 28: {  // TotalsBattery, least
      const can::Frame frame = can::Frame{0x107, false, 7, {0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00}};
      can::TotalsBattery message;
      if (can::kindOf(frame) != can::Kind::totalsBattery) return "TotalsBattery, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "TotalsBattery, least: refused";
      if (!(message.node == 0)) return "TotalsBattery, least: message.node";
      if (!(message.packsOnline == 0)) return "TotalsBattery, least: message.packsOnline";
      if (!(message.stateOfCharge == 0)) return "TotalsBattery, least: message.stateOfCharge";
      if (!(message.battery == (-2147483647 - 1))) return "TotalsBattery, least: message.battery";
      return isSame(can::encode(message), frame) ? nullptr : "TotalsBattery, least: written otherwise";
    }
    case 29: {  // TotalsBattery, most
      const can::Frame frame = can::Frame{0x1ff, false, 7, {0x00, 0x20, 0x64, 0x7f, 0xff, 0xff, 0xff}};
      can::TotalsBattery message;
      if (can::kindOf(frame) != can::Kind::totalsBattery) return "TotalsBattery, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "TotalsBattery, most: refused";
      if (!(message.node == 31)) return "TotalsBattery, most: message.node";
      if (!(message.packsOnline == 32)) return "TotalsBattery, most: message.packsOnline";
      if (!(message.stateOfCharge == 100)) return "TotalsBattery, most: message.stateOfCharge";
      if (!(message.battery == 2147483647)) return "TotalsBattery, most: message.battery";
      return isSame(can::encode(message), frame) ? nullptr : "TotalsBattery, most: written otherwise";
    }
    case 30: {  // TotalsBattery, between
      const can::Frame frame = can::Frame{0x157, false, 7, {0x00, 0x0a, 0x21, 0xd5, 0x55, 0x55, 0x55}};
      can::TotalsBattery message;
      if (can::kindOf(frame) != can::Kind::totalsBattery) return "TotalsBattery, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "TotalsBattery, between: refused";
      if (!(message.node == 10)) return "TotalsBattery, between: message.node";
      if (!(message.packsOnline == 10)) return "TotalsBattery, between: message.packsOnline";
      if (!(message.stateOfCharge == 33)) return "TotalsBattery, between: message.stateOfCharge";
      if (!(message.battery == -715827883)) return "TotalsBattery, between: message.battery";
      return isSame(can::encode(message), frame) ? nullptr : "TotalsBattery, between: written otherwise";
    }
    case 31: {  // TotalsBattery, none
      const can::Frame frame = can::Frame{0x10f, false, 7, {0x00, 0x00, 0xff, 0x80, 0x00, 0x00, 0x00}};
      can::TotalsBattery message;
      if (can::kindOf(frame) != can::Kind::totalsBattery) return "TotalsBattery, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "TotalsBattery, none: refused";
      if (!(message.node == 1)) return "TotalsBattery, none: message.node";
      if (!(message.packsOnline == 0)) return "TotalsBattery, none: message.packsOnline";
      if (!(message.stateOfCharge == can::TotalsBattery::noStateOfCharge)) return "TotalsBattery, none: message.stateOfCharge";
      if (!(message.battery == (-2147483647 - 1))) return "TotalsBattery, none: message.battery";
      return isSame(can::encode(message), frame) ? nullptr : "TotalsBattery, none: written otherwise";
    }
    case 32: {  // TotalsSolarHome, least
      const can::Frame frame = can::Frame{0x107, false, 7, {0x01, 0x80, 0x00, 0x00, 0x80, 0x00, 0x00}};
      can::TotalsSolarHome message;
      if (can::kindOf(frame) != can::Kind::totalsSolarHome) return "TotalsSolarHome, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "TotalsSolarHome, least: refused";
      if (!(message.node == 0)) return "TotalsSolarHome, least: message.node";
      if (!(message.solar == -8388608)) return "TotalsSolarHome, least: message.solar";
      if (!(message.home == -8388608)) return "TotalsSolarHome, least: message.home";
      return isSame(can::encode(message), frame) ? nullptr : "TotalsSolarHome, least: written otherwise";
    }
    case 33: {  // TotalsSolarHome, most
      const can::Frame frame = can::Frame{0x1ff, false, 7, {0x01, 0x7f, 0xff, 0xff, 0x7f, 0xff, 0xff}};
      can::TotalsSolarHome message;
      if (can::kindOf(frame) != can::Kind::totalsSolarHome) return "TotalsSolarHome, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "TotalsSolarHome, most: refused";
      if (!(message.node == 31)) return "TotalsSolarHome, most: message.node";
      if (!(message.solar == 8388607)) return "TotalsSolarHome, most: message.solar";
      if (!(message.home == 8388607)) return "TotalsSolarHome, most: message.home";
      return isSame(can::encode(message), frame) ? nullptr : "TotalsSolarHome, most: written otherwise";
    }
    case 34: {  // TotalsSolarHome, between
      const can::Frame frame = can::Frame{0x157, false, 7, {0x01, 0xd5, 0x55, 0x55, 0xd5, 0x55, 0x55}};
      can::TotalsSolarHome message;
      if (can::kindOf(frame) != can::Kind::totalsSolarHome) return "TotalsSolarHome, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "TotalsSolarHome, between: refused";
      if (!(message.node == 10)) return "TotalsSolarHome, between: message.node";
      if (!(message.solar == -2796203)) return "TotalsSolarHome, between: message.solar";
      if (!(message.home == -2796203)) return "TotalsSolarHome, between: message.home";
      return isSame(can::encode(message), frame) ? nullptr : "TotalsSolarHome, between: written otherwise";
    }
    case 35: {  // TotalsGrid, least
      const can::Frame frame = can::Frame{0x107, false, 7, {0x02, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::TotalsGrid message;
      if (can::kindOf(frame) != can::Kind::totalsGrid) return "TotalsGrid, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "TotalsGrid, least: refused";
      if (!(message.node == 0)) return "TotalsGrid, least: message.node";
      if (!(message.grid == -8388608)) return "TotalsGrid, least: message.grid";
      if (!(message.imported == 0)) return "TotalsGrid, least: message.imported";
      return isSame(can::encode(message), frame) ? nullptr : "TotalsGrid, least: written otherwise";
    }
    case 36: {  // TotalsGrid, most
      const can::Frame frame = can::Frame{0x1ff, false, 7, {0x02, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff}};
      can::TotalsGrid message;
      if (can::kindOf(frame) != can::Kind::totalsGrid) return "TotalsGrid, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "TotalsGrid, most: refused";
      if (!(message.node == 31)) return "TotalsGrid, most: message.node";
      if (!(message.grid == 8388607)) return "TotalsGrid, most: message.grid";
      if (!(message.imported == 16777215)) return "TotalsGrid, most: message.imported";
      return isSame(can::encode(message), frame) ? nullptr : "TotalsGrid, most: written otherwise";
    }
    case 37: {  // TotalsGrid, between
      const can::Frame frame = can::Frame{0x157, false, 7, {0x02, 0xd5, 0x55, 0x55, 0x55, 0x55, 0x55}};
      can::TotalsGrid message;
      if (can::kindOf(frame) != can::Kind::totalsGrid) return "TotalsGrid, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "TotalsGrid, between: refused";
      if (!(message.node == 10)) return "TotalsGrid, between: message.node";
      if (!(message.grid == -2796203)) return "TotalsGrid, between: message.grid";
      if (!(message.imported == 5592405)) return "TotalsGrid, between: message.imported";
      return isSame(can::encode(message), frame) ? nullptr : "TotalsGrid, between: written otherwise";
    }
    case 38: {  // SetMode, least
      const can::Frame frame = can::Frame{0x201, false, 4, {0x00, 0x00, 0x01, 0x00}};
      can::SetMode message;
      if (can::kindOf(frame) != can::Kind::setMode) return "SetMode, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetMode, least: refused";
      if (!(message.target == 0)) return "SetMode, least: message.target";
      if (!(message.sequence == 0)) return "SetMode, least: message.sequence";
      if (!(message.mode == can::PackMode::selfConsumption)) return "SetMode, least: message.mode";
      if (!(message.isOn == false)) return "SetMode, least: message.isOn";
      return isSame(can::encode(message), frame) ? nullptr : "SetMode, least: written otherwise";
    }
    case 39: {  // SetMode, most
      const can::Frame frame = can::Frame{0x201, false, 4, {0x1f, 0xff, 0x05, 0x01}};
      can::SetMode message;
      if (can::kindOf(frame) != can::Kind::setMode) return "SetMode, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetMode, most: refused";
      if (!(message.target == 31)) return "SetMode, most: message.target";
      if (!(message.sequence == 255)) return "SetMode, most: message.sequence";
      if (!(message.mode == can::PackMode::gridLimit)) return "SetMode, most: message.mode";
      if (!(message.isOn == true)) return "SetMode, most: message.isOn";
      return isSame(can::encode(message), frame) ? nullptr : "SetMode, most: written otherwise";
    }
    case 40: {  // SetMode, between
      const can::Frame frame = can::Frame{0x201, false, 4, {0x0a, 0x55, 0x03, 0x01}};
      can::SetMode message;
      if (can::kindOf(frame) != can::Kind::setMode) return "SetMode, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetMode, between: refused";
      if (!(message.target == 10)) return "SetMode, between: message.target";
      if (!(message.sequence == 85)) return "SetMode, between: message.sequence";
      if (!(message.mode == can::PackMode::timeOfUse)) return "SetMode, between: message.mode";
      if (!(message.isOn == true)) return "SetMode, between: message.isOn";
      return isSame(can::encode(message), frame) ? nullptr : "SetMode, between: written otherwise";
    }
    case 41: {  // SetMode, none
      const can::Frame frame = can::Frame{0x201, false, 4, {0x7f, 0x00, 0x01, 0x00}};
      can::SetMode message;
      if (can::kindOf(frame) != can::Kind::setMode) return "SetMode, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetMode, none: refused";
      if (!(message.target == 127)) return "SetMode, none: message.target";
      if (!(message.sequence == 0)) return "SetMode, none: message.sequence";
      if (!(message.mode == can::PackMode::selfConsumption)) return "SetMode, none: message.mode";
      if (!(message.isOn == false)) return "SetMode, none: message.isOn";
      return isSame(can::encode(message), frame) ? nullptr : "SetMode, none: written otherwise";
    }
    case 42: {  // SetEcoLimit, least
      const can::Frame frame = can::Frame{0x202, false, 4, {0x00, 0x00, 0x00, 0x00}};
      can::SetEcoLimit message;
      if (can::kindOf(frame) != can::Kind::setEcoLimit) return "SetEcoLimit, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetEcoLimit, least: refused";
      if (!(message.target == 0)) return "SetEcoLimit, least: message.target";
      if (!(message.sequence == 0)) return "SetEcoLimit, least: message.sequence";
      if (!(message.limit == 0)) return "SetEcoLimit, least: message.limit";
      return isSame(can::encode(message), frame) ? nullptr : "SetEcoLimit, least: written otherwise";
    }
    case 43: {  // SetEcoLimit, most
      const can::Frame frame = can::Frame{0x202, false, 4, {0x1f, 0xff, 0xff, 0xff}};
      can::SetEcoLimit message;
      if (can::kindOf(frame) != can::Kind::setEcoLimit) return "SetEcoLimit, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetEcoLimit, most: refused";
      if (!(message.target == 31)) return "SetEcoLimit, most: message.target";
      if (!(message.sequence == 255)) return "SetEcoLimit, most: message.sequence";
      if (!(message.limit == 65535)) return "SetEcoLimit, most: message.limit";
      return isSame(can::encode(message), frame) ? nullptr : "SetEcoLimit, most: written otherwise";
    }
    case 44: {  // SetEcoLimit, between
      const can::Frame frame = can::Frame{0x202, false, 4, {0x0a, 0x55, 0x55, 0x55}};
      can::SetEcoLimit message;
      if (can::kindOf(frame) != can::Kind::setEcoLimit) return "SetEcoLimit, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetEcoLimit, between: refused";
      if (!(message.target == 10)) return "SetEcoLimit, between: message.target";
      if (!(message.sequence == 85)) return "SetEcoLimit, between: message.sequence";
      if (!(message.limit == 21845)) return "SetEcoLimit, between: message.limit";
      return isSame(can::encode(message), frame) ? nullptr : "SetEcoLimit, between: written otherwise";
    }
    case 45: {  // SetEcoLimit, none
      const can::Frame frame = can::Frame{0x202, false, 4, {0x7f, 0x00, 0x00, 0x00}};
      can::SetEcoLimit message;
      if (can::kindOf(frame) != can::Kind::setEcoLimit) return "SetEcoLimit, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetEcoLimit, none: refused";
      if (!(message.target == 127)) return "SetEcoLimit, none: message.target";
      if (!(message.sequence == 0)) return "SetEcoLimit, none: message.sequence";
      if (!(message.limit == 0)) return "SetEcoLimit, none: message.limit";
      return isSame(can::encode(message), frame) ? nullptr : "SetEcoLimit, none: written otherwise";
    }
    case 46: {  // RequestStatus, least
      const can::Frame frame = can::Frame{0x203, false, 2, {0x00, 0x00}};
      can::RequestStatus message;
      if (can::kindOf(frame) != can::Kind::requestStatus) return "RequestStatus, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "RequestStatus, least: refused";
      if (!(message.target == 0)) return "RequestStatus, least: message.target";
      if (!(message.sequence == 0)) return "RequestStatus, least: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "RequestStatus, least: written otherwise";
    }
    case 47: {  // RequestStatus, most
      const can::Frame frame = can::Frame{0x203, false, 2, {0x1f, 0xff}};
      can::RequestStatus message;
      if (can::kindOf(frame) != can::Kind::requestStatus) return "RequestStatus, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "RequestStatus, most: refused";
      if (!(message.target == 31)) return "RequestStatus, most: message.target";
      if (!(message.sequence == 255)) return "RequestStatus, most: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "RequestStatus, most: written otherwise";
    }
    case 48: {  // RequestStatus, between
      const can::Frame frame = can::Frame{0x203, false, 2, {0x0a, 0x55}};
      can::RequestStatus message;
      if (can::kindOf(frame) != can::Kind::requestStatus) return "RequestStatus, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "RequestStatus, between: refused";
      if (!(message.target == 10)) return "RequestStatus, between: message.target";
      if (!(message.sequence == 85)) return "RequestStatus, between: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "RequestStatus, between: written otherwise";
    }
    case 49: {  // RequestStatus, none
      const can::Frame frame = can::Frame{0x203, false, 2, {0x7f, 0x00}};
      can::RequestStatus message;
      if (can::kindOf(frame) != can::Kind::requestStatus) return "RequestStatus, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "RequestStatus, none: refused";
      if (!(message.target == 127)) return "RequestStatus, none: message.target";
      if (!(message.sequence == 0)) return "RequestStatus, none: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "RequestStatus, none: written otherwise";
    }
    case 50: {  // SetTou, least
      const can::Frame frame = can::Frame{0x204, false, 6, {0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::SetTou message;
      if (can::kindOf(frame) != can::Kind::setTou) return "SetTou, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetTou, least: refused";
      if (!(message.target == 0)) return "SetTou, least: message.target";
      if (!(message.sequence == 0)) return "SetTou, least: message.sequence";
      if (!(message.start == 0)) return "SetTou, least: message.start";
      if (!(message.end == 0)) return "SetTou, least: message.end";
      return isSame(can::encode(message), frame) ? nullptr : "SetTou, least: written otherwise";
    }
    case 51: {  // SetTou, most
      const can::Frame frame = can::Frame{0x204, false, 6, {0x1f, 0xff, 0x05, 0x9f, 0x05, 0x9f}};
      can::SetTou message;
      if (can::kindOf(frame) != can::Kind::setTou) return "SetTou, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetTou, most: refused";
      if (!(message.target == 31)) return "SetTou, most: message.target";
      if (!(message.sequence == 255)) return "SetTou, most: message.sequence";
      if (!(message.start == 1439)) return "SetTou, most: message.start";
      if (!(message.end == 1439)) return "SetTou, most: message.end";
      return isSame(can::encode(message), frame) ? nullptr : "SetTou, most: written otherwise";
    }
    case 52: {  // SetTou, between
      const can::Frame frame = can::Frame{0x204, false, 6, {0x0a, 0x55, 0x01, 0xdf, 0x01, 0xdf}};
      can::SetTou message;
      if (can::kindOf(frame) != can::Kind::setTou) return "SetTou, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetTou, between: refused";
      if (!(message.target == 10)) return "SetTou, between: message.target";
      if (!(message.sequence == 85)) return "SetTou, between: message.sequence";
      if (!(message.start == 479)) return "SetTou, between: message.start";
      if (!(message.end == 479)) return "SetTou, between: message.end";
      return isSame(can::encode(message), frame) ? nullptr : "SetTou, between: written otherwise";
    }
    case 53: {  // SetTou, none
      const can::Frame frame = can::Frame{0x204, false, 6, {0x7f, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::SetTou message;
      if (can::kindOf(frame) != can::Kind::setTou) return "SetTou, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetTou, none: refused";
      if (!(message.target == 127)) return "SetTou, none: message.target";
      if (!(message.sequence == 0)) return "SetTou, none: message.sequence";
      if (!(message.start == 0)) return "SetTou, none: message.start";
      if (!(message.end == 0)) return "SetTou, none: message.end";
      return isSame(can::encode(message), frame) ? nullptr : "SetTou, none: written otherwise";
    }
    case 54: {  // SetGridLimit, least
      const can::Frame frame = can::Frame{0x205, false, 4, {0x00, 0x00, 0x00, 0x02}};
      can::SetGridLimit message;
      if (can::kindOf(frame) != can::Kind::setGridLimit) return "SetGridLimit, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetGridLimit, least: refused";
      if (!(message.target == 0)) return "SetGridLimit, least: message.target";
      if (!(message.sequence == 0)) return "SetGridLimit, least: message.sequence";
      if (!(message.isOn == false)) return "SetGridLimit, least: message.isOn";
      if (!(message.limit == 2)) return "SetGridLimit, least: message.limit";
      return isSame(can::encode(message), frame) ? nullptr : "SetGridLimit, least: written otherwise";
    }
    case 55: {  // SetGridLimit, most
      const can::Frame frame = can::Frame{0x205, false, 4, {0x1f, 0xff, 0x01, 0x1e}};
      can::SetGridLimit message;
      if (can::kindOf(frame) != can::Kind::setGridLimit) return "SetGridLimit, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetGridLimit, most: refused";
      if (!(message.target == 31)) return "SetGridLimit, most: message.target";
      if (!(message.sequence == 255)) return "SetGridLimit, most: message.sequence";
      if (!(message.isOn == true)) return "SetGridLimit, most: message.isOn";
      if (!(message.limit == 30)) return "SetGridLimit, most: message.limit";
      return isSame(can::encode(message), frame) ? nullptr : "SetGridLimit, most: written otherwise";
    }
    case 56: {  // SetGridLimit, between
      const can::Frame frame = can::Frame{0x205, false, 4, {0x0a, 0x55, 0x01, 0x0b}};
      can::SetGridLimit message;
      if (can::kindOf(frame) != can::Kind::setGridLimit) return "SetGridLimit, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetGridLimit, between: refused";
      if (!(message.target == 10)) return "SetGridLimit, between: message.target";
      if (!(message.sequence == 85)) return "SetGridLimit, between: message.sequence";
      if (!(message.isOn == true)) return "SetGridLimit, between: message.isOn";
      if (!(message.limit == 11)) return "SetGridLimit, between: message.limit";
      return isSame(can::encode(message), frame) ? nullptr : "SetGridLimit, between: written otherwise";
    }
    case 57: {  // SetGridLimit, none
      const can::Frame frame = can::Frame{0x205, false, 4, {0x7f, 0x00, 0x00, 0x02}};
      can::SetGridLimit message;
      if (can::kindOf(frame) != can::Kind::setGridLimit) return "SetGridLimit, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetGridLimit, none: refused";
      if (!(message.target == 127)) return "SetGridLimit, none: message.target";
      if (!(message.sequence == 0)) return "SetGridLimit, none: message.sequence";
      if (!(message.isOn == false)) return "SetGridLimit, none: message.isOn";
      if (!(message.limit == 2)) return "SetGridLimit, none: message.limit";
      return isSame(can::encode(message), frame) ? nullptr : "SetGridLimit, none: written otherwise";
    }
    case 58: {  // ResetGrid, least
      const can::Frame frame = can::Frame{0x206, false, 2, {0x00, 0x00}};
      can::ResetGrid message;
      if (can::kindOf(frame) != can::Kind::resetGrid) return "ResetGrid, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "ResetGrid, least: refused";
      if (!(message.target == 0)) return "ResetGrid, least: message.target";
      if (!(message.sequence == 0)) return "ResetGrid, least: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "ResetGrid, least: written otherwise";
    }
    case 59: {  // ResetGrid, most
      const can::Frame frame = can::Frame{0x206, false, 2, {0x1f, 0xff}};
      can::ResetGrid message;
      if (can::kindOf(frame) != can::Kind::resetGrid) return "ResetGrid, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "ResetGrid, most: refused";
      if (!(message.target == 31)) return "ResetGrid, most: message.target";
      if (!(message.sequence == 255)) return "ResetGrid, most: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "ResetGrid, most: written otherwise";
    }
    case 60: {  // ResetGrid, between
      const can::Frame frame = can::Frame{0x206, false, 2, {0x0a, 0x55}};
      can::ResetGrid message;
      if (can::kindOf(frame) != can::Kind::resetGrid) return "ResetGrid, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "ResetGrid, between: refused";
      if (!(message.target == 10)) return "ResetGrid, between: message.target";
      if (!(message.sequence == 85)) return "ResetGrid, between: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "ResetGrid, between: written otherwise";
    }
    case 61: {  // ResetGrid, none
      const can::Frame frame = can::Frame{0x206, false, 2, {0x7f, 0x00}};
      can::ResetGrid message;
      if (can::kindOf(frame) != can::Kind::resetGrid) return "ResetGrid, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "ResetGrid, none: refused";
      if (!(message.target == 127)) return "ResetGrid, none: message.target";
      if (!(message.sequence == 0)) return "ResetGrid, none: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "ResetGrid, none: written otherwise";
    }
    case 62: {  // SetRelay, least
      const can::Frame frame = can::Frame{0x207, false, 4, {0x00, 0x00, 0x00, 0x00}};
      can::SetRelay message;
      if (can::kindOf(frame) != can::Kind::setRelay) return "SetRelay, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetRelay, least: refused";
      if (!(message.target == 0)) return "SetRelay, least: message.target";
      if (!(message.sequence == 0)) return "SetRelay, least: message.sequence";
      if (!(message.relay == can::Relay::grid)) return "SetRelay, least: message.relay";
      if (!(message.isOn == false)) return "SetRelay, least: message.isOn";
      return isSame(can::encode(message), frame) ? nullptr : "SetRelay, least: written otherwise";
    }
    case 63: {  // SetRelay, most
      const can::Frame frame = can::Frame{0x207, false, 4, {0x1f, 0xff, 0x03, 0x01}};
      can::SetRelay message;
      if (can::kindOf(frame) != can::Kind::setRelay) return "SetRelay, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetRelay, most: refused";
      if (!(message.target == 31)) return "SetRelay, most: message.target";
      if (!(message.sequence == 255)) return "SetRelay, most: message.sequence";
      if (!(message.relay == can::Relay::heater)) return "SetRelay, most: message.relay";
      if (!(message.isOn == true)) return "SetRelay, most: message.isOn";
      return isSame(can::encode(message), frame) ? nullptr : "SetRelay, most: written otherwise";
    }
    case 64: {  // SetRelay, between
      const can::Frame frame = can::Frame{0x207, false, 4, {0x0a, 0x55, 0x02, 0x01}};
      can::SetRelay message;
      if (can::kindOf(frame) != can::Kind::setRelay) return "SetRelay, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetRelay, between: refused";
      if (!(message.target == 10)) return "SetRelay, between: message.target";
      if (!(message.sequence == 85)) return "SetRelay, between: message.sequence";
      if (!(message.relay == can::Relay::pump)) return "SetRelay, between: message.relay";
      if (!(message.isOn == true)) return "SetRelay, between: message.isOn";
      return isSame(can::encode(message), frame) ? nullptr : "SetRelay, between: written otherwise";
    }
    case 65: {  // SetRelay, none
      const can::Frame frame = can::Frame{0x207, false, 4, {0x7f, 0x00, 0x00, 0x00}};
      can::SetRelay message;
      if (can::kindOf(frame) != can::Kind::setRelay) return "SetRelay, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SetRelay, none: refused";
      if (!(message.target == 127)) return "SetRelay, none: message.target";
      if (!(message.sequence == 0)) return "SetRelay, none: message.sequence";
      if (!(message.relay == can::Relay::grid)) return "SetRelay, none: message.relay";
      if (!(message.isOn == false)) return "SetRelay, none: message.isOn";
      return isSame(can::encode(message), frame) ? nullptr : "SetRelay, none: written otherwise";
    }
    case 66: {  // OtaEnter, least
      const can::Frame frame = can::Frame{0x208, false, 2, {0x00, 0x00}};
      can::OtaEnter message;
      if (can::kindOf(frame) != can::Kind::otaEnter) return "OtaEnter, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "OtaEnter, least: refused";
      if (!(message.target == 0)) return "OtaEnter, least: message.target";
      if (!(message.sequence == 0)) return "OtaEnter, least: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "OtaEnter, least: written otherwise";
    }
    case 67: {  // OtaEnter, most
      const can::Frame frame = can::Frame{0x208, false, 2, {0x1f, 0xff}};
      can::OtaEnter message;
      if (can::kindOf(frame) != can::Kind::otaEnter) return "OtaEnter, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "OtaEnter, most: refused";
      if (!(message.target == 31)) return "OtaEnter, most: message.target";
      if (!(message.sequence == 255)) return "OtaEnter, most: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "OtaEnter, most: written otherwise";
    }
    case 68: {  // OtaEnter, between
      const can::Frame frame = can::Frame{0x208, false, 2, {0x0a, 0x55}};
      can::OtaEnter message;
      if (can::kindOf(frame) != can::Kind::otaEnter) return "OtaEnter, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "OtaEnter, between: refused";
      if (!(message.target == 10)) return "OtaEnter, between: message.target";
      if (!(message.sequence == 85)) return "OtaEnter, between: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "OtaEnter, between: written otherwise";
    }
    case 69: {  // OtaEnter, none
      const can::Frame frame = can::Frame{0x208, false, 2, {0x7f, 0x00}};
      can::OtaEnter message;
      if (can::kindOf(frame) != can::Kind::otaEnter) return "OtaEnter, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "OtaEnter, none: refused";
      if (!(message.target == 127)) return "OtaEnter, none: message.target";
      if (!(message.sequence == 0)) return "OtaEnter, none: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "OtaEnter, none: written otherwise";
    }
    case 70: {  // FactoryReset, least
      const can::Frame frame = can::Frame{0x209, false, 2, {0x00, 0x00}};
      can::FactoryReset message;
      if (can::kindOf(frame) != can::Kind::factoryReset) return "FactoryReset, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FactoryReset, least: refused";
      if (!(message.target == 0)) return "FactoryReset, least: message.target";
      if (!(message.sequence == 0)) return "FactoryReset, least: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "FactoryReset, least: written otherwise";
    }
    case 71: {  // FactoryReset, most
      const can::Frame frame = can::Frame{0x209, false, 2, {0x1f, 0xff}};
      can::FactoryReset message;
      if (can::kindOf(frame) != can::Kind::factoryReset) return "FactoryReset, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FactoryReset, most: refused";
      if (!(message.target == 31)) return "FactoryReset, most: message.target";
      if (!(message.sequence == 255)) return "FactoryReset, most: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "FactoryReset, most: written otherwise";
    }
    case 72: {  // FactoryReset, between
      const can::Frame frame = can::Frame{0x209, false, 2, {0x0a, 0x55}};
      can::FactoryReset message;
      if (can::kindOf(frame) != can::Kind::factoryReset) return "FactoryReset, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FactoryReset, between: refused";
      if (!(message.target == 10)) return "FactoryReset, between: message.target";
      if (!(message.sequence == 85)) return "FactoryReset, between: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "FactoryReset, between: written otherwise";
    }
    case 73: {  // FactoryReset, none
      const can::Frame frame = can::Frame{0x209, false, 2, {0x7f, 0x00}};
      can::FactoryReset message;
      if (can::kindOf(frame) != can::Kind::factoryReset) return "FactoryReset, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FactoryReset, none: refused";
      if (!(message.target == 127)) return "FactoryReset, none: message.target";
      if (!(message.sequence == 0)) return "FactoryReset, none: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "FactoryReset, none: written otherwise";
    }
    case 74: {  // RestoreLast, least
      const can::Frame frame = can::Frame{0x20a, false, 6, {0x00, 0x00, 0x00, 0x00, 0x00, 0x01}};
      can::RestoreLast message;
      if (can::kindOf(frame) != can::Kind::restoreLast) return "RestoreLast, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "RestoreLast, least: refused";
      if (!(message.target == 0)) return "RestoreLast, least: message.target";
      if (!(message.sequence == 0)) return "RestoreLast, least: message.sequence";
      if (!(message.imported == 0)) return "RestoreLast, least: message.imported";
      if (!(message.isLockedOut == false)) return "RestoreLast, least: message.isLockedOut";
      if (!(message.day == 1)) return "RestoreLast, least: message.day";
      return isSame(can::encode(message), frame) ? nullptr : "RestoreLast, least: written otherwise";
    }
    case 75: {  // RestoreLast, most
      const can::Frame frame = can::Frame{0x20a, false, 6, {0x1f, 0xff, 0xff, 0xff, 0x01, 0x1f}};
      can::RestoreLast message;
      if (can::kindOf(frame) != can::Kind::restoreLast) return "RestoreLast, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "RestoreLast, most: refused";
      if (!(message.target == 31)) return "RestoreLast, most: message.target";
      if (!(message.sequence == 255)) return "RestoreLast, most: message.sequence";
      if (!(message.imported == 65535)) return "RestoreLast, most: message.imported";
      if (!(message.isLockedOut == true)) return "RestoreLast, most: message.isLockedOut";
      if (!(message.day == 31)) return "RestoreLast, most: message.day";
      return isSame(can::encode(message), frame) ? nullptr : "RestoreLast, most: written otherwise";
    }
    case 76: {  // RestoreLast, between
      const can::Frame frame = can::Frame{0x20a, false, 6, {0x0a, 0x55, 0x55, 0x55, 0x01, 0x0b}};
      can::RestoreLast message;
      if (can::kindOf(frame) != can::Kind::restoreLast) return "RestoreLast, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "RestoreLast, between: refused";
      if (!(message.target == 10)) return "RestoreLast, between: message.target";
      if (!(message.sequence == 85)) return "RestoreLast, between: message.sequence";
      if (!(message.imported == 21845)) return "RestoreLast, between: message.imported";
      if (!(message.isLockedOut == true)) return "RestoreLast, between: message.isLockedOut";
      if (!(message.day == 11)) return "RestoreLast, between: message.day";
      return isSame(can::encode(message), frame) ? nullptr : "RestoreLast, between: written otherwise";
    }
    case 77: {  // RestoreLast, none
      const can::Frame frame = can::Frame{0x20a, false, 6, {0x7f, 0x00, 0x00, 0x00, 0x00, 0x01}};
      can::RestoreLast message;
      if (can::kindOf(frame) != can::Kind::restoreLast) return "RestoreLast, none: kind";
      if (can::decode(frame, message) != can::Fault::none) return "RestoreLast, none: refused";
      if (!(message.target == 127)) return "RestoreLast, none: message.target";
      if (!(message.sequence == 0)) return "RestoreLast, none: message.sequence";
      if (!(message.imported == 0)) return "RestoreLast, none: message.imported";
      if (!(message.isLockedOut == false)) return "RestoreLast, none: message.isLockedOut";
      if (!(message.day == 1)) return "RestoreLast, none: message.day";
      return isSame(can::encode(message), frame) ? nullptr : "RestoreLast, none: written otherwise";
    }
    case 78: {  // CommandAck, least
      const can::Frame frame = can::Frame{0x280, false, 3, {0x00, 0x00, 0x00}};
      can::CommandAck message;
      if (can::kindOf(frame) != can::Kind::commandAck) return "CommandAck, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "CommandAck, least: refused";
      if (!(message.node == 0)) return "CommandAck, least: message.node";
      if (!(message.code == 0)) return "CommandAck, least: message.code";
      if (!(message.sequence == 0)) return "CommandAck, least: message.sequence";
      if (!(message.result == can::CommandResult::ok)) return "CommandAck, least: message.result";
      return isSame(can::encode(message), frame) ? nullptr : "CommandAck, least: written otherwise";
    }
    case 79: {  // CommandAck, most
      const can::Frame frame = can::Frame{0x29f, false, 3, {0x7f, 0xff, 0x0f}};
      can::CommandAck message;
      if (can::kindOf(frame) != can::Kind::commandAck) return "CommandAck, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "CommandAck, most: refused";
      if (!(message.node == 31)) return "CommandAck, most: message.node";
      if (!(message.code == 127)) return "CommandAck, most: message.code";
      if (!(message.sequence == 255)) return "CommandAck, most: message.sequence";
      if (!(message.result == can::CommandResult::refused)) return "CommandAck, most: message.result";
      return isSame(can::encode(message), frame) ? nullptr : "CommandAck, most: written otherwise";
    }
    case 80: {  // CommandAck, between
      const can::Frame frame = can::Frame{0x28a, false, 3, {0x2a, 0x55, 0x08}};
      can::CommandAck message;
      if (can::kindOf(frame) != can::Kind::commandAck) return "CommandAck, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "CommandAck, between: refused";
      if (!(message.node == 10)) return "CommandAck, between: message.node";
      if (!(message.code == 42)) return "CommandAck, between: message.code";
      if (!(message.sequence == 85)) return "CommandAck, between: message.sequence";
      if (!(message.result == can::CommandResult::forbiddenByTimeOfUse)) return "CommandAck, between: message.result";
      return isSame(can::encode(message), frame) ? nullptr : "CommandAck, between: written otherwise";
    }
    case 81: {  // FirmwareAck, least
      const can::Frame frame = can::Frame{0x280, false, 5, {0x08, 0x00, 0x00, 0x00, 0x00}};
      can::FirmwareAck message;
      if (can::kindOf(frame) != can::Kind::firmwareAck) return "FirmwareAck, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareAck, least: refused";
      if (!(message.node == 0)) return "FirmwareAck, least: message.node";
      if (!(message.sequence == 0)) return "FirmwareAck, least: message.sequence";
      if (!(message.result == can::CommandResult::ok)) return "FirmwareAck, least: message.result";
      if (!(message.block == 0)) return "FirmwareAck, least: message.block";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareAck, least: written otherwise";
    }
    case 82: {  // FirmwareAck, most
      const can::Frame frame = can::Frame{0x29f, false, 5, {0x08, 0xff, 0x0f, 0xff, 0xff}};
      can::FirmwareAck message;
      if (can::kindOf(frame) != can::Kind::firmwareAck) return "FirmwareAck, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareAck, most: refused";
      if (!(message.node == 31)) return "FirmwareAck, most: message.node";
      if (!(message.sequence == 255)) return "FirmwareAck, most: message.sequence";
      if (!(message.result == can::CommandResult::refused)) return "FirmwareAck, most: message.result";
      if (!(message.block == 65535)) return "FirmwareAck, most: message.block";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareAck, most: written otherwise";
    }
    case 83: {  // FirmwareAck, between
      const can::Frame frame = can::Frame{0x28a, false, 5, {0x08, 0x55, 0x08, 0x55, 0x55}};
      can::FirmwareAck message;
      if (can::kindOf(frame) != can::Kind::firmwareAck) return "FirmwareAck, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareAck, between: refused";
      if (!(message.node == 10)) return "FirmwareAck, between: message.node";
      if (!(message.sequence == 85)) return "FirmwareAck, between: message.sequence";
      if (!(message.result == can::CommandResult::forbiddenByTimeOfUse)) return "FirmwareAck, between: message.result";
      if (!(message.block == 21845)) return "FirmwareAck, between: message.block";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareAck, between: written otherwise";
    }
    case 84: {  // Announce, least
      const can::Frame frame = can::Frame{0x300, false, 8, {0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::Announce message;
      if (can::kindOf(frame) != can::Kind::announce) return "Announce, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "Announce, least: refused";
      if (!(message.node == 0)) return "Announce, least: message.node";
      if (!(message.nodeId == 0)) return "Announce, least: message.nodeId";
      if (!(message.deviceType == can::DeviceType::energyPack)) return "Announce, least: message.deviceType";
      if (!(message.firmwareMajor == 0)) return "Announce, least: message.firmwareMajor";
      if (!(message.firmwareMinor == 0)) return "Announce, least: message.firmwareMinor";
      if (!(message.macTail[0] == 0x00)) return "Announce, least: message.macTail[0]";
      if (!(message.macTail[1] == 0x00)) return "Announce, least: message.macTail[1]";
      if (!(message.macTail[2] == 0x00)) return "Announce, least: message.macTail[2]";
      if (!(message.macTail[3] == 0x00)) return "Announce, least: message.macTail[3]";
      return isSame(can::encode(message), frame) ? nullptr : "Announce, least: written otherwise";
    }
    case 85: {  // Announce, most
      const can::Frame frame = can::Frame{0x31f, false, 8, {0x1f, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
      can::Announce message;
      if (can::kindOf(frame) != can::Kind::announce) return "Announce, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "Announce, most: refused";
      if (!(message.node == 31)) return "Announce, most: message.node";
      if (!(message.nodeId == 31)) return "Announce, most: message.nodeId";
      if (!(message.deviceType == can::DeviceType::energyGateway)) return "Announce, most: message.deviceType";
      if (!(message.firmwareMajor == 255)) return "Announce, most: message.firmwareMajor";
      if (!(message.firmwareMinor == 255)) return "Announce, most: message.firmwareMinor";
      if (!(message.macTail[0] == 0xff)) return "Announce, most: message.macTail[0]";
      if (!(message.macTail[1] == 0xff)) return "Announce, most: message.macTail[1]";
      if (!(message.macTail[2] == 0xff)) return "Announce, most: message.macTail[2]";
      if (!(message.macTail[3] == 0xff)) return "Announce, most: message.macTail[3]";
      return isSame(can::encode(message), frame) ? nullptr : "Announce, most: written otherwise";
    }
    case 86: {  // Announce, between
      const can::Frame frame = can::Frame{0x30a, false, 8, {0x0a, 0x02, 0x55, 0x55, 0x15, 0x26, 0x37, 0x48}};
      can::Announce message;
      if (can::kindOf(frame) != can::Kind::announce) return "Announce, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "Announce, between: refused";
      if (!(message.node == 10)) return "Announce, between: message.node";
      if (!(message.nodeId == 10)) return "Announce, between: message.nodeId";
      if (!(message.deviceType == can::DeviceType::energyGateway)) return "Announce, between: message.deviceType";
      if (!(message.firmwareMajor == 85)) return "Announce, between: message.firmwareMajor";
      if (!(message.firmwareMinor == 85)) return "Announce, between: message.firmwareMinor";
      if (!(message.macTail[0] == 0x15)) return "Announce, between: message.macTail[0]";
      if (!(message.macTail[1] == 0x26)) return "Announce, between: message.macTail[1]";
      if (!(message.macTail[2] == 0x37)) return "Announce, between: message.macTail[2]";
      if (!(message.macTail[3] == 0x48)) return "Announce, between: message.macTail[3]";
      return isSame(can::encode(message), frame) ? nullptr : "Announce, between: written otherwise";
    }
    case 87: {  // FirmwareBegin, least
      const can::Frame frame = can::Frame{0x400, false, 8, {0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01}};
      can::FirmwareBegin message;
      if (can::kindOf(frame) != can::Kind::firmwareBegin) return "FirmwareBegin, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareBegin, least: refused";
      if (!(message.target == 0)) return "FirmwareBegin, least: message.target";
      if (!(message.sequence == 0)) return "FirmwareBegin, least: message.sequence";
      if (!(message.part == can::FirmwarePart::manifest)) return "FirmwareBegin, least: message.part";
      if (!(message.size == 1)) return "FirmwareBegin, least: message.size";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareBegin, least: written otherwise";
    }
    case 88: {  // FirmwareBegin, most
      const can::Frame frame = can::Frame{0x400, false, 8, {0x1f, 0x01, 0xff, 0x01, 0xff, 0xff, 0xff, 0xff}};
      can::FirmwareBegin message;
      if (can::kindOf(frame) != can::Kind::firmwareBegin) return "FirmwareBegin, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareBegin, most: refused";
      if (!(message.target == 31)) return "FirmwareBegin, most: message.target";
      if (!(message.sequence == 255)) return "FirmwareBegin, most: message.sequence";
      if (!(message.part == can::FirmwarePart::payload)) return "FirmwareBegin, most: message.part";
      if (!(message.size == 4294967295U)) return "FirmwareBegin, most: message.size";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareBegin, most: written otherwise";
    }
    case 89: {  // FirmwareBegin, between
      const can::Frame frame = can::Frame{0x400, false, 8, {0x0a, 0x01, 0x55, 0x01, 0x55, 0x55, 0x55, 0x55}};
      can::FirmwareBegin message;
      if (can::kindOf(frame) != can::Kind::firmwareBegin) return "FirmwareBegin, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareBegin, between: refused";
      if (!(message.target == 10)) return "FirmwareBegin, between: message.target";
      if (!(message.sequence == 85)) return "FirmwareBegin, between: message.sequence";
      if (!(message.part == can::FirmwarePart::payload)) return "FirmwareBegin, between: message.part";
      if (!(message.size == 1431655765)) return "FirmwareBegin, between: message.size";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareBegin, between: written otherwise";
    }
    case 90: {  // FirmwareBlock, least
      const can::Frame frame = can::Frame{0x400, false, 8, {0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::FirmwareBlock message;
      if (can::kindOf(frame) != can::Kind::firmwareBlock) return "FirmwareBlock, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareBlock, least: refused";
      if (!(message.target == 0)) return "FirmwareBlock, least: message.target";
      if (!(message.block == 0)) return "FirmwareBlock, least: message.block";
      if (!(message.checksum == 0)) return "FirmwareBlock, least: message.checksum";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareBlock, least: written otherwise";
    }
    case 91: {  // FirmwareBlock, most
      const can::Frame frame = can::Frame{0x400, false, 8, {0x1f, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
      can::FirmwareBlock message;
      if (can::kindOf(frame) != can::Kind::firmwareBlock) return "FirmwareBlock, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareBlock, most: refused";
      if (!(message.target == 31)) return "FirmwareBlock, most: message.target";
      if (!(message.block == 65535)) return "FirmwareBlock, most: message.block";
      if (!(message.checksum == 4294967295U)) return "FirmwareBlock, most: message.checksum";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareBlock, most: written otherwise";
    }
    case 92: {  // FirmwareBlock, between
      const can::Frame frame = can::Frame{0x400, false, 8, {0x0a, 0x02, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55}};
      can::FirmwareBlock message;
      if (can::kindOf(frame) != can::Kind::firmwareBlock) return "FirmwareBlock, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareBlock, between: refused";
      if (!(message.target == 10)) return "FirmwareBlock, between: message.target";
      if (!(message.block == 21845)) return "FirmwareBlock, between: message.block";
      if (!(message.checksum == 1431655765)) return "FirmwareBlock, between: message.checksum";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareBlock, between: written otherwise";
    }
    case 93: {  // FirmwareEnd, least
      const can::Frame frame = can::Frame{0x400, false, 4, {0x00, 0x03, 0x00, 0x00}};
      can::FirmwareEnd message;
      if (can::kindOf(frame) != can::Kind::firmwareEnd) return "FirmwareEnd, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareEnd, least: refused";
      if (!(message.target == 0)) return "FirmwareEnd, least: message.target";
      if (!(message.sequence == 0)) return "FirmwareEnd, least: message.sequence";
      if (!(message.part == can::FirmwarePart::manifest)) return "FirmwareEnd, least: message.part";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareEnd, least: written otherwise";
    }
    case 94: {  // FirmwareEnd, most
      const can::Frame frame = can::Frame{0x400, false, 4, {0x1f, 0x03, 0xff, 0x01}};
      can::FirmwareEnd message;
      if (can::kindOf(frame) != can::Kind::firmwareEnd) return "FirmwareEnd, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareEnd, most: refused";
      if (!(message.target == 31)) return "FirmwareEnd, most: message.target";
      if (!(message.sequence == 255)) return "FirmwareEnd, most: message.sequence";
      if (!(message.part == can::FirmwarePart::payload)) return "FirmwareEnd, most: message.part";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareEnd, most: written otherwise";
    }
    case 95: {  // FirmwareEnd, between
      const can::Frame frame = can::Frame{0x400, false, 4, {0x0a, 0x03, 0x55, 0x01}};
      can::FirmwareEnd message;
      if (can::kindOf(frame) != can::Kind::firmwareEnd) return "FirmwareEnd, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareEnd, between: refused";
      if (!(message.target == 10)) return "FirmwareEnd, between: message.target";
      if (!(message.sequence == 85)) return "FirmwareEnd, between: message.sequence";
      if (!(message.part == can::FirmwarePart::payload)) return "FirmwareEnd, between: message.part";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareEnd, between: written otherwise";
    }
    case 96: {  // FirmwareAbort, least
      const can::Frame frame = can::Frame{0x400, false, 3, {0x00, 0x04, 0x00}};
      can::FirmwareAbort message;
      if (can::kindOf(frame) != can::Kind::firmwareAbort) return "FirmwareAbort, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareAbort, least: refused";
      if (!(message.target == 0)) return "FirmwareAbort, least: message.target";
      if (!(message.sequence == 0)) return "FirmwareAbort, least: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareAbort, least: written otherwise";
    }
    case 97: {  // FirmwareAbort, most
      const can::Frame frame = can::Frame{0x400, false, 3, {0x1f, 0x04, 0xff}};
      can::FirmwareAbort message;
      if (can::kindOf(frame) != can::Kind::firmwareAbort) return "FirmwareAbort, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareAbort, most: refused";
      if (!(message.target == 31)) return "FirmwareAbort, most: message.target";
      if (!(message.sequence == 255)) return "FirmwareAbort, most: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareAbort, most: written otherwise";
    }
    case 98: {  // FirmwareAbort, between
      const can::Frame frame = can::Frame{0x400, false, 3, {0x0a, 0x04, 0x55}};
      can::FirmwareAbort message;
      if (can::kindOf(frame) != can::Kind::firmwareAbort) return "FirmwareAbort, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareAbort, between: refused";
      if (!(message.target == 10)) return "FirmwareAbort, between: message.target";
      if (!(message.sequence == 85)) return "FirmwareAbort, between: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareAbort, between: written otherwise";
    }
    case 99: {  // FirmwareAsk, least
      const can::Frame frame = can::Frame{0x400, false, 4, {0x00, 0x05, 0x00, 0x00}};
      can::FirmwareAsk message;
      if (can::kindOf(frame) != can::Kind::firmwareAsk) return "FirmwareAsk, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareAsk, least: refused";
      if (!(message.target == 0)) return "FirmwareAsk, least: message.target";
      if (!(message.sequence == 0)) return "FirmwareAsk, least: message.sequence";
      if (!(message.state == false)) return "FirmwareAsk, least: message.state";
      if (!(message.boots == false)) return "FirmwareAsk, least: message.boots";
      if (!(message.limits == false)) return "FirmwareAsk, least: message.limits";
      if (!(message.version == false)) return "FirmwareAsk, least: message.version";
      if (!(message.reason == false)) return "FirmwareAsk, least: message.reason";
      if (!(message.runningDigest == false)) return "FirmwareAsk, least: message.runningDigest";
      if (!(message.rolledBackDigest == false)) return "FirmwareAsk, least: message.rolledBackDigest";
      if (!(message.payload == false)) return "FirmwareAsk, least: message.payload";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareAsk, least: written otherwise";
    }
    case 100: {  // FirmwareAsk, most
      const can::Frame frame = can::Frame{0x400, false, 4, {0x1f, 0x05, 0xff, 0xff}};
      can::FirmwareAsk message;
      if (can::kindOf(frame) != can::Kind::firmwareAsk) return "FirmwareAsk, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareAsk, most: refused";
      if (!(message.target == 31)) return "FirmwareAsk, most: message.target";
      if (!(message.sequence == 255)) return "FirmwareAsk, most: message.sequence";
      if (!(message.state == true)) return "FirmwareAsk, most: message.state";
      if (!(message.boots == true)) return "FirmwareAsk, most: message.boots";
      if (!(message.limits == true)) return "FirmwareAsk, most: message.limits";
      if (!(message.version == true)) return "FirmwareAsk, most: message.version";
      if (!(message.reason == true)) return "FirmwareAsk, most: message.reason";
      if (!(message.runningDigest == true)) return "FirmwareAsk, most: message.runningDigest";
      if (!(message.rolledBackDigest == true)) return "FirmwareAsk, most: message.rolledBackDigest";
      if (!(message.payload == true)) return "FirmwareAsk, most: message.payload";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareAsk, most: written otherwise";
    }
    case 101: {  // FirmwareAsk, between
      const can::Frame frame = can::Frame{0x400, false, 4, {0x0a, 0x05, 0x55, 0xaa}};
      can::FirmwareAsk message;
      if (can::kindOf(frame) != can::Kind::firmwareAsk) return "FirmwareAsk, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareAsk, between: refused";
      if (!(message.target == 10)) return "FirmwareAsk, between: message.target";
      if (!(message.sequence == 85)) return "FirmwareAsk, between: message.sequence";
      if (!(message.state == false)) return "FirmwareAsk, between: message.state";
      if (!(message.boots == true)) return "FirmwareAsk, between: message.boots";
      if (!(message.limits == false)) return "FirmwareAsk, between: message.limits";
      if (!(message.version == true)) return "FirmwareAsk, between: message.version";
      if (!(message.reason == false)) return "FirmwareAsk, between: message.reason";
      if (!(message.runningDigest == true)) return "FirmwareAsk, between: message.runningDigest";
      if (!(message.rolledBackDigest == false)) return "FirmwareAsk, between: message.rolledBackDigest";
      if (!(message.payload == true)) return "FirmwareAsk, between: message.payload";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareAsk, between: written otherwise";
    }
    case 102: {  // FirmwareData, least
      const can::Frame frame = can::Frame{0x401, false, 2, {0x00, 0x00}};
      can::FirmwareData message;
      if (can::kindOf(frame) != can::Kind::firmwareData) return "FirmwareData, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareData, least: refused";
      if (!(message.chunk == 0)) return "FirmwareData, least: message.chunk";
      if (!(message.data[0] == 0x00)) return "FirmwareData, least: message.data[0]";
      if (!(message.dataLength == 1)) return "FirmwareData, least: message.dataLength";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareData, least: written otherwise";
    }
    case 103: {  // FirmwareData, most
      const can::Frame frame = can::Frame{0x401, false, 8, {0x92, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
      can::FirmwareData message;
      if (can::kindOf(frame) != can::Kind::firmwareData) return "FirmwareData, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareData, most: refused";
      if (!(message.chunk == 146)) return "FirmwareData, most: message.chunk";
      if (!(message.data[0] == 0xff)) return "FirmwareData, most: message.data[0]";
      if (!(message.data[1] == 0xff)) return "FirmwareData, most: message.data[1]";
      if (!(message.data[2] == 0xff)) return "FirmwareData, most: message.data[2]";
      if (!(message.data[3] == 0xff)) return "FirmwareData, most: message.data[3]";
      if (!(message.data[4] == 0xff)) return "FirmwareData, most: message.data[4]";
      if (!(message.data[5] == 0xff)) return "FirmwareData, most: message.data[5]";
      if (!(message.data[6] == 0xff)) return "FirmwareData, most: message.data[6]";
      if (!(message.dataLength == 7)) return "FirmwareData, most: message.dataLength";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareData, most: written otherwise";
    }
    case 104: {  // FirmwareData, between
      const can::Frame frame = can::Frame{0x401, false, 8, {0x30, 0x12, 0x23, 0x34, 0x45, 0x56, 0x67, 0x78}};
      can::FirmwareData message;
      if (can::kindOf(frame) != can::Kind::firmwareData) return "FirmwareData, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareData, between: refused";
      if (!(message.chunk == 48)) return "FirmwareData, between: message.chunk";
      if (!(message.data[0] == 0x12)) return "FirmwareData, between: message.data[0]";
      if (!(message.data[1] == 0x23)) return "FirmwareData, between: message.data[1]";
      if (!(message.data[2] == 0x34)) return "FirmwareData, between: message.data[2]";
      if (!(message.data[3] == 0x45)) return "FirmwareData, between: message.data[3]";
      if (!(message.data[4] == 0x56)) return "FirmwareData, between: message.data[4]";
      if (!(message.data[5] == 0x67)) return "FirmwareData, between: message.data[5]";
      if (!(message.data[6] == 0x78)) return "FirmwareData, between: message.data[6]";
      if (!(message.dataLength == 7)) return "FirmwareData, between: message.dataLength";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareData, between: written otherwise";
    }
    case 105: {  // SocketState, least
      const can::Frame frame = can::Frame{0x500, false, 4, {0x00, 0x00, 0x00, 0x00}};
      can::SocketState message;
      if (can::kindOf(frame) != can::Kind::socketState) return "SocketState, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SocketState, least: refused";
      if (!(message.socket == 0)) return "SocketState, least: message.socket";
      if (!(message.isOn == false)) return "SocketState, least: message.isOn";
      if (!(message.power == 0)) return "SocketState, least: message.power";
      if (!(message.age == 0)) return "SocketState, least: message.age";
      return isSame(can::encode(message), frame) ? nullptr : "SocketState, least: written otherwise";
    }
    case 106: {  // SocketState, most
      const can::Frame frame = can::Frame{0x57f, false, 4, {0x01, 0xff, 0xff, 0xff}};
      can::SocketState message;
      if (can::kindOf(frame) != can::Kind::socketState) return "SocketState, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SocketState, most: refused";
      if (!(message.socket == 127)) return "SocketState, most: message.socket";
      if (!(message.isOn == true)) return "SocketState, most: message.isOn";
      if (!(message.power == 65535)) return "SocketState, most: message.power";
      if (!(message.age == 255)) return "SocketState, most: message.age";
      return isSame(can::encode(message), frame) ? nullptr : "SocketState, most: written otherwise";
    }
    case 107: {  // SocketState, between
      const can::Frame frame = can::Frame{0x52a, false, 4, {0x01, 0x55, 0x55, 0x55}};
      can::SocketState message;
      if (can::kindOf(frame) != can::Kind::socketState) return "SocketState, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SocketState, between: refused";
      if (!(message.socket == 42)) return "SocketState, between: message.socket";
      if (!(message.isOn == true)) return "SocketState, between: message.isOn";
      if (!(message.power == 21845)) return "SocketState, between: message.power";
      if (!(message.age == 85)) return "SocketState, between: message.age";
      return isSame(can::encode(message), frame) ? nullptr : "SocketState, between: written otherwise";
    }
    case 108: {  // SocketRequest, least
      const can::Frame frame = can::Frame{0x580, false, 3, {0x00, 0x00, 0x00}};
      can::SocketRequest message;
      if (can::kindOf(frame) != can::Kind::socketRequest) return "SocketRequest, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SocketRequest, least: refused";
      if (!(message.node == 0)) return "SocketRequest, least: message.node";
      if (!(message.socket == 0)) return "SocketRequest, least: message.socket";
      if (!(message.isOn == false)) return "SocketRequest, least: message.isOn";
      if (!(message.sequence == 0)) return "SocketRequest, least: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "SocketRequest, least: written otherwise";
    }
    case 109: {  // SocketRequest, most
      const can::Frame frame = can::Frame{0x59f, false, 3, {0x7f, 0x01, 0xff}};
      can::SocketRequest message;
      if (can::kindOf(frame) != can::Kind::socketRequest) return "SocketRequest, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SocketRequest, most: refused";
      if (!(message.node == 31)) return "SocketRequest, most: message.node";
      if (!(message.socket == 127)) return "SocketRequest, most: message.socket";
      if (!(message.isOn == true)) return "SocketRequest, most: message.isOn";
      if (!(message.sequence == 255)) return "SocketRequest, most: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "SocketRequest, most: written otherwise";
    }
    case 110: {  // SocketRequest, between
      const can::Frame frame = can::Frame{0x58a, false, 3, {0x2a, 0x01, 0x55}};
      can::SocketRequest message;
      if (can::kindOf(frame) != can::Kind::socketRequest) return "SocketRequest, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "SocketRequest, between: refused";
      if (!(message.node == 10)) return "SocketRequest, between: message.node";
      if (!(message.socket == 42)) return "SocketRequest, between: message.socket";
      if (!(message.isOn == true)) return "SocketRequest, between: message.isOn";
      if (!(message.sequence == 85)) return "SocketRequest, between: message.sequence";
      return isSame(can::encode(message), frame) ? nullptr : "SocketRequest, between: written otherwise";
    }
    case 111: {  // ErrorReport, least
      const can::Frame frame = can::Frame{0x600, false, 5, {0x01, 0x80, 0x00, 0x00, 0x00}};
      can::ErrorReport message;
      if (can::kindOf(frame) != can::Kind::errorReport) return "ErrorReport, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "ErrorReport, least: refused";
      if (!(message.node == 0)) return "ErrorReport, least: message.node";
      if (!(message.error == can::PackError::bmsSilent)) return "ErrorReport, least: message.error";
      if (!(message.detail == (-2147483647 - 1))) return "ErrorReport, least: message.detail";
      return isSame(can::encode(message), frame) ? nullptr : "ErrorReport, least: written otherwise";
    }
    case 112: {  // ErrorReport, most
      const can::Frame frame = can::Frame{0x61f, false, 5, {0x09, 0x7f, 0xff, 0xff, 0xff}};
      can::ErrorReport message;
      if (can::kindOf(frame) != can::Kind::errorReport) return "ErrorReport, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "ErrorReport, most: refused";
      if (!(message.node == 31)) return "ErrorReport, most: message.node";
      if (!(message.error == can::PackError::storageFailed)) return "ErrorReport, most: message.error";
      if (!(message.detail == 2147483647)) return "ErrorReport, most: message.detail";
      return isSame(can::encode(message), frame) ? nullptr : "ErrorReport, most: written otherwise";
    }
    case 113: {  // ErrorReport, between
      const can::Frame frame = can::Frame{0x60a, false, 5, {0x05, 0xd5, 0x55, 0x55, 0x55}};
      can::ErrorReport message;
      if (can::kindOf(frame) != can::Kind::errorReport) return "ErrorReport, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "ErrorReport, between: refused";
      if (!(message.node == 10)) return "ErrorReport, between: message.node";
      if (!(message.error == can::PackError::nodeIdsTaken)) return "ErrorReport, between: message.error";
      if (!(message.detail == -715827883)) return "ErrorReport, between: message.detail";
      return isSame(can::encode(message), frame) ? nullptr : "ErrorReport, between: written otherwise";
    }
    case 114: {  // FirmwareState, least
      const can::Frame frame = can::Frame{0x680, false, 8, {0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::FirmwareState message;
      if (can::kindOf(frame) != can::Kind::firmwareState) return "FirmwareState, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareState, least: refused";
      if (!(message.node == 0)) return "FirmwareState, least: message.node";
      if (!(message.phase == can::FirmwarePhase::idle)) return "FirmwareState, least: message.phase";
      if (!(message.isTrial == false)) return "FirmwareState, least: message.isTrial";
      if (!(message.isSafe == false)) return "FirmwareState, least: message.isSafe";
      if (!(message.wasRolledBack == false)) return "FirmwareState, least: message.wasRolledBack";
      if (!(message.rollbackReason == can::RollbackReason::none)) return "FirmwareState, least: message.rollbackReason";
      if (!(message.manifestSequence == 0)) return "FirmwareState, least: message.manifestSequence";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareState, least: written otherwise";
    }
    case 115: {  // FirmwareState, most
      const can::Frame frame = can::Frame{0x69f, false, 8, {0x00, 0x08, 0x07, 0x06, 0xff, 0xff, 0xff, 0xff}};
      can::FirmwareState message;
      if (can::kindOf(frame) != can::Kind::firmwareState) return "FirmwareState, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareState, most: refused";
      if (!(message.node == 31)) return "FirmwareState, most: message.node";
      if (!(message.phase == can::FirmwarePhase::failed)) return "FirmwareState, most: message.phase";
      if (!(message.isTrial == true)) return "FirmwareState, most: message.isTrial";
      if (!(message.isSafe == true)) return "FirmwareState, most: message.isSafe";
      if (!(message.wasRolledBack == true)) return "FirmwareState, most: message.wasRolledBack";
      if (!(message.rollbackReason == can::RollbackReason::managerUnreachable)) return "FirmwareState, most: message.rollbackReason";
      if (!(message.manifestSequence == 4294967295U)) return "FirmwareState, most: message.manifestSequence";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareState, most: written otherwise";
    }
    case 116: {  // FirmwareState, between
      const can::Frame frame = can::Frame{0x68a, false, 8, {0x00, 0x04, 0x05, 0x03, 0x55, 0x55, 0x55, 0x55}};
      can::FirmwareState message;
      if (can::kindOf(frame) != can::Kind::firmwareState) return "FirmwareState, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareState, between: refused";
      if (!(message.node == 10)) return "FirmwareState, between: message.node";
      if (!(message.phase == can::FirmwarePhase::payload)) return "FirmwareState, between: message.phase";
      if (!(message.isTrial == true)) return "FirmwareState, between: message.isTrial";
      if (!(message.isSafe == false)) return "FirmwareState, between: message.isSafe";
      if (!(message.wasRolledBack == true)) return "FirmwareState, between: message.wasRolledBack";
      if (!(message.rollbackReason == can::RollbackReason::watchdog)) return "FirmwareState, between: message.rollbackReason";
      if (!(message.manifestSequence == 1431655765)) return "FirmwareState, between: message.manifestSequence";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareState, between: written otherwise";
    }
    case 117: {  // FirmwareBoots, least
      const can::Frame frame = can::Frame{0x680, false, 8, {0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::FirmwareBoots message;
      if (can::kindOf(frame) != can::Kind::firmwareBoots) return "FirmwareBoots, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareBoots, least: refused";
      if (!(message.node == 0)) return "FirmwareBoots, least: message.node";
      if (!(message.resetReason == can::ResetReason::unknown)) return "FirmwareBoots, least: message.resetReason";
      if (!(message.boots == 0)) return "FirmwareBoots, least: message.boots";
      if (!(message.errors == 0)) return "FirmwareBoots, least: message.errors";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareBoots, least: written otherwise";
    }
    case 118: {  // FirmwareBoots, most
      const can::Frame frame = can::Frame{0x69f, false, 8, {0x01, 0x07, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
      can::FirmwareBoots message;
      if (can::kindOf(frame) != can::Kind::firmwareBoots) return "FirmwareBoots, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareBoots, most: refused";
      if (!(message.node == 31)) return "FirmwareBoots, most: message.node";
      if (!(message.resetReason == can::ResetReason::wake)) return "FirmwareBoots, most: message.resetReason";
      if (!(message.boots == 4294967295U)) return "FirmwareBoots, most: message.boots";
      if (!(message.errors == 65535)) return "FirmwareBoots, most: message.errors";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareBoots, most: written otherwise";
    }
    case 119: {  // FirmwareBoots, between
      const can::Frame frame = can::Frame{0x68a, false, 8, {0x01, 0x04, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55}};
      can::FirmwareBoots message;
      if (can::kindOf(frame) != can::Kind::firmwareBoots) return "FirmwareBoots, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareBoots, between: refused";
      if (!(message.node == 10)) return "FirmwareBoots, between: message.node";
      if (!(message.resetReason == can::ResetReason::watchdog)) return "FirmwareBoots, between: message.resetReason";
      if (!(message.boots == 1431655765)) return "FirmwareBoots, between: message.boots";
      if (!(message.errors == 21845)) return "FirmwareBoots, between: message.errors";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareBoots, between: written otherwise";
    }
    case 120: {  // FirmwareLimits, least
      const can::Frame frame = can::Frame{0x680, false, 7, {0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::FirmwareLimits message;
      if (can::kindOf(frame) != can::Kind::firmwareLimits) return "FirmwareLimits, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareLimits, least: refused";
      if (!(message.node == 0)) return "FirmwareLimits, least: message.node";
      if (!(message.slotSize == 0)) return "FirmwareLimits, least: message.slotSize";
      if (!(message.window == 0)) return "FirmwareLimits, least: message.window";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareLimits, least: written otherwise";
    }
    case 121: {  // FirmwareLimits, most
      const can::Frame frame = can::Frame{0x69f, false, 7, {0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
      can::FirmwareLimits message;
      if (can::kindOf(frame) != can::Kind::firmwareLimits) return "FirmwareLimits, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareLimits, most: refused";
      if (!(message.node == 31)) return "FirmwareLimits, most: message.node";
      if (!(message.slotSize == 4294967295U)) return "FirmwareLimits, most: message.slotSize";
      if (!(message.window == 65535)) return "FirmwareLimits, most: message.window";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareLimits, most: written otherwise";
    }
    case 122: {  // FirmwareLimits, between
      const can::Frame frame = can::Frame{0x68a, false, 7, {0x02, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55}};
      can::FirmwareLimits message;
      if (can::kindOf(frame) != can::Kind::firmwareLimits) return "FirmwareLimits, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareLimits, between: refused";
      if (!(message.node == 10)) return "FirmwareLimits, between: message.node";
      if (!(message.slotSize == 1431655765)) return "FirmwareLimits, between: message.slotSize";
      if (!(message.window == 21845)) return "FirmwareLimits, between: message.window";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareLimits, between: written otherwise";
    }
    case 123: {  // FirmwareText, least
      const can::Frame frame = can::Frame{0x680, false, 5, {0x03, 0x00, 0x00, 0x00, 0x00}};
      can::FirmwareText message;
      if (can::kindOf(frame) != can::Kind::firmwareText) return "FirmwareText, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareText, least: refused";
      if (!(message.node == 0)) return "FirmwareText, least: message.node";
      if (!(message.of == can::FirmwareTextOf::version)) return "FirmwareText, least: message.of";
      if (!(message.size == 0)) return "FirmwareText, least: message.size";
      if (!(message.at == 0)) return "FirmwareText, least: message.at";
      if (!(message.text[0] == 0x00)) return "FirmwareText, least: message.text[0]";
      if (!(message.textLength == 1)) return "FirmwareText, least: message.textLength";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareText, least: written otherwise";
    }
    case 124: {  // FirmwareText, most
      const can::Frame frame = can::Frame{0x69f, false, 8, {0x03, 0x01, 0x40, 0x3f, 0xff, 0xff, 0xff, 0xff}};
      can::FirmwareText message;
      if (can::kindOf(frame) != can::Kind::firmwareText) return "FirmwareText, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareText, most: refused";
      if (!(message.node == 31)) return "FirmwareText, most: message.node";
      if (!(message.of == can::FirmwareTextOf::reason)) return "FirmwareText, most: message.of";
      if (!(message.size == 64)) return "FirmwareText, most: message.size";
      if (!(message.at == 63)) return "FirmwareText, most: message.at";
      if (!(message.text[0] == 0xff)) return "FirmwareText, most: message.text[0]";
      if (!(message.text[1] == 0xff)) return "FirmwareText, most: message.text[1]";
      if (!(message.text[2] == 0xff)) return "FirmwareText, most: message.text[2]";
      if (!(message.text[3] == 0xff)) return "FirmwareText, most: message.text[3]";
      if (!(message.textLength == 4)) return "FirmwareText, most: message.textLength";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareText, most: written otherwise";
    }
    case 125: {  // FirmwareText, between
      const can::Frame frame = can::Frame{0x68a, false, 8, {0x03, 0x01, 0x15, 0x15, 0x15, 0x26, 0x37, 0x48}};
      can::FirmwareText message;
      if (can::kindOf(frame) != can::Kind::firmwareText) return "FirmwareText, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareText, between: refused";
      if (!(message.node == 10)) return "FirmwareText, between: message.node";
      if (!(message.of == can::FirmwareTextOf::reason)) return "FirmwareText, between: message.of";
      if (!(message.size == 21)) return "FirmwareText, between: message.size";
      if (!(message.at == 21)) return "FirmwareText, between: message.at";
      if (!(message.text[0] == 0x15)) return "FirmwareText, between: message.text[0]";
      if (!(message.text[1] == 0x26)) return "FirmwareText, between: message.text[1]";
      if (!(message.text[2] == 0x37)) return "FirmwareText, between: message.text[2]";
      if (!(message.text[3] == 0x48)) return "FirmwareText, between: message.text[3]";
      if (!(message.textLength == 4)) return "FirmwareText, between: message.textLength";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareText, between: written otherwise";
    }
    case 126: {  // FirmwareDigest, least
      const can::Frame frame = can::Frame{0x680, false, 5, {0x04, 0x00, 0x00, 0x00, 0x00}};
      can::FirmwareDigest message;
      if (can::kindOf(frame) != can::Kind::firmwareDigest) return "FirmwareDigest, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareDigest, least: refused";
      if (!(message.node == 0)) return "FirmwareDigest, least: message.node";
      if (!(message.of == can::FirmwareDigestOf::running)) return "FirmwareDigest, least: message.of";
      if (!(message.at == 0)) return "FirmwareDigest, least: message.at";
      if (!(message.digest[0] == 0x00)) return "FirmwareDigest, least: message.digest[0]";
      if (!(message.digest[1] == 0x00)) return "FirmwareDigest, least: message.digest[1]";
      if (!(message.digestLength == 2)) return "FirmwareDigest, least: message.digestLength";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareDigest, least: written otherwise";
    }
    case 127: {  // FirmwareDigest, most
      const can::Frame frame = can::Frame{0x69f, false, 8, {0x04, 0x02, 0x1e, 0xff, 0xff, 0xff, 0xff, 0xff}};
      can::FirmwareDigest message;
      if (can::kindOf(frame) != can::Kind::firmwareDigest) return "FirmwareDigest, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareDigest, most: refused";
      if (!(message.node == 31)) return "FirmwareDigest, most: message.node";
      if (!(message.of == can::FirmwareDigestOf::wantedPayload)) return "FirmwareDigest, most: message.of";
      if (!(message.at == 30)) return "FirmwareDigest, most: message.at";
      if (!(message.digest[0] == 0xff)) return "FirmwareDigest, most: message.digest[0]";
      if (!(message.digest[1] == 0xff)) return "FirmwareDigest, most: message.digest[1]";
      if (!(message.digest[2] == 0xff)) return "FirmwareDigest, most: message.digest[2]";
      if (!(message.digest[3] == 0xff)) return "FirmwareDigest, most: message.digest[3]";
      if (!(message.digest[4] == 0xff)) return "FirmwareDigest, most: message.digest[4]";
      if (!(message.digestLength == 5)) return "FirmwareDigest, most: message.digestLength";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareDigest, most: written otherwise";
    }
    case 128: {  // FirmwareDigest, between
      const can::Frame frame = can::Frame{0x68a, false, 8, {0x04, 0x01, 0x0a, 0x14, 0x25, 0x36, 0x47, 0x58}};
      can::FirmwareDigest message;
      if (can::kindOf(frame) != can::Kind::firmwareDigest) return "FirmwareDigest, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareDigest, between: refused";
      if (!(message.node == 10)) return "FirmwareDigest, between: message.node";
      if (!(message.of == can::FirmwareDigestOf::rolledBack)) return "FirmwareDigest, between: message.of";
      if (!(message.at == 10)) return "FirmwareDigest, between: message.at";
      if (!(message.digest[0] == 0x14)) return "FirmwareDigest, between: message.digest[0]";
      if (!(message.digest[1] == 0x25)) return "FirmwareDigest, between: message.digest[1]";
      if (!(message.digest[2] == 0x36)) return "FirmwareDigest, between: message.digest[2]";
      if (!(message.digest[3] == 0x47)) return "FirmwareDigest, between: message.digest[3]";
      if (!(message.digest[4] == 0x58)) return "FirmwareDigest, between: message.digest[4]";
      if (!(message.digestLength == 5)) return "FirmwareDigest, between: message.digestLength";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareDigest, between: written otherwise";
    }
    case 129: {  // FirmwareWanted, least
      const can::Frame frame = can::Frame{0x680, false, 5, {0x05, 0x00, 0x00, 0x00, 0x00}};
      can::FirmwareWanted message;
      if (can::kindOf(frame) != can::Kind::firmwareWanted) return "FirmwareWanted, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareWanted, least: refused";
      if (!(message.node == 0)) return "FirmwareWanted, least: message.node";
      if (!(message.size == 0)) return "FirmwareWanted, least: message.size";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareWanted, least: written otherwise";
    }
    case 130: {  // FirmwareWanted, most
      const can::Frame frame = can::Frame{0x69f, false, 5, {0x05, 0xff, 0xff, 0xff, 0xff}};
      can::FirmwareWanted message;
      if (can::kindOf(frame) != can::Kind::firmwareWanted) return "FirmwareWanted, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareWanted, most: refused";
      if (!(message.node == 31)) return "FirmwareWanted, most: message.node";
      if (!(message.size == 4294967295U)) return "FirmwareWanted, most: message.size";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareWanted, most: written otherwise";
    }
    case 131: {  // FirmwareWanted, between
      const can::Frame frame = can::Frame{0x68a, false, 5, {0x05, 0x55, 0x55, 0x55, 0x55}};
      can::FirmwareWanted message;
      if (can::kindOf(frame) != can::Kind::firmwareWanted) return "FirmwareWanted, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "FirmwareWanted, between: refused";
      if (!(message.node == 10)) return "FirmwareWanted, between: message.node";
      if (!(message.size == 1431655765)) return "FirmwareWanted, between: message.size";
      return isSame(can::encode(message), frame) ? nullptr : "FirmwareWanted, between: written otherwise";
    }
    case 132: {  // Time, least
      const can::Frame frame = can::Frame{0x7ff, false, 8, {0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x07, 0xd0}};
      can::Time message;
      if (can::kindOf(frame) != can::Kind::time) return "Time, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "Time, least: refused";
      if (!(message.hour == 0)) return "Time, least: message.hour";
      if (!(message.day == 1)) return "Time, least: message.day";
      if (!(message.minute == 0)) return "Time, least: message.minute";
      if (!(message.weekday == 0)) return "Time, least: message.weekday";
      if (!(message.second == 0)) return "Time, least: message.second";
      if (!(message.month == 1)) return "Time, least: message.month";
      if (!(message.year == 2000)) return "Time, least: message.year";
      return isSame(can::encode(message), frame) ? nullptr : "Time, least: written otherwise";
    }
    case 133: {  // Time, most
      const can::Frame frame = can::Frame{0x7ff, false, 8, {0x17, 0x1f, 0x3b, 0x06, 0x3b, 0x0c, 0x08, 0x97}};
      can::Time message;
      if (can::kindOf(frame) != can::Kind::time) return "Time, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "Time, most: refused";
      if (!(message.hour == 23)) return "Time, most: message.hour";
      if (!(message.day == 31)) return "Time, most: message.day";
      if (!(message.minute == 59)) return "Time, most: message.minute";
      if (!(message.weekday == 6)) return "Time, most: message.weekday";
      if (!(message.second == 59)) return "Time, most: message.second";
      if (!(message.month == 12)) return "Time, most: message.month";
      if (!(message.year == 2199)) return "Time, most: message.year";
      return isSame(can::encode(message), frame) ? nullptr : "Time, most: written otherwise";
    }
    case 134: {  // Time, between
      const can::Frame frame = can::Frame{0x7ff, false, 8, {0x07, 0x0b, 0x13, 0x02, 0x13, 0x04, 0x08, 0x12}};
      can::Time message;
      if (can::kindOf(frame) != can::Kind::time) return "Time, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "Time, between: refused";
      if (!(message.hour == 7)) return "Time, between: message.hour";
      if (!(message.day == 11)) return "Time, between: message.day";
      if (!(message.minute == 19)) return "Time, between: message.minute";
      if (!(message.weekday == 2)) return "Time, between: message.weekday";
      if (!(message.second == 19)) return "Time, between: message.second";
      if (!(message.month == 4)) return "Time, between: message.month";
      if (!(message.year == 2066)) return "Time, between: message.year";
      return isSame(can::encode(message), frame) ? nullptr : "Time, between: written otherwise";
    }
    case 135: {  // NodeIdClaim, least
      const can::Frame frame = can::Frame{0x1c000000, true, 8, {0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}};
      can::NodeIdClaim message;
      if (can::kindOf(frame) != can::Kind::nodeIdClaim) return "NodeIdClaim, least: kind";
      if (can::decode(frame, message) != can::Fault::none) return "NodeIdClaim, least: refused";
      if (!(message.macEnd == 0)) return "NodeIdClaim, least: message.macEnd";
      if (!(message.nodeId == 0)) return "NodeIdClaim, least: message.nodeId";
      if (!(message.deviceType == can::DeviceType::energyPack)) return "NodeIdClaim, least: message.deviceType";
      if (!(message.mac[0] == 0x00)) return "NodeIdClaim, least: message.mac[0]";
      if (!(message.mac[1] == 0x00)) return "NodeIdClaim, least: message.mac[1]";
      if (!(message.mac[2] == 0x00)) return "NodeIdClaim, least: message.mac[2]";
      if (!(message.mac[3] == 0x00)) return "NodeIdClaim, least: message.mac[3]";
      if (!(message.mac[4] == 0x00)) return "NodeIdClaim, least: message.mac[4]";
      if (!(message.mac[5] == 0x00)) return "NodeIdClaim, least: message.mac[5]";
      return isSame(can::encode(message), frame) ? nullptr : "NodeIdClaim, least: written otherwise";
    }
    case 136: {  // NodeIdClaim, most
      const can::Frame frame = can::Frame{0x1cffffff, true, 8, {0x1f, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
      can::NodeIdClaim message;
      if (can::kindOf(frame) != can::Kind::nodeIdClaim) return "NodeIdClaim, most: kind";
      if (can::decode(frame, message) != can::Fault::none) return "NodeIdClaim, most: refused";
      if (!(message.macEnd == 16777215)) return "NodeIdClaim, most: message.macEnd";
      if (!(message.nodeId == 31)) return "NodeIdClaim, most: message.nodeId";
      if (!(message.deviceType == can::DeviceType::energyGateway)) return "NodeIdClaim, most: message.deviceType";
      if (!(message.mac[0] == 0xff)) return "NodeIdClaim, most: message.mac[0]";
      if (!(message.mac[1] == 0xff)) return "NodeIdClaim, most: message.mac[1]";
      if (!(message.mac[2] == 0xff)) return "NodeIdClaim, most: message.mac[2]";
      if (!(message.mac[3] == 0xff)) return "NodeIdClaim, most: message.mac[3]";
      if (!(message.mac[4] == 0xff)) return "NodeIdClaim, most: message.mac[4]";
      if (!(message.mac[5] == 0xff)) return "NodeIdClaim, most: message.mac[5]";
      return isSame(can::encode(message), frame) ? nullptr : "NodeIdClaim, most: written otherwise";
    }
    case 137: {  // NodeIdClaim, between
      const can::Frame frame = can::Frame{0x1c555555, true, 8, {0x0a, 0x02, 0x13, 0x24, 0x35, 0x46, 0x57, 0x68}};
      can::NodeIdClaim message;
      if (can::kindOf(frame) != can::Kind::nodeIdClaim) return "NodeIdClaim, between: kind";
      if (can::decode(frame, message) != can::Fault::none) return "NodeIdClaim, between: refused";
      if (!(message.macEnd == 5592405)) return "NodeIdClaim, between: message.macEnd";
      if (!(message.nodeId == 10)) return "NodeIdClaim, between: message.nodeId";
      if (!(message.deviceType == can::DeviceType::energyGateway)) return "NodeIdClaim, between: message.deviceType";
      if (!(message.mac[0] == 0x13)) return "NodeIdClaim, between: message.mac[0]";
      if (!(message.mac[1] == 0x24)) return "NodeIdClaim, between: message.mac[1]";
      if (!(message.mac[2] == 0x35)) return "NodeIdClaim, between: message.mac[2]";
      if (!(message.mac[3] == 0x46)) return "NodeIdClaim, between: message.mac[3]";
      if (!(message.mac[4] == 0x57)) return "NodeIdClaim, between: message.mac[4]";
      if (!(message.mac[5] == 0x68)) return "NodeIdClaim, between: message.mac[5]";
      return isSame(can::encode(message), frame) ? nullptr : "NodeIdClaim, between: written otherwise";
    }
    default:
      return "no such vector";
  }
}
inline constexpr size_t canGoodCount = 138;

struct CanBadVector {
  const char* name;
  can::Frame frame;
  can::Fault fault;
};
inline const CanBadVector canBad[] = {
    {"PackState that is cut", can::Frame{0x108, false, 7, {0x02, 0x55, 0x55, 0x0a, 0x15, 0x0a, 0x0a}}, can::Fault::otherFrame},
    {"PackState with a wrong deviceType", can::Frame{0x108, false, 8, {0x03, 0x55, 0x55, 0x0a, 0x15, 0x0a, 0x0a, 0x00}}, can::Fault::outOfRange},
    {"PackState with a wrong rank", can::Frame{0x108, false, 8, {0x02, 0x55, 0x55, 0x0a, 0x15, 0x0a, 0x20, 0x00}}, can::Fault::outOfRange},
    {"PackBattery that is cut", can::Frame{0x109, false, 6, {0x21, 0x55, 0x54, 0xd5, 0x55, 0x01}}, can::Fault::otherFrame},
    {"PackBattery with a byte more", can::Frame{0x109, false, 8, {0x21, 0x55, 0x54, 0xd5, 0x55, 0x01, 0x01, 0x00}}, can::Fault::otherFrame},
    {"PackBattery with a wrong stateOfCharge", can::Frame{0x109, false, 7, {0x65, 0x55, 0x54, 0xd5, 0x55, 0x01, 0x01}}, can::Fault::outOfRange},
    {"PackBattery with a wrong batteryState", can::Frame{0x109, false, 7, {0x21, 0x55, 0x54, 0xd5, 0x55, 0x03, 0x01}}, can::Fault::outOfRange},
    {"PackBattery with a wrong bmsState", can::Frame{0x109, false, 7, {0x21, 0x55, 0x54, 0xd5, 0x55, 0x01, 0x03}}, can::Fault::outOfRange},
    {"PackPower that is cut", can::Frame{0x10a, false, 7, {0xd5, 0x55, 0xd5, 0x55, 0xd5, 0x55, 0xd5}}, can::Fault::otherFrame},
    {"PackLoads that is cut", can::Frame{0x10b, false, 7, {0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x0a}}, can::Fault::otherFrame},
    {"PackLoads with a wrong importLimit", can::Frame{0x10b, false, 8, {0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x1f, 0x01}}, can::Fault::outOfRange},
    {"PackLoads with a wrong importLimitState", can::Frame{0x10b, false, 8, {0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x0a, 0x03}}, can::Fault::outOfRange},
    {"PackAlarms that is cut", can::Frame{0x10c, false, 5, {0x55, 0x55, 0x55, 0x55, 0x55}}, can::Fault::otherFrame},
    {"PackAlarms with a byte more", can::Frame{0x10c, false, 7, {0x55, 0x55, 0x55, 0x55, 0x55, 0x55, 0x00}}, can::Fault::otherFrame},
    {"PackSettings that is cut", can::Frame{0x10d, false, 5, {0x55, 0x55, 0x01, 0xdf, 0x01}}, can::Fault::otherFrame},
    {"PackSettings with a byte more", can::Frame{0x10d, false, 7, {0x55, 0x55, 0x01, 0xdf, 0x01, 0xdf, 0x00}}, can::Fault::otherFrame},
    {"PackSettings with a wrong touStart", can::Frame{0x10d, false, 6, {0x55, 0x55, 0x05, 0xa0, 0x01, 0xdf}}, can::Fault::outOfRange},
    {"PackSettings with a wrong touEnd", can::Frame{0x10d, false, 6, {0x55, 0x55, 0x01, 0xdf, 0x05, 0xa0}}, can::Fault::outOfRange},
    {"PackMac that is cut", can::Frame{0x10e, false, 5, {0x11, 0x22, 0x33, 0x44, 0x55}}, can::Fault::otherFrame},
    {"PackMac with a byte more", can::Frame{0x10e, false, 7, {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x00}}, can::Fault::otherFrame},
    {"SetMode that is cut", can::Frame{0x201, false, 3, {0x0a, 0x55, 0x03}}, can::Fault::otherFrame},
    {"SetMode with a byte more", can::Frame{0x201, false, 5, {0x0a, 0x55, 0x03, 0x01, 0x00}}, can::Fault::otherFrame},
    {"SetMode with a wrong target", can::Frame{0x201, false, 4, {0x20, 0x55, 0x03, 0x01}}, can::Fault::outOfRange},
    {"SetMode with a wrong mode", can::Frame{0x201, false, 4, {0x0a, 0x55, 0x06, 0x01}}, can::Fault::outOfRange},
    {"SetMode with a wrong isOn", can::Frame{0x201, false, 4, {0x0a, 0x55, 0x03, 0x02}}, can::Fault::outOfRange},
    {"SetEcoLimit that is cut", can::Frame{0x202, false, 3, {0x0a, 0x55, 0x55}}, can::Fault::otherFrame},
    {"SetEcoLimit with a byte more", can::Frame{0x202, false, 5, {0x0a, 0x55, 0x55, 0x55, 0x00}}, can::Fault::otherFrame},
    {"SetEcoLimit with a wrong target", can::Frame{0x202, false, 4, {0x20, 0x55, 0x55, 0x55}}, can::Fault::outOfRange},
    {"RequestStatus that is cut", can::Frame{0x203, false, 1, {0x0a}}, can::Fault::otherFrame},
    {"RequestStatus with a byte more", can::Frame{0x203, false, 3, {0x0a, 0x55, 0x00}}, can::Fault::otherFrame},
    {"RequestStatus with a wrong target", can::Frame{0x203, false, 2, {0x20, 0x55}}, can::Fault::outOfRange},
    {"SetTou that is cut", can::Frame{0x204, false, 5, {0x0a, 0x55, 0x01, 0xdf, 0x01}}, can::Fault::otherFrame},
    {"SetTou with a byte more", can::Frame{0x204, false, 7, {0x0a, 0x55, 0x01, 0xdf, 0x01, 0xdf, 0x00}}, can::Fault::otherFrame},
    {"SetTou with a wrong target", can::Frame{0x204, false, 6, {0x20, 0x55, 0x01, 0xdf, 0x01, 0xdf}}, can::Fault::outOfRange},
    {"SetTou with a wrong start", can::Frame{0x204, false, 6, {0x0a, 0x55, 0x05, 0xa0, 0x01, 0xdf}}, can::Fault::outOfRange},
    {"SetTou with a wrong end", can::Frame{0x204, false, 6, {0x0a, 0x55, 0x01, 0xdf, 0x05, 0xa0}}, can::Fault::outOfRange},
    {"SetGridLimit that is cut", can::Frame{0x205, false, 3, {0x0a, 0x55, 0x01}}, can::Fault::otherFrame},
    {"SetGridLimit with a byte more", can::Frame{0x205, false, 5, {0x0a, 0x55, 0x01, 0x0b, 0x00}}, can::Fault::otherFrame},
    {"SetGridLimit with a wrong target", can::Frame{0x205, false, 4, {0x20, 0x55, 0x01, 0x0b}}, can::Fault::outOfRange},
    {"SetGridLimit with a wrong isOn", can::Frame{0x205, false, 4, {0x0a, 0x55, 0x02, 0x0b}}, can::Fault::outOfRange},
    {"SetGridLimit with a wrong limit", can::Frame{0x205, false, 4, {0x0a, 0x55, 0x01, 0x1f}}, can::Fault::outOfRange},
    {"ResetGrid that is cut", can::Frame{0x206, false, 1, {0x0a}}, can::Fault::otherFrame},
    {"ResetGrid with a byte more", can::Frame{0x206, false, 3, {0x0a, 0x55, 0x00}}, can::Fault::otherFrame},
    {"ResetGrid with a wrong target", can::Frame{0x206, false, 2, {0x20, 0x55}}, can::Fault::outOfRange},
    {"SetRelay that is cut", can::Frame{0x207, false, 3, {0x0a, 0x55, 0x02}}, can::Fault::otherFrame},
    {"SetRelay with a byte more", can::Frame{0x207, false, 5, {0x0a, 0x55, 0x02, 0x01, 0x00}}, can::Fault::otherFrame},
    {"SetRelay with a wrong target", can::Frame{0x207, false, 4, {0x20, 0x55, 0x02, 0x01}}, can::Fault::outOfRange},
    {"SetRelay with a wrong relay", can::Frame{0x207, false, 4, {0x0a, 0x55, 0x04, 0x01}}, can::Fault::outOfRange},
    {"SetRelay with a wrong isOn", can::Frame{0x207, false, 4, {0x0a, 0x55, 0x02, 0x02}}, can::Fault::outOfRange},
    {"OtaEnter that is cut", can::Frame{0x208, false, 1, {0x0a}}, can::Fault::otherFrame},
    {"OtaEnter with a byte more", can::Frame{0x208, false, 3, {0x0a, 0x55, 0x00}}, can::Fault::otherFrame},
    {"OtaEnter with a wrong target", can::Frame{0x208, false, 2, {0x20, 0x55}}, can::Fault::outOfRange},
    {"FactoryReset that is cut", can::Frame{0x209, false, 1, {0x0a}}, can::Fault::otherFrame},
    {"FactoryReset with a byte more", can::Frame{0x209, false, 3, {0x0a, 0x55, 0x00}}, can::Fault::otherFrame},
    {"FactoryReset with a wrong target", can::Frame{0x209, false, 2, {0x20, 0x55}}, can::Fault::outOfRange},
    {"RestoreLast that is cut", can::Frame{0x20a, false, 5, {0x0a, 0x55, 0x55, 0x55, 0x01}}, can::Fault::otherFrame},
    {"RestoreLast with a byte more", can::Frame{0x20a, false, 7, {0x0a, 0x55, 0x55, 0x55, 0x01, 0x0b, 0x00}}, can::Fault::otherFrame},
    {"RestoreLast with a wrong target", can::Frame{0x20a, false, 6, {0x20, 0x55, 0x55, 0x55, 0x01, 0x0b}}, can::Fault::outOfRange},
    {"RestoreLast with a wrong isLockedOut", can::Frame{0x20a, false, 6, {0x0a, 0x55, 0x55, 0x55, 0x02, 0x0b}}, can::Fault::outOfRange},
    {"RestoreLast with a wrong day", can::Frame{0x20a, false, 6, {0x0a, 0x55, 0x55, 0x55, 0x01, 0x20}}, can::Fault::outOfRange},
    {"Announce that is cut", can::Frame{0x301, false, 7, {0x0a, 0x02, 0x55, 0x55, 0x15, 0x26, 0x37}}, can::Fault::otherFrame},
    {"Announce with a wrong nodeId", can::Frame{0x301, false, 8, {0x20, 0x02, 0x55, 0x55, 0x15, 0x26, 0x37, 0x48}}, can::Fault::outOfRange},
    {"Announce with a wrong deviceType", can::Frame{0x301, false, 8, {0x0a, 0x03, 0x55, 0x55, 0x15, 0x26, 0x37, 0x48}}, can::Fault::outOfRange},
    {"FirmwareData with a wrong chunk", can::Frame{0x401, false, 8, {0x93, 0x12, 0x23, 0x34, 0x45, 0x56, 0x67, 0x78}}, can::Fault::outOfRange},
    {"SocketState that is cut", can::Frame{0x501, false, 3, {0x01, 0x55, 0x55}}, can::Fault::otherFrame},
    {"SocketState with a byte more", can::Frame{0x501, false, 5, {0x01, 0x55, 0x55, 0x55, 0x00}}, can::Fault::otherFrame},
    {"SocketState with a wrong isOn", can::Frame{0x501, false, 4, {0x02, 0x55, 0x55, 0x55}}, can::Fault::outOfRange},
    {"SocketRequest that is cut", can::Frame{0x581, false, 2, {0x2a, 0x01}}, can::Fault::otherFrame},
    {"SocketRequest with a byte more", can::Frame{0x581, false, 4, {0x2a, 0x01, 0x55, 0x00}}, can::Fault::otherFrame},
    {"SocketRequest with a wrong socket", can::Frame{0x581, false, 3, {0x80, 0x01, 0x55}}, can::Fault::outOfRange},
    {"SocketRequest with a wrong isOn", can::Frame{0x581, false, 3, {0x2a, 0x02, 0x55}}, can::Fault::outOfRange},
    {"ErrorReport that is cut", can::Frame{0x601, false, 4, {0x05, 0xd5, 0x55, 0x55}}, can::Fault::otherFrame},
    {"ErrorReport with a byte more", can::Frame{0x601, false, 6, {0x05, 0xd5, 0x55, 0x55, 0x55, 0x00}}, can::Fault::otherFrame},
    {"ErrorReport with a wrong error", can::Frame{0x601, false, 5, {0x0a, 0xd5, 0x55, 0x55, 0x55}}, can::Fault::outOfRange},
    {"Time that is cut", can::Frame{0x7ff, false, 7, {0x07, 0x0b, 0x13, 0x02, 0x13, 0x04, 0x08}}, can::Fault::otherFrame},
    {"Time with a wrong hour", can::Frame{0x7ff, false, 8, {0x18, 0x0b, 0x13, 0x02, 0x13, 0x04, 0x08, 0x12}}, can::Fault::outOfRange},
    {"Time with a wrong day", can::Frame{0x7ff, false, 8, {0x07, 0x20, 0x13, 0x02, 0x13, 0x04, 0x08, 0x12}}, can::Fault::outOfRange},
    {"Time with a wrong minute", can::Frame{0x7ff, false, 8, {0x07, 0x0b, 0x3c, 0x02, 0x13, 0x04, 0x08, 0x12}}, can::Fault::outOfRange},
    {"Time with a wrong weekday", can::Frame{0x7ff, false, 8, {0x07, 0x0b, 0x13, 0x07, 0x13, 0x04, 0x08, 0x12}}, can::Fault::outOfRange},
    {"Time with a wrong second", can::Frame{0x7ff, false, 8, {0x07, 0x0b, 0x13, 0x02, 0x3c, 0x04, 0x08, 0x12}}, can::Fault::outOfRange},
    {"Time with a wrong month", can::Frame{0x7ff, false, 8, {0x07, 0x0b, 0x13, 0x02, 0x13, 0x0d, 0x08, 0x12}}, can::Fault::outOfRange},
    {"Time with a wrong year", can::Frame{0x7ff, false, 8, {0x07, 0x0b, 0x13, 0x02, 0x13, 0x04, 0x08, 0x98}}, can::Fault::outOfRange},
    {"NodeIdClaim that is cut", can::Frame{0x1c000001, true, 7, {0x0a, 0x02, 0x13, 0x24, 0x35, 0x46, 0x57}}, can::Fault::otherFrame},
    {"NodeIdClaim with a wrong nodeId", can::Frame{0x1c000001, true, 8, {0x20, 0x02, 0x13, 0x24, 0x35, 0x46, 0x57, 0x68}}, can::Fault::outOfRange},
    {"NodeIdClaim with a wrong deviceType", can::Frame{0x1c000001, true, 8, {0x0a, 0x03, 0x13, 0x24, 0x35, 0x46, 0x57, 0x68}}, can::Fault::outOfRange},
    {"nobody's identifier", can::Frame{0x3ff, false, 1, {0x00}}, can::Fault::otherFrame},
    {"a command that there isn't", can::Frame{0x20b, false, 2, {0x7f, 0x00}}, can::Fault::otherFrame},
    {"an 11-bit identifier in a 29-bit frame", can::Frame{0x203, true, 2, {0x7f, 0x00}}, can::Fault::otherFrame},
    {"totals with a page that there isn't", can::Frame{0x107, false, 7, {0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}}, can::Fault::otherFrame},
    {"firmware control with an operation that there isn't", can::Frame{0x400, false, 8, {0x01, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00}}, can::Fault::otherFrame},
    {"a command's answer of 4 bytes", can::Frame{0x281, false, 4, {0x08, 0x01, 0x00, 0x00}}, can::Fault::otherFrame},
};

}  // namespace vectors
