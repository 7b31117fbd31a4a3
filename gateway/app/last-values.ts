import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Records } from "../ports/records.ts";

export interface LastValuesOptions {
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Log;
  /** How often changes are written: each writes the whole, and flash wears. Default a minute. */
  readonly writeMs?: number;
}

/** What may not be lost is written so soon, and so are the first values after a start. */
const soonMs = 2000;

const recordName = "last-values";
/** 32 packs, their sockets and the site; more aren't kept over a restart. */
const topicsMax = 1024;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** What was last retained on each topic, kept over a restart and a loss of power. A write that fails is logged and tried again. */
export class LastValues {
  readonly #options: LastValuesOptions;
  readonly #values = new Map<string, string>();
  #timer: Timer | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #hasWritten: boolean = false;
  #isChanged: boolean = false;
  #isStopped: boolean = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: LastValuesOptions) {
    this.#options = options;
  }

  /** What was kept. A record that can't be read is said and left behind: the values come anew. */
  async load(): Promise<ReadonlyMap<string, Uint8Array>> {
    const { records, log } = this.#options;
    try {
      const record = await records.load(recordName);
      for (const [topic, payload] of Object.entries(isRecord(record) ? record.values : {}))
        if (typeof payload === "string" && this.#values.size < topicsMax) this.#values.set(topic, payload);
    } catch (error) {
      log.warn("last-values-unreadable", { error });
    }
    return new Map([...this.#values].map(([topic, payload]) => [topic, encoder.encode(payload)]));
  }

  /** An empty payload forgets the topic. `isUrgent`: a loss of power a moment later shall not take it. */
  keep(topic: string, payload: Uint8Array, isUrgent = false): void {
    if (payload.length === 0) {
      if (!this.#values.delete(topic)) return;
    } else {
      if (!this.#values.has(topic) && this.#values.size >= topicsMax) return;
      this.#values.set(topic, decoder.decode(payload));
    }
    this.#isChanged = true;
    this.#writeWithin(isUrgent || !this.#hasWritten ? soonMs : this.#everyMs);
  }

  /** Writes what has changed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#write();
    await this.#writing;
  }

  get #everyMs(): number {
    return this.#options.writeMs ?? 60_000;
  }

  #writeWithin(delayMs: number): void {
    const { clock } = this.#options;
    const dueMs = clock.monotonicMs() + delayMs;
    if (this.#isStopped || this.#dueMs <= dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = clock.after(delayMs, () => this.#write());
  }

  #write(): void {
    this.#timer?.cancel();
    this.#dueMs = Number.POSITIVE_INFINITY;
    if (!this.#isChanged) return;
    this.#isChanged = false;
    this.#hasWritten = true;
    const value = { version: 1, values: Object.fromEntries(this.#values) };
    this.#writing = this.#writing
      .then(() => this.#options.records.store(recordName, value))
      .catch((error: unknown) => {
        this.#isChanged = true;
        this.#options.log.error("last-values-not-stored", { error });
        this.#writeWithin(this.#everyMs);
      });
  }
}

function isRecord(value: unknown): value is { readonly values: object } {
  return (
    typeof value === "object" &&
    value !== null &&
    "values" in value &&
    typeof value.values === "object" &&
    value.values !== null
  );
}
