import type { GateFinding } from "./gate-verdict.ts";
import { parseRolloutPlan } from "./parse-rollout-plan.ts";
import { offerEvents, offerScan, timeEvents } from "./rollout-due.ts";
import type { RolloutEffect, RolloutEvent } from "./rollout-event.ts";
import { rolloutTransition } from "./rollout-machine.ts";
import type { RolloutState } from "./rollout-state.ts";
import { type NodeFacts, type RolloutWorld, type WhyNot, whyNotYet } from "./why-not-yet.ts";

export const digest = `sha256:${"b".repeat(64)}`;
const image = { digest, size: 1_000_000, version: "2.0.0", model: "sensor", sequence: 2 };
const minute = 60_000;

/** A rollout with a fleet that does what a test says. */
export class RolloutBench {
  state: RolloutState;
  readonly log: RolloutEvent[] = [];
  readonly facts = new Map<string, NodeFacts>();
  readonly world: { node: RolloutWorld["node"]; isQuarantined: boolean };
  health: readonly GateFinding[] = [];
  nowMs = 1_767_225_600_000;
  readonly scan = offerScan();

  constructor(nodes: number, plan: Record<string, unknown> = {}) {
    const parsed = parseRolloutPlan({ id: "r", update: "fw", gate: { soakSeconds: 60, health: [] }, ...plan });
    if (!parsed.ok) throw new Error(`${parsed.path}: ${parsed.rule}`);
    this.world = { node: (id) => this.facts.get(id), isQuarantined: false };
    const created = { kind: "created", plan: parsed.plan, image, by: "ann", atMs: this.nowMs } as const;
    this.log.push(created);
    this.state = rolloutTransition(undefined, created).state!;
    const ids = Array.from({ length: nodes }, (_, i) => `n${i}`);
    for (const id of ids) this.set(id);
    this.do({ kind: "joined", nodes: ids.map((node) => ({ node })) });
  }

  set(id: string, over: Partial<NodeFacts> = {}): void {
    const before = this.facts.get(id) ?? {
      ...{
        presence: "online" as const,
        isSleepy: false,
        pollMs: minute,
        hasReport: true,
        historyMs: 86_400_000,
        isBusy: false,
        isDeferred: false,
      },
    };
    this.facts.set(id, { ...before, ...over });
  }

  do(event: Record<string, unknown> & { kind: RolloutEvent["kind"] }): readonly RolloutEffect[] {
    const full = { atMs: this.nowMs, ...event } as RolloutEvent;
    this.log.push(full);
    return rolloutTransition(this.state, full).effects;
  }

  /** Time passes, and everything that is due happens. */
  tick(ms = 1000): readonly RolloutEffect[] {
    this.nowMs += ms;
    const effects: RolloutEffect[] = [];
    for (let isTick = true, turns = 0; turns < 100; turns++) {
      const due = [
        ...timeEvents(this.state, this.world, () => this.health, this.nowMs),
        ...offerEvents(this.state, this.world, this.nowMs, this.scan, isTick),
      ];
      isTick = false;
      if (due.length === 0) return effects;
      for (const event of due) effects.push(...this.do(event as never));
    }
    throw new Error("It never comes to rest.");
  }

  /** Nodes that hold an attempt. */
  open(): string[] {
    const { members } = this.state;
    return [...members.rows()]
      .filter((row) => ["offered", "under-way", "committed", "deferred"].includes(members.phase(row)))
      .map((row) => members.idOf(row));
  }

  attempt(node: string): string {
    return this.state.members.attemptId(this.state.members.find(node));
  }

  end(node: string, state = "succeeded", more: Record<string, unknown> = {}): readonly RolloutEffect[] {
    if (state === "succeeded") this.set(node, { digest });
    return this.do({ kind: "ended", node, attempt: this.attempt(node), state, ...more });
  }

  /** All that are at it succeed, and the soak passes, until the wave is open. */
  untilWave(wave: number): void {
    for (let turns = 0; this.state.wave < wave; turns++) {
      if (turns > 1000) throw new Error(`Wave ${wave} never opened: ${this.state.status}`);
      for (const node of this.open()) this.end(node);
      this.tick(30_000);
    }
  }

  why(node: string): readonly WhyNot["why"][] {
    return whyNotYet(this.state, node, this.world, this.nowMs).map(({ why }) => why);
  }

  phase(node: string): string {
    return this.state.members.phase(this.state.members.find(node));
  }
}

export function startedBench(nodes: number, plan: Record<string, unknown> = {}): RolloutBench {
  const bench = new RolloutBench(nodes, plan);
  bench.do({ kind: "started", by: "ann" });
  bench.tick();
  return bench;
}
