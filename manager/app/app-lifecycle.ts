import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { appTimes } from "./app-limits.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface AppLifecycleOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly writer: StorageWriter;
  /** In this order: each may stand on what an earlier one loaded. */
  readonly loads: readonly (() => Promise<void>)[];
  /** Begin when all is loaded. */
  readonly starts: readonly { start(): void }[];
  /** Told to end before what is behind is written. */
  readonly stops: readonly { stop(): void | Promise<void> }[];
  /** Told to end when all is written. */
  readonly lasts: readonly { stop(): void | Promise<void> }[];
  /** Every few seconds: what has a deadline. */
  sweep(): void;
  /** Seldom: nodes that nobody heard for very long. */
  forgetLost(): Promise<void>;
}

/** Loads, starts and stops the use cases, and drives what runs by the clock alone. */
export class AppLifecycle {
  readonly #options: AppLifecycleOptions;
  #sweepTimer: Timer | undefined;
  #forgetTimer: Timer | undefined;
  #isStopping: boolean = false;

  constructor(options: AppLifecycleOptions) {
    this.#options = options;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  async start(): Promise<void> {
    const { clock, writer, loads, starts } = this.#options;
    await writer.claim();
    for (const load of loads) await load();
    for (const part of starts) part.start();
    this.#sweepTimer = clock.after(appTimes.sweepMs, () => this.#sweep());
    this.#forgetTimer = clock.after(appTimes.forgetMs, () => this.#forgetLost());
  }

  /** Always reaches its end. */
  async stop(): Promise<void> {
    const { writer, stops, lasts, log } = this.#options;
    this.#isStopping = true;
    this.#sweepTimer?.cancel();
    this.#forgetTimer?.cancel();
    const ends = await Promise.allSettled(stops.map(async (part) => part.stop()));
    await writer.flush();
    ends.push(...(await Promise.allSettled(lasts.map(async (part) => part.stop()))));
    for (const end of ends) if (end.status === "rejected") log.error("stop-failed", { error: end.reason });
  }

  #sweep(): void {
    this.#sweepTimer = this.#options.clock.after(appTimes.sweepMs, () => this.#sweep());
    this.#options.sweep();
  }

  #forgetLost(): void {
    this.#forgetTimer = this.#options.clock.after(appTimes.forgetMs, () => this.#forgetLost());
    this.#options.writer.behind("lost-nodes", this.#options.forgetLost());
  }
}
