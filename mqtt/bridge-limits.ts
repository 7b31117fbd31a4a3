import { defineLimits, type Limits } from "../kernel/limits.ts";

/** Every bound of a bridge. */
export const bridgeLimits = defineLimits({
  maxStreamMessages: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: "messages",
    full: "The oldest message of a stream, such as telemetry, makes room for the newest.",
  },
  maxLatestTopics: {
    default: 1000,
    min: 1,
    max: 100_000,
    unit: "topics",
    full: "The value that has waited longest makes room; each topic has its newest value alone.",
  },
  maxKeptMessages: {
    default: 2000,
    min: 1,
    max: 100_000,
    unit: "messages",
    full: "A further one, such as an acknowledgement, isn't taken; those that wait stay. It is counted and logged.",
  },
  maxQueuedBytes: {
    default: 8_388_608,
    min: 4096,
    max: 1_073_741_824,
    unit: "bytes",
    full: "The oldest of streams make room, then the oldest of the newest values. Kept messages never do: where they alone fill it, a further message isn't taken.",
  },
  maxInFlight: {
    default: 16,
    min: 1,
    max: 1000,
    unit: "messages",
    full: "The next one waits until one of them is acknowledged.",
  },
  maxInboundBytes: {
    default: 4096,
    min: 64,
    max: 1_048_576,
    unit: "bytes",
    full: "A larger message from the server isn't passed on, and is counted.",
  },
  maxInboundPerSecond: {
    default: 50,
    min: 1,
    max: 100_000,
    unit: "messages a second",
    full: "Further messages from the server aren't passed on until the second is over, and are counted.",
  },
  connectTimeoutMs: {
    default: 20_000,
    min: 100,
    max: 600_000,
    unit: "ms",
    full: "A connection that isn't ready by then is given up, and tried again later.",
  },
  ackTimeoutMs: {
    default: 30_000,
    min: 100,
    max: 600_000,
    unit: "ms",
    full: "A message that isn't acknowledged by then closes the connection; it is sent again on the next one.",
  },
  retryBaseMs: {
    default: 1000,
    min: 10,
    max: 600_000,
    unit: "ms",
    full: "The first wait before another connection; each further one is twice as long.",
  },
  retryCapMs: {
    default: 120_000,
    min: 10,
    max: 3_600_000,
    unit: "ms",
    full: "No wait is longer. Up to half of each is left out by chance, so that many gateways don't come at once.",
  },
  stableMs: {
    default: 30_000,
    min: 0,
    max: 3_600_000,
    unit: "ms",
    full: "A connection that lived so long makes the waits begin anew.",
  },
});

export type BridgeLimits = Limits<typeof bridgeLimits.definitions>;
