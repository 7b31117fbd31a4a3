import { type Clock, sleep } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import { chainHash, chainStart } from "../../audit/audit-chain.ts";
import type {
  AuditHead,
  Change,
  ChangeResult,
  EventRange,
  EventStream,
  EventTime,
  KeyRange,
  Lease,
  Receipt,
  Storage,
  StoredEvent,
  StoredRow,
} from "../../ports/storage.ts";
import { type PreparedChange, prepareChanges } from "./prepared-change.ts";
import { storageFaults } from "./storage-faults.ts";

export interface TwinStorageOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Each step of a call waits up to this long, so that other calls get in between. 0: answers in the same turn. */
  readonly maxDelayMs?: number;
  /** Whether the n-th commit (from 1) fails, as a full disk makes it fail. */
  readonly failsCommit?: (n: number) => boolean;
  /** What an earlier twin held: a restart after a power cut. */
  readonly content?: TwinContent;
}

/** What survives a power cut. */
export class TwinContent {
  readonly tables = new Map<string, Map<string, { revision: number; text: string }>>();
  readonly events: {
    stream: EventStream;
    partition: number;
    sequence: number;
    key: string;
    wallMs: number;
    text: string;
    hash?: string;
  }[] = [];
  readonly auditHeads = new Map<number, AuditHead>();
  readonly epochs = new Map<number, number>();
  readonly sequences = new Map<string, number>();
  revision = 0;
}

const maxRows = 1000;

/**
 * Storage for tests that is worse than any real one: it answers late, lets other calls in between a call's start, its
 * effect and its answer, and fails the n-th commit. Within the contract, nothing more. In memory.
 */
export class TwinStorage implements Storage {
  readonly content: TwinContent;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #maxDelayMs: number;
  readonly #failsCommit: (n: number) => boolean;
  #commits = 0;
  /** Effects happen, and receipts are given, in the order of the calls. */
  #effects: Promise<unknown> = Promise.resolve();
  #receipts: Promise<unknown> = Promise.resolve();
  #isClosed: boolean = false;

  constructor({ clock, entropy, maxDelayMs = 20, failsCommit = () => false, content }: TwinStorageOptions) {
    this.#clock = clock;
    this.#entropy = entropy;
    this.#maxDelayMs = maxDelayMs;
    this.#failsCommit = failsCommit;
    this.content = content ?? new TwinContent();
  }

  /** How many commits were called so far. */
  get commits(): number {
    return this.#commits;
  }

