// The messages a node sends and takes, as plain structs of bounded fields, with their two wire forms.
// Bounds and keys are those of schemas/json. Absent numbers are 0 unless a `has` says otherwise.
#pragma once

#include <cstdint>

#include "hal/log_sink.hpp"
#include "lifecycle.hpp"
#include "node_wire.hpp"

namespace cx {

constexpr size_t nodeIdMax = 63;
constexpr size_t actionUrisMax = 4;
constexpr size_t wifiMax = 4;
constexpr size_t reasonMax = 96;

using Reason = FixedText<reasonMax>;

enum class ActionKind : uint8_t { none = 0, update = 1, environment = 2, config = 3, command = 4 };
enum class CommandName : uint8_t { none = 0, restart = 1, terminate = 2, identify = 3, queryStatus = 4, bootPrevious = 5 };
enum class Outcome : uint8_t { none = 0, done = 1, failed = 2, refused = 3, cancelled = 4 };
enum class Health : uint8_t { healthy = 1, degraded = 2, unhealthy = 3 };
enum class Liveness : uint8_t { observe = 1, beat = 2 };
enum class DownloadWay : uint8_t { none = 0, http = 1, coap = 2, can = 3 };
enum class AttemptState : uint8_t {
  offered = 1, accepted = 2, deferred = 3, downloading = 4, verifying = 5, staged = 6,
  trial = 7, succeeded = 8, failed = 9, rolledBack = 10, cancelled = 11, expired = 12,
};
const char* commandWord(CommandName name);
const char* outcomeWord(Outcome outcome);
const char* attemptStateWord(AttemptState state);

struct BrokerAccess {
  FixedText<128> host;  // empty: no broker here
  uint32_t port = 1883;
  bool isTls = false;
  FixedText<64> clientId;
  FixedText<64> user;
  FixedText<64> password;
};

struct WifiAccess {
  FixedText<32> ssid;
  FixedText<63> password;
};

struct Environment {
  BrokerAccess mqtt;
  WifiAccess wifi[wifiMax];
  uint8_t wifiCount = 0;
  uint32_t pollS = 60;
  uint32_t reportS = 30;
  FixedText<64> root;
  bool hasTime = false;
  int64_t timeMs = 0;
  hal::LogLevel logLevel = hal::LogLevel::info;
  bool hasLogLevel = false;
  bool keepMqttInMaintenance = false;
  uint32_t rev = 0;
  Liveness liveness = Liveness::beat;
};
// Only the members that are present change `out`; it starts as the environment in force.
Status decodeEnvironment(WireFormat format, ByteSpan bytes, Environment& out);
// Members for the node's own storage: everything but time.
Expected<ByteSpan> encodeEnvironment(const Environment& environment, MutableSpan out);

struct Configuration {
  uint32_t pollS = 0;
  uint32_t reportS = 0;
  bool hasLogLevel = false;
  hal::LogLevel logLevel = hal::LogLevel::info;
  bool hasKeepMqtt = false;
  bool keepMqttInMaintenance = false;
};
Status decodeConfiguration(WireFormat format, ByteSpan bytes, Configuration& out);
Expected<ByteSpan> encodeConfiguration(WireFormat format, const Configuration& configuration, MutableSpan out);

struct Action {
  uint32_t rev = 0;
  ActionKind kind = ActionKind::none;
  bool hasMore = false;
  // update
  FixedText<48> update;
  FixedText<24> attempt;
  FixedText<200> uris[actionUrisMax];
  uint8_t uriCount = 0;
  bool hasManifest = false;  // the update is signed; where its manifest is, the node knows itself
  uint32_t size = 0;
  bool hasDigest = false;
  uint8_t digest[wireDigestSize] = {};
  FixedText<32> version;
  // environment: the members of the new one lie over what was in force
  bool hasEnvironment = false;
  Environment environment;
  // config
  Configuration config;
  // command
  CommandName command = CommandName::none;
  FixedText<24> commandId;
  bool hasExpiry = false;
  int64_t expiresMs = 0;
};
// `base`: the environment in force. malformed: the syntax, or a member that the kind needs is missing; unsupported:
// an unknown kind or command (rev is then still known, so that it can be refused).
Status decodeAction(WireFormat format, ByteSpan bytes, const Environment& base, Action& out);

struct RegistrationAnswer {
  FixedText<nodeIdMax> id;
  uint32_t lifetimeS = 0;
  uint32_t pollS = 0;
  uint32_t rev = 0;
};
Status decodeRegistrationAnswer(WireFormat format, ByteSpan bytes, RegistrationAnswer& out);

struct CommandMessage {
  CommandName command = CommandName::none;
  FixedText<24> id;
  bool hasExpiry = false;
  int64_t expiresMs = 0;
};
Status decodeCommand(WireFormat format, ByteSpan bytes, CommandMessage& out);

struct ModeMessage {
  bool isMaintenance = false;
  Reason reason;
  FixedText<48> update;
};
Status decodeMode(WireFormat format, ByteSpan bytes, ModeMessage& out);
Expected<ByteSpan> encodeMode(WireFormat format, const ModeMessage& mode, MutableSpan out);

// `{"update": "..."}` on ota/start; a bare URI is kept as `url`.
struct OtaStart {
  FixedText<48> update;
  FixedText<200> url;
};
Status decodeOtaStart(ByteSpan bytes, OtaStart& out);

struct ActionResult {
  uint32_t rev = 0;  // 0: none
  Outcome outcome = Outcome::none;
  Reason reason;
};

struct AttemptReport {
  FixedText<48> update;
  FixedText<24> attempt;
  AttemptState state = AttemptState::accepted;
  uint8_t percent = 0;
  uint32_t bytes = 0;
  uint32_t total = 0;
  Reason reason;
  DownloadWay way = DownloadWay::none;
};
Expected<ByteSpan> encodeAttemptReport(WireFormat format, const AttemptReport& report, MutableSpan out);
Expected<ByteSpan> encodeCommandAnswer(WireFormat format, std::string_view id, Outcome outcome, std::string_view reason, MutableSpan out);

// One record kept over a reboot: what was put on trial and why, or what came of an action.
struct TrialRecord {
  uint32_t rev = 0;
  uint32_t sequence = 0;  // of its update manifest; 0: it has none
  bool isForAnchors = false;  // nothing is on trial then: it is over when the stored counter of anchors is `sequence`
  uint8_t digest[wireDigestSize] = {};
  FixedText<48> update;
  FixedText<24> attempt;
};
Status decodeTrialRecord(ByteSpan bytes, TrialRecord& out);
Expected<ByteSpan> encodeTrialRecord(const TrialRecord& record, MutableSpan out);
Status decodeResultRecord(ByteSpan bytes, uint32_t& lastRev, ActionResult& out);
Expected<ByteSpan> encodeResultRecord(uint32_t lastRev, const ActionResult& result, MutableSpan out);

extern const WireEnum healthWords;
extern const WireEnum phaseWords;
extern const WireEnum slotWords;
extern const WireEnum outcomeWords;
extern const WireEnum serviceStateWords;

}  // namespace cx
