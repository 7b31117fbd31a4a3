import type { Action, CommandName, Configuration, Environment, Outcome } from "../../schemas/generated/types.ts";
import { instantFromMs } from "../../schemas/wire/instant.ts";

/**
 * What the manager wants of one node: one ordered queue of actions, each with a rev that only grows. Pure.
 *
 * - `environment`, `config` and `update` are state: a newer one replaces an unsent one of its kind and takes a new rev.
 * - `command` is done at most once: acknowledged, it is never offered again, whatever the node says its rev is.
 * - The node is offered the lowest open rev above its own. What it finished blocks nothing, however it ended.
 * - A cancelled or expired rev is answered `none`, so that a node that took it learns of it.
 */
export interface ActionQueue {
  /** Highest rev given out. */
  readonly rev: number;
  /** Highest rev the node said it finished. */
  readonly lastRev: number;
  /** In the order of their revs. */
  readonly entries: readonly QueueEntry[];
}

export interface QueueEntry {
  readonly rev: number;
  readonly body: ActionBody;
  readonly state: EntryState;
  readonly createdAtMs: number;
  /** Wall time; only commands expire. */
  readonly expiresAtMs?: number;
  readonly by: string;
}

/**
 * waiting: never sent. offered: in an answer that may have been lost. taken: the node said so. settled: finished, kept since
 * it is what the node should be. cancelled, expired: answered `none`.
 */
export type EntryState = "waiting" | "offered" | "taken" | "settled" | "cancelled" | "expired";

/** An action as it is kept, before it has a rev. */
export type ActionBody =
  | {
      readonly kind: "update";
      readonly update: string;
      readonly attempt: string;
      readonly uris: readonly string[];
      readonly manifest?: string;
      readonly size: number;
      readonly digest: string;
      readonly version: string;
    }
  /** The environment itself is built when it is offered: it holds secrets and is always the newest. */
  | { readonly kind: "environment"; readonly environment?: Environment }
  | { readonly kind: "config"; readonly config: Configuration }
  | { readonly kind: "command"; readonly command: CommandName; readonly id: string };

export type ActionKind = ActionBody["kind"];

export interface QueueLimits {
  /** Actions that are neither finished, cancelled nor expired. Full: enqueueing is refused. */
  readonly openActions: number;
  /** Cancelled and expired ones that still await the node. Full: the oldest is forgotten. */
  readonly voidActions: number;
}

export const queueLimits: QueueLimits = { openActions: 64, voidActions: 32 };

/** Revs travel as 32-bit numbers. */
const highestRev = 0xffff_ffff;
/** A node isn't followed to a rev above this: one that lost its memory may read it as all ones, and no rev would be left. */
const highestClaim = 0x7fff_ffff;

export const emptyQueue: ActionQueue = { rev: 0, lastRev: 0, entries: [] };

export interface Enqueued {
  readonly queue: ActionQueue;
  readonly entry: QueueEntry;
  /** What the new action replaced, unsent. */
  readonly replaced: readonly QueueEntry[];
}

/** Undefined when the queue is full. */
export function enqueue(
  queue: ActionQueue,
  body: ActionBody,
  meta: { readonly nowMs: number; readonly by: string; readonly expiresAtMs?: number },
  limits: QueueLimits = queueLimits,
): Enqueued | undefined {
  const replaced =
    body.kind === "command"
      ? []
      : queue.entries.filter((entry) => entry.body.kind === body.kind && entry.state === "waiting");
  const kept = queue.entries.filter((entry) => !replaced.includes(entry));
  if (kept.filter(isOpen).length >= limits.openActions || queue.rev >= highestRev) return undefined;
  const entry: QueueEntry = {
    rev: queue.rev + 1,
    // Settings that were never sent are still wanted, unless the newer ones say otherwise.
    body: replaced.reduceRight((newer, older) => mergedConfig(older.body, newer), body),
    state: "waiting",
    createdAtMs: meta.nowMs,
    by: meta.by,
    ...(meta.expiresAtMs !== undefined && { expiresAtMs: meta.expiresAtMs }),
  };
  return { queue: { ...queue, rev: entry.rev, entries: [...kept, entry] }, entry, replaced };
}

export interface Offer {
  readonly entry: QueueEntry;
  /** `none` for a cancelled or expired one. */
  readonly isVoid: boolean;
  /** Others wait behind it. */
  readonly hasMore: boolean;
}

