import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { NodeSample } from "../../domain/rollout/health-gate.ts";
import type { Storage } from "../../ports/storage.ts";
import type { FleetTable } from "../fleet-table.ts";
import type { HealthBook } from "../health-book.ts";
import type { StorageWriter } from "../storage-writer.ts";
import { type CounterRow, NodeDays } from "./node-days.ts";

export interface NodeWatchOptions {
  readonly clock: Clock;
  readonly fleet: Pick<FleetTable, "find" | "presence">;
  readonly health: Pick<HealthBook, "latest">;
  readonly storage: Pick<Storage, "list">;
  readonly writer: Pick<StorageWriter, "commit" | "behind">;
  /** Nodes whose last day is kept. */
  readonly capacity: number;
}

const everyMs = 10 * 60_000;
const keptMs = 24 * 3_600_000;
const hourMs = 3_600_000;

/**
 * What nodes counted over the last day, from their status reports: a row every three hours, so that a canary can be compared with itself. The rows are
 * in storage too, at most ten minutes late and at a stop, so that a day doesn't begin anew with a restart.
 */
export class NodeWatch {
  readonly #options: NodeWatchOptions;
  readonly #days: NodeDays;
  #timer: Timer | undefined;
  #loading: Promise<void> | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: NodeWatchOptions) {
    this.#options = options;
    this.#days = new NodeDays(options);
  }

  /** Nobody waits for what was kept: until it is there, a canary does. */
  start(): void {
    const { clock, writer } = this.#options;
    this.#loading = this.#days.load(clock.wallMs() - keptMs);
    writer.behind("node-days", this.#loading);
    this.#tick();
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#loading?.catch(() => undefined);
    await this.#write().catch(() => undefined);
  }

  /** A node's first report since it is known is where its day begins. Called for reports that say something new; a steady one is none. */
  seen(node: string): void {
    if (this.#days.has(node) || this.#days.size >= this.#options.capacity) return;
    this.#begin(node);
  }

  forget(node: string): void {
    this.#days.delete(node);
  }

  /** For how long it is known what a node counted, up to a day. A node of which nothing is known is watched from here on, whatever the capacity. */
  historyMs(node: string): number {
    const since = this.#dayOf(node);
    if (since === undefined) {
      if (!this.#days.has(node)) this.#begin(node);
      return 0;
    }
    const now = this.counters(node);
    return now === undefined ? 0 : Math.max(0, now[0] - since[0]);
  }

  /** Its counters now; undefined when its reports don't have them. */
  counters(node: string): CounterRow | undefined {
    const { health, clock } = this.#options;
    const latest = health.latest(node);
    if (latest?.value.bootCount === undefined) return undefined;
    const { bootCount, sensorErrors = -1, freeHeap = -1 } = latest.value;
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
    const since = this.#dayOf(node);
    return since === undefined ? undefined : this.sample(node, since);
  }

  /** What became of it since a row of it; undefined: it told nothing since, or its counters went back. */
  sample(node: string, since: CounterRow): NodeSample | undefined {
    const { clock, fleet, health } = this.#options;
    const [sinceMs, boots, errors] = since;
    const row = fleet.find(node);
    const isLost = row === -1 || fleet.presence(row) === "offline";
    const hours = Math.max(clock.wallMs() - sinceMs, 1000) / hourMs;
    if (isLost) return { hours, resets: 0, isLost };
    const now = this.counters(node);
    if (now === undefined || now[0] <= sinceMs || now[1] < boots) return undefined;
    const latest = health.latest(node);
    const resets = now[1] - boots;
    const status = latest?.value.status;
    return {
      ...{ hours, resets, isLost },
      // They count from the boot on: after a reset what was counted before it is gone.
      ...(now[2] >= 0 && { errors: resets > 0 ? now[2] : Math.max(0, now[2] - Math.max(errors, 0)) }),
      ...(status !== undefined && { isUnhealthy: status !== "healthy" }),
      ...(now[3] >= 0 && { freeHeap: now[3] }),
      ...(latest && { gapSeconds: latest.ageMs / 1000 }),
    };
  }

  #tick(): void {
    const { clock, writer } = this.#options;
    this.#timer = clock.after(everyMs, () => {
      this.#tick();
      writer.behind("node-days", this.#write());
    });
  }

  #begin(node: string): void {
    const row = this.counters(node);
    if (row !== undefined) this.#days.add(node, row);
  }

  #dayOf(node: string): CounterRow | undefined {
    const oldestMs = this.#options.clock.wallMs() - keptMs;
    return this.#days.of(node)?.find(([atMs]) => atMs >= oldestMs);
  }

  #write(): Promise<void> {
    const nowMs = this.#options.clock.wallMs();
    this.#writing ??= this.#days
      .write(nowMs, nowMs - keptMs, (node) => this.counters(node))
      .finally(() => {
        this.#writing = undefined;
      });
    return this.#writing;
  }
}
