// The settings of a host node, from flags. The supervisor checks them all and hands them on to the image, which may be
// older or newer than itself: an image passes over what it doesn't know.
#pragma once
#include <cstdint>

#include "hal/address.hpp"
#include "hal/image_slots.hpp"
#include "hal/log_sink.hpp"
#include "hal/system.hpp"

namespace cx::host {

constexpr uint32_t hostNameMax = 63;  // bytes
constexpr uint32_t nodeIdMax = 63;    // bytes

enum class Profile : uint8_t { sensor, linuxHost };
enum class Carrier : uint8_t { http, coap };

struct Options {
  const char* program = "cxnode";  // as its messages call it; its images are PROGRAM-node
  char managerHost[hostNameMax + 1] = {};  // empty: discovery
  uint16_t managerPort = 5683;
  bool isDtls = false;         // coaps://
  hal::Address discoverGroup;  // not set: the all-CoAP-nodes groups
  char id[nodeIdMax + 1] = {};
  Profile profile = Profile::sensor;
  const char* state = nullptr;  // folder
  const char* image = nullptr;  // file; null: cxnode-node beside the supervisor
  const char* credentials = nullptr;  // file; null: what the state folder holds
  const char* claim = nullptr;        // code that the node enrols with where it has no credentials
  const char* batchKey = nullptr;     // file of a batch's key, for the same
  const char* hardware = nullptr;     // null: a number that the state folder keeps
  const char* model = nullptr;  // null: the image's own
  const char* anchors = nullptr;      // file of the trust anchors; null: what the state folder holds
  const char* vendor = nullptr;       // domain of who makes the images; null: what the credentials say, else defaultVendor
  const char* payloadKeys = nullptr;  // file of the keys of encrypted images; null: what the state folder holds
  bool isUnsignedAllowed = false;     // images that nobody signed
  uint32_t attemptBudget = 0;         // bytes of one update; 0: no limit
  Carrier prefer = Carrier::http;
  uint32_t downloadRate = 0;        // bytes a second, 0: no limit
  const char* interface = nullptr;  // for multicast; null: every interface but the loopback
  const char* logFile = nullptr;    // whose tail the profile `linux` serves
  hal::LogLevel logLevel = hal::LogLevel::info;
  uint32_t trialSeconds = 300;
  uint32_t watchdogSeconds = 30;
  bool isSleepy = false;

  // Only from supervisor to image.
  int watchdogPipe = -1;
  int retainedMemory = -1;  // descriptor of memory that outlives the image and not the supervisor
  hal::Slot slot = hal::Slot::none;
  bool isSafe = false;
  hal::ResetReason resetReason = hal::ResetReason::unknown;
};

constexpr char defaultVendor[] = "coxswain.example";
// Stands in the place of a claim code once that is in the state folder.
constexpr char scrubbedClaim[] = "-";
constexpr uint32_t optionFaultMax = 256;

enum class Unknown : uint8_t { refuse, skip };

// `--name value` and `--name=value`. False: `fault` says which flag, what about it, and what would be right.
bool parseOptions(int count, const char* const* arguments, Unknown unknown, Options& options, char (&fault)[optionFaultMax]);
// [a-z0-9][a-z0-9._-]{0,62} and none of the reserved words.
bool isNodeId(const char* text);
// For --help: one line a flag.
const char* optionsHelp();

}  // namespace cx::host
