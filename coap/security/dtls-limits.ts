import { defineLimits, type Limits } from "../../kernel/limits.ts";

export const dtlsLimits = defineLimits({
  sessions: {
    default: 16_384,
    min: 1,
    max: 1_048_576,
    unit: "sessions",
    full: "The session that was silent for longest is closed for the new one.",
  },
  sessionsPerIdentity: {
    default: 1_048_576,
    min: 1,
    max: 1_048_576,
    unit: "sessions",
    full: "Of that identity the session that was silent for longest is closed for the new one.",
  },
  sessionIdleMs: {
    default: 86_400_000,
    min: 1000,
    max: 2_147_483_647,
    unit: "ms",
    full: "A session that was silent for so long is closed.",
  },
  handshakes: {
    default: 512,
    min: 1,
    max: 65_536,
    unit: "handshakes",
    full: "At 90 KB each: a further client gets no answer until one ends, and repeats itself.",
  },
  handshakesPerSource: {
    default: 16,
    min: 1,
    max: 65_536,
    unit: "handshakes",
    full: "The same for each IPv4 address, and each IPv6 network of 64 bits.",
  },
  handshakeMs: {
    default: 30_000,
    min: 100,
    max: 600_000,
    unit: "ms",
    full: "A handshake that takes longer is dropped.",
  },
  queuedPerHandshake: {
    default: 8,
    min: 1,
    max: 1024,
    unit: "messages",
    full: "Of ours, waiting for a handshake of ours: dropped and counted; confirmable ones are sent again.",
  },
  cookieMs: {
    default: 300_000,
    min: 1000,
    max: 86_400_000,
    unit: "ms",
    full: "Cookies get a new secret; the one before stays good as long again.",
  },
  retransmitMs: {
    default: 1000,
    min: 20,
    max: 60_000,
    unit: "ms",
    full: "A flight that wasn't answered is sent again, then after twice as long, up to a minute (RFC 6347 section 4.2.4.1).",
  },
  ticketMs: {
    default: 86_400_000,
    min: 1000,
    max: 604_800_000,
    unit: "ms",
    full: "A session that began longer ago can't be resumed: its next handshake is a whole one.",
  },
  ticketKeyMs: {
    default: 43_200_000,
    min: 1000,
    max: 604_800_000,
    unit: "ms",
    full: "Tickets are sealed with another key; the two keys before still open theirs.",
  },
  resumable: {
    default: 1024,
    min: 1,
    max: 65_536,
    unit: "servers",
    full: "The one whose session is oldest is asked for a whole handshake next time.",
  },
  mtu: { default: 1280, min: 256, max: 9216, unit: "bytes", full: "Handshake messages are fragmented." },
});

export type DtlsLimits = Limits<typeof dtlsLimits.definitions>;
