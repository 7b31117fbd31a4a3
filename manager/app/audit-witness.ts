import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { ChainHead } from "../audit/audit-verifier.ts";
import type { SecretBox } from "../ports/secret-box.ts";
import type { SnapshotFile } from "../ports/snapshot-file.ts";
import type { Storage } from "../ports/storage.ts";
import { appTimes } from "./app-limits.ts";

export interface AuditWitnessOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly log: Log;
  readonly box: SecretBox;
  /** Outside of the database; undefined: no copy is kept. */
  readonly file: SnapshotFile | undefined;
}

const about = "audit heads";

/**
 * Keeps a copy of the chains' heads outside of the database, sealed with the key file: who can write into the database alone can't take its newest
 * entries away, nor make the chains anew, without the copy saying so. It is written a second after an entry and at the stop.
 */
export class AuditWitness {
  readonly #options: AuditWitnessOptions;
  /** What the copy said of chains that don't hold it any more: kept, so that they aren't forgotten with the next copy. */
  readonly #contradicted = new Map<number, ChainHead>();
  #state: "kept" | "missing" | "unreadable" = "missing";
  #timer: Timer | undefined;

  constructor(options: AuditWitnessOptions) {
    this.#options = options;
  }

  get state(): "kept" | "missing" | "unreadable" {
    return this.#state;
  }

  /** Compares the copy of the last run with the database, before anything is appended. True: there are entries and no copy of their heads. */
  async load(): Promise<boolean> {
    const { storage, log } = this.#options;
    const heads = await this.heads();
    for (const head of heads) {
      const range = { partition: head.partition, afterSequence: head.sequence - 1, limit: 1 };
      const [found] = await storage.events("audit", range);
      if (found?.position.sequence === head.sequence && found.hash === head.hash) continue;
      this.#contradicted.set(head.partition, head);
      log.error("audit-contradicted", { partition: head.partition, sequence: head.sequence });
    }
    if (this.#state === "kept" || this.#options.file === undefined) return false;
    return (await storage.auditHeads()).length > 0;
  }

  /** What the copy says. */
  async heads(): Promise<readonly ChainHead[]> {
    const { file, box, log } = this.#options;
    let sealed: Uint8Array | undefined;
    try {
      sealed = await file?.read();
      this.#state = sealed === undefined ? "missing" : "kept";
      if (sealed === undefined) return [];
      return JSON.parse(new TextDecoder().decode(box.open(sealed, about))) as ChainHead[];
    } catch (error) {
      this.#state = "unreadable";
      log.error("audit-copy-unreadable", { error });
      return [];
    }
  }

  /** Something is about to be appended. */
  appended(): void {
    if (this.#options.file === undefined) return;
    this.#timer ??= this.#options.clock.after(appTimes.auditCopyMs, () => {
      this.#timer = undefined;
      this.#write().catch((error: unknown) => this.#options.log.error("audit-copy-not-written", { error }));
    });
  }

  /** When nothing is appended any more. */
  async stop(): Promise<void> {
    const isDue = this.#timer !== undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (isDue) await this.#write();
  }

  async #write(): Promise<void> {
    const { storage, file, box } = this.#options;
    const heads = new Map((await storage.auditHeads()).map((head) => [head.partition, head]));
    for (const [partition, head] of this.#contradicted) heads.set(partition, head);
    const bytes = new TextEncoder().encode(JSON.stringify([...heads.values()]));
    await file?.write(box.seal(bytes, about));
    this.#state = "kept";
  }
}
