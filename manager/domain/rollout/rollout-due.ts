import { failureFinding, sampleOf, successFindings, waveSize } from "./count-gate.ts";
import { type GateFinding, gateVerdict } from "./gate-verdict.ts";
import { OfferLedger } from "./offer-ledger.ts";
import type { OfferedNode, RolloutEvent } from "./rollout-event.ts";
import { type MemberRow, memberPhases, noWave } from "./rollout-members.ts";
import { waveLimit } from "./rollout-plan.ts";
import type { RolloutState } from "./rollout-state.ts";
import { hindrance, type NodeFacts, ownReasons, type RolloutWorld } from "./why-not-yet.ts";

/** Health of updated nodes against the others, since the open wave settled. Asked once the soak is over. */
export type ReadHealth = (state: RolloutState) => readonly GateFinding[];

/** Where the search for the next node to offer goes on. Not part of the log: it only saves looking at the same nodes again. */
export interface OfferScan {
  at: number;
  /** Nobody further can be offered anything before time or a node changes something. */
  isExhausted: boolean;
  /** The turn ended before everybody was looked at. */
  isCut: boolean;
  wave: number;
  /** Where the search for sleepers goes on. */
  sleeperAt: number;
}

export function offerScan(): OfferScan {
  return { at: 0, isExhausted: false, isCut: false, wave: -1, sleeperAt: 0 };
}

const waiting = memberPhases.indexOf("waiting");
const offered = memberPhases.indexOf("offered");
const committed = memberPhases.indexOf("committed");
const maxOffersAtOnce = 500;
/** Members that are looked at in one turn, and of those that may sleep while all slots are taken. */
const maxLooks = 20_000;
const maxSleeperLooks = 2_000;
/** How many of its own intervals a sleeper has to come and take what was offered. */
const sleeperPolls = 2.5;

/**
 * What time alone brings: leases that are over, gates, waves, the end. Pure. The events are to be stored and put through the machine before it is
 * asked again; none: nothing is due.
 */
export function timeEvents(
  state: RolloutState,
  world: RolloutWorld,
  readHealth: ReadHealth,
  nowMs: number,
): readonly RolloutEvent[] {
  const leases = leaseEvents(state, world, nowMs);
  if (leases.length > 0) return leases;
  const closing = closingEvent(state, world, nowMs);
  if (closing !== undefined) return [closing];
  return state.status === "running" ? waveEvents(state, world, readHealth, nowMs) : [];
}

/**
 * What closes a gate at once, without waiting for the rest of the wave. The roll-backs that quarantine an image are failures of the wave as well: whichever
 * of the two is noticed first, a gate that they close is closed, and reverts where the plan says so.
 */
export function closingEvent(state: RolloutState, world: RolloutWorld, nowMs: number): RolloutEvent | undefined {
  const isHeld = state.status === "paused" && state.pause?.by === "quarantine";
  if (state.status !== "running" && !isHeld) return undefined;
  const finding = failureFinding(state);
  if (finding !== undefined)
    return { kind: "gate-closed", wave: state.wave, verdict: gateVerdict([finding]), atMs: nowMs };
  if (isHeld || !world.isQuarantined) return undefined;
  const why = `${state.image.digest} is quarantined: it rolled back on too many nodes`;
  return { kind: "paused", by: "quarantine", why, atMs: nowMs };
}

function leaseEvents(state: RolloutState, world: RolloutWorld, nowMs: number): readonly RolloutEvent[] {
  if (nowMs < state.leaseCheckMs || state.active + state.sleepers === 0) return [];
  const { members, plan } = state;
  const { phase, leaseUntilMs } = members.columns;
  const expired: string[] = [];
  const renewed: string[] = [];
  let earliestMs = Number.POSITIVE_INFINITY;
  for (const row of members.order) {
    if (phase[row]! < offered || phase[row]! > committed) continue;
    if (leaseUntilMs[row]! > nowMs) {
      earliestMs = Math.min(earliestMs, leaseUntilMs[row]!);
      continue;
    }
    const node = members.idOf(row);
    const movedAtMs = world.node(node)?.attemptMovedAtMs ?? Number.NEGATIVE_INFINITY;
    const isAlive = phase[row] !== offered && movedAtMs > nowMs - plan.limits.silentLeaseMs;
    (isAlive ? renewed : expired).push(node);
  }
  if (renewed.length + expired.length === 0) state.leaseCheckMs = earliestMs;
  return [
    ...(renewed.length > 0 ? [{ kind: "renewed", nodes: renewed, atMs: nowMs } as const] : []),
    ...(expired.length > 0 ? [{ kind: "leases-expired", nodes: expired, atMs: nowMs } as const] : []),
  ];
}

function waveEvents(
  state: RolloutState,
  world: RolloutWorld,
  readHealth: ReadHealth,
  nowMs: number,
): readonly RolloutEvent[] {
  const open = state.waves[state.wave];
  if (open === undefined || state.active + state.sleepers > 0) return [];
  if (state.members.inTurn === 0) return endEvents(state, nowMs);
  const { wave } = state;
  const isLast = wave === state.plan.waves.length - 1;
  if (isLast && open.verdict?.kind === "open") return endEvents(state, nowMs);
  if (waveSize(state) === 0 && sampleOf(state).has === 0) {
    const text = `sample: wave ${wave + 1} has no members beyond those of the wave before`;
    const verdict = gateVerdict([{ what: "sample", kind: "good", text }]);
    return [{ kind: "gate-passed", wave, verdict, atMs: nowMs }];
  }
  if (open.settledAtMs === undefined) {
    const isSettled = sampleOf(state).has >= sampleOf(state).needed && isThrough(state, world, nowMs);
    return isSettled ? [{ kind: "settled", wave, atMs: nowMs }] : [];
  }
  const soakedAtMs = open.settledAtMs + state.plan.gate.soakMs;
  if (nowMs < soakedAtMs) return [];
  const health = state.plan.gate.health.length === 0 ? [] : readHealth(state);
  const verdict = gateVerdict([...successFindings(state), ...health]);
  if (verdict.kind === "open") return [{ kind: "gate-passed", wave, verdict, atMs: nowMs }];
  // What can't be read yet may be in a while; what can't be read at all is closed.
  if (verdict.kind === "unreadable" && nowMs < soakedAtMs + state.plan.gate.readableWithinMs) return [];
  return [{ kind: "gate-closed", wave, verdict, atMs: nowMs }];
}

