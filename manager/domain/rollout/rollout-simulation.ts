import type { Entropy } from "../../../kernel/entropy.ts";
import type { GateFinding } from "./gate-verdict.ts";
import { isQuarantined, type QuarantineRecord, quarantineAfter, rolledBack } from "./quarantine.ts";
import { closingEvent, offerEvents, offerScan, timeEvents } from "./rollout-due.ts";
import type { RolloutEffect, RolloutEvent, RolloutImage } from "./rollout-event.ts";
import { rolloutTransition } from "./rollout-machine.ts";
import type { RolloutPlan } from "./rollout-plan.ts";
import type { RolloutState } from "./rollout-state.ts";
import { TimeQueue } from "./time-queue.ts";
import type { NodeFacts } from "./why-not-yet.ts";

/** A node as its records describe it. */
export interface SimulatedNode {
  readonly id: string;
  readonly site?: string | undefined;
  readonly isSleepy: boolean;
  readonly pollMs: number;
  readonly battery?: number | undefined;
  /** How long it wasn't heard; undefined: it is there. */
  readonly silentMs?: number | undefined;
  /** From having the action to running the new image. */
  readonly updateMs: number;
  /** Of one try: that it comes to nothing before the image is booted, and that the image is booted and the previous one comes back. */
  readonly failureChance: number;
  readonly rollBackChance: number;
}

export interface SimulationOptions {
  readonly startMs: number;
  readonly mostMs: number;
  readonly entropy: Entropy;
  /** Why tries of the past failed and rolled back, each as often as it did; of none it is a time-out and a crash. */
  readonly failureReasons?: readonly string[];
  readonly rollBackReasons?: readonly string[];
  /** That a gate which looks at health closes by it. */
  readonly gateClosesChance?: number;
  readonly quarantineAfter?: number;
}

export interface SimulatedRollout {
  readonly state: RolloutState;
  /** Sent to nodes, with those of tries that failed. */
  readonly bytes: number;
  /** Tries that ended in a roll-back. */
  readonly rollBacks: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Nothing more was going to happen within the time. */
  readonly isThrough: boolean;
}

/** A node within the run. */
interface Actor {
  readonly about: SimulatedNode;
  readonly comesAtMs: number;
  runsIt: boolean;
}

/** What happens while somebody is at it is taken together by the second. */
const grainMs = 1000;
/** Everybody is looked at again so often; a large fleet less often, which costs the forecast no more than that minute. */
const shortestTickMs = 5_000;
const longestTickMs = 60_000;
const tickMsOfMember = 0.6;
/** Nobody is at it, and nothing happens: steps grow up to an hour; so long the forecast may be off. */
const longestStepMs = 3_600_000;

/**
 * A plan on virtual time: the machine that runs rollouts, with nodes that answer by their records and by chance from the entropy. It pauses after each
 * step with the share of members that have ended, so that whoever runs it can let others in between; a large fleet takes seconds.
 */
