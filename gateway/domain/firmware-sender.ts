import type { CanMessage, CommandResult, FirmwareAck, FirmwareAsk, FirmwarePart } from "../../schemas/generated/can.ts";
import { blockData, blockEnd, firmwareBlockSize, firmwareBlocks } from "./firmware-block.ts";
import { type FirmwareFrame, unknownFirmware, withFirmware } from "./pack-firmware.ts";
import {
  patience,
  type SenderEffect,
  type SenderEnd,
  type SenderEvent,
  type SenderState,
  type SenderStep,
  setbacksMax,
  stepLimitsMs,
  triesMax,
} from "./sender-state.ts";

interface Next {
  readonly state: SenderState;
  readonly effects: readonly SenderEffect[];
}

const nothing: Omit<FirmwareAsk, "frame" | "target" | "sequence"> = {
  state: false,
  boots: false,
  limits: false,
  version: false,
  reason: false,
  runningDigest: false,
  rolledBackDigest: false,
  payload: false,
};

/**
 * The gateway's side of firmware by CAN (docs/reference/can-firmware.md), one pack and one image: asks, waits, asks again,
 * and goes on where the pack says. Every wait has an end.
 */
export function firmwareSender(state: SenderState, event: SenderEvent): Next {
  const { step } = state;
  if (step.kind === "over") return stay(state);
  const { nowMs } = event;
  switch (event.kind) {
    case "begin":
      return go({ ...state, sequence: 0 }, { kind: "asking" }, nowMs);
    case "sent":
      return stay({ ...state, askedMs: nowMs });
    case "frame":
      return onFrame(state, event.message, nowMs);
    case "tick":
      return onTick(state, nowMs);
    case "ready":
      return step.kind === "loading" ? go(state, { kind: "beginning", part: "payload" }, nowMs) : stay(state);
    case "block":
      if (step.kind !== "reading" || step.block !== event.block) return stay(state);
      return go(state, { kind: "block", part: "payload", block: event.block, bytes: event.bytes }, nowMs);
    case "fail":
      return finish(state, { kind: "interrupted", reason: event.reason });
    case "abort":
      return step.kind === "aborting" ? stay(state) : go(state, { kind: "aborting" }, nowMs);
  }
}

function onTick(state: SenderState, nowMs: number): Next {
  const { step, askedMs, sinceMs, tries, sequence } = state;
  if (nowMs - sinceMs >= stepLimitsMs[step.kind]) return late(state);
  if (askedMs === undefined || nowMs - askedMs < patience(step)) return stay(state);
  if (tries + 1 >= triesMax) {
    if (step.kind === "aborting") return finish(state, { kind: "cancelled" });
    // It may have restarted, since the answer to the end was lost.
    const mayRun = step.kind === "ending" && step.part === "payload";
    return mayRun ? again(state, nowMs) : finish(state, { kind: "interrupted", reason: "pack-silent" });
  }
  return ask({ ...state, tries: tries + 1, sequence: nextSequence(sequence), askedMs: undefined });
}

function late(state: SenderState): Next {
  switch (state.step.kind) {
    case "explaining":
      return finish(state, { kind: "refused", reason: state.step.fallback });
    case "aborting":
      return finish(state, { kind: "cancelled" });
    case "loading":
      return finish(state, { kind: "interrupted", reason: "payload-late" });
    case "reading":
      return finish(state, { kind: "interrupted", reason: "payload-unavailable" });
    default:
      return finish(state, { kind: "interrupted", reason: state.tries > 0 ? "pack-silent" : "pack-busy" });
  }
}

function onFrame(state: SenderState, message: CanMessage, nowMs: number): Next {
  const { job, step } = state;
  switch (message.frame) {
    case "FirmwareBegin":
    case "FirmwareBlock":
    case "FirmwareEnd":
    case "FirmwareAbort":
    case "FirmwareAsk":
    case "FirmwareData":
      // Two at once only spoil each other's blocks: whoever notices first leaves.
      return end(state, { kind: "interrupted", reason: "other-gateway" });
    case "CommandAck": {
      const isMine = message.node === job.node && message.code === 8 && message.sequence === state.sequence;
      return isMine && step.kind === "entering" ? onEntered(state, message.result, nowMs) : stay(state);
    }
    case "FirmwareAck":
      return message.node === job.node ? onAck(state, message, nowMs) : stay(state);
    case "FirmwareState":
    case "FirmwareBoots":
    case "FirmwareLimits":
    case "FirmwareText":
    case "FirmwareDigest":
    case "FirmwareWanted":
      return message.node === job.node ? onPage(state, message, nowMs) : stay(state);
    default:
      return stay(state);
  }
}

