import { isInWindow, nextWindowMs } from "./maintenance-window.ts";
import { OfferLedger } from "./offer-ledger.ts";
import type { MemberRow } from "./rollout-members.ts";
import { hasLoneCanary, neededHistoryMs, waveLimit } from "./rollout-plan.ts";
import type { RolloutState } from "./rollout-state.ts";

/** What the manager knows of a node when it decides whether to offer it the update. */
export interface NodeFacts {
  readonly presence: "online" | "late" | "offline" | "unknown";
  /** Wall time; undefined: never. */
  readonly heardAtMs?: number | undefined;
  readonly isSleepy: boolean;
  readonly pollMs: number;
  /** It told its state since the manager knows it. */
  readonly hasReport: boolean;
  /** Percent; undefined: it has no battery, or doesn't say. */
  readonly battery?: number | undefined;
  readonly site?: string | undefined;
  /** Of the image that runs. */
  readonly digest?: string | undefined;
  /** Another update is under way on it. */
  readonly isBusy: boolean;
  /** An operator holds it in maintenance. */
  readonly isDeferred: boolean;
  /** Wall time at which its open attempt last moved. */
  readonly attemptMovedAtMs?: number | undefined;
  /** For how long it is known what it counted, up to a day; 0: it told nothing yet. Only asked of a lone canary. */
  readonly historyMs: number;
}

/** The fleet as a rollout sees it. */
export interface RolloutWorld {
  node(id: string): NodeFacts | undefined;
  /** The image is quarantined for its model. */
  readonly isQuarantined: boolean;
}

export type WhyNot =
  | { readonly why: "not-a-member" | "no-such-node" }
  | { readonly why: "rollout-not-running"; readonly status: string; readonly reason?: string }
  | { readonly why: "wave-not-open"; readonly rank: number; readonly wave: number; readonly reaches: number }
  | { readonly why: "window-closed"; readonly opensAtMs?: number }
  | { readonly why: "no-slot"; readonly active: number; readonly concurrency: number }
  | { readonly why: "no-slot-at-site"; readonly site: string; readonly active: number }
  | { readonly why: "rate-limit" | "bytes-limit"; readonly untilMs: number }
  | { readonly why: "deferred" | "busy-with-another-update" }
  | { readonly why: "quarantined"; readonly digest: string }
  | { readonly why: "attempt-budget-spent"; readonly tries: number }
  | { readonly why: "retry-later"; readonly untilMs: number; readonly reason?: string }
  | { readonly why: "low-battery"; readonly percent: number; readonly needed: number }
  | { readonly why: "on-battery" | "no-status-report" }
  /** Its gate compares it with itself. */
  | { readonly why: "history-too-short"; readonly knownMs: number; readonly neededMs: number }
  | { readonly why: "not-seen"; readonly sinceMs?: number }
  | { readonly why: "sleeping-until-uplink"; readonly sinceMs?: number };

/** Whose own matter it is: others go on without it, and a wave is through although it waits. */
export const ownReasons: ReadonlySet<WhyNot["why"]> = new Set([
  ...(["no-such-node", "deferred", "busy-with-another-update", "attempt-budget-spent"] as const),
  ...(["low-battery", "on-battery", "no-status-report", "not-seen"] as const),
]);

interface Asked {
  readonly state: RolloutState;
  readonly ledger: OfferLedger;
  readonly row: MemberRow;
  readonly facts: NodeFacts | undefined;
  readonly world: RolloutWorld;
  readonly nowMs: number;
}

