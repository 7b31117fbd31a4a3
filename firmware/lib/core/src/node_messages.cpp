#include "node_messages.hpp"

#include "text.hpp"

namespace cx {

namespace {

constexpr std::string_view healthNames[] = {"healthy", "degraded", "unhealthy"};
constexpr std::string_view phaseNames[] = {"boot", "discovery", "operational", "maintenance", "restart", "safe", "terminated"};
constexpr std::string_view slotNames[] = {"a", "b"};
constexpr std::string_view levelNames[] = {"error", "warn", "info", "debug"};
constexpr std::string_view commandNames[] = {"restart", "terminate", "identify", "query-status", "boot-previous"};
constexpr std::string_view outcomeNames[] = {"done", "failed", "refused", "cancelled"};
constexpr std::string_view attemptNames[] = {"offered", "accepted", "deferred",  "downloading", "verifying", "staged",
                                             "trial",   "succeeded", "failed",   "rolled-back", "cancelled", "expired"};
constexpr std::string_view wayNames[] = {"http", "coap", "can"};
constexpr std::string_view kindNames[] = {"none", "update", "environment", "config", "command"};
constexpr std::string_view modeNames[] = {"operational", "maintenance"};
constexpr std::string_view livenessNames[] = {"observe", "beat"};
constexpr std::string_view serviceNames[] = {"running", "stopped", "failed", "starting", "stopping", "unknown"};

constexpr WireEnum levelWords{Span(levelNames), 1};
constexpr WireEnum commandWords{Span(commandNames), 1};
constexpr WireEnum attemptWords{Span(attemptNames), 1};
constexpr WireEnum wayWords{Span(wayNames), 1};
constexpr WireEnum kindWords{Span(kindNames), 0};
constexpr WireEnum modeWords{Span(modeNames), 1};
constexpr WireEnum livenessWords{Span(livenessNames), 1};

constexpr uint32_t intervalMaxS = 86400;

// Runs `member` for each known member of the map that comes next, then leaves the map.
template <class Member>
Status readMap(WireReader& reader, Span<const WireKey> keys, Member&& member) {
  CX_TRY(reader.enterMap());
  for (;;) {
    uint8_t key = 0;
    const Status status = reader.next(keys, key);
    if (status == Status::notFound) return Status::ok;
    CX_TRY(status);
    CX_TRY(member(key));
  }
}

Status readLevel(WireReader& reader, bool& has, hal::LogLevel& level) {
  uint8_t value = 0;
  CX_TRY(reader.readEnum(value, levelWords));
  has = true;
  level = static_cast<hal::LogLevel>(value - 1);
  return Status::ok;
}

constexpr WireKey brokerKeys[] = {{1, "host"}, {2, "port"}, {3, "tls"}, {5, "clientId"}, {6, "user"}, {7, "password"}};

Status readBroker(WireReader& reader, BrokerAccess& out) {
  renew(out);
  return readMap(reader, brokerKeys, [&](uint8_t key) -> Status {
    switch (key) {
      case 1: return reader.readText(out.host);
      case 2: return reader.readUint(out.port, 1, 65535);
      case 3: return reader.readBool(out.isTls);
      case 5: return reader.readText(out.clientId);
      case 6: return reader.readText(out.user);
      default: return reader.readText(out.password);
    }
  });
}

constexpr WireKey wifiKeys[] = {{1, "ssid"}, {2, "password"}};

Status readWifi(WireReader& reader, Environment& out) {
  out.wifiCount = 0;
  CX_TRY(reader.enterList());
  for (;;) {
    const Status status = reader.nextItem();
    if (status == Status::notFound) return Status::ok;
    CX_TRY(status);
    if (out.wifiCount == wifiMax) return Status::tooLarge;
    WifiAccess& wifi = out.wifi[out.wifiCount++];
    renew(wifi);
    CX_TRY(readMap(reader, wifiKeys, [&](uint8_t key) { return key == 1 ? reader.readText(wifi.ssid) : reader.readText(wifi.password); }));
  }
}

constexpr WireKey environmentKeys[] = {{1, "mqtt"}, {2, "wifi"},     {3, "poll"},                  {4, "report"}, {5, "topics"},
                                       {6, "time"}, {8, "logLevel"}, {9, "keepMqttInMaintenance"}, {10, "rev"},   {11, "liveness"}};
constexpr WireKey topicKeys[] = {{1, "root"}};

Status readEnvironment(WireReader& reader, Environment& out) {
  return readMap(reader, environmentKeys, [&](uint8_t key) -> Status {
    uint8_t value = 0;
    switch (key) {
      case 1: return readBroker(reader, out.mqtt);
      case 2: return readWifi(reader, out);
      case 3: return reader.readUint(out.pollS, 1, intervalMaxS);
      case 4: return reader.readUint(out.reportS, 1, intervalMaxS);
      case 5: return readMap(reader, topicKeys, [&](uint8_t) { return reader.readText(out.root); });
      case 6: out.hasTime = true; return reader.readInstant(out.timeMs);
      case 8: return readLevel(reader, out.hasLogLevel, out.logLevel);
      case 9: return reader.readBool(out.keepMqttInMaintenance);
      case 10: return reader.readUint(out.rev);
      default:
        CX_TRY(reader.readEnum(value, livenessWords));
        out.liveness = static_cast<Liveness>(value);
        return Status::ok;
    }
  });
}

constexpr WireKey configurationKeys[] = {{1, "poll"}, {2, "report"}, {3, "logLevel"}, {4, "keepMqttInMaintenance"}};

Status readConfiguration(WireReader& reader, Configuration& out) {
  return readMap(reader, configurationKeys, [&](uint8_t key) -> Status {
    switch (key) {
      case 1: return reader.readUint(out.pollS, 1, intervalMaxS);
      case 2: return reader.readUint(out.reportS, 1, intervalMaxS);
      case 3: return readLevel(reader, out.hasLogLevel, out.logLevel);
      default: out.hasKeepMqtt = true; return reader.readBool(out.keepMqttInMaintenance);
    }
  });
}

Status readCommandName(WireReader& reader, CommandName& out) {
  uint8_t value = 0;
  CX_TRY(reader.readEnum(value, commandWords));
  out = static_cast<CommandName>(value);
  return Status::ok;
}

Status readUris(WireReader& reader, Action& out) {
  CX_TRY(reader.enterList());
  for (;;) {
    const Status status = reader.nextItem();
    if (status == Status::notFound) return Status::ok;
    CX_TRY(status);
    if (out.uriCount == actionUrisMax) return Status::tooLarge;
    CX_TRY(reader.readText(out.uris[out.uriCount++]));
  }
}

constexpr WireKey actionKeys[] = {{1, "rev"},     {2, "kind"},    {3, "more"},         {4, "update"},  {5, "attempt"}, {6, "manifest"}, {7, "uris"}, {8, "size"},
                                  {9, "digest"},  {10, "version"}, {11, "environment"}, {12, "config"}, {13, "command"}, {14, "id"},  {15, "expires"}};

}  // namespace

const WireEnum healthWords{Span(healthNames), 1};
const WireEnum phaseWords{Span(phaseNames), 1};
const WireEnum slotWords{Span(slotNames), 1};
const WireEnum outcomeWords{Span(outcomeNames), 1};
const WireEnum serviceStateWords{Span(serviceNames), 1};

const char* commandWord(CommandName name) {
  return name == CommandName::none ? "none" : commandNames[static_cast<size_t>(name) - 1].data();
}
const char* outcomeWord(Outcome outcome) {
  return outcome == Outcome::none ? "none" : outcomeNames[static_cast<size_t>(outcome) - 1].data();
}
const char* attemptStateWord(AttemptState state) { return attemptNames[static_cast<size_t>(state) - 1].data(); }

Status decodeEnvironment(WireFormat format, ByteSpan bytes, Environment& out) {
  WireReader reader(format, bytes);
  out.hasTime = false;
  CX_TRY(readEnvironment(reader, out));
  return reader.finish();
}

Expected<ByteSpan> encodeEnvironment(const Environment& environment, MutableSpan out) {
  return encodeWire(WireFormat::cbor, out, [&](WireMap& map) {
    const BrokerAccess& mqtt = environment.mqtt;
    if (!mqtt.host.empty()) {
      map.map(1, "mqtt", [&](WireMap& broker) {
        broker.text(1, "host", mqtt.host);
        broker.uint(2, "port", mqtt.port);
        broker.boolean(3, "tls", mqtt.isTls);
        broker.text(5, "clientId", mqtt.clientId);
        broker.text(6, "user", mqtt.user);
        broker.text(7, "password", mqtt.password);
      });
    }
    map.list(2, "wifi", environment.wifiCount, [&](WireWriter& writer, uint32_t i) {
      writer.map([&](WireMap& wifi) {
        wifi.text(1, "ssid", environment.wifi[i].ssid);
        wifi.text(2, "password", environment.wifi[i].password);
      });
    });
    map.uint(3, "poll", environment.pollS);
    map.uint(4, "report", environment.reportS);
    if (!environment.root.empty()) map.map(5, "topics", [&](WireMap& topics) { topics.text(1, "root", environment.root); });
    if (environment.hasLogLevel) map.enumeration(8, "logLevel", static_cast<uint8_t>(static_cast<uint8_t>(environment.logLevel) + 1), levelWords);
    map.boolean(9, "keepMqttInMaintenance", environment.keepMqttInMaintenance);
    map.uint(10, "rev", environment.rev);
    map.enumeration(11, "liveness", static_cast<uint8_t>(environment.liveness), livenessWords);
  });
}

Status decodeConfiguration(WireFormat format, ByteSpan bytes, Configuration& out) {
  WireReader reader(format, bytes);
  CX_TRY(readConfiguration(reader, out));
  return reader.finish();
}

Expected<ByteSpan> encodeConfiguration(WireFormat format, const Configuration& configuration, MutableSpan out) {
  return encodeWire(format, out, [&](WireMap& map) {
    map.uint(1, "poll", configuration.pollS);
    map.uint(2, "report", configuration.reportS);
    map.enumeration(3, "logLevel", static_cast<uint8_t>(static_cast<uint8_t>(configuration.logLevel) + 1), levelWords);
    map.boolean(4, "keepMqttInMaintenance", configuration.keepMqttInMaintenance);
  });
}

Status decodeAction(WireFormat format, ByteSpan bytes, const Environment& base, Action& out) {
  renew(out);
  out.environment = base;
  WireReader reader(format, bytes);
  bool hasRev = false, hasKind = false, hasUnknown = false;
  CX_TRY(readMap(reader, actionKeys, [&](uint8_t key) -> Status {
    uint8_t value = 0;
    switch (key) {
      case 1: hasRev = true; return reader.readUint(out.rev);
      case 2: {
        const Status status = reader.readEnum(value, kindWords);
        hasKind = true;
        hasUnknown = hasUnknown || status == Status::unsupported;
        out.kind = static_cast<ActionKind>(value);
        return status == Status::unsupported ? Status::ok : status;
      }
      case 3: return reader.readBool(out.hasMore);
      case 4: return reader.readText(out.update);
      case 5: return reader.readText(out.attempt);
      case 6: {
        FixedText<200> unused;
        out.hasManifest = true;
        return reader.readText(unused);
      }
      case 7: return readUris(reader, out);
      case 8: return reader.readUint(out.size);
      case 9: out.hasDigest = true; return reader.readDigest(out.digest);
      case 10: return reader.readText(out.version);
      case 11: out.hasEnvironment = true; return readEnvironment(reader, out.environment);
      case 12: return readConfiguration(reader, out.config);
      case 13: {
        const Status status = readCommandName(reader, out.command);
        hasUnknown = hasUnknown || status == Status::unsupported;
        return status == Status::unsupported ? Status::ok : status;
      }
      case 14: return reader.readText(out.commandId);
      default: out.hasExpiry = true; return reader.readInstant(out.expiresMs);
    }
  }));
  CX_TRY(reader.finish());
  if (!hasRev || !hasKind) return Status::malformed;
  if (hasUnknown) return Status::unsupported;
  if (out.kind == ActionKind::update && (!out.hasDigest || out.uriCount == 0 || out.update.empty() || out.attempt.empty())) return Status::malformed;
  if (out.kind == ActionKind::command && (out.command == CommandName::none || out.commandId.empty())) return Status::malformed;
  return Status::ok;
}

Status decodeRegistrationAnswer(WireFormat format, ByteSpan bytes, RegistrationAnswer& out) {
  static constexpr WireKey keys[] = {{1, "id"}, {2, "lifetime"}, {3, "poll"}, {4, "rev"}};
  WireReader reader(format, bytes);
  CX_TRY(readMap(reader, keys, [&](uint8_t key) -> Status {
    switch (key) {
      case 1: return reader.readText(out.id);
      case 2: return reader.readUint(out.lifetimeS, 1);
      case 3: return reader.readUint(out.pollS, 1, intervalMaxS);
      default: return reader.readUint(out.rev);
    }
  }));
  CX_TRY(reader.finish());
  return out.id.empty() || out.pollS == 0 ? Status::malformed : Status::ok;
}

Status decodeCommand(WireFormat format, ByteSpan bytes, CommandMessage& out) {
  static constexpr WireKey keys[] = {{1, "command"}, {2, "id"}, {3, "expires"}};
  WireReader reader(format, bytes);
  CX_TRY(readMap(reader, keys, [&](uint8_t key) -> Status {
    switch (key) {
      case 1: return readCommandName(reader, out.command);
      case 2: return reader.readText(out.id);
      default: out.hasExpiry = true; return reader.readInstant(out.expiresMs);
    }
  }));
  return reader.finish();
}

Status decodeMode(WireFormat format, ByteSpan bytes, ModeMessage& out) {
  static constexpr WireKey keys[] = {{1, "mode"}, {2, "reason"}, {3, "update"}};
  WireReader reader(format, bytes);
  uint8_t mode = 0;
  CX_TRY(readMap(reader, keys, [&](uint8_t key) -> Status {
    switch (key) {
      case 1: return reader.readEnum(mode, modeWords);
      case 2: return reader.readText(out.reason);
      default: return reader.readText(out.update);
    }
  }));
  CX_TRY(reader.finish());
  if (mode == 0) return Status::malformed;
  out.isMaintenance = mode == 2;
  return Status::ok;
}

Expected<ByteSpan> encodeMode(WireFormat format, const ModeMessage& mode, MutableSpan out) {
  return encodeWire(format, out, [&](WireMap& map) {
    map.enumeration(1, "mode", mode.isMaintenance ? 2 : 1, modeWords);
    if (!mode.reason.empty()) map.text(2, "reason", mode.reason);
    if (!mode.update.empty()) map.text(3, "update", mode.update);
  });
}

Status decodeOtaStart(ByteSpan bytes, OtaStart& out) {
  if (bytes.empty()) return Status::malformed;
  if (bytes[0] != '{') {  // early device code sends a bare URI
    const std::string_view text = asText(bytes);
    if (!startsWith(text, "http://") && !startsWith(text, "https://") && !startsWith(text, "coap://")) return Status::malformed;
    return out.url.assign(text);
  }
  static constexpr WireKey keys[] = {{1, "update"}, {2, "url"}};
  WireReader reader(WireFormat::json, bytes);
  CX_TRY(readMap(reader, keys, [&](uint8_t key) { return key == 1 ? reader.readText(out.update) : reader.readText(out.url); }));
  return reader.finish();
}

Expected<ByteSpan> encodeAttemptReport(WireFormat format, const AttemptReport& report, MutableSpan out) {
  return encodeWire(format, out, [&](WireMap& map) {
    map.text(1, "attempt", report.attempt);
    map.enumeration(2, "state", static_cast<uint8_t>(report.state), attemptWords);
    map.uint(3, "percent", report.percent);
    map.uint(4, "bytes", report.bytes);
    if (!report.reason.empty()) map.text(5, "reason", report.reason);
    map.text(6, "update", report.update);
    if (report.total != 0) map.uint(7, "total", report.total);
    if (report.way != DownloadWay::none) map.enumeration(8, "way", static_cast<uint8_t>(report.way), wayWords);
  });
}

Expected<ByteSpan> encodeCommandAnswer(WireFormat format, std::string_view id, Outcome outcome, std::string_view reason, MutableSpan out) {
  return encodeWire(format, out, [&](WireMap& map) {
    map.text(1, "id", id);
    map.enumeration(2, "result", static_cast<uint8_t>(outcome), outcomeWords);
    if (!reason.empty()) map.text(3, "reason", reason);
  });
}

Status decodeTrialRecord(ByteSpan bytes, TrialRecord& out) {
  static constexpr WireKey keys[] = {{1, "rev"}, {2, "digest"}, {3, "update"}, {4, "attempt"}, {5, "sequence"}, {6, "anchors"}};
  WireReader reader(WireFormat::cbor, bytes);
  CX_TRY(readMap(reader, keys, [&](uint8_t key) -> Status {
    switch (key) {
      case 1: return reader.readUint(out.rev);
      case 2: return reader.readDigest(out.digest);
      case 3: return reader.readText(out.update);
      case 4: return reader.readText(out.attempt);
      case 5: return reader.readUint(out.sequence);
      default: return reader.readBool(out.isForAnchors);
    }
  }));
  return reader.finish();
}

Expected<ByteSpan> encodeTrialRecord(const TrialRecord& record, MutableSpan out) {
  return encodeWire(WireFormat::cbor, out, [&](WireMap& map) {
    map.uint(1, "rev", record.rev);
    map.digest(2, "digest", record.digest);
    map.text(3, "update", record.update);
    map.text(4, "attempt", record.attempt);
    if (record.sequence != 0) map.uint(5, "sequence", record.sequence);
    if (record.isForAnchors) map.boolean(6, "anchors", true);
  });
}

Status decodeResultRecord(ByteSpan bytes, uint32_t& lastRev, ActionResult& out) {
  static constexpr WireKey keys[] = {{1, "last"}, {2, "rev"}, {3, "outcome"}, {4, "reason"}};
  WireReader reader(WireFormat::cbor, bytes);
  CX_TRY(readMap(reader, keys, [&](uint8_t key) -> Status {
    uint8_t value = 0;
    switch (key) {
      case 1: return reader.readUint(lastRev);
      case 2: return reader.readUint(out.rev);
      case 3: {
        const Status status = reader.readEnum(value, outcomeWords);
        out.outcome = static_cast<Outcome>(value);
        return status;
      }
      default: return reader.readText(out.reason);
    }
  }));
  return reader.finish();
}

Expected<ByteSpan> encodeResultRecord(uint32_t lastRev, const ActionResult& result, MutableSpan out) {
  return encodeWire(WireFormat::cbor, out, [&](WireMap& map) {
    map.uint(1, "last", lastRev);
    if (result.rev == 0) return;
    map.uint(2, "rev", result.rev);
    map.enumeration(3, "outcome", static_cast<uint8_t>(result.outcome), outcomeWords);
    map.text(4, "reason", result.reason);
  });
}

}  // namespace cx
