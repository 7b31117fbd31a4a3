#include "hal_host/options.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "enrolment_keys.hpp"

namespace cx::host {

namespace {

// Says what is wrong, in words that follow the flag and its value; null: taken.
using Take = const char* (*)(const char* value, Options& options);

bool isSame(const char* a, const char* b) { return std::strcmp(a, b) == 0; }

bool parseNumber(const char* text, uint32_t min, uint32_t max, uint32_t& out) {
  uint64_t value = 0;
  const char* at = text;
  for (; *at >= '0' && *at <= '9' && at - text < 11; at++) value = value * 10 + static_cast<uint64_t>(*at - '0');
  if (at == text || *at != '\0' || value < min || value > max) return false;
  out = static_cast<uint32_t>(value);
  return true;
}

// "host", "host:port", "[v6]", "[v6]:port".
bool parseAuthority(const char* text, char (&host)[hostNameMax + 1], uint16_t& port) {
  const bool isBracketed = text[0] == '[';
  const char* const start = text + (isBracketed ? 1 : 0);
  const char* const end = isBracketed ? std::strchr(start, ']') : start + std::strcspn(start, ":");
  if (end == nullptr || end == start || static_cast<size_t>(end - start) > hostNameMax) return false;
  std::memcpy(host, start, static_cast<size_t>(end - start));
  host[end - start] = '\0';
  hal::Address address;
  const bool isAddress = hal::parseAddress(host, 0, address);
  if (isBracketed ? !(isAddress && address.family == 6) : isAddress && address.family == 6) return false;
  for (const char* at = host; !isBracketed && *at != '\0'; at++) {
    const char c = *at;
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_')) return false;
  }
  const char* rest = end + (isBracketed ? 1 : 0);
  if (*rest == '\0') return true;
  uint32_t number = 0;
  if (*rest != ':' || !parseNumber(rest + 1, 1, 65535, number)) return false;
  port = static_cast<uint16_t>(number);
  return true;
}

const char* takeManager(const char* value, Options& options) {
  static const char want[] = "isn't coap://HOST[:PORT] or, for DTLS, coaps://HOST[:PORT]";
  options.isDtls = std::strncmp(value, "coaps://", 8) == 0;
  if (!options.isDtls && std::strncmp(value, "coap://", 7) != 0) return want;
  options.managerPort = options.isDtls ? 5684 : 5683;
  char authority[hostNameMax + 10];
  const char* const start = value + (options.isDtls ? 8 : 7);
  const size_t length = std::strlen(start);
  if (length >= sizeof authority) return want;
  std::memcpy(authority, start, length + 1);
  if (length > 0 && authority[length - 1] == '/') authority[length - 1] = '\0';
  return parseAuthority(authority, options.managerHost, options.managerPort) ? nullptr : want;
}

const char* takeGroup(const char* value, Options& options) {
  char host[hostNameMax + 1];
  uint16_t port = 5683;
  hal::Address address;
  if (!parseAuthority(value, host, port) || !hal::parseAddress(host, port, address) || !address.isMulticast()) {
    return "isn't a multicast address with or without :PORT, such as 224.0.1.187:5683 or [ff02::fd]";
  }
  options.discoverGroup = address;
  return nullptr;
}

const char* takeId(const char* value, Options& options) {
  if (!isNodeId(value)) return "isn't a node id: [a-z0-9][a-z0-9._-]{0,62}, and not fleet, commands, ack, ota, socket, aggregate or master";
  std::strcpy(options.id, value);
  return nullptr;
}

const char* takeProfile(const char* value, Options& options) {
  if (isSame(value, "sensor")) {
    options.profile = Profile::sensor;
  } else if (isSame(value, "linux")) {
    options.profile = Profile::linuxHost;
  } else {
    return "is none of: sensor, linux";
  }
  return nullptr;
}

const char* takePrefer(const char* value, Options& options) {
  if (isSame(value, "http")) {
    options.prefer = Carrier::http;
  } else if (isSame(value, "coap")) {
    options.prefer = Carrier::coap;
  } else {
    return "is none of: http, coap";
  }
  return nullptr;
}

const char* takeLogLevel(const char* value, Options& options) {
  for (hal::LogLevel level : {hal::LogLevel::error, hal::LogLevel::warn, hal::LogLevel::info, hal::LogLevel::debug}) {
    if (!isSame(value, hal::nameOf(level))) continue;
    options.logLevel = level;
    return nullptr;
  }
  return "is none of: error, warn, info, debug";
}

const char* takeModel(const char* value, Options& options) {
  const size_t length = std::strlen(value);
  if (length == 0 || length > 31 || value[std::strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-")] != '\0') {
    return "isn't 1 to 31 characters of A-Z a-z 0-9 . _ + -";
  }
  options.model = value;
  return nullptr;
}

const char* takeState(const char* value, Options& options) {
  options.state = value;
  return *value == '\0' ? "is empty: name a folder" : nullptr;
}
template <const char* Options::*member>
const char* takeFile(const char* value, Options& options) {
  options.*member = value;
  return *value == '\0' ? "is empty: name a file" : nullptr;
}
const char* takeClaim(const char* value, Options& options) {
  if (isSame(value, scrubbedClaim)) return nullptr;  // the supervisor took it, and keeps it out of the list of processes
  options.claim = value;
  FixedText<claimCodeLength> code;
  return isOk(parseClaimCode(value, code)) ? nullptr : "isn't a claim code: 20 letters and digits, as `coxswain claim create` printed them";
}
const char* takeHardware(const char* value, Options& options) {
  options.hardware = value;
  return isHardwareId(value) ? nullptr : "isn't a hardware id: 1 to 16 of a-z 0-9 _ -, a letter or digit first";
}
const char* takeVendor(const char* value, Options& options) {
  const size_t length = std::strlen(value);
  if (length == 0 || length > 63 || value[std::strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789.-")] != '\0') {
    return "isn't a domain of 1 to 63 characters in lower case, such as vendor.example";
  }
  options.vendor = value;
  return nullptr;
}
const char* takeUnsigned(const char*, Options& options) {
  options.isUnsignedAllowed = true;
  return nullptr;
}
const char* takeBudget(const char* value, Options& options) {
  return parseNumber(value, 1, 4294967295U, options.attemptBudget) ? nullptr : "isn't a number of bytes, from 1 to 4294967295";
}
const char* takeInterface(const char* value, Options& options) {
  options.interface = value;
  return *value == '\0' ? "is empty: name an interface, such as lo or eth0" : nullptr;
}
const char* takeRate(const char* value, Options& options) {
  return parseNumber(value, 1, 1000000000, options.downloadRate) ? nullptr : "isn't a number of bytes a second, from 1 to 1000000000";
}
const char* takeTrial(const char* value, Options& options) {
  return parseNumber(value, 1, 86400, options.trialSeconds) ? nullptr : "isn't a number of seconds, from 1 to 86400";
}
const char* takeWatchdog(const char* value, Options& options) {
  return parseNumber(value, 1, 3600, options.watchdogSeconds) ? nullptr : "isn't a number of seconds, from 1 to 3600";
}
const char* takeSleepy(const char*, Options& options) {
  options.isSleepy = true;
  return nullptr;
}
const char* takePipe(const char* value, Options& options) {
  uint32_t number = 0;
  if (!parseNumber(value, 3, 1023, number)) return "isn't a descriptor";
  options.watchdogPipe = static_cast<int>(number);
  return nullptr;
}
const char* takeRetained(const char* value, Options& options) {
  uint32_t number = 0;
  if (!parseNumber(value, 3, 1023, number)) return "isn't a descriptor";
  options.retainedMemory = static_cast<int>(number);
  return nullptr;
}
const char* takeSlot(const char* value, Options& options) {
  options.slot = isSame(value, "a") ? hal::Slot::a : isSame(value, "b") ? hal::Slot::b : hal::Slot::none;
  return options.slot == hal::Slot::none ? "is none of: a, b" : nullptr;
}
const char* takeSafe(const char* value, Options& options) {
  options.isSafe = isSame(value, "1");
  return nullptr;
}
const char* takeReset(const char* value, Options& options) {
  using hal::ResetReason;
  for (ResetReason reason : {ResetReason::powerOn, ResetReason::restart, ResetReason::crash, ResetReason::watchdog,
                             ResetReason::update, ResetReason::rollback, ResetReason::wake}) {
    if (isSame(value, hal::nameOf(reason))) options.resetReason = reason;
  }
  return nullptr;
}

struct Flag {
  const char* name;
  Take take;
  bool isInternal;
  bool isSwitch = false;  // stands alone, without a value
  bool isSecret = false;  // its value is in no text
};

constexpr Flag flags[] = {
    {"manager", takeManager, false},       {"discover-group", takeGroup, false},
    {"id", takeId, false},                 {"profile", takeProfile, false},
    {"state", takeState, false},
    {"image", takeFile<&Options::image>, false},
    {"credentials", takeFile<&Options::credentials>, false},
    {"claim", takeClaim, false, false, true}, {"batch-key", takeFile<&Options::batchKey>, false},
    {"hardware", takeHardware, false},
    {"model", takeModel, false},           {"prefer", takePrefer, false},
    {"download-rate", takeRate, false},    {"interface", takeInterface, false},
    {"log-file", takeFile<&Options::logFile>, false},
    {"log-level", takeLogLevel, false},
    {"trial-time", takeTrial, false},      {"watchdog-time", takeWatchdog, false},
    {"sleepy", takeSleepy, false, true},
    {"anchors", takeFile<&Options::anchors>, false},
    {"vendor", takeVendor, false},
    {"unsigned-updates", takeUnsigned, false, true},
    {"update-budget", takeBudget, false},  {"payload-keys", takeFile<&Options::payloadKeys>, false},
    {"watchdog-pipe", takePipe, true},     {"slot", takeSlot, true},
    {"retained-memory", takeRetained, true},
    {"safe", takeSafe, true},              {"reset-reason", takeReset, true},
};

const Flag* flagOf(const char* name, size_t length, Unknown unknown) {
  for (const Flag& flag : flags) {
    if (flag.isInternal && unknown == Unknown::refuse) continue;
    if (std::strlen(flag.name) == length && std::strncmp(flag.name, name, length) == 0) return &flag;
  }
  return nullptr;
}

}  // namespace

bool isNodeId(const char* text) {
  for (const char* reserved : {"fleet", "commands", "ack", "ota", "socket", "aggregate", "master"}) {
    if (isSame(text, reserved)) return false;
  }
  const size_t length = std::strlen(text);
  if (length == 0 || length > nodeIdMax) return false;
  for (size_t i = 0; i < length; i++) {
    const char c = text[i];
    const bool isPlain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!isPlain && (i == 0 || (c != '.' && c != '_' && c != '-'))) return false;
  }
  return true;
}

bool parseOptions(int count, const char* const* arguments, Unknown unknown, Options& options, char (&fault)[optionFaultMax]) {
  for (int i = 0; i < count; i++) {
    const char* const argument = arguments[i];
    if (std::strncmp(argument, "--", 2) != 0) {
      if (unknown == Unknown::skip) continue;
      std::snprintf(fault, sizeof fault, "\"%.80s\" is not a flag; see cxnode --help", argument);
      return false;
    }
    const char* const name = argument + 2;
    const size_t length = std::strcspn(name, "=");
    const Flag* const flag = flagOf(name, length, unknown);
    const char* value = name[length] == '=' ? name + length + 1 : nullptr;
    if (flag == nullptr) {
      if (unknown == Unknown::skip) continue;
      std::snprintf(fault, sizeof fault, "there is no flag --%.*s; see cxnode --help", static_cast<int>(length < 80 ? length : 80), name);
      return false;
    }
    if (flag->isSwitch && value != nullptr) {
      std::snprintf(fault, sizeof fault, "--%s stands alone: it takes no value", flag->name);
      return false;
    }
    if (value == nullptr && !flag->isSwitch) {
      if (i + 1 >= count) {
        std::snprintf(fault, sizeof fault, "--%s needs a value", flag->name);
        return false;
      }
      value = arguments[++i];
    }
    const char* const why = flag->take(value, options);
    if (why != nullptr && flag->isSecret) {
      std::snprintf(fault, sizeof fault, "--%s: this %s", flag->name, why);
    } else if (why != nullptr) {
      std::snprintf(fault, sizeof fault, "--%s \"%.80s\" %s", flag->name, value, why);
    }
    if (why != nullptr) return false;
  }
  return true;
}

const char* optionsHelp() {
  return
      "  --manager coap://HOST[:PORT]   the manager; without it the node looks for one by multicast; coaps:// for DTLS\n"
      "  --credentials FILE             keys for OSCORE or DTLS (JSON, mode 0600; kept in the state folder from then on)\n"
      "  --claim CODE                   enrol with this code, where the state folder holds no credentials yet\n"
      "  --batch-key FILE               enrol with a batch's key, or its device's (JSON, mode 0600), needed at the first start only\n"
      "  --hardware ID                  hardware id: [a-z0-9][a-z0-9_-]{0,15} (a random number, kept in the state folder)\n"
      "  --discover-group ADDRESS[:PORT]  multicast group to ask (224.0.1.187 and ff02::fd, port 5683)\n"
      "  --interface NAME               interface for multicast (every one but the loopback)\n"
      "  --id ID                        node id: [a-z0-9][a-z0-9._-]{0,62} (model and hardware number)\n"
      "  --profile sensor|linux         what the node is (sensor)\n"
      "  --model NAME                   model it registers as (the image's own; linux-node for linux)\n"
      "  --state DIR                    folder of slots, boot record and settings (./cxnode-state)\n"
      "  --image FILE                   image for the first start (cxnode-node, or cxnode-node-dtls, beside this program)\n"
      "  --anchors FILE                 whose updates it takes: a COSE key set (the credentials'; kept in the state folder)\n"
      "  --vendor DOMAIN                vendor of its images, as update manifests name it (the credentials', else coxswain.example)\n"
      "  --payload-keys FILE            keys of encrypted images, 16 bytes each (mode 0600; kept in the state folder from then on)\n"
      "  --unsigned-updates             for development: takes images that nobody signed, as long as it has no anchors\n"
      "  --update-budget BYTES          most bytes that one update may cost, repeated ones included (no limit)\n"
      "  --prefer http|coap             way of downloads where both are offered (http)\n"
      "  --download-rate BYTES          most bytes a second of a download (no limit)\n"
      "  --sleepy                       the manager never calls it: it learns of everything at its heartbeats\n"
      "  --log-file FILE                log whose tail the profile linux serves\n"
      "  --log-level LEVEL              error, warn, info or debug, on stderr (info)\n"
      "  --trial-time SECONDS           time in which a new image must confirm itself (300)\n"
      "  --watchdog-time SECONDS        time without a sign of life that resets the node (30)\n";
}

}  // namespace cx::host
