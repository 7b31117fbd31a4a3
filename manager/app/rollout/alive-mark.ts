import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { Storage } from "../../ports/storage.ts";
import type { StorageWriter } from "../storage-writer.ts";

export interface AliveMarkOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly clock: Clock;
  /** Nothing is written while nothing depends on it. */
  isNeeded(): boolean;
}

const table = "alive";
const key = "manager";
const everyMs = 15_000;

/** When the manager last ran, so that its absence is credited to whoever waited for it. */
export class AliveMark {
  readonly #options: AliveMarkOptions;
  #timer: Timer | undefined;
  /** How long it didn't run before this start; 0 when that isn't known. */
  downtimeMs = 0;

  constructor(options: AliveMarkOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    const row = await this.#options.storage.get(table, key);
    const lastMs = (row?.value as { readonly atMs?: number } | undefined)?.atMs;
    if (lastMs !== undefined) this.downtimeMs = Math.max(0, this.#options.clock.wallMs() - lastMs);
  }

  start(): void {
    this.#mark();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #mark(): void {
    const { clock, writer, isNeeded } = this.#options;
    this.#timer = clock.after(everyMs, () => this.#mark());
    if (!isNeeded()) return;
    const value = { atMs: clock.wallMs() };
    writer.behind("alive", writer.commit(key, [{ kind: "put", table, key, expectedRevision: "any", value }]));
  }
}
