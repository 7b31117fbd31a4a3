import { retryClass, retryDelayMs } from "./retry-policy.ts";
import type { RolloutEffect, RolloutEvent, RolloutRefusal } from "./rollout-event.ts";
import { type MemberRow, memberFlags, noWave, stableHash } from "./rollout-members.ts";
import { RolloutState } from "./rollout-state.ts";

export interface RolloutNext {
  /** Undefined only before `created`. */
  readonly state: RolloutState | undefined;
  readonly effects: readonly RolloutEffect[];
}

type Of<Kind extends RolloutEvent["kind"]> = Extract<RolloutEvent, { kind: Kind }>;

const nothing: readonly RolloutEffect[] = [];

/**
 * What an event does to a rollout. It knows no clock, no chance and no fleet, so a log read again comes to the same state and the same effects. The
 * state that is given is used up. An event that doesn't fit, because another came first, is `ignored` with its reason and changes nothing.
 */
export function rolloutTransition(state: RolloutState | undefined, event: RolloutEvent): RolloutNext {
  if (state === undefined) {
    if (event.kind !== "created") return { state, effects: ignored("not-created") };
    return { state: new RolloutState(event), effects: nothing };
  }
  const refusal = rolloutRefusal(state, event);
  const effects = refusal === undefined ? apply(state, event) : ignored(refusal);
  if (effects[0]?.kind !== "ignored") state.atMs = Math.max(state.atMs, event.atMs);
  return { state, effects };
}

/** Why what a person asks for can't be done now; undefined: it can. Changes nothing, so that it can be asked before anything is stored. */
export function rolloutRefusal(state: RolloutState, event: RolloutEvent): RolloutRefusal | undefined {
  const { status } = state;
  switch (event.kind) {
    case "started":
      return status === "created" ? undefined : state.isOver ? "over" : "already-started";
    case "approved":
      if (status !== "awaiting-approval") return "not-awaiting-approval";
      // Four eyes: whoever made or started it doesn't count.
      return event.by === state.createdBy || event.by === state.startedBy ? "same-person" : undefined;
    case "paused":
      return status === "running" ? undefined : state.isOver ? "over" : "not-running";
    case "resumed":
      if (status !== "paused") return state.isOver ? "over" : "not-paused";
      return event.opensGate === true && state.pause?.verdict === undefined ? "not-closed-by-a-gate" : undefined;
    case "aborted":
      return state.isOver || status === "reverting" ? "over" : undefined;
    case "revert-begun":
      if (state.plan.revert === undefined) return "no-revert";
      if (status === "reverting" || status === "reverted") return "over";
      return status === "created" || status === "awaiting-approval" ? "not-running" : undefined;
    case "retried":
      if (state.isOver || status === "reverting") return "over";
      return [...retriedRows(state, event)].length === 0 ? "nothing-to-retry" : undefined;
    default:
      return undefined;
  }
}

function apply(state: RolloutState, event: RolloutEvent): readonly RolloutEffect[] {
  switch (event.kind) {
    case "created":
      return ignored("exists");
    case "started":
      return started(state, event);
    case "approved":
      return approved(state, event);
    case "joined":
      return joined(state, event);
    case "left":
    case "had":
      return gone(state, event);
    case "offered":
      return offered(state, event);
    case "moved":
      return moved(state, event);
    case "ended":
      return ended(state, event);
    case "renewed":
      for (const row of rowsOf(state, event.nodes)) renew(state, row, event.atMs);
      return nothing;
    case "leases-expired":
      return leasesExpired(state, event);
    case "settled":
      return settled(state, event);
    case "gate-passed":
    case "gate-closed":
      return gate(state, event);
    case "paused":
      state.status = "paused";
      state.pause = { why: event.why, by: event.by, atMs: event.atMs };
      return nothing;
    case "resumed":
      return resumed(state, event);
    case "aborted":
      return aborted(state, event);
    case "revert-begun":
      return revertBegun(state, event);
    case "revert-ended":
      if (state.status !== "reverting") return ignored("stale");
      end(state, "reverted", event.atMs);
      state.isRevertWhole = event.isWhole;
      return nothing;
    case "retried":
      return retried(state, event);
    case "completed":
      if (state.status !== "running") return ignored("stale");
      end(state, "completed", event.atMs);
      return nothing;
    case "downtime":
      return downtime(state, event);
  }
}

function ignored(why: RolloutRefusal): readonly RolloutEffect[] {
  return [{ kind: "ignored", why }];
}

