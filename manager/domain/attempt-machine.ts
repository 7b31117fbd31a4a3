import type { Transition } from "../../kernel/state-machine.ts";
import type { AttemptState, Outcome, Way } from "../../schemas/generated/types.ts";

/**
 * One node's try at one update. Pure.
 *
 *     offered -> accepted <-> deferred -> downloading -> verifying -> staged -> trial -> succeeded
 *     any of these -> failed | rolled-back | cancelled | expired
 *
 * It never moves backward, and an ended one never moves: a later report belongs to a new attempt. It succeeds on one thing
 * only: the node, confirmed, reports that it runs the digest. What a node says of its own success is no more than a trial.
 */
export interface AttemptProgress {
  readonly state: AttemptState;
  /** What it has to run to have succeeded. */
  readonly digest: string;
  /** It brings no image: it has succeeded when the node says that it is done. */
  readonly endsWithResult?: boolean;
  /** The rev under which it was offered. */
  readonly rev: number;
  /** Bytes that arrived, and their share; they never fall. */
  readonly bytes?: number;
  readonly percent?: number;
  readonly total?: number;
  readonly reason?: string;
  readonly way?: Way;
  /** Wall time of the last movement; the deadline counts from here. */
  readonly changedAtMs: number;
}

export type AttemptEvent =
  /** The node reports, on whatever way. */
  | {
      readonly kind: "reported";
      readonly state: AttemptState;
      readonly percent?: number | undefined;
      readonly bytes?: number | undefined;
      readonly total?: number | undefined;
      readonly reason?: string | undefined;
      readonly way?: Way | undefined;
      readonly nowMs: number;
    }
  /** The node said what it runs, at registration or in a status report. */
  | {
      readonly kind: "running";
      readonly digest: string | undefined;
      readonly isConfirmed: boolean;
      readonly rolledBack?: { readonly digest: string; readonly reason?: string | undefined } | undefined;
      readonly lastRev: number | undefined;
      readonly nowMs: number;
    }
  /** The node finished the action. */
  | {
      readonly kind: "finished";
      readonly outcome: Outcome | "unreported";
      readonly reason?: string | undefined;
      readonly nowMs: number;
    }
  /** The node was ahead of us, and what waited for it took new revs. */
  | { readonly kind: "renumbered"; readonly rev: number }
  | { readonly kind: "cancelled"; readonly reason: string; readonly nowMs: number }
  | { readonly kind: "deadline"; readonly reason: string; readonly nowMs: number };

export type AttemptEffect =
  /** People and observers are told. */
  | { readonly kind: "moved"; readonly from: AttemptState; readonly to: AttemptState }
  | { readonly kind: "progressed" }
  /** The report was about the past or the attempt is over: counted, nothing else. */
  | { readonly kind: "ignored"; readonly why: "backward" | "ended" | "unchanged" };

const ranks: Readonly<Record<AttemptState, number>> = {
  offered: 0,
  // A person or a lock may defer what was accepted, and let go of it again.
  accepted: 1,
  deferred: 1,
  downloading: 2,
  verifying: 3,
  staged: 4,
  trial: 5,
  succeeded: 6,
  failed: 6,
  "rolled-back": 6,
  cancelled: 6,
  expired: 6,
};

export function isEnded(state: AttemptState): boolean {
  return ranks[state] === 6;
}

export function attemptRank(state: AttemptState): number {
  return ranks[state];
}

export const attemptTransition: Transition<AttemptProgress, AttemptEvent, AttemptEffect> = (attempt, event) => {
  if (isEnded(attempt.state)) return ignored(attempt, "ended");
  switch (event.kind) {
    case "reported":
      return reported(attempt, event);
    case "running":
      return running(attempt, event);
    case "finished":
      return finished(attempt, event);
    case "renumbered":
      if (event.rev === attempt.rev) return ignored(attempt, "unchanged");
      return { state: { ...attempt, rev: event.rev }, effects: [{ kind: "progressed" }] };
    case "cancelled":
      return moved(attempt, "cancelled", event.nowMs, event.reason);
    case "deadline":
      return moved(attempt, "expired", event.nowMs, event.reason);
  }
};

type Result = ReturnType<typeof attemptTransition>;