export function* simulateRollout(
  plan: RolloutPlan,
  image: RolloutImage,
  nodes: readonly SimulatedNode[],
  options: SimulationOptions,
): Generator<number, SimulatedRollout> {
  const { startMs, mostMs, entropy } = options;
  const failureReasons = options.failureReasons ?? [];
  const rollBackReasons = options.rollBackReasons ?? [];
  let nowMs = startMs;
  let bytes = 0;
  let rollBacks = 0;
  let quarantine: QuarantineRecord = { digest: image.digest, model: image.model ?? "unknown", nodes: [] };
  const actors = new Map<string, Actor>(
    nodes.map((about) => [about.id, { about, comesAtMs: returnMs(about, startMs, entropy), runsIt: false }]),
  );
  const queue = new TimeQueue<() => void>();
  const world = {
    isQuarantined: false,
    node: (id: string): NodeFacts | undefined => {
      const actor = actors.get(id);
      if (actor === undefined) return undefined;
      const isThere = actor.comesAtMs <= nowMs;
      const { isSleepy, pollMs, site, battery, silentMs = 0 } = actor.about;
      return {
        ...{ isSleepy, pollMs, site, battery, hasReport: true, isBusy: false, isDeferred: false },
        presence: isThere ? "online" : "offline",
        heardAtMs: isThere ? nowMs : startMs - silentMs,
        historyMs: Number.POSITIVE_INFINITY,
        digest: actor.runsIt ? image.digest : undefined,
      };
    },
  };
  const created = {
    kind: "created",
    plan: { ...plan, needsApproval: false },
    image,
    by: "forecast",
    atMs: nowMs,
  } as const;
  const state = rolloutTransition(undefined, created).state!;
  const take = (event: RolloutEvent): void => {
    for (const effect of rolloutTransition(state, event).effects) perform(effect);
  };
  const drawn = (reasons: readonly string[], none: string): string =>
    reasons[Math.floor(entropy.fraction() * reasons.length)] ?? none;
  const perform = (effect: RolloutEffect): void => {
    if (effect.kind !== "offer") return;
    const { node, attempt } = effect;
    const actor = actors.get(node);
    if (actor === undefined) return;
    const { isSleepy, pollMs, updateMs, failureChance, rollBackChance } = actor.about;
    // A heartbeat brings it, or a call right away where one can be made.
    queue.add(nowMs + (isSleepy ? pollMs * entropy.fraction() : grainMs), () =>
      take({ kind: "moved", node, attempt, to: "under-way", atMs: nowMs }),
    );
    const chance = entropy.fraction();
    const how =
      chance < failureChance ? "failed" : chance < failureChance + rollBackChance ? "rolled-back" : "succeeded";
    const share = how === "failed" ? entropy.fraction() : 1;
    const takesMs = updateMs * (0.7 + 0.6 * entropy.fraction()) * share;
    queue.add(nowMs + takesMs + (isSleepy ? pollMs : grainMs), () => {
      bytes += Math.round(image.size * share);
      if (how === "succeeded") {
        actor.runsIt = true;
        take({ kind: "ended", node, attempt, state: how, atMs: nowMs });
        return;
      }
      const isBack = how === "rolled-back";
      const reason = isBack ? drawn(rollBackReasons, "crash") : drawn(failureReasons, "timeout");
      if (isBack) {
        rollBacks++;
        quarantine = rolledBack(quarantine, node, reason, nowMs, options.quarantineAfter ?? quarantineAfter);
        world.isQuarantined = isQuarantined(quarantine);
        take({ kind: "moved", node, attempt, to: "committed", atMs: nowMs });
      }
      take({ kind: "ended", node, attempt, state: how, reason, atMs: nowMs });
    });
  };
  // Once a wave: asked again it is the same gate.
  const verdicts = new Map<number, readonly GateFinding[]>();
  const health = (): readonly GateFinding[] => {
    const known = verdicts.get(state.wave);
    if (known !== undefined) return known;
    const isBad = entropy.fraction() < (options.gateClosesChance ?? 0);
    const text = `health: drawn as often as gates of this fleet closed by it (${((options.gateClosesChance ?? 0) * 100).toFixed(1)} %)`;
    const finding = { what: "unhealthy", kind: isBad ? "bad" : "good", text } as const;
    verdicts.set(state.wave, [finding]);
    return [finding];
  };
  take({ kind: "joined", nodes: nodes.map(({ id }) => ({ node: id })), atMs: nowMs });
  take({ kind: "started", by: "forecast", atMs: nowMs });
  const tickMs = Math.min(Math.max(nodes.length * tickMsOfMember, shortestTickMs), longestTickMs);
  const scan = offerScan();
  // Who comes back next, the last one first, to be taken from the end.
  const returns = [...actors.values()]
    .map(({ comesAtMs }) => comesAtMs)
    .filter((at) => at > nowMs)
    .sort((a, b) => b - a);
  let restedAtMs = nowMs;
  let stepMs = tickMs;
  let tickAtMs = nowMs;
  while (state.status === "running" && nowMs < startMs + mostMs) {
    let isTick = nowMs >= tickAtMs;
    if (isTick) tickAtMs = nowMs + tickMs;
    for (let turns = 0; turns < 1000; turns++) {
      const closing = closingEvent(state, world, nowMs);
      const timed = isTick ? timeEvents(state, world, health, nowMs) : closing === undefined ? [] : [closing];
      const due = timed.length > 0 ? timed : offerEvents(state, world, nowMs, scan, isTick);
      // A wave or an end changes what is due for everybody.
      isTick = timed.length > 0;
      if (due.length === 0) break;
      restedAtMs = nowMs;
      for (const event of due) take(event);
    }
    yield 1 - (state.members.countIn("waiting") + state.active + state.sleepers) / Math.max(nodes.length, 1);
    while (returns.length > 0 && returns.at(-1)! <= nowMs) {
      returns.pop();
      restedAtMs = nowMs;
    }
    const isBusy = state.active + state.sleepers > 0;
    stepMs = isBusy || restedAtMs === nowMs ? tickMs : Math.min(stepMs * 2, longestStepMs);
    if (!isBusy) {
      const soakedAtMs = (state.waves.at(-1)?.settledAtMs ?? Number.POSITIVE_INFINITY) + plan.gate.soakMs;
      const known = [soakedAtMs, returns.at(-1) ?? Number.POSITIVE_INFINITY].filter((at) => at > nowMs);
      tickAtMs = Math.min(nowMs + stepMs, ...known);
    }
    const nextMs = Math.max(Math.min(tickAtMs, queue.nextAtMs + grainMs), nowMs + 1);
    for (let due = queue.take(nextMs); due !== undefined; due = queue.take(nextMs)) {
      nowMs = Math.max(nowMs, due.atMs);
      restedAtMs = nowMs;
      due.value();
    }
    nowMs = nextMs;
  }
  const isThrough = state.status !== "running";
  return { state, bytes, rollBacks, startedAtMs: startMs, endedAtMs: restedAtMs, isThrough };
}

/** Who has been silent for a day is likely to be silent for another: half of them come back within as long again. */
function returnMs({ silentMs }: SimulatedNode, startMs: number, entropy: Entropy): number {
  if (silentMs === undefined) return startMs;
  return startMs + silentMs * (entropy.fraction() / (1 - entropy.fraction() + 1e-9));
}
