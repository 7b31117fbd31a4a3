import { defineLimits, type Limits } from "../../../kernel/limits.ts";

/** Limits of OSCORE beside those of the engine: defaults and what happens there. Given to `OscoreContexts`. */
export const oscoreLimits = defineLimits({
  contexts: {
    default: 65_536,
    min: 1,
    max: 4_194_304,
    unit: "contexts",
    full: "`add` throws `coap.queue-full`; what `lookup` would bring counts as not found.",
  },
  leasedNumbers: {
    default: 1024,
    min: 16,
    max: 1_048_576,
    unit: "sequence numbers",
    full: "The next range is leased when half of it is used; without one messages wait, and answers that need a number are left out.",
  },
  contextsTried: {
    default: 4,
    min: 1,
    max: 64,
    unit: "contexts",
    full: "Of more contexts with the kid of a request the newest so many are tried; the others need a kid context in their requests.",
  },
  echoesPerSecond: {
    default: 16,
    min: 1,
    max: 65_536,
    unit: "answers a second",
    full: "Of a context whose window is lost: each takes a sequence number, and a recorded request may come for ever. More get no answer, and so many wait for a number.",
  },
  forgeries: {
    default: 2 ** 32,
    min: 1024,
    max: 2 ** 48,
    unit: "messages",
    full: "So many messages that didn't verify are a chance of 2^-32 that one was taken (8 bytes of tag): the context opens nothing more.",
  },
  maxUnfragmented: {
    default: 4096,
    min: 64,
    max: 65_507,
    unit: "bytes",
    full: "MAX_UNFRAGMENTED_SIZE of RFC 8613 section 4.1.3.4.2: a message put together from outer blocks is refused with 4.13.",
  },
  outerTransfers: {
    default: 64,
    min: 1,
    max: 65_536,
    unit: "messages",
    full: "Protected messages in outer blocks: 5.03 for one more request, and answers are no longer cut.",
  },
  outerIdleMs: {
    default: 60_000,
    min: 1000,
    max: 3_600_000,
    unit: "ms",
    full: "One that stands still is forgotten.",
  },
  rememberedReplies: {
    default: 65_536,
    min: 16,
    max: 1_048_576,
    unit: "replies",
    full: "The oldest is forgotten: a duplicate of its request is then a replay.",
  },
  rememberedReplyBytes: {
    default: 8_388_608,
    min: 65_536,
    max: 1_073_741_824,
    unit: "bytes",
    full: "The same for the bytes of them all.",
  },
  recoveries: {
    default: 1024,
    min: 1,
    max: 65_536,
    unit: "protocol runs",
    full: "Runs of appendix B.2 that wait for request #2: 5.03 for the next.",
  },
  recoveryMs: {
    default: 60_000,
    min: 1000,
    max: 3_600_000,
    unit: "ms",
    full: "A run that waited so long is forgotten.",
  },
});

export type OscoreLimits = Limits<typeof oscoreLimits.definitions>;
