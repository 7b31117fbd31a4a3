// The whole port in one object: made once at start, then only used. And the loop that core runs in.
#pragma once
#include "hal/hal.hpp"
#include "hal_host/anchors_file.hpp"
#include "hal_host/credentials.hpp"
#include "hal_host/file_image_slots.hpp"
#include "hal_host/file_storage.hpp"
#include "hal_host/folder_files.hpp"
#include "hal_host/host_clock.hpp"
#include "hal_host/host_enrolment.hpp"
#include "hal_host/host_network.hpp"
#include "hal_host/host_sockets.hpp"
#include "hal_host/host_system.hpp"
#include "hal_host/payload_key_file.hpp"
#include "hal_host/linux_services.hpp"
#include "hal_host/secure_socket.hpp"
#include "hal_host/secure_stream.hpp"
#include "hal_host/simulated_board.hpp"

namespace cx::host {

// What the loop runs: one turn of work at `nowMs`, which answers when the next is due at the latest, in monotonic
// milliseconds; UINT64_MAX: only when a socket has something.
class Stepper {
 public:
  virtual uint64_t step(uint64_t nowMs) = 0;

 protected:
  ~Stepper() = default;
};

// What an image with mbedTLS brings; null in one without.
struct SecureParts {
  MakeSecureSocket socket = nullptr;
  MakeSecureStream stream = nullptr;
};

class HostHal {
 public:
  HostHal(const Options& options, StderrLog& log, SecureParts secureParts = {});
  // Opens the state folder and reads what is in it. False: the log says what is wrong.
  bool open();
  // The node's keys, from the state folder; valid after open().
  const Credentials& credentials() const { return credentials_; }
  // Whose updates it takes, as it was given them; null: nobody gave it any.
  const TrustAnchors* anchors() const { return hasAnchors_ ? &anchors_ : credentials_.anchors.count > 0 ? &credentials_.anchors : nullptr; }
  // Of encrypted images; there may be none.
  PayloadKeys& payloadKeys() { return payloadKeys_; }
  // It has none yet, and this to get them by.
  bool isEnrolling() const { return isEnrolling_; }
  const OscoreCredentials& enrolment() const { return enrolment_; }
  HostCredentialKeeper& keeper() { return keeper_; }
  // A view of all parts: a sensor board's, or those of the machine itself. `sensors` may be another set than the
  // simulated one.
  hal::Hal parts(hal::Sensors* sensors = nullptr);
  // Everything to the manager goes by DTLS.
  bool isDtls() const { return options_.isDtls || (credentials_.dtls.isSet() && !credentials_.hasOscore); }
  // With a CA it speaks TLS.
  bool canTls() const { return secureParts_.stream != nullptr; }
  // Until core asks for its end or a signal does. Returns the exit code for the supervisor.
  int run(Stepper& stepper);

 private:
  bool secureSocket();
  bool secureStreams();

  const Options& options_;
  StderrLog& log_;
  uint16_t interface_;
  FolderFiles files_;
  Credentials credentials_;
  TrustAnchors anchors_;
  bool hasAnchors_ = false;
  PayloadKeyFile payloadKeys_;
  bool isEnrolling_ = false;
  OscoreCredentials enrolment_;
  HostClock clock_;
  HostEntropy entropy_;
  HostNetwork network_;
  HostUdpSocket coap_;
  SecureParts secureParts_;
  SecureSocket* secure_ = nullptr;  // where everything goes by DTLS
  HostTcpStream mqtt_;
  HostTcpStream http_;
  SecureStream* secureMqtt_ = nullptr;  // over those two, where there is TLS and a CA
  SecureStream* secureHttp_ = nullptr;
  FileStorage storage_;
  FileStorage numbers_;
  HostCredentialKeeper keeper_;
  FileImageSlots slots_;
  PipeWatchdog watchdog_;
  HostSystem system_;
  SimulatedSensors sensors_;
  NoSensors noSensors_;
  SimulatedActuators actuators_;
  LogDisplay display_;
  LinuxServices services_;
};

}  // namespace cx::host