function reported(attempt: AttemptProgress, event: Extract<AttemptEvent, { kind: "reported" }>): Result {
  // Its word for success is taken as far as it goes: it boots the new image.
  const state = event.state === "succeeded" && attempt.endsWithResult !== true ? "trial" : event.state;
  if (ranks[state] < ranks[attempt.state]) return ignored(attempt, "backward");
  const progress = {
    ...attempt,
    ...risen("bytes", attempt.bytes, event.bytes),
    ...risen("percent", attempt.percent, event.percent),
    ...(event.total !== undefined && { total: event.total }),
    ...(event.way !== undefined && { way: event.way }),
  };
  if (state !== attempt.state) return moved(progress, state, event.nowMs, event.reason);
  const hasNewReason = event.reason !== undefined && event.reason !== attempt.reason;
  const isProgress =
    progress.bytes !== attempt.bytes ||
    progress.percent !== attempt.percent ||
    progress.total !== attempt.total ||
    progress.way !== attempt.way;
  if (!isProgress && !hasNewReason) return ignored(attempt, "unchanged");
  return {
    state: { ...progress, changedAtMs: event.nowMs, ...(hasNewReason && { reason: event.reason }) },
    effects: [{ kind: "progressed" }],
  };
}

function running(attempt: AttemptProgress, event: Extract<AttemptEvent, { kind: "running" }>): Result {
  if (event.digest === attempt.digest) {
    if (event.isConfirmed) return moved(attempt, "succeeded", event.nowMs);
    return attempt.state === "trial" ? ignored(attempt, "unchanged") : moved(attempt, "trial", event.nowMs);
  }
  // A node goes on telling of a roll-back of an earlier attempt with the same image. It is this attempt's when this one got as
  // far as an image to boot, or when the node counts this one among the finished.
  const hasBooted = ranks[attempt.state] >= ranks.verifying || (event.lastRev ?? 0) >= attempt.rev;
  if (event.rolledBack?.digest === attempt.digest && event.digest !== undefined && hasBooted) {
    return moved(attempt, "rolled-back", event.nowMs, event.rolledBack.reason ?? "unknown");
  }
  return ignored(attempt, "unchanged");
}

function finished(attempt: AttemptProgress, event: Extract<AttemptEvent, { kind: "finished" }>): Result {
  switch (event.outcome) {
    case "failed":
      // Once there was an image to boot, a failure means that the previous one boots again.
      return moved(
        attempt,
        ranks[attempt.state] >= ranks.staged ? "rolled-back" : "failed",
        event.nowMs,
        event.reason ?? "unknown",
      );
    case "refused":
      return moved(attempt, "failed", event.nowMs, event.reason ?? "refused");
    case "cancelled":
      return moved(attempt, "cancelled", event.nowMs, event.reason ?? "by-node");
    case "done":
    case "unreported":
      if (event.outcome === "done" && attempt.endsWithResult === true) return moved(attempt, "succeeded", event.nowMs);
      // Not a success before the running digest says so; the deadline ends the wait.
      return ranks[attempt.state] < ranks.trial ? moved(attempt, "trial", event.nowMs) : ignored(attempt, "unchanged");
  }
}

function risen<Name extends string>(
  name: Name,
  before: number | undefined,
  now: number | undefined,
): { readonly [N in Name]?: number } {
  if (now === undefined || (before !== undefined && now <= before)) return {};
  return { [name]: now } as { readonly [N in Name]?: number };
}

function moved(attempt: AttemptProgress, to: AttemptState, nowMs: number, reason?: string): Result {
  const { reason: _, ...rest } = attempt;
  return {
    state: { ...rest, state: to, changedAtMs: nowMs, ...(reason !== undefined && { reason }) },
    effects: [{ kind: "moved", from: attempt.state, to }],
  };
}

function ignored(attempt: AttemptProgress, why: "backward" | "ended" | "unchanged"): Result {
  return { state: attempt, effects: [{ kind: "ignored", why }] };
}

export interface AttemptDeadlines {
  /** Offered or deferred, and nothing heard of it. */
  readonly waitingMs: number;
  /** Under way without any progress. */
  readonly silentMs: number;
  /** On trial: the node gives up after 5 minutes, then has to boot and register. */
  readonly trialMs: number;
}

export const attemptDeadlines: AttemptDeadlines = { waitingMs: 86_400_000, silentMs: 3_600_000, trialMs: 1_800_000 };

/** When it expires unless something moves, as wall time. */
export function attemptDeadlineMs(
  { state, changedAtMs }: AttemptProgress,
  deadlines: AttemptDeadlines = attemptDeadlines,
): number {
  if (isEnded(state)) return Number.POSITIVE_INFINITY;
  if (state === "offered" || state === "deferred") return changedAtMs + deadlines.waitingMs;
  return changedAtMs + (state === "trial" ? deadlines.trialMs : deadlines.silentMs);
}