function endEvents(state: RolloutState, nowMs: number): readonly RolloutEvent[] {
  const { members, plan } = state;
  const isOpen = members.countIn("waiting") + members.countIn("deferred") > 0;
  return isOpen || plan.staysOpen ? [] : [{ kind: "completed", atMs: nowMs }];
}

/** Whether everybody of the open wave who waits does so for a reason of his own. */
function isThrough(state: RolloutState, world: RolloutWorld, nowMs: number): boolean {
  const { members } = state;
  const limit = waveLimit(state.plan, state.wave, members.inTurn);
  const ledger = new OfferLedger(state, nowMs);
  const { phase, wave } = members.columns;
  for (const row of members.order) {
    if (phase[row] !== waiting || (wave[row] === noWave && members.rank(row) >= limit)) continue;
    const found = hindrance(state, row, world.node(members.idOf(row)), world, nowMs, ledger);
    const isElsewhere = found !== undefined && (ownReasons.has(found.why) || found.why === "wave-not-open");
    if (!isElsewhere) return false;
  }
  return true;
}

/**
 * Who is offered the update now, in their order, and who turned out to run it. Pure but for `scan`. `isTick`: time passed, so everybody is looked at
 * again; else the search goes on where it was.
 */
export function offerEvents(
  state: RolloutState,
  world: RolloutWorld,
  nowMs: number,
  scan: OfferScan,
  isTick: boolean,
): readonly RolloutEvent[] {
  if (state.status !== "running") return [];
  // A search that was too long for one turn goes on; else time may have changed something for everybody.
  if (scan.wave !== state.wave || (isTick && !scan.isCut))
    Object.assign(scan, offerScan(), { wave: state.wave, sleeperAt: scan.sleeperAt });
  const { members, plan } = state;
  const { concurrency } = plan.limits;
  const { phase, wave } = members.columns;
  const limit = waveLimit(plan, state.wave, members.inTurn);
  const ledger = new OfferLedger(state, nowMs);
  const chosen = new Map<MemberRow, OfferedNode>();
  const had: string[] = [];
  const { order } = members;
  // The limits of the rollout as a whole: nobody further is looked at before time passed.
  const isHeld = (): boolean =>
    chosen.size >= maxOffersAtOnce || ledger.rateFreeAtMs > nowMs || ledger.bytesFreeAtMs > nowMs;
  const isCandidate = (row: MemberRow, rank: number): boolean =>
    (wave[row] !== noWave || rank < limit) && !chosen.has(row);
  const consider = (row: MemberRow): void => {
    const node = members.idOf(row);
    const facts = world.node(node);
    if (hindrance(state, row, facts, world, nowMs, ledger) !== undefined || facts === undefined) return;
    // Asked last: what a node runs is in its report, which is only read when somebody needs it.
    if (facts.digest === state.image.digest) {
      had.push(node);
      return;
    }
    const { isSleepy, site } = facts;
    ledger.take({ isSleepy, site, isNew: wave[row] === noWave });
    chosen.set(row, {
      ...{ node, leaseMs: leaseMs(state, facts) },
      ...(site !== undefined && { site }),
      ...(isSleepy && { isSleeper: true }),
    });
  };
  let looks = scan.isExhausted ? 0 : maxLooks;
  for (; scan.at < order.length && ledger.active < concurrency; scan.at++) {
    const row = order[scan.at]!;
    if (phase[row] !== waiting || !isCandidate(row, scan.at)) continue;
    if (looks === 0 || isHeld()) break;
    looks--;
    consider(row);
  }
  scan.isExhausted = scan.at >= order.length;
  scan.isCut = looks === 0 && !scan.isExhausted;
  // Where all slots are taken those of sleepers may be free: who sleeps is searched for a part of the fleet at a time.
  looks = isTick && ledger.active >= concurrency ? maxSleeperLooks : 0;
  for (let turns = 0; turns < order.length && looks > 0 && ledger.sleepers < concurrency && !isHeld(); turns++) {
    const rank = scan.sleeperAt++ % order.length;
    const row = order[rank]!;
    if (phase[row] !== waiting || !isCandidate(row, rank)) continue;
    looks--;
    if (world.node(members.idOf(row))?.isSleepy === true) consider(row);
  }
  return [
    ...(had.length > 0 ? [{ kind: "had", nodes: had, atMs: nowMs } as const] : []),
    ...(chosen.size > 0 ? [{ kind: "offered", nodes: [...chosen.values()], atMs: nowMs } as const] : []),
  ];
}

function leaseMs({ plan }: RolloutState, { isSleepy, pollMs }: NodeFacts): number {
  return isSleepy ? Math.max(plan.limits.offerLeaseMs, sleeperPolls * pollMs) : plan.limits.offerLeaseMs;
}
