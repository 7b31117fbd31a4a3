import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { TelemetryPoint, TelemetryQuery, TelemetryStore } from "../ports/telemetry-store.ts";
import type { Telemetry } from "./api/node-data.ts";
import { appTimes } from "./app-limits.ts";
import type { LiveEventBus } from "./live-event-bus.ts";

export interface TelemetryServiceOptions {
  readonly store: TelemetryStore;
  readonly clock: Clock;
  readonly bus: LiveEventBus;
  readonly log: Log;
  /** Points that wait to be written. */
  readonly batch: number;
  readonly points: number;
  readonly days: number;
  isRegistered(node: string): boolean;
}

/** Gathers points into batches for the store. Written on this thread for now; the history worker comes later. */
export class TelemetryService implements Telemetry {
  readonly #options: TelemetryServiceOptions;
  readonly #counters = { received: 0, stored: 0, refused: 0, dropped: 0 };
  #batch: TelemetryPoint[] = [];
  #timer: Timer | undefined;
  #pruning: Timer | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: TelemetryServiceOptions) {
    this.#options = options;
  }

  start(): void {
    this.#pruning = this.#options.clock.after(appTimes.telemetryPruneMs, this.#prune);
  }

  async stop(): Promise<void> {
    this.#pruning?.cancel();
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#writing;
    await this.#write();
  }

  ingest(node: string, points: readonly TelemetryPoint[]): "taken" | "unknown-node" | "full" {
    if (!this.#options.isRegistered(node)) return "unknown-node";
    this.#counters.received += points.length;
    if (this.#batch.length + points.length > this.#options.batch) {
      this.#counters.dropped += points.length;
      return "full";
    }
    for (const point of points) this.#batch.push(point);
    this.#timer ??= this.#options.clock.after(appTimes.telemetryFlushMs, this.#flush);
    this.#options.bus.emit({ kind: "telemetry", node, points: points.length });
    return "taken";
  }

  refused(node: string, reason: string): void {
    this.#counters.refused++;
    this.#options.log.debug("telemetry-refused", { node, reason });
  }

  query(query: TelemetryQuery): Promise<readonly TelemetryPoint[]> {
    return this.#options.store.query(query);
  }

  latest(node: string): Promise<readonly TelemetryPoint[]> {
    return this.#options.store.latest(node);
  }

  counters(): ReturnType<Telemetry["counters"]> {
    return { ...this.#counters };
  }

  readonly #flush = (): void => {
    this.#timer = undefined;
    // One batch at a time; what comes meanwhile waits for its end.
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
      if (this.#batch.length > 0) this.#timer ??= this.#options.clock.after(appTimes.telemetryFlushMs, this.#flush);
    });
  };

  async #write(): Promise<void> {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    try {
      await this.#options.store.append(batch);
      this.#counters.stored += batch.length;
    } catch (error) {
      this.#counters.dropped += batch.length;
      this.#options.log.error("telemetry-lost", { points: batch.length, error });
    }
  }

  readonly #prune = (): void => {
    const { clock, store, days, points, log } = this.#options;
    this.#pruning = clock.after(appTimes.telemetryPruneMs, this.#prune);
    store
      .prune(clock.wallMs() - days * 86_400_000, points)
      .catch((error: unknown) => log.error("telemetry-prune-failed", { error }));
  };
}