function end(state: RolloutState, status: "completed" | "aborted" | "reverted", atMs: number): void {
  state.status = status;
  state.endedAtMs = atMs;
  state.pause = undefined;
}

function started(state: RolloutState, { by, atMs }: Of<"started">): readonly RolloutEffect[] {
  state.startedBy = by;
  if (state.plan.needsApproval) state.status = "awaiting-approval";
  else begin(state, atMs);
  return nothing;
}

function approved(state: RolloutState, { by, atMs }: Of<"approved">): readonly RolloutEffect[] {
  state.approvedBy = by;
  begin(state, atMs);
  return nothing;
}

function begin(state: RolloutState, atMs: number): void {
  state.status = "running";
  state.startedAtMs = atMs;
  openWave(state, atMs);
}

function openWave(state: RolloutState, openedAtMs: number): void {
  state.waves.push({
    ...{ openedAtMs, succeeded: 0, failed: 0, acceptedFailures: 0 },
    ...{ settledAtMs: undefined, verdict: undefined },
  });
}

function joined(state: RolloutState, { nodes }: Of<"joined">): readonly RolloutEffect[] {
  if (state.isOver) return ignored("over");
  const { members } = state;
  for (const { node, tries = 0 } of nodes) {
    const known = members.find(node);
    if (known === -1) members.add(node, tries);
    // It left before its turn, and is back.
    else if (members.phase(known) === "left") members.setPhase(known, "waiting");
  }
  return nothing;
}

function gone(state: RolloutState, { kind, nodes, atMs }: Of<"left" | "had">): readonly RolloutEffect[] {
  for (const row of rowsOf(state, nodes)) {
    const phase = state.members.phase(row);
    if (kind === "had" && phase !== "waiting" && phase !== "offered") continue;
    if (isSlotHeld(phase)) state.holdSlot(row, -1);
    const isEnd = phase === "succeeded" || phase === "failed" || phase === "cancelled" || phase === "had";
    // What it came to stays in the counts; a node that is gone has no turn any more.
    if (isEnd) continue;
    state.members.setPhase(row, kind);
    // Its place in the wave is another's.
    state.members.setWave(row, noWave);
    state.members.columns.endedAtMs[row] = atMs;
  }
  return nothing;
}

function offered(state: RolloutState, { nodes, atMs }: Of<"offered">): readonly RolloutEffect[] {
  if (state.status !== "running") return ignored("not-running");
  const { members, wave } = state;
  const effects: RolloutEffect[] = [];
  for (const { node, site, leaseMs, isSleeper } of nodes) {
    const row = members.find(node);
    if (row === -1 || members.phase(row) !== "waiting") continue;
    const { columns } = members;
    members.setPhase(row, "offered");
    columns.tries[row] = Math.min(columns.tries[row]! + 1, 255);
    columns.offers[row]!++;
    if (columns.wave[row] === noWave) members.setWave(row, wave);
    columns.leaseUntilMs[row] = atMs + leaseMs;
    state.leaseCheckMs = Math.min(state.leaseCheckMs, atMs + leaseMs);
    columns.retryAtMs[row] = 0;
    columns.flags[row] = (columns.flags[row]! & ~memberFlags.isSleeper) | (isSleeper ? memberFlags.isSleeper : 0);
    members.setReason(row, undefined);
    members.setSite(row, site);
    state.holdSlot(row, 1);
    state.noteOffer(atMs);
    effects.push({ kind: "offer", node, attempt: members.attemptId(row) });
  }
  return effects;
}

function moved(state: RolloutState, { node, attempt, to, atMs }: Of<"moved">): readonly RolloutEffect[] {
  const { members } = state;
  const row = openRow(state, node, attempt);
  if (row === -1) return ignored("stale");
  const from = members.phase(row);
  if (from === to) return ignored("stale");
  if (to === "deferred") {
    if (from === "committed") return ignored("stale");
    // A person or a lock holds it back: that isn't a reason to keep others waiting.
    state.holdSlot(row, -1);
  } else {
    if (from === "committed") return ignored("stale");
    if (from === "deferred") {
      state.holdSlot(row, 1);
      state.leaseCheckMs = atMs;
    }
    state.wakeSlot(row);
  }
  members.setPhase(row, to);
  renew(state, row, atMs);
  return nothing;
}