/** What stands against an offer now, in the order in which people ask. The scheduler asks the same ones. */
const checks: readonly ((asked: Asked) => WhyNot | undefined)[] = [
  ({ state: { status, pause } }) =>
    status === "running" ? undefined : { why: "rollout-not-running", status, ...(pause && { reason: pause.why }) },
  ({ state, row, ledger }) => {
    const { members, plan, wave } = state;
    const limit = waveLimit(plan, wave, members.inTurn);
    const rank = members.rank(row);
    // Whoever was offered it once goes on; a newcomer doesn't push somebody else's place open.
    const isTouched = members.columns.wave[row]! <= wave;
    if (isTouched || (rank < limit && ledger.touched < limit)) return undefined;
    let opens = wave;
    while (opens < plan.waves.length - 1 && rank >= waveLimit(plan, opens, members.inTurn)) opens++;
    return { why: "wave-not-open", rank, wave: Math.max(opens, wave + (rank < limit ? 1 : 0)), reaches: limit };
  },
  ({ state: { plan }, facts, nowMs }) => {
    const zone = zoneOf(plan, facts?.site);
    if (isInWindow(plan.windows, zone, nowMs)) return undefined;
    const opensAtMs = nextWindowMs(plan.windows, zone, nowMs);
    return { why: "window-closed", ...(opensAtMs !== undefined && { opensAtMs }) };
  },
  ({ state, facts, ledger }) => {
    const { concurrency } = state.plan.limits;
    const active = facts?.isSleepy === true ? ledger.sleepers : ledger.active;
    return active < concurrency ? undefined : { why: "no-slot", active, concurrency };
  },
  ({ state, facts, ledger }) => {
    const { perSite } = state.plan.limits;
    if (perSite === undefined || facts?.site === undefined) return undefined;
    const active = ledger.activeAt(facts.site);
    return active < perSite ? undefined : { why: "no-slot-at-site", site: facts.site, active };
  },
  ({ ledger, nowMs }) =>
    ledger.rateFreeAtMs <= nowMs ? undefined : { why: "rate-limit", untilMs: ledger.rateFreeAtMs },
  ({ ledger, nowMs }) =>
    ledger.bytesFreeAtMs <= nowMs ? undefined : { why: "bytes-limit", untilMs: ledger.bytesFreeAtMs },
  ({ facts }) => (facts?.isDeferred === true ? { why: "deferred" } : undefined),
  ({ facts }) => (facts?.isBusy === true ? { why: "busy-with-another-update" } : undefined),
  ({ state, world }) => (world.isQuarantined ? { why: "quarantined", digest: state.image.digest } : undefined),
  ({ state, row }) => {
    const tries = state.members.columns.tries[row]!;
    return tries < state.plan.retry.attempts ? undefined : { why: "attempt-budget-spent", tries };
  },
  ({ state: { members }, row, nowMs }) => {
    const untilMs = members.columns.retryAtMs[row]!;
    const reason = members.reason(row);
    return untilMs <= nowMs ? undefined : { why: "retry-later", untilMs, ...(reason !== undefined && { reason }) };
  },
  ({ state: { plan }, facts }) => {
    const { minBatteryPercent, mainsOnly } = plan.power;
    if (minBatteryPercent === undefined && !mainsOnly) return undefined;
    // What can't be read isn't assumed.
    if (facts?.hasReport !== true) return { why: "no-status-report" };
    if (facts.battery === undefined) return undefined;
    if (mainsOnly) return { why: "on-battery" };
    const needed = minBatteryPercent ?? 0;
    return facts.battery >= needed ? undefined : { why: "low-battery", percent: facts.battery, needed };
  },
  ({ facts }) => {
    if (facts === undefined) return { why: "no-such-node" };
    const { presence, heardAtMs } = facts;
    if (presence === "online" || presence === "late") return undefined;
    return { why: "not-seen", ...(heardAtMs !== undefined && { sinceMs: heardAtMs }) };
  },
  ({ state: { members, plan, wave }, row, facts }) => {
    const isCanary = wave === 0 && (members.columns.wave[row] === 0 || members.rank(row) === 0);
    if (!isCanary || facts === undefined || !hasLoneCanary(plan, members.inTurn)) return undefined;
    const neededMs = neededHistoryMs(plan);
    const knownMs = facts.historyMs;
    return knownMs >= neededMs ? undefined : { why: "history-too-short", knownMs, neededMs };
  },
];

/** The first thing that stands against an offer; undefined: it can be made. */
export function hindrance(
  state: RolloutState,
  row: MemberRow,
  facts: NodeFacts | undefined,
  world: RolloutWorld,
  nowMs: number,
  ledger: OfferLedger = new OfferLedger(state, nowMs),
): WhyNot | undefined {
  const asked = { state, ledger, row, facts, world, nowMs };
  for (const check of checks) {
    const found = check(asked);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Everything that stands against it, in order. Of a member that waits; for one that was offered it, what it waits for itself. */
export function whyNotYet(state: RolloutState, node: string, world: RolloutWorld, nowMs: number): readonly WhyNot[] {
  const { members } = state;
  const row = members.find(node);
  if (row === -1 || members.phase(row) === "left") return [{ why: "not-a-member" }];
  const facts = world.node(node);
  const since = facts?.heardAtMs === undefined ? {} : { sinceMs: facts.heardAtMs };
  if (members.phase(row) === "offered" && facts?.isSleepy === true) return [{ why: "sleeping-until-uplink", ...since }];
  if (members.phase(row) === "deferred") return [{ why: "deferred" }];
  if (members.phase(row) !== "waiting") return [];
  const asked = { state, ledger: new OfferLedger(state, nowMs), row, facts, world, nowMs };
  return checks.flatMap((check) => check(asked) ?? []);
}

function zoneOf(
  { timeZone, siteTimeZones }: { readonly timeZone: string; readonly siteTimeZones: Readonly<Record<string, string>> },
  site: string | undefined,
): string {
  return (site === undefined ? undefined : siteTimeZones[site]) ?? timeZone;
}