function onPage(before: SenderState, page: FirmwareFrame, nowMs: number): Next {
  const state: SenderState = { ...before, heard: withFirmware(before.heard, page) };
  const { step, heard } = state;
  if (step.kind === "wanting") {
    const digest = heard.digests["wanted-payload"];
    if (heard.wantedSize === 0) return end(state, { kind: "applied" });
    if (heard.wantedSize === undefined || digest === undefined) return stay(state);
    const wanted = { digest, size: heard.wantedSize };
    const next = go({ ...state, wanted }, { kind: "loading", wanted }, nowMs);
    return { state: next.state, effects: [...next.effects, { kind: "want", wanted }] };
  }
  const reason = heard.texts.reason;
  if (step.kind === "explaining" && reason !== undefined)
    return finish(state, { kind: "refused", reason: reason === "" ? step.fallback : reason });
  return stay(state);
}

function onEntered(state: SenderState, result: CommandResult, nowMs: number): Next {
  if (result === "ok") return go(state, { kind: "beginning", part: "manifest" }, nowMs);
  if (result === "busy") return wait(state, nowMs);
  return end(state, { kind: "refused", reason: result === "refused" ? "no-firmware-by-can" : result });
}

function onAck(state: SenderState, ack: FirmwareAck, nowMs: number): Next {
  const { step, job } = state;
  const expected = step.kind === "block" ? step.block & 0xff : state.sequence;
  if (ack.sequence !== expected) return stay(state);
  if (step.kind === "aborting") return end(state, { kind: "cancelled" });
  if (step.kind === "asking") {
    const running = state.heard.digests.running;
    // A piece of it was lost: it is asked for again.
    if (running === undefined) return stay(state);
    if (running === job.image) return end(state, { kind: "applied" });
    return go(state, { kind: "entering" }, nowMs);
  }
  if (step.kind === "loading") return ack.result === "not-updating" ? again(state, nowMs) : wait(state, nowMs);
  if (step.kind !== "beginning" && step.kind !== "block" && step.kind !== "ending") return stay(state);
  switch (ack.result) {
    case "ok":
      if (step.kind !== "ending") return at(state, step.part, ack.block, nowMs);
      return step.part === "payload"
        ? end(state, { kind: "applied" })
        : go(forgetful(state), { kind: "wanting" }, nowMs);
    case "busy":
      return wait(state, nowMs);
    case "wrong-block":
      return setBack(state, (next) => at(next, step.part, ack.block, nowMs));
    case "bad-checksum":
      if (step.kind === "block") return setBack(state, (next) => go(next, step, nowMs));
      return go(forgetful(state), { kind: "explaining", fallback: "digest-mismatch" }, nowMs);
    case "not-updating":
      return again(state, nowMs);
    case "out-of-range":
      return finish(state, {
        kind: "refused",
        reason: step.part === "manifest" ? "manifest-too-large" : "payload-size",
      });
    case "storage-failed":
      return go(forgetful(state), { kind: "explaining", fallback: "slot-write" }, nowMs);
    default:
      return go(forgetful(state), { kind: "explaining", fallback: ack.result }, nowMs);
  }
}

/** On with this block, or with the end where there is none left. */
function at(before: SenderState, part: FirmwarePart, block: number, nowMs: number): Next {
  const { job, wanted } = before;
  const size = part === "manifest" ? job.envelope.length : (wanted?.size ?? 0);
  const isNew = part === "payload" && block > before.reached;
  const state = isNew ? { ...before, reached: block, setbacks: 0 } : before;
  const told: SenderEffect[] =
    part === "payload" ? [{ kind: "progress", bytes: Math.min(block * firmwareBlockSize, size), total: size }] : [];
  const next =
    block >= firmwareBlocks(size)
      ? go(state, { kind: "ending", part }, nowMs)
      : part === "payload"
        ? go(state, { kind: "reading", block }, nowMs)
        : go(state, { kind: "block", part, block, bytes: blockOf(job.envelope, block) }, nowMs);
  return { state: next.state, effects: [...told, ...next.effects] };
}

