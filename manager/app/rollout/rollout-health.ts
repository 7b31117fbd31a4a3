import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import type { GateFinding } from "../../domain/rollout/gate-verdict.ts";
import { healthFindings, type NodeSample } from "../../domain/rollout/health-gate.ts";
import type { RolloutState } from "../../domain/rollout/rollout-state.ts";
import type { Storage } from "../../ports/storage.ts";
import type { StorageWriter } from "../storage-writer.ts";
import type { CounterRow } from "./node-days.ts";
import type { NodeWatch } from "./node-watch.ts";

export interface RolloutHealthOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly watch: NodeWatch;
}

/** Counters of nodes when a soak began, and what a lone canary did in the day before its update. */
interface Baseline {
  readonly updated: readonly (readonly [node: string, row: CounterRow | null])[];
  readonly others: readonly (readonly [node: string, row: CounterRow])[];
}

const table = "rollout-health";
/** Of each side: more would change no verdict and cost storage. */
const maxNodes = 2000;

/** Reads the health of updated nodes and of the others over a soak. What it began with is stored, so that a restart doesn't begin it anew. */
export class RolloutHealth {
  readonly #options: RolloutHealthOptions;
  readonly #baselines = new Map<string, Baseline>();
  readonly #before = new Map<string, NodeSample>();

  constructor(options: RolloutHealthOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(table, { after });
      for (const { key, value } of page) {
        if (key.endsWith("/before")) this.#before.set(key, value as NodeSample);
        else this.#baselines.set(key, value as Baseline);
      }
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  /** A lone canary is about to be updated. */
  canaryOffered({ plan }: RolloutState, node: string): void {
    const key = `${plan.id}/before`;
    const sample = this.#options.watch.lastDay(node);
    if (sample === undefined) return;
    this.#before.set(key, sample);
    this.#store(plan.id, key, sample);
  }

  /** The wave is through: from here on both sides are watched. */
  soakBegan(state: RolloutState): void {
    const { members, plan, wave } = state;
    const { watch } = this.#options;
    const updated: [string, CounterRow | null][] = [];
    const others: [string, CounterRow][] = [];
    for (const row of members.order) {
      const node = members.idOf(row);
      const phase = members.phase(row);
      if (phase === "succeeded" && updated.length < maxNodes) updated.push([node, watch.counters(node) ?? null]);
      if (phase !== "waiting" || others.length >= maxNodes) continue;
      const counters = watch.isThere(node) ? watch.counters(node) : undefined;
      // Who isn't there, or doesn't tell how it is, says nothing about the image on other nodes.
      if (counters !== undefined) others.push([node, counters]);
    }
    const key = `${plan.id}/${wave}`;
    const baseline = { updated, others };
    this.#baselines.set(key, baseline);
    this.#store(plan.id, key, baseline);
  }

  /** While it soaks: a node that hadn't told how it is when the soak began is watched from its first word on. */
  soaking({ plan, wave, waves }: RolloutState): void {
    const key = `${plan.id}/${wave}`;
    const baseline = this.#baselines.get(key);
    if (baseline === undefined || waves[wave]?.verdict !== undefined) return;
    if (!baseline.updated.some(([, row]) => row === null)) return;
    const { watch } = this.#options;
    let isNew = false;
    const updated = baseline.updated.map(([node, row]) => {
      const counters = row ?? watch.counters(node) ?? null;
      isNew ||= counters !== row;
      return [node, counters] as const;
    });
    if (!isNew) return;
    const next = { ...baseline, updated };
    this.#baselines.set(key, next);
    this.#store(plan.id, key, next);
  }

  read(state: RolloutState): readonly GateFinding[] {
    const { plan, wave } = state;
    const { watch } = this.#options;
    const baseline = this.#baselines.get(`${plan.id}/${wave}`);
    if (baseline === undefined) {
      return [
        { what: "readable", kind: "unreadable", text: "readable: nothing is known of the beginning of the soak" },
      ];
    }
    const sampled = ([node, row]: readonly [string, CounterRow | null]): NodeSample | undefined =>
      row === null ? undefined : watch.sample(node, row);
    const updated = baseline.updated.map(sampled);
    // A node that was updated meanwhile is on neither side.
    const others = baseline.others
      .filter(([node]) => state.members.phase(state.members.find(node)) === "waiting")
      .map(sampled);
    const before = this.#before.get(`${plan.id}/before`);
    return healthFindings({ updated, others, before }, plan.gate.health, seededEntropy(`${plan.id}/${wave}`));
  }

  /** The rollout is over. */
  forget({ plan }: RolloutState): void {
    for (const book of [this.#baselines, this.#before]) {
      for (const key of [...book.keys()].filter((each) => each.startsWith(`${plan.id}/`))) {
        book.delete(key);
        this.#options.writer.behind(
          "rollout-health",
          this.#options.writer.commit(plan.id, [{ kind: "delete", table, key, expectedRevision: "any" }]),
        );
      }
    }
  }

  #store(rollout: string, key: string, value: unknown): void {
    const { writer } = this.#options;
    const change = { kind: "put", table, key, expectedRevision: "any", value } as const;
    writer.behind("rollout-health", writer.commit(rollout, [change]));
  }
}
