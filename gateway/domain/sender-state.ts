import type { CanMessage, FirmwarePart } from "../../schemas/generated/can.ts";
import type { Digest } from "../../schemas/wire/digest.ts";
import { type PackFirmware, unknownFirmware } from "./pack-firmware.ts";

/** One image for one pack. */
export interface SenderJob {
  /** Where the pack is on the bus. */
  readonly node: number;
  /** The signed manifest. */
  readonly envelope: Uint8Array;
  /** The image that it installs: a pack that runs it needs nothing. */
  readonly image: Digest;
}

export interface WantedByPack {
  readonly digest: Digest;
  readonly size: number;
}

/**
 * How it ended. applied: the pack has all and found it good, or runs it. refused: the pack says no, in the words of an attempt's report.
 * interrupted: it may be tried again, and goes on at the block where it was.
 */
export type SenderEnd =
  | { readonly kind: "applied" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "interrupted"; readonly reason: SenderInterruption }
  | { readonly kind: "cancelled" };

export type SenderInterruption =
  | "pack-silent"
  | "pack-busy"
  | "pack-moved"
  | "no-progress"
  | "other-gateway"
  | "payload-late"
  | "payload-unavailable"
  | "bus-down";

export type SenderEvent = { readonly nowMs: number } & (
  | { readonly kind: "begin" }
  /** Any frame of the bus that isn't one's own. */
  | { readonly kind: "frame"; readonly message: CanMessage }
  /** All frames of the last `send` are out. */
  | { readonly kind: "sent" }
  | { readonly kind: "tick" }
  /** The payload that was wanted can be read. */
  | { readonly kind: "ready" }
  /** A block of it, as it was asked for by `read`. */
  | { readonly kind: "block"; readonly block: number; readonly bytes: Uint8Array }
  | { readonly kind: "fail"; readonly reason: SenderInterruption }
  | { readonly kind: "abort" }
);

export type SenderEffect =
  /** In this order, in place of what still waits of an earlier one. */
  | { readonly kind: "send"; readonly frames: readonly CanMessage[] }
  | { readonly kind: "want"; readonly wanted: WantedByPack }
  | { readonly kind: "read"; readonly block: number; readonly offset: number; readonly length: number }
  | { readonly kind: "progress"; readonly bytes: number; readonly total: number }
  | { readonly kind: "end"; readonly end: SenderEnd };

/** What the sender waits for an answer to. */
export type SenderStep =
  | { readonly kind: "asking" }
  | { readonly kind: "entering" }
  | { readonly kind: "beginning"; readonly part: FirmwarePart }
  | { readonly kind: "reading"; readonly block: number }
  | { readonly kind: "block"; readonly part: FirmwarePart; readonly block: number; readonly bytes: Uint8Array }
  | { readonly kind: "ending"; readonly part: FirmwarePart }
  | { readonly kind: "wanting" }
  | { readonly kind: "loading"; readonly wanted: WantedByPack }
  | { readonly kind: "explaining"; readonly fallback: string }
  | { readonly kind: "aborting" }
  | { readonly kind: "over"; readonly end: SenderEnd };

export interface SenderState {
  readonly job: SenderJob;
  readonly step: SenderStep;
  /** Of the last frame that asks for an answer. */
  readonly sequence: number;
  readonly sinceMs: number;
  /** When what was asked last was out, or an answer said to wait; undefined while it is going out. */
  readonly askedMs: number | undefined;
  /** Askings in a row that nobody answered. */
  readonly tries: number;
  /** Times in a row that something went wrong without a new block between. */
  readonly setbacks: number;
  readonly wanted: WantedByPack | undefined;
  /** Blocks of the payload that the pack ever had. */
  readonly reached: number;
  /** What the pack said during this transfer. */
  readonly heard: PackFirmware;
}

/** So long a pack has for an answer. */
const answerMs = 1_000;
/** While a payload is fetched the pack is reminded: it ends a transfer that is silent for 60 s. */
const keepAliveMs = 10_000;
export const triesMax = 12;
export const setbacksMax = 60;
/** Waiting within a step, answers that say "not yet" included. */
export const stepLimitsMs: Readonly<Record<SenderStep["kind"], number>> = {
  asking: 30_000,
  entering: 30_000,
  beginning: 30_000,
  reading: 60_000,
  block: 60_000,
  ending: 180_000,
  wanting: 30_000,
  loading: 900_000,
  explaining: 5_000,
  aborting: 5_000,
  over: Number.POSITIVE_INFINITY,
};

export function idleSender(job: SenderJob): SenderState {
  return {
    job,
    step: { kind: "asking" },
    sequence: 0,
    sinceMs: 0,
    askedMs: undefined,
    tries: 0,
    setbacks: 0,
    wanted: undefined,
    reached: 0,
    heard: unknownFirmware,
  };
}

/** When it wants a tick; infinity where it waits for something else. */
export function senderDueMs({ step, askedMs, sinceMs }: SenderState): number {
  if (step.kind === "over") return Number.POSITIVE_INFINITY;
  const again = askedMs === undefined ? Number.POSITIVE_INFINITY : askedMs + patience(step);
  return Math.min(again, sinceMs + stepLimitsMs[step.kind]);
}

/** How long an answer is waited for. */
export function patience(step: SenderStep): number {
  return step.kind === "loading" ? keepAliveMs : answerMs;
}
