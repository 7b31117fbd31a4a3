import type { RolloutEvent } from "../../domain/rollout/rollout-event.ts";
import type { Change, Storage } from "../../ports/storage.ts";
import type { StorageWriter } from "../storage-writer.ts";

export interface RolloutLogOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
}

const table = "rollout-event";
const digits = 10;
const maxDeleted = 500;

/** The logs of rollouts: rows of events under ROLLOUT/SEQUENCE, written once and never changed. */
export class RolloutLog {
  readonly #options: RolloutLogOptions;
  readonly #next = new Map<string, number>();

  constructor(options: RolloutLogOptions) {
    this.#options = options;
  }

  /** Every rollout's events, each rollout's in their order; the rollouts by their ids. */
  async *read(): AsyncGenerator<{ readonly rollout: string; readonly events: readonly RolloutEvent[] }> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(table, { after });
      for (const { key, value } of page) {
        const rollout = key.slice(0, -digits - 1);
        this.#next.set(rollout, Number(key.slice(-digits)) + 1);
        yield { rollout, events: value as readonly RolloutEvent[] };
      }
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  /** Durable when it resolves, with `also` in the same commit. Rejects, with nothing written, when storage failed. */
  async append(rollout: string, events: readonly RolloutEvent[], also: readonly Change[] = []): Promise<void> {
    const sequence = this.#next.get(rollout) ?? 0;
    const key = this.#keyOf(rollout, sequence);
    const [written] = await this.#options.writer.commit(rollout, [
      { kind: "put", table, key, expectedRevision: 0, value: events },
      ...also,
    ]);
    if (written?.kind !== "written") throw new Error(`Another process wrote rollout ${rollout} at the same time.`);
    this.#next.set(rollout, sequence + 1);
  }

  /** From the end, so that what a crash leaves is a log that is only shorter. */
  async forget(rollout: string): Promise<void> {
    for (let sequence = (this.#next.get(rollout) ?? 0) - 1; sequence >= 0; sequence -= maxDeleted) {
      const keys = Array.from({ length: Math.min(maxDeleted, sequence + 1) }, (_, i) =>
        this.#keyOf(rollout, sequence - i),
      );
      await this.#options.writer.commit(
        rollout,
        keys.map((key) => ({ kind: "delete", table, key, expectedRevision: "any" })),
      );
    }
    this.#next.delete(rollout);
  }

  #keyOf(rollout: string, sequence: number): string {
    return `${rollout}/${String(sequence).padStart(digits, "0")}`;
  }
}
