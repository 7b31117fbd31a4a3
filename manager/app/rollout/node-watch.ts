import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { NodeSample } from "../../domain/rollout/health-gate.ts";
import type { FleetTable } from "../fleet-table.ts";
import type { HealthBook } from "../health-book.ts";

/** A node's counters at one moment, as a row that is small in storage: wall ms, boots, errors since boot, free heap or -1, uptime s. */
export type CounterRow = readonly [atMs: number, boots: number, errors: number, heap: number];

export interface NodeWatchOptions {
  readonly clock: Clock;
  readonly fleet: FleetTable;
  readonly health: HealthBook;
  /** Nodes whose last day is kept. */
  readonly capacity: number;
}

const everyMs = 3 * 3_600_000;
const keptMs = 24 * 3_600_000;
const hourMs = 3_600_000;

/**
 * What nodes counted over the last day, from their status reports: a row every three hours in memory, so that a canary can be compared with itself.
 * After a restart the day begins anew.
 */
export class NodeWatch {
  readonly #options: NodeWatchOptions;
  readonly #rows = new Map<string, CounterRow[]>();
  #timer: Timer | undefined;

  constructor(options: NodeWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.after(everyMs, () => this.#sweep());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** A node's first report since the start is where its day begins. Called for reports that say something new; a steady one is none. */
  seen(node: string): void {
    if (this.#rows.has(node) || this.#rows.size >= this.#options.capacity) return;
    const row = this.counters(node);
    if (row !== undefined) this.#rows.set(node, [row]);
  }

  forget(node: string): void {
    this.#rows.delete(node);
  }

  /** Its counters now; undefined when its reports don't have them. */
  counters(node: string): CounterRow | undefined {
    const { health, clock } = this.#options;
    const latest = health.latest(node);
    if (latest?.value.bootCount === undefined) return undefined;
    const { bootCount, sensorErrors = 0, freeHeap = -1 } = latest.value;
    return [Math.round(clock.wallMs() - latest.ageMs), bootCount, sensorErrors, freeHeap];
  }

  /** It was heard as lately as it should be. */
  isThere(node: string): boolean {
    const { fleet } = this.#options;
    const row = fleet.find(node);
    return row !== -1 && (fleet.presence(row) === "online" || fleet.presence(row) === "late");
  }

  /** The last day of a node, up to now. */
  lastDay(node: string): NodeSample | undefined {
    const since = this.#rows.get(node)?.find(([atMs]) => atMs >= this.#options.clock.wallMs() - keptMs);
    return since === undefined ? undefined : this.sample(node, since);
  }

  /** What became of it since a row of it; undefined: it told nothing since, or its counters went back. */
  sample(node: string, since: CounterRow): NodeSample | undefined {
    const { clock, fleet, health } = this.#options;
    const [sinceMs, boots, errors] = since;
    const row = fleet.find(node);
    const isLost = row === -1 || fleet.presence(row) === "offline";
    const hours = Math.max(clock.wallMs() - sinceMs, 1000) / hourMs;
    const nothing = { hours, resets: 0, errors: 0, isUnhealthy: false };
    if (isLost) return { ...nothing, isLost };
    const now = this.counters(node);
    if (now === undefined || now[0] <= sinceMs || now[1] < boots) return undefined;
    const latest = health.latest(node);
    const resets = now[1] - boots;
    return {
      ...{ hours, resets, isLost },
      // They count from the boot on: after a reset what was counted before it is gone.
      errors: resets > 0 ? now[2] : Math.max(0, now[2] - errors),
      isUnhealthy: latest?.value.status !== undefined && latest.value.status !== "healthy",
      ...(now[3] >= 0 && { freeHeap: now[3] }),
      ...(latest && { gapSeconds: latest.ageMs / 1000 }),
    };
  }

  #sweep(): void {
    const { clock } = this.#options;
    this.#timer = clock.after(everyMs, () => this.#sweep());
    const oldestMs = clock.wallMs() - keptMs;
    for (const [node, rows] of this.#rows) {
      const row = this.counters(node);
      const kept = rows.filter(([atMs]) => atMs >= oldestMs);
      if (row !== undefined) kept.push(row);
      this.#rows.set(node, kept);
    }
  }
}
