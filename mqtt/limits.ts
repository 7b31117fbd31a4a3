import { defineLimits, type Limits } from "../kernel/limits.ts";

/** Every bound of the broker. Those that count messages or bytes hold per connection or client unless they say otherwise. */
export const mqttLimits = defineLimits({
  maxConnections: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: "connections",
    full: "A new connection is closed at once, before it is read.",
  },
  connectTimeoutMs: {
    default: 10_000,
    min: 100,
    max: 600_000,
    unit: "ms",
    full: "A connection that hasn't sent its CONNECT by then is closed.",
  },
  lingerMs: {
    default: 500,
    min: 0,
    max: 60_000,
    unit: "ms",
    full: "How long a closed connection may take to read the broker's last packet; then it is cut.",
  },
  maxConnectBytes: {
    default: 4096,
    min: 128,
    max: 1_048_576,
    unit: "bytes",
    full: "A longer first packet closes the connection before its body is read.",
  },
  maxPacketBytes: {
    default: 65_536,
    min: 128,
    max: 16_777_216,
    unit: "bytes",
    full: "A longer packet, counted with its header, closes the connection before its body is read.",
  },
  maxKeepAliveSeconds: {
    default: 3600,
    min: 1,
    max: 65_535,
    unit: "seconds",
    full: "A longer or absent keep-alive counts as this one; silence for 1.5 times as long closes the connection.",
  },
  maxTopicLevels: {
    default: 16,
    min: 4,
    max: 64,
    unit: "levels",
    full: "A deeper publish is refused (acknowledged, dropped, counted), a deeper filter answered 0x80.",
  },
  maxInFlight: {
    default: 64,
    min: 1,
    max: 10_000,
    unit: "messages",
    full: "The broker stops reading the connection until half of its messages have been passed on.",
  },
  maxHalfOpenQos2: {
    default: 1000,
    min: 1,
    max: 65_535,
    unit: "messages",
    full: "One more QoS 2 publish awaiting its PUBREL closes the connection: its PUBREL would come on the same socket.",
  },
  maxSubscriptions: {
    default: 64,
    min: 1,
    max: 10_000,
    unit: "filters",
    full: "One more filter is answered 0x80.",
  },
  maxOutboundBytes: {
    default: 1_048_576,
    min: 4096,
    max: 268_435_456,
    unit: "bytes",
    full: "From half of it on, QoS 0 messages to a client that reads too slowly are dropped; at all of it, it is disconnected. Its session stays.",
  },
  maxQueuedMessages: {
    default: 100,
    min: 1,
    max: 100_000,
    unit: "messages",
    full: "A further QoS 1/2 message isn't kept for that session; it still goes to a client that is connected.",
  },
  maxQueuedBytes: {
    default: 67_108_864,
    min: 65_536,
    max: 4_294_967_296,
    unit: "bytes over all sessions",
    full: "A further QoS 1/2 message isn't kept for any session.",
  },
  maxRetainedPerClient: {
    // A household's gateway keeps four topics of each of its 32 packs, where its owner wants that.
    default: 160,
    min: 1,
    max: 100_000,
    unit: "messages",
    full: "A message on a further topic is delivered but not retained.",
  },
  maxRetainedMessages: {
    default: 200_000,
    min: 1,
    max: 10_000_000,
    unit: "messages over all clients",
    full: "A message on a further topic is delivered but not retained.",
  },
  maxRetainedBytes: {
    default: 268_435_456,
    min: 65_536,
    max: 4_294_967_296,
    unit: "bytes over all clients",
    full: "A message is delivered but not retained, and what was retained on its topic is forgotten, since it is out of date.",
  },
  maxBatchMessages: {
    default: 256,
    min: 1,
    max: 65_536,
    unit: "messages",
    full: "The batch is handed over at once.",
  },
  batchDelayMs: {
    default: 5,
    min: 0,
    max: 1000,
    unit: "ms",
    full: "The batch is handed over, however small; 0 hands over in the same turn of the event loop.",
  },
});

export type MqttLimits = Limits<typeof mqttLimits.definitions>;