/** What a node that finished everything up to `nodeRev` does next. */
export function nextOffer(queue: ActionQueue, nodeRev: number, nowMs: number): Offer | undefined {
  let offered: QueueEntry | undefined;
  for (const entry of queue.entries) {
    if (entry.rev <= nodeRev || !isOfferable(entry)) continue;
    if (offered !== undefined) return { entry: offered, isVoid: isVoid(offered, nowMs), hasMore: true };
    offered = entry;
  }
  return offered && { entry: offered, isVoid: isVoid(offered, nowMs), hasMore: false };
}

/** It was in an answer; from now on a newer one doesn't replace it. */
export function markOffered(queue: ActionQueue, rev: number): ActionQueue {
  return withState(queue, rev, (entry) => (entry.state === "waiting" ? "offered" : entry.state));
}

/** The node acknowledged that it has it. */
export function markTaken(queue: ActionQueue, rev: number): ActionQueue {
  return withState(queue, rev, (entry) =>
    entry.state === "waiting" || entry.state === "offered" ? "taken" : entry.state,
  );
}

/** Undefined when that rev isn't open. */
export function cancel(queue: ActionQueue, rev: number, limits: QueueLimits = queueLimits): ActionQueue | undefined {
  const entry = queue.entries.find((each) => each.rev === rev);
  if (entry === undefined || !isOpen(entry)) return undefined;
  return boundVoid(
    withState(queue, rev, () => "cancelled"),
    limits,
  );
}

/** The update's attempt ended: it is offered no longer, and nobody awaits that rev. */
export function drop(queue: ActionQueue, rev: number): ActionQueue {
  const entries = queue.entries.filter((entry) => entry.rev !== rev);
  return entries.length === queue.entries.length ? queue : { ...queue, entries };
}

export interface Expired {
  readonly queue: ActionQueue;
  readonly expired: readonly QueueEntry[];
}

/** Commands whose time is over. The same queue comes back when there are none. */
export function expire(queue: ActionQueue, nowMs: number, limits: QueueLimits = queueLimits): Expired {
  const expired = queue.entries.filter((entry) => isOpen(entry) && isPast(entry, nowMs));
  if (expired.length === 0) return { queue, expired };
  const entries = queue.entries.map((entry) =>
    expired.includes(entry) ? { ...entry, state: "expired" as const } : entry,
  );
  return { queue: boundVoid({ ...queue, entries }, limits), expired };
}

export interface Finish {
  readonly entry: QueueEntry;
  /** "unreported" when the node's last result was about a later one. */
  readonly outcome: Outcome | "unreported";
  readonly reason?: string;
}

export interface Finished {
  readonly queue: ActionQueue;
  readonly finished: readonly Finish[];
}

/**
 * The node said that it finished everything up to `nodeRev`. Idempotent: the same queue comes back when nothing is new.
 * A node ahead of us (we lost our storage) moves what waits to revs above its own, if it can be believed.
 */
export function acknowledge(
  queue: ActionQueue,
  nodeRev: number,
  result?: { readonly rev: number; readonly outcome: Outcome; readonly reason?: string },
): Finished {
  if (nodeRev > queue.rev) {
    return { queue: nodeRev > highestClaim ? queue : moveAbove(queue, nodeRev), finished: [] };
  }
  const finished: Finish[] = [];
  const entries: QueueEntry[] = [];
  for (const entry of queue.entries) {
    if (entry.rev > nodeRev || entry.state === "settled") {
      entries.push(entry);
      continue;
    }
    const own = result?.rev === entry.rev ? result : undefined;
    finished.push({
      entry,
      outcome: own?.outcome ?? "unreported",
      ...(own?.reason !== undefined && { reason: own.reason }),
    });
    if (isSettling(entry) && own?.outcome !== "cancelled") entries.push({ ...entry, state: "settled" });
  }
  if (finished.length === 0 && nodeRev === queue.lastRev) return { queue, finished };
  return { queue: { ...queue, lastRev: nodeRev, entries: withoutOldSettled(entries) }, finished };
}

/** Whether `acknowledge` would change nothing; allocates nothing, since it is asked at every heartbeat. */
export function isAcknowledged({ lastRev, entries }: ActionQueue, nodeRev: number): boolean {
  if (nodeRev !== lastRev) return false;
  for (const entry of entries) {
    if (entry.rev > nodeRev) return true;
    if (entry.state !== "settled") return false;
  }
  return true;
}

