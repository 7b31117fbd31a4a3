import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { partitionCount, partitionOf } from "../domain/partition.ts";
import type { Change, ChangeResult, Lease, Storage } from "../ports/storage.ts";
import { appTimes } from "./app-limits.ts";

/** Commits under the right lease, and keeps count of what is written behind so that a stop can wait for it. */
export class StorageWriter {
  readonly #storage: Storage;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #behind = new Set<Promise<unknown>>();
  #leases: readonly Lease[] = [];
  /** Writes behind that failed. */
  failures = 0;
  #loggedFailures = 0;
  #loggedAtMs = Number.NEGATIVE_INFINITY;

  constructor({ storage, log, clock }: { storage: Storage; log: Log; clock: Clock }) {
    this.#storage = storage;
    this.#log = log;
    this.#clock = clock;
  }

  /** One process holds all partitions for now. */
  async claim(): Promise<void> {
    this.#leases = await this.#storage.claim(Array.from({ length: partitionCount }, (_, partition) => partition));
  }

  /** Changes about one thing, in its partition. `about` is the id of a node or of an update. */
  async commit(about: string, changes: readonly Change[]): Promise<readonly ChangeResult[]> {
    const lease = this.#leases[partitionOf(about)];
    if (lease === undefined) throw new Error("The app was used before it was started.");
    const { results } = await this.#storage.commit(changes, lease);
    return results;
  }

  /** Work that nobody waits for. A failure is logged: what isn't written is learned again from the node. */
  behind(what: string, work: Promise<unknown>): void {
    const tracked = work
      .catch((error: unknown) => {
        this.failures++;
        this.#logFailure(what, error);
      })
      .finally(() => this.#behind.delete(tracked));
    this.#behind.add(tracked);
  }

  /** Until nothing is left behind, not even what that work started. */
  async flush(): Promise<void> {
    while (this.#behind.size > 0) await Promise.all(this.#behind);
  }

  /** A full disk fails every write: one line in a while says it as well. */
  #logFailure(what: string, error: unknown): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#loggedAtMs < appTimes.failureLogMs) return;
    const count = this.failures - this.#loggedFailures;
    this.#loggedAtMs = nowMs;
    this.#loggedFailures = this.failures;
    this.#log.error("write-behind-failed", { what, count, error });
  }
}
