import type { Entropy } from "../../../kernel/entropy.ts";
import { offerEvents, offerScan, timeEvents } from "./rollout-due.ts";
import type { RolloutEffect, RolloutEvent, RolloutImage } from "./rollout-event.ts";
import { rolloutTransition } from "./rollout-machine.ts";
import type { RolloutPlan } from "./rollout-plan.ts";
import type { RolloutState } from "./rollout-state.ts";
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
  /** Of one try. */
  readonly failureChance: number;
}

export interface SimulatedRollout {
  readonly state: RolloutState;
  /** Sent to nodes, with those of tries that failed. */
  readonly bytes: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Nothing more was going to happen within the time. */
  readonly isThrough: boolean;
}

interface Due {
  readonly atMs: number;
  run(): void;
}

/** While somebody is at it. Else steps grow as long as nothing happens, up to an hour: so long the forecast may be off. */
const busyStepMs = 5_000;
const idleStepMs = 60_000;
const longestStepMs = 3_600_000;

/**
 * A plan on virtual time: the machine that runs rollouts, with nodes that answer by their records and by chance from the entropy. It pauses after each
 * step, so that whoever runs it can let others in between; a large fleet takes seconds.
 */
export function* simulateRollout(
  plan: RolloutPlan,
  image: RolloutImage,
  nodes: readonly SimulatedNode[],
  options: { readonly startMs: number; readonly mostMs: number; readonly entropy: Entropy },
): Generator<void, SimulatedRollout> {
  const { startMs, mostMs, entropy } = options;
  let nowMs = startMs;
  let bytes = 0;
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const comesAtMs = new Map(nodes.map((node) => [node.id, returnMs(node, startMs, entropy)]));
  const running = new Set<string>();
  const queue: Due[] = [];
  const world = {
    isQuarantined: false,
    node: (id: string): NodeFacts | undefined => {
      const node = byId.get(id);
      if (node === undefined) return undefined;
      const isThere = (comesAtMs.get(id) ?? 0) <= nowMs;
      const { isSleepy, pollMs, site, battery } = node;
      return {
        ...{
          isSleepy,
          pollMs,
          site,
          battery,
          hasReport: true,
          historyMs: Number.POSITIVE_INFINITY,
          isBusy: false,
          isDeferred: false,
        },
        presence: isThere ? "online" : "offline",
        heardAtMs: isThere ? nowMs : startMs - (node.silentMs ?? 0),
        ...(running.has(id) && { digest: image.digest }),
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
  const later = (delayMs: number, run: () => void): void => insert(queue, { atMs: nowMs + delayMs, run });
  const perform = (effect: RolloutEffect): void => {
    if (effect.kind !== "offer") return;
    const { node, attempt } = effect;
    const about = byId.get(node);
    if (about === undefined) return;
    // A heartbeat brings it, or a call right away where one can be made.
    later(about.isSleepy ? about.pollMs * entropy.fraction() : 1000, () =>
      take({ kind: "moved", node, attempt, to: "under-way", atMs: nowMs }),
    );
    const isBad = entropy.fraction() < about.failureChance;
    const takesMs = about.updateMs * (0.7 + 0.6 * entropy.fraction()) * (isBad ? entropy.fraction() : 1);
    later(takesMs + (about.isSleepy ? about.pollMs : 1000), () => {
      bytes += Math.round(image.size * (isBad ? entropy.fraction() : 1));
      if (!isBad) running.add(node);
      const how = isBad ? ({ state: "failed", reason: "timed-out" } as const) : ({ state: "succeeded" } as const);
      take({ kind: "ended", node, attempt, ...how, atMs: nowMs });
    });
  };
  take({ kind: "joined", nodes: nodes.map(({ id }) => ({ node: id })), atMs: nowMs });
  take({ kind: "started", by: "forecast", atMs: nowMs });
  const scan = offerScan();
  // Who comes back next, the last one first, to be taken from the end.
  const returns = [...comesAtMs.values()].filter((at) => at > nowMs).sort((a, b) => b - a);
  let restedAtMs = nowMs;
  let stepMs = idleStepMs;
  while (state.status === "running" && nowMs < startMs + mostMs) {
    for (let isTick = true, turns = 0; turns < 1000; turns++, isTick = false) {
      const timed = timeEvents(state, world, () => [], nowMs);
      const due = timed.length > 0 ? timed : offerEvents(state, world, nowMs, scan, isTick);
      if (due.length === 0) break;
      restedAtMs = nowMs;
      for (const event of due) take(event);
    }
    yield;
    while (returns.length > 0 && returns.at(-1)! <= nowMs) {
      returns.pop();
      restedAtMs = nowMs;
    }
    const isBusy = state.active + state.sleepers > 0;
    stepMs = isBusy || restedAtMs === nowMs ? idleStepMs : Math.min(stepMs * 2, longestStepMs);
    const soakedAtMs = (state.waves.at(-1)?.settledAtMs ?? Number.POSITIVE_INFINITY) + plan.gate.soakMs;
    const comesMs = returns.at(-1) ?? Number.POSITIVE_INFINITY;
    const known = [soakedAtMs, comesMs, queue[0]?.atMs ?? Number.POSITIVE_INFINITY].filter((at) => at > nowMs);
    const nextMs = isBusy ? nowMs + busyStepMs : Math.min(nowMs + stepMs, ...known);
    for (let first = queue[0]; first !== undefined && first.atMs <= nextMs; first = queue[0]) {
      queue.shift();
      nowMs = Math.max(nowMs, first.atMs);
      restedAtMs = nowMs;
      first.run();
    }
    nowMs = nextMs;
  }
  return { state, bytes, startedAtMs: startMs, endedAtMs: restedAtMs, isThrough: state.status !== "running" };
}

/** Who has been silent for a day is likely to be silent for another: half of them come back within as long again. */
function returnMs({ silentMs }: SimulatedNode, startMs: number, entropy: Entropy): number {
  if (silentMs === undefined) return startMs;
  return startMs + silentMs * (entropy.fraction() / (1 - entropy.fraction() + 1e-9));
}

/** Few are under way at once, so that a sorted list does. */
function insert(queue: Due[], due: Due): void {
  let low = 0;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (queue[middle]!.atMs <= due.atMs) low = middle + 1;
    else high = middle;
  }
  queue.splice(low, 0, due);
}
