// The settings of a pack on Linux, from flags: those of a host node that a device without IP has, and its lines.
#pragma once

#include "hal_host/options.hpp"
#include "pack/bms_map.hpp"
#include "pack/hardware_number.hpp"
#include "pack/pack_settings.hpp"
#include "pack_host/line_target.hpp"

namespace cx::pack {

constexpr uint32_t packWatchdogSeconds = 10;

struct PackOptions {
  host::Options host;
  const char* can = nullptr;     // as it was given
  LineTarget canLine;            // of kind none: `can` is a SocketCAN interface
  LineTarget bmsLine;            // of kind none: there is no BMS
  const BmsMap* bmsMap = &bmsVoltageAndCurrent;
  const char* board = nullptr;   // path of a socket; null: nobody plays the board
  Installation installation;
  bool hasMac = false;
  HardwareNumber mac;

  PackOptions();
};

// False: `fault` says which flag, what about it, and what would be right.
bool parsePackOptions(int count, const char* const* arguments, host::Unknown unknown, PackOptions& options, char (&fault)[host::optionFaultMax]);
// 12 hexadecimal digits, with or without colons. Not a group address, and not all zeros.
bool parseMac(const char* text, HardwareNumber& out);
// For --help: one line a flag.
const char* packOptionsHelp();

}  // namespace cx::pack
