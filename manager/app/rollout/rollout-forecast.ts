import { type Clock, sleep } from "../../../kernel/clock.ts";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { isEnded } from "../../domain/attempt-machine.ts";
import { medianOf } from "../../domain/rollout/median-difference.ts";
import type { RolloutPlan } from "../../domain/rollout/rollout-plan.ts";
import { type SimulatedNode, simulateRollout } from "../../domain/rollout/rollout-simulation.ts";
import type { Storage } from "../../ports/storage.ts";
import type { NodeView } from "../api/registry.ts";
import type { PlanRefusal, RolloutForecast } from "../api/rollouts.ts";
import { type AttemptRecord, attemptTable } from "../attempt-record.ts";
import type { HealthBook } from "../health-book.ts";
import { checkPlan, type PlanCheckParts } from "./plan-check.ts";
import { everyNode, outsideRule, type RolloutFleet } from "./rollout-joining.ts";

export interface ForecastParts {
  readonly updates: PlanCheckParts;
  readonly fleet: RolloutFleet;
  readonly storage: Storage;
  readonly health: Pick<HealthBook, "latest">;
  readonly clock: Clock;
}

/** So long it runs without letting others in between. */
const sliceMs = 10;
const mostMs = 30 * 86_400_000;
/** Of a node without any record: a slow link, and the time of a reboot and a registration. */
const unknownBytesPerSecond = 20_000;
const rebootMs = 30_000;
/** So many tries of the whole fleet count beside a node's own. */
const priorTries = 4;

/** What tries of the past say. */
class Records {
  readonly #ends = new Map<string, { tries: number; failed: number; speeds: number[] }>();
  readonly #speeds: number[] = [];
  #tries = 0;
  #failed = 0;

  add({ node, progress, startedAtMs }: AttemptRecord): void {
    const { state, total, changedAtMs } = progress;
    if (!isEnded(state) || state === "cancelled") return;
    const own = this.#ends.get(node) ?? { tries: 0, failed: 0, speeds: [] };
    this.#ends.set(node, own);
    own.tries++;
    this.#tries++;
    if (state !== "succeeded") {
      own.failed++;
      this.#failed++;
      return;
    }
    const seconds = (changedAtMs - startedAtMs - rebootMs) / 1000;
    if (total === undefined || total === 0) return;
    const speed = total / Math.max(seconds, 1);
    own.speeds.push(speed);
    this.#speeds.push(speed);
  }

  bytesPerSecond(node: string): number {
    const own = this.#ends.get(node)?.speeds ?? [];
    if (own.length > 0) return medianOf(own);
    return this.#speeds.length > 0 ? medianOf(this.#speeds) : unknownBytesPerSecond;
  }

  failureChance(node: string): number {
    const own = this.#ends.get(node) ?? { tries: 0, failed: 0 };
    const whole = this.#tries === 0 ? 0.01 : this.#failed / this.#tries;
    return (whole * priorTries + own.failed) / (priorTries + own.tries);
  }
}

/** How a plan would go, by the same machine on virtual time: nodes are as fast and as reliable as their records say. Pure but for what it reads. */
export async function rolloutForecast(
  plan: RolloutPlan,
  seed: number,
  { updates, fleet, storage, health, clock }: ForecastParts,
): Promise<RolloutForecast | PlanRefusal> {
  const checked = checkPlan(plan, updates);
  if (checked.kind === "refused") return checked;
  const { image } = checked;
  const records = new Records();
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
  const simulation = simulateRollout(plan, image, nodes, { startMs, mostMs, entropy });
  let step = simulation.next();
  for (let sinceMs = clock.monotonicMs(); step.done !== true; step = simulation.next()) {
    if (clock.monotonicMs() - sinceMs < sliceMs) continue;
    // The manager has more to do than this.
    await sleep(clock, 0);
    sinceMs = clock.monotonicMs();
  }
  const { state, bytes, endedAtMs, isThrough } = step.value;
  const { members } = state;
  return {
    ...{ kind: "forecast", seed, members: nodes.length, status: state.status, simulatedMs: mostMs, bytes },
    ...{ succeeded: members.countIn("succeeded"), failed: members.countIn("failed") },
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
  records: Records,
  health: Pick<HealthBook, "latest">,
): SimulatedNode {
  const isThere = presence.state === "online" || presence.state === "late";
  return {
    ...{ id, site: labels.site, isSleepy: manifest.sleepy === true, pollMs: pollSeconds * 1000 },
    battery: health.latest(id)?.value.battery,
    ...(!isThere && { silentMs: Math.max(presence.heardAgoMs ?? 86_400_000, 60_000) }),
    updateMs: (size / records.bytesPerSecond(id)) * 1000 + rebootMs,
    failureChance: records.failureChance(id),
  };
}
