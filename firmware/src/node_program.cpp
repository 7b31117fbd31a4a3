#include "node_program.hpp"

#include "hal_host/supervisor.hpp"
#include "linux/linux_profile.hpp"
#include "node.hpp"
#include "payload_kit.hpp"
#include "sensor/sensor_profile.hpp"

namespace {

using cx::hal::LogLevel;
using cx::host::Options;

// The node has a little less time than the supervisor gives it, so that the reason for a roll-back is its own.
constexpr uint32_t trialMarginPercent = 95;

bool settingsFrom(const Options& options, const cx::host::HostHal& port, cx::NodeSettings& settings) {
  char group[cx::hal::addressTextMax] = {};
  if (options.discoverGroup.isSet()) {
    cx::hal::formatAddress(options.discoverGroup, group, sizeof group);
    // Written "[ff02::fd]:5683" or "224.0.1.187:5683"; the address stands alone in the settings.
    std::string_view text(group);
    text = cx::slice(text, 0, text.rfind(':'));
    if (!text.empty() && text.front() == '[') text = cx::slice(text, 1, text.size() - 2);
    if (settings.discoverGroup.assign(text) != cx::Status::ok) return false;
    settings.discoverPort = options.discoverGroup.port;
  }
  const cx::host::Credentials& credentials = port.credentials();
  if (settings.id.assign(options.id[0] != '\0' ? std::string_view(options.id) : credentials.id.view()) != cx::Status::ok) return false;
  settings.isPortProtected = port.isDtls();
  settings.usesQBlock = port.isDtls();
  settings.isProtected = credentials.hasOscore && !port.isDtls();
  settings.oscore = credentials.oscore;
  if (settings.managerHost.assign(options.managerHost) != cx::Status::ok) return false;
  settings.managerPort = options.managerPort;
  settings.preferredWay = options.prefer == cx::host::Carrier::coap ? cx::DownloadWay::coap : cx::DownloadWay::http;
  settings.downloadRate = options.downloadRate;
  settings.attemptBudget = options.attemptBudget;
  settings.isUnsignedAllowed = options.isUnsignedAllowed;
  settings.anchors = port.anchors();
  const std::string_view vendor = credentials.vendor.empty() ? std::string_view(cx::host::defaultVendor) : credentials.vendor.view();
  if (settings.vendor.assign(options.vendor != nullptr ? std::string_view(options.vendor) : vendor) != cx::Status::ok) return false;
  settings.isSleepy = options.isSleepy;
  return true;
}

class EnrolmentStepper final : public cx::host::Stepper {
 public:
  EnrolmentStepper(cx::Enrolment& enrolment, cx::hal::System& system) : enrolment_(enrolment), system_(system) {}
  uint64_t step(uint64_t nowMs) override {
    const uint64_t due = enrolment_.step(nowMs);
    if (enrolment_.outcome() == cx::EnrolmentOutcome::refused) system_.terminate(0);
    return due;
  }

 private:
  cx::Enrolment& enrolment_;
  cx::hal::System& system_;
};

// Until the node has credentials, which the next start finds.
int runEnrolment(cx::host::HostHal& port, cx::hal::Hal& hal, cx::Profile& profile, cx::NodeSettings& settings, const cx::NodeMemory& memory) {
  settings.isProtected = true;
  settings.oscore = port.enrolment();
  settings.wantsCa = port.canTls();
  static cx::Enrolment enrolment(hal, profile, settings, memory, port.keeper());
  EnrolmentStepper stepper(enrolment, hal.system);
  const int code = port.run(stepper);
  return enrolment.outcome() == cx::EnrolmentOutcome::refused ? cx::host::exitNotEnrolled : code;
}

class NodeStepper final : public cx::host::Stepper {
 public:
  explicit NodeStepper(cx::Node& node) : node_(node) {}
  uint64_t step(uint64_t nowMs) override { return node_.step(nowMs); }

 private:
  cx::Node& node_;
};

}  // namespace

int runNode(int count, char** arguments, cx::hal::Sensors* sensors, cx::host::SecureParts secureParts) {
  // Static, but reached from here alone: core itself has no globals.
  static Options options;
  static cx::host::StderrLog log("node", LogLevel::info);
  char fault[cx::host::optionFaultMax];
  if (!cx::host::parseOptions(count - 1, arguments + 1, cx::host::Unknown::skip, options, fault)) {
    log.print(LogLevel::error, "%s", fault);
    return cx::host::exitUsage;
  }
  if (options.state == nullptr) options.state = "cxnode-state";
  log.setLevel(options.logLevel);

  static cx::host::HostHal port(options, log, secureParts);
  if (!port.open()) return 1;
  static cx::hal::Hal hal = port.parts(sensors);
  static cx::SensorProfile sensorProfile(hal.sensors);
  static cx::NodeSettings settings;
  if (!settingsFrom(options, port, settings)) {
    log.print(LogLevel::error, "id, host of the manager or discovery group are too long for this image");
    return cx::host::exitUsage;
  }
  static cx::LinuxProfile* linuxProfile = nullptr;
  if (hal.host != nullptr) {
    static cx::LinuxProfile made(*hal.host);
    linuxProfile = &made;
  }
  cx::Profile& profile = linuxProfile != nullptr ? static_cast<cx::Profile&>(*linuxProfile) : sensorProfile;
  cx::NodeTiming timing;
  timing.confirmLimitMs = static_cast<uint32_t>(uint64_t{options.trialSeconds} * 10 * trialMarginPercent);
  static cx::NodeStorage<cx::NodeLimitsHost> storage;
  if (port.isEnrolling()) return runEnrolment(port, hal, profile, settings, storage.memory());
  static cx::PayloadKit<cx::inflateWindowMax> kit(port.payloadKeys());
  cx::NodeMemory memory = storage.memory();
  memory.tools = &kit;
  static cx::Node node(hal, profile, settings, memory, timing);
  NodeStepper stepper(node);
  return port.run(stepper);
}
