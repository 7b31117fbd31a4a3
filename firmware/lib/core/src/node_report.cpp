#include "node_report.hpp"

#include "text.hpp"
#include "uuid5.hpp"

namespace cx {

namespace {

uint32_t uptimeS(const NodeContext& context) {
  return static_cast<uint32_t>((context.hal.clock.monotonicMs() - context.state.startedMs) / 1000);
}

uint8_t slotValue(hal::Slot slot) { return slot == hal::Slot::b ? 2 : 1; }

// The words of the service manager, as the schema has them.
uint8_t serviceState(std::string_view state) {
  if (state == "active" || state == "running") return 1;
  if (state == "inactive" || state == "stopped") return 2;
  if (state == "failed") return 3;
  if (state == "activating" || state == "starting") return 4;
  if (state == "deactivating" || state == "stopping") return 5;
  return 6;
}

template <class Channels>
void putChannels(WireMap& map, uint8_t key, std::string_view name, Channels& channels) {
  if (channels.count() == 0) return;
  map.list(key, name, channels.count(), [&](WireWriter& writer, uint32_t i) {
    const hal::Channel channel = channels.channel(static_cast<uint8_t>(i));
    writer.map([&](WireMap& item) {
      item.text(1, "name", channel.name);
      item.text(2, "unit", channel.unit);
      item.decimal(3, "min", Decimal::thousandths(channel.minMilli));
      item.decimal(4, "max", Decimal::thousandths(channel.maxMilli));
    });
  });
}

struct Figures {
  hal::MemoryFigures memory;
  Vitals vitals;
  bool hasRssi = false;
  int16_t rssi = 0;
  bool hasTime = false;
  int64_t wallMs = 0;
};

Figures figuresOf(const NodeContext& context) {
  Figures figures;
  figures.memory = context.hal.system.memory();
  context.profile.vitals(figures.vitals);
  figures.hasRssi = context.hal.network.rssi(figures.rssi);
  figures.hasTime = context.hal.clock.wallMs(figures.wallMs);
  return figures;
}

// Members 10 to 20, the same in a status report and in metrics.
void putFigures(WireMap& map, const NodeContext& context, const Figures& figures) {
  if (figures.memory.freeHeap != 0) map.uint(10, "freeHeap", figures.memory.freeHeap);
  if (figures.memory.minFreeHeap != 0) map.uint(11, "minFreeHeap", figures.memory.minFreeHeap);
  if (figures.memory.stackHighWater != 0) map.uint(12, "stackHighWater", figures.memory.stackHighWater);
  if (figures.vitals.hasCpu) map.decimal(13, "cpuPercent", rounded(figures.vitals.cpuPercent, 1));
  if (figures.vitals.hasMemory) map.decimal(14, "memoryPercent", rounded(figures.vitals.memoryPercent, 1));
  if (figures.vitals.hasTemperature) map.decimal(15, "temperature", rounded(figures.vitals.temperature, 2));
  if (figures.hasRssi) map.integer(16, "rssi", figures.rssi);
  if (figures.vitals.hasBattery) map.decimal(17, "battery", rounded(figures.vitals.battery, 1));
  map.uint(18, "mqttReconnects", context.state.mqttReconnects);
  map.uint(19, "coapRetransmits", context.coap.counters().retransmits);
  map.uint(20, "sensorErrors", context.state.sensorErrors);
}

}  // namespace

Expected<ByteSpan> encodeManifest(const NodeContext& context, WireFormat format, MutableSpan out) {
  const NodeState& state = context.state;
  const hal::Identity identity = context.hal.system.identity();
  const Span<const std::string_view> caps = context.profile.capabilities();
  return encodeWire(format, out, [&](WireMap& map) {
    map.text(1, "id", state.id);
    map.text(2, "model", identity.model);
    map.text(3, "hw", identity.hardware);
    const bool hasTls = context.hal.mqtt.hasTls();  // then it is told mqtts and https, and else neither
    map.list(4, "caps", static_cast<uint32_t>(caps.size() + (hasTls ? 1 : 0)),
             [&](WireWriter& writer, uint32_t i) { writer.putText(i < caps.size() ? caps[i] : std::string_view("tls")); });
    map.text(5, "version", identity.version);
    map.digest(6, "digest", state.boot.runningDigest);
    map.enumeration(7, "slot", slotValue(state.boot.running), slotWords);
    map.uint(8, "slotSize", context.hal.slots.slotSize());
    map.boolean(9, "confirmed", !state.boot.trial);
    map.text(10, "bootReason", hal::nameOf(context.hal.system.resetReason()));
    if (state.boot.rolledBack) {
      map.map(11, "rolledBack", [&](WireMap& rolledBack) {
        rolledBack.digest(1, "digest", state.boot.rolledBackDigest);
        rolledBack.text(2, "reason", hal::nameOf(state.boot.rolledBackReason));
      });
    }
    map.uint(12, "lastRev", state.lastRev);
    if (state.imageSequence != 0) map.uint(13, "seq", state.imageSequence);
    if (state.vendorId != nullptr) {
      map.text(14, "vendor", uuidText(state.vendorId));
      map.text(15, "class", uuidText(state.classId));
    }
    if (context.settings.isSleepy) map.boolean(16, "sleepy", true);
    putChannels(map, 19, "sensors", context.hal.sensors);
    putChannels(map, 20, "actuators", context.hal.actuators);
    if (!context.settings.site.empty()) map.text(21, "site", context.settings.site);
  });
}

Expected<ByteSpan> encodeStatusReport(const NodeContext& context, WireFormat format, MutableSpan out) {
  const NodeState& state = context.state;
  const Figures figures = figuresOf(context);
  return encodeWire(format, out, [&](WireMap& map) {
    if (state.result.rev != 0) {
      map.map(0, "result", [&](WireMap& result) {
        result.uint(1, "rev", state.result.rev);
        result.enumeration(2, "outcome", static_cast<uint8_t>(state.result.outcome), outcomeWords);
        if (!state.result.reason.empty()) result.text(3, "reason", state.result.reason);
      });
    }
    map.enumeration(1, "status", static_cast<uint8_t>(figures.vitals.health), healthWords);
    map.enumeration(2, "phase", static_cast<uint8_t>(static_cast<uint8_t>(state.phase) + 1), phaseWords);
    map.uint(3, "uptime", uptimeS(context));
    map.text(4, "resetReason", hal::nameOf(context.hal.system.resetReason()));
    map.uint(5, "bootCount", state.boot.bootsTotal);
    map.text(6, "version", context.hal.system.identity().version);
    map.digest(7, "digest", state.boot.runningDigest);
    map.enumeration(8, "slot", slotValue(state.boot.running), slotWords);
    map.boolean(9, "confirmed", !state.boot.trial);
    putFigures(map, context, figures);
    map.uint(21, "lastRev", state.lastRev);
    if (figures.hasTime) map.instant(23, "timestamp", figures.wallMs / 1000 * 1000);
    if (!state.brokerFault.empty()) map.text(26, "brokerFault", state.brokerFault);
  });
}

Expected<ByteSpan> encodeMetrics(const NodeContext& context, WireFormat format, MutableSpan out) {
  const Figures figures = figuresOf(context);
  Measurement values[measurementsMax];
  uint32_t errors = 0;
  const size_t count = context.profile.measure(values, errors);
  return encodeWire(format, out, [&](WireMap& map) {
    map.uint(3, "uptime", uptimeS(context));
    putFigures(map, context, figures);
    if (figures.hasTime) map.instant(23, "timestamp", figures.wallMs / 1000 * 1000);
    if (count == 0) return;
    map.list(25, "values", static_cast<uint32_t>(count), [&](WireWriter& writer, uint32_t i) {
      writer.map([&](WireMap& value) {
        value.text(1, "name", values[i].name);
        value.decimal(2, "value", values[i].value);
        if (!values[i].unit.empty()) value.text(3, "unit", values[i].unit);
      });
    });
  });
}

Expected<ByteSpan> encodeServices(const NodeContext& context, WireFormat format, MutableSpan out) {
  hal::Service services[servicesMax];
  const size_t count = context.profile.services(services);
  return encodeWire(format, out, [&](WireMap& map) {
    map.list(1, "services", static_cast<uint32_t>(count), [&](WireWriter& writer, uint32_t i) {
      writer.map([&](WireMap& service) {
        service.text(1, "name", services[i].name);
        service.enumeration(2, "state", serviceState(services[i].state), serviceStateWords);
        service.text(3, "detail", services[i].state);
      });
    });
  });
}

}  // namespace cx
