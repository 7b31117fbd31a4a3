import { defineLimits, type Limits } from "../../../kernel/limits.ts";

/** Bounds of a bus as the gateway joins it. */
export const canLimits = defineLimits({
  queueFrames: {
    default: 256,
    min: 1,
    max: 65_536,
    unit: "frames",
    full: "A further frame is refused, and who sends it is told so at once.",
  },
  windowFrames: {
    default: 8,
    min: 1,
    max: 64,
    unit: "frames",
    full: "Given to the adapter and not answered yet; further frames wait in the queue.",
  },
  answerMs: {
    default: 1000,
    min: 50,
    max: 60_000,
    unit: "ms",
    full: "A frame that the adapter hasn't answered by then counts as not acknowledged.",
  },
  settleMs: {
    default: 100,
    min: 1,
    max: 10_000,
    unit: "ms",
    full: "How long answers to what was before are waited for and passed over when the adapter's channel is opened anew.",
  },
  setUpMs: {
    default: 500,
    min: 20,
    max: 60_000,
    unit: "ms",
    full: "A step of opening the adapter's channel that hasn't been answered by then; the adapter is opened anew.",
  },
  statusMs: {
    default: 1000,
    min: 50,
    max: 60_000,
    unit: "ms",
    full: "How often the adapter is asked for its status.",
  },
  silentMs: {
    default: 5000,
    min: 100,
    max: 600_000,
    unit: "ms",
    full: "An adapter that says nothing at all for so long, though it is asked, is opened anew.",
  },
  listenMs: {
    // Packs speak every 2 s.
    default: 2200,
    min: 10,
    max: 60_000,
    unit: "ms",
    full: "How long it only listens after bus-off before it takes part again, unless it hears a frame sooner.",
  },
  reopenBaseMs: {
    default: 500,
    min: 10,
    max: 60_000,
    unit: "ms",
    full: "First pause before an adapter is opened again; it doubles each time.",
  },
  reopenCapMs: {
    default: 10_000,
    min: 10,
    max: 600_000,
    unit: "ms",
    full: "Longest pause before an adapter is opened again.",
  },
});

export type CanLimits = Limits<typeof canLimits.definitions>;