function ended(state: RolloutState, event: Of<"ended">): readonly RolloutEffect[] {
  const { members } = state;
  const row = openRow(state, event.node, event.attempt);
  if (row === -1) return ignored("stale");
  const wasCommitted = members.phase(row) === "committed";
  const wasDeferred = members.phase(row) === "deferred";
  release(state, row);
  members.setReason(row, event.reason);
  if (event.state === "succeeded") {
    finish(state, row, "succeeded", event.atMs);
    return nothing;
  }
  const isUnreachable = event.reason === "manager-unreachable";
  // A deferral that outlived its attempt is no failure: the node is asked again.
  const isPutOff = wasDeferred && event.state === "expired";
  if (isUnreachable || isPutOff || event.state === "cancelled") untry(state, row);
  if (isPutOff || (isUnreachable && event.wasManagerAway === true)) {
    waitForRetry(state, row, event.atMs);
  } else if (event.state === "cancelled") {
    finish(state, row, "cancelled", event.atMs);
  } else {
    failed(state, row, event.atMs, !wasCommitted && retryClass(event.state, event.reason) === "transient");
  }
  return nothing;
}

/** A try came to nothing: another one later, or the end. */
function failed(state: RolloutState, row: MemberRow, atMs: number, isTransient: boolean): void {
  const hasTries = state.members.columns.tries[row]! < state.plan.retry.attempts;
  const isOffering = state.status === "running" || state.status === "paused";
  if (isTransient && hasTries && isOffering) waitForRetry(state, row, atMs);
  else finish(state, row, "failed", atMs);
}

function leasesExpired(state: RolloutState, { nodes, atMs }: Of<"leases-expired">): readonly RolloutEffect[] {
  const { members } = state;
  const effects: RolloutEffect[] = [];
  for (const row of rowsOf(state, nodes)) {
    const phase = members.phase(row);
    if (!isSlotHeld(phase) || members.columns.leaseUntilMs[row]! > atMs) continue;
    const attempt = members.attemptId(row);
    effects.push({ kind: "cancel", node: members.idOf(row), attempt, why: "lease-expired" });
    release(state, row);
    members.setReason(row, phase === "offered" ? "not-taken" : "lease-expired");
    if (phase === "offered") {
      // It never had it, so it wasn't a try.
      untry(state, row);
      waitForRetry(state, row, atMs);
      // On trial and not heard of again is the worst that can happen: nobody tries that twice by itself.
    } else failed(state, row, atMs, phase !== "committed");
  }
  return effects.length === 0 ? ignored("stale") : effects;
}

function settled(state: RolloutState, { wave, atMs }: Of<"settled">): readonly RolloutEffect[] {
  const open = state.waves[wave];
  if (wave !== state.wave || open === undefined || open.settledAtMs !== undefined) return ignored("stale");
  open.settledAtMs = atMs;
  return nothing;
}

function gate(state: RolloutState, event: Of<"gate-passed" | "gate-closed">): readonly RolloutEffect[] {
  const { wave, verdict, atMs } = event;
  const open = state.waves[wave];
  const isHeld = state.status === "paused" && state.pause?.by === "quarantine" && event.kind === "gate-closed";
  if (wave !== state.wave || open === undefined || (state.status !== "running" && !isHeld)) return ignored("stale");
  open.verdict = verdict;
  if (event.kind === "gate-passed") {
    if (wave + 1 < state.plan.waves.length) openWave(state, atMs);
    return nothing;
  }
  const why = verdict.findings[0]?.text ?? "the gate closed";
  state.status = "paused";
  state.pause = { why, by: "gate", atMs, verdict };
  if (state.plan.revert?.isAutomatic !== true) return nothing;
  return revertBegun(state, { kind: "revert-begun", by: "gate", why, atMs });
}

function resumed(state: RolloutState, { opensGate, atMs }: Of<"resumed">): readonly RolloutEffect[] {
  const open = state.waves[state.wave];
  const isGate = state.pause?.verdict !== undefined;
  state.status = "running";
  state.pause = undefined;
  if (open === undefined || !isGate) return nothing;
  // What failed so far is taken on; what fails from here on closes it again.
  open.acceptedFailures = open.failed;
  open.settledAtMs = undefined;
  if (opensGate === true && state.wave + 1 < state.plan.waves.length) openWave(state, atMs);
  return nothing;
}

function aborted(state: RolloutState, { cancelsUnderWay, atMs }: Of<"aborted">): readonly RolloutEffect[] {
  end(state, "aborted", atMs);
  return cancels(state, cancelsUnderWay, "aborted");
}

function revertBegun(state: RolloutState, { why, by, atMs }: Of<"revert-begun">): readonly RolloutEffect[] {
  const { revert } = state.plan;
  if (revert === undefined) return ignored("no-revert");
  state.status = "reverting";
  state.revertWhy = why;
  state.pause ??= { why, by, atMs };
  return [...cancels(state, true, "reverted"), { kind: "begin-revert", update: revert.update }];
}

