#include "pack_host/pack_options.hpp"

#include <cstdio>
#include <cstring>

namespace cx::pack {
namespace {

using host::Options;
using host::Unknown;

bool isSame(const char* a, const char* b) { return std::strcmp(a, b) == 0; }

const char* takeCan(const char* value, PackOptions& options) {
  options.can = value;
  if (std::strchr(value, '/') != nullptr || std::strncmp(value, "unix:", 5) == 0) {
    return parseLineTarget(value, options.canLine) ? nullptr : "isn't tcp://ADDRESS:PORT, unix:PATH or the path of a serial device";
  }
  const size_t length = std::strlen(value);
  const bool isName = length > 0 && length < 16 && std::strpbrk(value, ": \t") == nullptr;
  return isName ? nullptr : "isn't an interface such as can0, nor tcp://ADDRESS:PORT, unix:PATH or a serial device";
}

const char* takeBms(const char* value, PackOptions& options) {
  return value[0] == '/' && parseLineTarget(value, options.bmsLine) ? nullptr : "isn't the path of a serial device or pty, such as /dev/ttyUSB0";
}

const char* takeBmsMap(const char* value, PackOptions& options) {
  if (isSame(value, "basic")) options.bmsMap = &bmsVoltageAndCurrent;
  else if (isSame(value, "alarms")) options.bmsMap = &bmsWithAlarms;
  else return "is none of: basic, alarms";
  return nullptr;
}

const char* takeBoard(const char* value, PackOptions& options) {
  options.board = value;
  return *value == '\0' ? "is empty: name the path of a socket to make" : nullptr;
}

const char* takeMac(const char* value, PackOptions& options) {
  options.hasMac = parseMac(value, options.mac);
  return options.hasMac ? nullptr : "isn't a MAC of one device: 12 hexadecimal digits, such as 24a160b1c2d3";
}

bool parseYesNo(const char* text, bool& out) {
  out = isSame(text, "yes");
  return out || isSame(text, "no");
}

const char* takeBehindInverter(const char* value, PackOptions& options) {
  options.installation.hasLoadsBehindInverter = true;
  return parseYesNo(value, options.installation.areLoadsBehindInverter) ? nullptr : "is none of: yes, no";
}

const char* takeShedsOutput(const char* value, PackOptions& options) {
  options.installation.hasEcoShedsOutput = true;
  return parseYesNo(value, options.installation.ecoShedsOutput) ? nullptr : "is none of: yes, no";
}

const char* takeCharge(const char* value, PackOptions& options) {
  ChargeRange& range = options.installation.charge;
  options.installation.hasCharge = true;
  unsigned empty = 0;
  unsigned full = 0;
  int end = 0;
  const bool isRange = std::sscanf(value, "%6u-%6u%n", &empty, &full, &end) == 2 && value[end] == '\0' && empty < full;
  range.emptyMillivolts = empty;
  range.fullMillivolts = full;
  return isRange ? nullptr : "isn't EMPTY-FULL in millivolts, such as 46400-62400";
}

struct Flag {
  const char* name;
  const char* (*take)(const char* value, PackOptions& options);
};

constexpr Flag ownFlags[] = {{"can", takeCan}, {"bms", takeBms}, {"bms-map", takeBmsMap}, {"board", takeBoard}, {"hardware", takeMac},
                              {"loads-behind-inverter", takeBehindInverter}, {"eco-sheds-output", takeShedsOutput}, {"charge-range", takeCharge}};

// Of a host node's flags: those that mean something to a device without IP.
constexpr const char* sharedFlags[] = {"state", "image", "anchors", "vendor", "payload-keys", "unsigned-updates", "model", "log-level", "trial-time", "watchdog-time"};
constexpr const char* internalFlags[] = {"watchdog-pipe", "slot", "safe", "reset-reason", "retained-memory"};

template <size_t N>
bool isOneOf(const char* name, size_t length, const char* const (&names)[N]) {
  for (const char* each : names) {
    if (std::strlen(each) == length && std::strncmp(each, name, length) == 0) return true;
  }
  return false;
}

}  // namespace

PackOptions::PackOptions() {
  host.program = "cxpack";
  host.watchdogSeconds = packWatchdogSeconds;
}

bool parseMac(const char* text, HardwareNumber& out) {
  size_t digits = 0;
  HardwareNumber mac;
  for (const char* at = text; *at != '\0'; at++) {
    if (*at == ':' && digits % 2 == 0 && digits > 0 && digits < 12 && at[-1] != ':') continue;
    const char c = *at;
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (value < 0 || digits == 12) return false;
    uint8_t& byte = mac.bytes[digits / 2];
    byte = static_cast<uint8_t>(byte << 4 | value);
    digits++;
  }
  if (digits != 12 || (mac.bytes[0] & 1) != 0 || mac == HardwareNumber()) return false;
  out = mac;
  return true;
}

bool parsePackOptions(int count, const char* const* arguments, Unknown unknown, PackOptions& options, char (&fault)[host::optionFaultMax]) {
  for (int i = 0; i < count; i++) {
    const char* const argument = arguments[i];
    const bool isFlag = std::strncmp(argument, "--", 2) == 0;
    const char* const name = argument + 2;
    const size_t length = isFlag ? std::strcspn(name, "=") : 0;
    const Flag* own = nullptr;
    for (const Flag& each : ownFlags) {
      if (isFlag && std::strlen(each.name) == length && std::strncmp(each.name, name, length) == 0) own = &each;
    }
    const bool isShared = isFlag && (isOneOf(name, length, sharedFlags) || (unknown == Unknown::skip && isOneOf(name, length, internalFlags)));
    if (own == nullptr && !isShared) {
      if (unknown == Unknown::skip) continue;
      if (isFlag) std::snprintf(fault, sizeof fault, "there is no flag --%.*s; see cxpack --help", static_cast<int>(length < 80 ? length : 80), name);
      else std::snprintf(fault, sizeof fault, "\"%.80s\" is not a flag; see cxpack --help", argument);
      return false;
    }
    const bool hasOwnValue = name[length] == '=';
    const bool isSwitch = own == nullptr && std::strncmp(name, "unsigned-updates", length) == 0;
    if (!hasOwnValue && !isSwitch && i + 1 >= count) {
      std::snprintf(fault, sizeof fault, "--%.*s needs a value", static_cast<int>(length), name);
      return false;
    }
    const int words = hasOwnValue || isSwitch ? 1 : 2;
    if (own != nullptr) {
      const char* const value = hasOwnValue ? name + length + 1 : arguments[i + 1];
      const char* const why = own->take(value, options);
      if (why != nullptr) {
        std::snprintf(fault, sizeof fault, "--%s \"%.80s\" %s", own->name, value, why);
        return false;
      }
    } else if (!host::parseOptions(words, arguments + i, unknown, options.host, fault)) {
      return false;
    }
    i += words - 1;
  }
  return true;
}

const char* packOptionsHelp() {
  return
      "  --can BUS                      where CAN is (needed): an interface such as can0 (SocketCAN), or serial-line CAN at\n"
      "                                 tcp://ADDRESS:PORT, unix:PATH or a serial device such as /dev/ttyACM0\n"
      "  --bms DEVICE                   serial line of the BMS, Modbus RTU 9600 8N1 (no BMS: its state is a fault)\n"
      "  --bms-map basic|alarms         registers of the BMS: voltage and current, or with its alarms (basic)\n"
      "  --board PATH                   socket to make for the program that plays CTs, relays and lights (none: no current flows)\n"
      "  --loads-behind-inverter yes|no  whether the inverter's CT measures pool and heater too (no; kept in the state folder)\n"
      "  --eco-sheds-output yes|no      whether Eco may open the inverter's output, as its last (yes; kept likewise)\n"
      "  --charge-range EMPTY-FULL      voltages of 0 and 100 %, mV (46400-62400; kept likewise)\n"
      "  --hardware MAC                 hardware number, 12 hexadecimal digits (drawn once, kept in the state folder)\n"
      "  --state DIR                    folder of slots, boot record and settings (./cxpack-state)\n"
      "  --image FILE                   image for the first start (cxpack-node, beside this program)\n"
      "  --anchors FILE                 whose updates it takes: a COSE key set (kept in the state folder)\n"
      "  --vendor DOMAIN                vendor of its images, as update manifests name it (coxswain.example)\n"
      "  --payload-keys FILE            keys of encrypted images, 16 bytes each (mode 0600; kept in the state folder from then on)\n"
      "  --unsigned-updates             for development: takes images that nobody signed, as long as it has no anchors\n"
      "  --model NAME                   model whose updates it takes (the image's own)\n"
      "  --log-level LEVEL              error, warn, info or debug, on stderr (info)\n"
      "  --trial-time SECONDS           time in which a new image must confirm itself (300)\n"
      "  --watchdog-time SECONDS        time without a sign of life that resets the pack (10)\n";
}

}  // namespace cx::pack
