// A pack as a process: its lines on Linux, its files, and the loop that goes round them. The watchdog is fed in that loop
// and nowhere else.
#pragma once

#include "hal_host/anchors_file.hpp"
#include "hal_host/file_image_slots.hpp"
#include "hal_host/file_storage.hpp"
#include "hal_host/folder_files.hpp"
#include "hal_host/host_clock.hpp"
#include "hal_host/payload_key_file.hpp"
#include "hal_host/stderr_log.hpp"
#include "hal_host/watchdog_pipe.hpp"
#include "pack/pack.hpp"
#include "pack_host/board_socket.hpp"
#include "pack_host/pack_events.hpp"
#include "pack_host/pack_system.hpp"
#include "pack_host/retained_page.hpp"
#include "pack_host/serial_bms.hpp"
#include "pack_host/slcan_can.hpp"
#include "pack_host/socket_can.hpp"
#include "payload_kit.hpp"

namespace cx::pack {

class PackHost {
 public:
  PackHost(const PackOptions& options, host::StderrLog& log);
  // Opens the state folder and the board's socket. False: the log says what is wrong. Lines may come later.
  bool open();
  // Until a signal, or a restart that was asked for. Returns the exit code for the supervisor.
  int run();

 private:
  // A pack without a line to a BMS: nothing is ever answered.
  class NoBms final : public BytePort {
   public:
    size_t read(MutableSpan) override { return 0; }
    bool send(ByteSpan) override { return false; }
    bool isSending() override { return false; }
  };

  void turn(uint64_t nowMs);
  int waitMs(uint64_t nowMs) const;

  const PackOptions& options_;
  host::StderrLog& log_;
  host::FolderFiles files_;
  host::FileStorage storage_;
  host::FileImageSlots slots_;
  host::PipeWatchdog watchdog_;
  host::HostClock clock_;
  host::HostEntropy entropy_;
  PackSystem system_;
  RetainedPage retained_;
  SlcanCan slcan_;
  SocketCan socketCan_;
  HostCan& can_;
  SerialBms bms_;
  NoBms noBms_;
  BoardSocket board_;
  TrustAnchors anchors_;
  host::PayloadKeyFile payloadKeys_;
  PayloadKit<inflateWindowMax> kit_;
  PackFirmware firmware_;
  Pack pack_;
  PackEvents events_;
};

}  // namespace cx::pack