/** From the first question: the pack forgot the transfer, or restarted. */
function again(state: SenderState, nowMs: number): Next {
  return setBack(state, (next) => go(forgetful(next), { kind: "asking" }, nowMs));
}

function setBack(state: SenderState, go: (state: SenderState) => Next): Next {
  const setbacks = state.setbacks + 1;
  if (setbacks >= setbacksMax) return finish(state, { kind: "interrupted", reason: "no-progress" });
  return go({ ...state, setbacks });
}

/** What was said of another image says nothing of this one. */
function forgetful(state: SenderState): SenderState {
  return { ...state, heard: unknownFirmware };
}

/** An answer came, and nothing follows yet. */
function wait(state: SenderState, nowMs: number): Next {
  return stay({ ...state, askedMs: nowMs, tries: 0 });
}

function go(state: SenderState, step: SenderStep, nowMs: number): Next {
  return ask({ ...state, step, sequence: nextSequence(state.sequence), sinceMs: nowMs, askedMs: undefined, tries: 0 });
}

function ask(state: SenderState): Next {
  const { job, step, sequence, wanted } = state;
  const send = (...frames: CanMessage[]): Next => ({ state, effects: [{ kind: "send", frames }] });
  const head = { target: job.node, sequence };
  switch (step.kind) {
    case "asking":
      return send({ frame: "FirmwareAsk", ...head, ...nothing, state: true, runningDigest: true });
    case "entering":
      return send({ frame: "OtaEnter", ...head });
    case "beginning": {
      const size = step.part === "manifest" ? job.envelope.length : (wanted?.size ?? 0);
      return send({ frame: "FirmwareBegin", ...head, part: step.part, size });
    }
    case "reading": {
      const offset = step.block * firmwareBlockSize;
      const length = Math.min(firmwareBlockSize, (wanted?.size ?? 0) - offset);
      return { state, effects: [{ kind: "read", block: step.block, offset, length }] };
    }
    case "block": {
      const closing = blockEnd(job.node, step.block, step.bytes);
      // The data is there, as far as anybody knows: asked again is the answer.
      return state.tries === 0 ? send(...blockData(step.bytes), closing) : send(closing);
    }
    case "ending":
      return send({ frame: "FirmwareEnd", ...head, part: step.part });
    case "wanting":
      return send({ frame: "FirmwareAsk", ...head, ...nothing, payload: true });
    case "loading":
      return send({ frame: "FirmwareEnd", ...head, part: "manifest" });
    case "explaining":
      return send({ frame: "FirmwareAsk", ...head, ...nothing, reason: true });
    case "aborting":
      return send({ frame: "FirmwareAbort", ...head });
    case "over":
      return stay(state);
  }
}

/** The end, with a word to the pack: its relays are free at once. */
function finish(state: SenderState, outcome: SenderEnd): Next {
  const frames: CanMessage[] = [{ frame: "FirmwareAbort", target: state.job.node, sequence: state.sequence }];
  const over = end(state, outcome);
  return { state: over.state, effects: [{ kind: "send", frames }, ...over.effects] };
}

function end(state: SenderState, outcome: SenderEnd): Next {
  return {
    state: { ...state, step: { kind: "over", end: outcome }, askedMs: undefined },
    effects: [{ kind: "end", end: outcome }],
  };
}

function stay(state: SenderState): Next {
  return { state, effects: [] };
}

/** Of a transfer, from 128 to 255: who asks a pack other things has the rest, so that no answer is taken for another. */
function nextSequence(sequence: number): number {
  return 0x80 | ((sequence + 1) & 0x7f);
}

function blockOf(bytes: Uint8Array, block: number): Uint8Array {
  return bytes.subarray(block * firmwareBlockSize, (block + 1) * firmwareBlockSize);
}
