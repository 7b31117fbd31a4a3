// One battery pack: its parts, joined by one loop. step() never waits; the watchdog is fed by whoever calls it.
#pragma once

#include "hal/image_slots.hpp"
#include "hal/retained_memory.hpp"
#include "hal/storage.hpp"
#include "hal/system.hpp"
#include "pack/bms_poller.hpp"
#include "pack/can_sender.hpp"
#include "pack/election.hpp"
#include "pack/error_reports.hpp"
#include "pack/node_claim.hpp"
#include "pack/pack_board.hpp"
#include "pack/pack_commands.hpp"
#include "pack/pack_firmware.hpp"
#include "pack/pack_modes.hpp"
#include "pack/settings_store.hpp"
#include "pack/site_totals.hpp"
#include "pack/socket_requests.hpp"
#include "pack/telemetry_frames.hpp"

namespace cx::pack {

constexpr unsigned framesPerStep = 16;  // read from the bus in one turn; more wait in the controller
constexpr size_t quietQueue = 8;        // what may wait is told only while fewer frames wait
constexpr uint64_t drawEveryMs = 50;
constexpr int32_t stuckFromWatts = 50;  // drawn through a relay that was opened two ticks ago
constexpr uint8_t stuckTicks = 2;

struct PackPorts {
  CanPort& can;
  BytePort& bms;
  hal::Storage& storage;
  hal::RetainedMemory* retained;  // null: nothing outlives a reset
  PackBoard& board;
  PackFirmware* firmware = nullptr;  // null: no images come by CAN
};

// What a pack is told at boot.
struct PackBoot {
  HardwareNumber mac;
  uint32_t seed = 1;  // anything random
  FirmwareVersion version;
  Installation installation;
  hal::ResetReason reset = hal::ResetReason::unknown;
  hal::RollbackReason rolledBack = hal::RollbackReason::none;  // told where this boot is that of a roll-back
};

class Pack final : public CommandTarget {
 public:
  Pack(const PackPorts& ports, const BmsMap& map) : ports_(ports), sender_(ports.can), bms_(ports.bms, map), store_(ports.storage) {}

  // Loads what is kept, sets the relays to the safe state and begins to claim the node id.
  void begin(const PackBoot& boot, uint64_t nowMs);
  void step(uint64_t nowMs);
  // Before an end that was asked for: writes settings that still wait.
  void flush() { store_.flush(kept_, nowMs_); }
  // Asks the gateway for a smart socket. False: no such socket, or too many requests under way.
  bool requestSocket(uint8_t socket, bool isOn) { return sockets_.ask(socket, isOn); }

  const PackModes& modes() const { return modes_; }
  const PackSettings& settings() const { return kept_.settings; }
  const Election& election() const { return election_; }
  const NodeClaim& claim() const { return claim_; }
  const CanSender& sender() const { return sender_; }
  const BmsPoller& bms() const { return bms_; }
  uint32_t flashWrites() const { return store_.writes(); }

  can::CommandResult onCommand(const can::SetMode& command) override;
  can::CommandResult onCommand(const can::SetEcoLimit& command) override;
  can::CommandResult onCommand(const can::RequestStatus& command) override;
  can::CommandResult onCommand(const can::SetTou& command) override;
  can::CommandResult onCommand(const can::SetGridLimit& command) override;
  can::CommandResult onCommand(const can::ResetGrid& command) override;
  can::CommandResult onCommand(const can::SetRelay& command) override;
  can::CommandResult onCommand(const can::OtaEnter& command) override;
  can::CommandResult onCommand(const can::FactoryReset& command) override;
  can::CommandResult onCommand(const can::RestoreLast& command) override;

 private:
  void receive();
  void join();
  void update();
  void tick();
  void watchRelays();
  void tell();
  void report();
  void draw();
  const LocalTime* localTime(LocalTime& out) const { return clock_.read(nowMs_, out) ? &out : nullptr; }

  PackPorts ports_;
  CanSender sender_;
  BmsPoller bms_;
  SettingsStore store_;
  NodeClaim claim_;
  Election election_;
  PackModes modes_;
  WallClock clock_;
  SiteTotals totals_;
  ErrorReports errors_;
  SocketRequests sockets_;
  Kept kept_;
  PackBoot boot_;
  MeasuredPower power_;
  PowerBalance balance_;
  bool wasSettled_ = false;
  bool isTickDue_ = true;
  bool isTelemetryDue_ = false;
  uint8_t pumpDrawsTicks_ = 0;
  uint8_t heaterDrawsTicks_ = 0;
  uint64_t nowMs_ = 0;
  uint64_t tickedAtMs_ = 0;
  uint64_t toldAtMs_ = 0;
  uint64_t drawnAtMs_ = 0;
};

}  // namespace cx::pack