/** Whether a node at `nodeRev` may have to be told something; cheap enough for every heartbeat. */
export function highestOfferable(queue: ActionQueue): number {
  for (let at = queue.entries.length - 1; at >= 0; at--) {
    const entry = queue.entries[at]!;
    if (isOfferable(entry)) return entry.rev;
  }
  return 0;
}

export function isOpen({ state }: QueueEntry): boolean {
  return state === "waiting" || state === "offered" || state === "taken";
}

/** The action on the wire. */
export function actionOf({ entry, isVoid, hasMore }: Offer, environment?: Environment): Action {
  const head = { rev: entry.rev, ...(hasMore && { more: true }) };
  if (isVoid) return { ...head, kind: "none" };
  const { body } = entry;
  switch (body.kind) {
    case "update":
      return { ...head, ...body, uris: [...body.uris] } as Action;
    case "environment":
      return { ...head, kind: "environment", ...(environment && { environment }) };
    case "config":
      return { ...head, kind: "config", config: body.config };
    case "command":
      return {
        ...head,
        kind: "command",
        command: body.command,
        id: body.id,
        ...(entry.expiresAtMs !== undefined && { expires: instantFromMs(entry.expiresAtMs) }),
      };
  }
}

/** Commands that were acknowledged stay silent; everything else is offered until the node's rev has passed it. */
function isOfferable(entry: QueueEntry): boolean {
  return !(entry.body.kind === "command" && entry.state === "taken");
}

function isVoid(entry: QueueEntry, nowMs: number): boolean {
  return entry.state === "cancelled" || entry.state === "expired" || (isOpen(entry) && isPast(entry, nowMs));
}

function isPast({ expiresAtMs }: QueueEntry, nowMs: number): boolean {
  return expiresAtMs !== undefined && expiresAtMs <= nowMs;
}

/** An update is kept by its attempt and by reconciliation, not here. */
function isSettling({ body, state }: QueueEntry): boolean {
  return (body.kind === "environment" || body.kind === "config") && state !== "cancelled" && state !== "expired";
}

/** Of each kind the newest settled one says what the node should be; settings of older ones are folded into it. */
function withoutOldSettled(entries: readonly QueueEntry[]): QueueEntry[] {
  const kept: QueueEntry[] = [];
  const newest = new Map<ActionKind, number>();
  for (const entry of entries) {
    const at = entry.state === "settled" ? newest.get(entry.body.kind) : undefined;
    if (at !== undefined) {
      const older = kept[at]!;
      kept[at] = { ...entry, body: mergedConfig(older.body, entry.body) };
      continue;
    }
    if (entry.state === "settled") newest.set(entry.body.kind, kept.length);
    kept.push(entry);
  }
  return kept.sort((a, b) => a.rev - b.rev);
}

function mergedConfig(older: ActionBody, newer: ActionBody): ActionBody {
  if (older.kind !== "config" || newer.kind !== "config") return newer;
  const values = { ...older.config.values, ...newer.config.values };
  return {
    kind: "config",
    config: { ...older.config, ...newer.config, ...(Object.keys(values).length > 0 && { values }) },
  };
}

function moveAbove(queue: ActionQueue, nodeRev: number): ActionQueue {
  let rev = nodeRev;
  const moved: QueueEntry[] = [];
  for (const entry of queue.entries) {
    // What is void means nothing to a node that never got it from us under that rev.
    if (entry.state === "cancelled" || entry.state === "expired" || rev >= highestRev) continue;
    // A taken command was acknowledged: it isn't offered under a new number either.
    if (entry.body.kind === "command" && entry.state === "taken") continue;
    rev++;
    moved.push({ ...entry, rev, state: "waiting" });
  }
  return { rev, lastRev: nodeRev, entries: moved };
}

function withState(queue: ActionQueue, rev: number, next: (entry: QueueEntry) => EntryState): ActionQueue {
  const entry = queue.entries.find((each) => each.rev === rev);
  if (entry === undefined) return queue;
  const state = next(entry);
  if (state === entry.state) return queue;
  return { ...queue, entries: queue.entries.map((each) => (each === entry ? { ...entry, state } : each)) };
}

function boundVoid(queue: ActionQueue, { voidActions }: QueueLimits): ActionQueue {
  const isVoided = ({ state }: QueueEntry): boolean => state === "cancelled" || state === "expired";
  let excess = queue.entries.filter(isVoided).length - voidActions;
  if (excess <= 0) return queue;
  return { ...queue, entries: queue.entries.filter((entry) => !isVoided(entry) || excess-- <= 0) };
}
