import { type Clock, sleep } from "../../../kernel/clock.ts";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { healthRules } from "../../domain/rollout/health-gate.ts";
import { healthMetrics, type RolloutPlan } from "../../domain/rollout/rollout-plan.ts";
import { type SimulatedNode, simulateRollout } from "../../domain/rollout/rollout-simulation.ts";
import type { Storage } from "../../ports/storage.ts";
import type { NodeView } from "../api/registry.ts";
import type { PlanRefusal, RolloutForecast, RolloutView } from "../api/rollouts.ts";
import { type AttemptRecord, attemptTable } from "../attempt-record.ts";
import type { HealthBook } from "../health-book.ts";
import { AttemptRecords, rebootMs } from "./attempt-records.ts";
import { checkPlan, type PlanCheckParts } from "./plan-check.ts";
import { everyNode, outsideRule, type RolloutFleet } from "./rollout-joining.ts";

export interface ForecastParts {
  readonly updates: PlanCheckParts;
  readonly fleet: RolloutFleet;
  readonly storage: Storage;
  readonly health: Pick<HealthBook, "latest">;
  readonly clock: Clock;
  readonly limits: { readonly quarantineAfter: number };
  /** Those that the manager keeps. */
  rollouts(): readonly Pick<RolloutView, "plan" | "waves">[];
}

/** So long it runs without letting others in between. */
const sliceMs = 10;
const mostMs = 30 * 86_400_000;
/** Gates of the past that the statistic's own chance of a false alarm counts beside. */
const priorGates = 20;

/** How a plan would go, by the same machine on virtual time: nodes are as fast and as reliable as their records say. Pure but for what it reads. */
export async function rolloutForecast(
  plan: RolloutPlan,
  seed: number,
  { updates, fleet, storage, health, clock, limits, rollouts }: ForecastParts,
  progress: (share: number) => void = () => undefined,
): Promise<RolloutForecast | PlanRefusal> {
  const checked = checkPlan(plan, updates);
  if (checked.kind === "refused") return checked;
  const { image } = checked;
  const records = new AttemptRecords();
  for (let after = ""; ; ) {
    const page = await storage.list(attemptTable, { after });
    for (const { value } of page) records.add(value as AttemptRecord);
    const last = page.at(-1);
    if (last === undefined) break;
    after = last.key;
  }
  const outside = outsideRule(plan, image, fleet);
  const nodes: SimulatedNode[] = [];
  for await (const view of everyNode(fleet)) {
    if (outside(view) === undefined) nodes.push(simulated(view, image.size, records, health));
  }
  const entropy = seededEntropy(`forecast ${seed}`);
  const startMs = clock.wallMs();
  const { failureReasons, rollBackReasons } = records;
  const gates = plan.gate.health.length === 0 ? { chance: 0, seen: 0 } : healthGates(rollouts());
  const simulation = simulateRollout(plan, image, nodes, {
    ...{ startMs, mostMs, entropy, failureReasons, rollBackReasons },
    ...{ gateClosesChance: gates.chance, quarantineAfter: limits.quarantineAfter },
  });
  let step = simulation.next();
  for (let sinceMs = clock.monotonicMs(); step.done !== true; step = simulation.next()) {
    if (clock.monotonicMs() - sinceMs < sliceMs) continue;
    progress(step.value);
    // The manager has more to do than this.
    await sleep(clock, 0);
    sinceMs = clock.monotonicMs();
  }
  const { state, bytes, rollBacks, endedAtMs, isThrough } = step.value;
  const { members } = state;
  return {
    ...{ kind: "forecast", seed, members: nodes.length, status: state.status, simulatedMs: mostMs, bytes },
    ...{ succeeded: members.countIn("succeeded"), failed: members.countIn("failed"), rollBacks },
    healthGates: { closeChance: gates.chance, seen: gates.seen },
    notReached: members.countIn("waiting") + members.countIn("offered") + members.countIn("deferred"),
    ...(isThrough && { durationMs: endedAtMs - startMs }),
    ...(state.pause && { pause: state.pause.why }),
    waves: state.waves.map(({ openedAtMs, succeeded, failed }) => ({
      ...{ openedAfterMs: openedAtMs - startMs, members: succeeded + failed },
    })),
  };
}

function simulated(
  { id, labels, manifest, pollSeconds, presence }: NodeView,
  size: number,
  records: AttemptRecords,
  health: Pick<HealthBook, "latest">,
): SimulatedNode {
  const isThere = presence.state === "online" || presence.state === "late";
  return {
    ...{ id, site: labels.site, isSleepy: manifest.sleepy === true, pollMs: pollSeconds * 1000 },
    battery: health.latest(id)?.value.battery,
    ...(!isThere && { silentMs: Math.max(presence.heardAgoMs ?? 86_400_000, 60_000) }),
    updateMs: (size / records.bytesPerSecond(id)) * 1000 + rebootMs,
    failureChance: records.failureChance(id),
    rollBackChance: records.rollBackChance(id),
  };
}

/** How often a gate of this fleet that looked at health closed by it. Which image is bad nobody knows before; how often one was is known. */
function healthGates(rollouts: readonly Pick<RolloutView, "plan" | "waves">[]): { chance: number; seen: number } {
  let seen = 0;
  let closed = 0;
  for (const { plan, waves } of rollouts) {
    for (const { verdict } of plan.gate.health.length === 0 ? [] : waves) {
      const findings =
        verdict?.findings.filter(({ what }) => (healthMetrics as readonly string[]).includes(what)) ?? [];
      if (findings.length === 0) continue;
      seen++;
      if (findings.some(({ kind }) => kind === "bad")) closed++;
    }
  }
  return { chance: (closed + priorGates * healthRules.alpha) / (seen + priorGates), seen };
}