/** Who only was offered it hears that it is off; who is at it too, up to the point where it can't be called back. */
function cancels(state: RolloutState, alsoUnderWay: boolean, why: string): readonly RolloutEffect[] {
  const { members } = state;
  const effects: RolloutEffect[] = [];
  for (const row of members.rows()) {
    const phase = members.phase(row);
    const isCancelled = phase === "offered" || (alsoUnderWay && (phase === "under-way" || phase === "deferred"));
    if (isCancelled) effects.push({ kind: "cancel", node: members.idOf(row), attempt: members.attemptId(row), why });
  }
  return effects;
}

function retried(state: RolloutState, event: Of<"retried">): readonly RolloutEffect[] {
  const { members } = state;
  for (const row of [...retriedRows(state, event)]) {
    const { columns } = members;
    const wave = state.waves[columns.wave[row]!];
    if (members.phase(row) === "failed" && wave !== undefined) {
      wave.failed--;
      wave.acceptedFailures = Math.min(wave.acceptedFailures, wave.failed);
    }
    members.setPhase(row, "waiting");
    members.setWave(row, noWave);
    columns.tries[row] = 0;
    columns.retryAtMs[row] = 0;
  }
  const open = state.waves[state.wave];
  if (open !== undefined) open.settledAtMs = undefined;
  return nothing;
}

function* retriedRows(state: RolloutState, { nodes }: Of<"retried">): Generator<MemberRow> {
  const { members } = state;
  for (const row of nodes === undefined ? members.rows() : rowsOf(state, nodes)) {
    const phase = members.phase(row);
    if (phase === "failed" || phase === "cancelled") yield row;
  }
}

function downtime(state: RolloutState, event: Of<"downtime">): readonly RolloutEffect[] {
  const { ms } = event;
  const { members } = state;
  for (const row of members.rows()) {
    if (isSlotHeld(members.phase(row))) members.columns.leaseUntilMs[row]! += ms;
  }
  state.leaseCheckMs = event.atMs;
  const open = state.waves[state.wave];
  if (open?.settledAtMs !== undefined) open.settledAtMs += ms;
  return nothing;
}

function isSlotHeld(phase: string): boolean {
  return phase === "offered" || phase === "under-way" || phase === "committed";
}

/** The row of a node whose attempt this is and hasn't ended; else -1. */
function openRow(state: RolloutState, node: string, attempt: string): MemberRow {
  const { members } = state;
  const row = members.find(node);
  if (row === -1) return -1;
  const phase = members.phase(row);
  if (!isSlotHeld(phase) && phase !== "deferred") return -1;
  return members.isNewestAttempt(row, attempt) ? row : -1;
}

function* rowsOf({ members }: RolloutState, nodes: readonly string[]): Generator<MemberRow> {
  for (const node of nodes) {
    const row = members.find(node);
    if (row !== -1) yield row;
  }
}

function renew(state: RolloutState, row: MemberRow, atMs: number): void {
  const { columns } = state.members;
  columns.leaseUntilMs[row] = Math.max(columns.leaseUntilMs[row]!, atMs + state.plan.limits.silentLeaseMs);
}

/** Gives the slot back, if it holds one. */
function release(state: RolloutState, row: MemberRow): void {
  if (isSlotHeld(state.members.phase(row))) state.holdSlot(row, -1);
  const { flags } = state.members.columns;
  flags[row] = flags[row]! & ~memberFlags.isSleeper;
}

function untry(state: RolloutState, row: MemberRow): void {
  const { tries } = state.members.columns;
  tries[row] = Math.max(0, tries[row]! - 1);
}

function waitForRetry(state: RolloutState, row: MemberRow, atMs: number): void {
  const { members, plan } = state;
  const tries = members.columns.offers[row]!;
  // From the attempt's name, so that a log read again says the same.
  const fraction = stableHash(members.attemptId(row), "retry") / 2 ** 32;
  members.setPhase(row, "waiting");
  members.columns.retryAtMs[row] = atMs + retryDelayMs(plan.retry, tries, fraction);
}

function finish(state: RolloutState, row: MemberRow, phase: "succeeded" | "failed" | "cancelled", atMs: number): void {
  const { members } = state;
  members.setPhase(row, phase);
  members.columns.endedAtMs[row] = atMs;
  const wave = state.waves[members.columns.wave[row]!];
  if (wave === undefined || phase === "cancelled") return;
  if (phase === "succeeded") wave.succeeded++;
  else wave.failed++;
}