  commit(changes: readonly Change[], lease: Lease): Promise<Receipt> {
    let prepared: PreparedChange[];
    try {
      if (this.#isClosed) throw storageFaults("storage.closed", {});
      prepared = prepareChanges(changes);
    } catch (error) {
      return Promise.reject(error);
    }
    const isFailing = this.#failsCommit(++this.#commits);
    return this.#inOrder(() => {
      if (isFailing) throw storageFaults("storage.disk-full", { file: "the twin" });
      return this.#apply(prepared, lease);
    });
  }

  claim(partitions: readonly number[]): Promise<readonly Lease[]> {
    return this.#inOrder(() =>
      partitions.map((partition) => {
        const epoch = (this.content.epochs.get(partition) ?? 0) + 1;
        this.content.epochs.set(partition, epoch);
        return { partition, epoch };
      }),
    );
  }

  get(table: string, key: string): Promise<StoredRow | undefined> {
    return this.#read(() => {
      const row = this.content.tables.get(table)?.get(key);
      return row && { key, revision: row.revision, value: JSON.parse(row.text) };
    });
  }

  list(table: string, { prefix = "", after = "", limit = maxRows }: KeyRange = {}): Promise<readonly StoredRow[]> {
    return this.#read(() =>
      [...(this.content.tables.get(table) ?? [])]
        .filter(([key]) => key.startsWith(prefix) && (after === "" || key > after))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .slice(0, Math.min(limit, maxRows))
        .map(([key, { revision, text }]) => ({ key, revision, value: JSON.parse(text) })),
    );
  }

  events(stream: EventStream, range: EventRange): Promise<readonly StoredEvent[]> {
    const { partition, key, afterSequence = 0, newestFirst = false, byTime, limit = maxRows } = range;
    const before = byTime?.before;
    return this.#read(() => {
      const found = this.content.events
        .filter(
          (event) =>
            event.stream === stream &&
            event.sequence > afterSequence &&
            (before === undefined || compareTimes(event, before) < 0) &&
            (partition === undefined || event.partition === partition) &&
            (key === undefined || event.key === key),
        )
        .sort((a, b) =>
          byTime === undefined ? a.partition - b.partition || a.sequence - b.sequence : compareTimes(a, b),
        );
      if (newestFirst || byTime !== undefined) found.reverse();
      return found.slice(0, Math.min(limit, maxRows)).map((event) => ({
        position: { partition: event.partition, sequence: event.sequence },
        key: event.key,
        wallMs: event.wallMs,
        value: JSON.parse(event.text),
        ...(event.hash !== undefined && { hash: event.hash }),
      }));
    });
  }

  auditHeads(): Promise<readonly AuditHead[]> {
    return this.#read(() => [...this.content.auditHeads.values()]);
  }

  trimTimeline(key: string, keep: number): Promise<void> {
    return this.#read(() => {
      const { events } = this.content;
      const own = events.filter((event) => event.stream === "timeline" && event.key === key);
      const gone = new Set(own.sort((a, b) => b.sequence - a.sequence).slice(keep));
      events.splice(0, events.length, ...events.filter((event) => !gone.has(event)));
    });
  }

  async close(): Promise<void> {
    await this.#receipts.catch(() => undefined);
    this.#isClosed = true;
  }

  async #wait(): Promise<void> {
    if (this.#maxDelayMs === 0) return;
    await sleep(this.#clock, Math.floor(this.#entropy.fraction() * (this.#maxDelayMs + 1)));
  }

  async #read<Result>(read: () => Result): Promise<Result> {
    if (this.#isClosed) throw storageFaults("storage.closed", {});
    await this.#wait();
    const result = read();
    await this.#wait();
    return result;
  }

  async #inOrder<Result>(effect: () => Result): Promise<Result> {
    const effectDone = this.#effects.then(async () => {
      await this.#wait();
      return effect();
    });
    this.#effects = effectDone.catch(() => undefined);
    const receiptBefore = this.#receipts;
    const receipt = (async () => {
      try {
        return await effectDone;
      } finally {
        await receiptBefore;
        await this.#wait();
      }
    })();
    this.#receipts = receipt.catch(() => undefined);
    return receipt;
  }

  #apply(changes: readonly PreparedChange[], { partition, epoch }: Lease): Receipt {
    const newest = this.content.epochs.get(partition) ?? 0;
    if (epoch < newest) throw storageFaults("storage.stale-epoch", { partition, epoch, newest });
    const results: ChangeResult[] = [];
    for (const change of changes) results.push(this.#applyChange(change, partition, results));
    return { results };
  }

  #applyChange(change: PreparedChange, partition: number, earlier: readonly ChangeResult[]): ChangeResult {
    const { content } = this;
    if (change.onlyWith !== undefined) {
      const needed = earlier[change.onlyWith]?.kind;
      if (needed === "conflict" || needed === "skipped") return { kind: "skipped" };
    }
    if (change.kind === "event") {
      const name = `${change.stream}/${partition}`;
      const sequence = (content.sequences.get(name) ?? 0) + 1;
      content.sequences.set(name, sequence);
      const { stream, key, text } = change;
      const entry = { partition, sequence, key, wallMs: this.#clock.wallMs(), text };
      if (stream === "audit") {
        const hash = chainHash(content.auditHeads.get(partition)?.hash ?? chainStart, entry);
        content.auditHeads.set(partition, { partition, sequence, hash });
        content.events.push({ stream, ...entry, hash });
      } else content.events.push({ stream, ...entry });
      return { kind: "recorded", position: { partition, sequence } };
    }
    const { table, key, expectedRevision } = change;
    let rows = content.tables.get(table);
    if (rows === undefined) {
      rows = new Map();
      content.tables.set(table, rows);
    }
    const revision = rows.get(key)?.revision ?? 0;
    if (expectedRevision !== "any" && revision !== expectedRevision) return { kind: "conflict", revision };
    if (change.kind === "delete") {
      rows.delete(key);
      return { kind: "deleted" };
    }
    content.revision++;
    rows.set(key, { revision: content.revision, text: change.text });
    return { kind: "written", revision: content.revision };
  }
}

function compareTimes(a: EventTime, b: EventTime): number {
  return a.wallMs - b.wallMs || a.partition - b.partition || a.sequence - b.sequence;
}
