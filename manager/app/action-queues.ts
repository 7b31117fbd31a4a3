import type { Clock } from "../../kernel/clock.ts";
import type { Outcome } from "../../schemas/generated/types.ts";
import {
  type ActionQueue,
  acknowledge,
  cancel,
  drop,
  emptyQueue,
  expire,
  type Finish,
  highestOfferable,
  isAcknowledged,
  isOpen,
  type QueueEntry,
} from "../domain/action-queue.ts";
import type { Change, ChangeResult, Storage } from "../ports/storage.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import { RecentMap } from "./recent-map.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface ActionQueuesOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly clock: Clock;
  /** Queues kept in memory. */
  readonly capacity: number;
  /** What is kept of an entry that ends, written in the commit that ends it: a crash in between would lose how it ended. */
  record(node: string, finish: Finish, how: QueueEnding): readonly Change[];
  /** Entries that ended, after the receipt. */
  ended(node: string, finishes: readonly Finish[], how: "finished" | "expired"): void;
  /** The action of an attempt took a new rev, since the node was ahead of us. */
  renumbered(attempt: string, rev: number): void;
}

export type QueueEnding = "finished" | "expired" | "cancelled";

export interface QueueWork<Result> {
  /** The same queue when nothing changes: then nothing is written. */
  readonly queue: ActionQueue;
  readonly result: Result;
  /** Written in the same commit, only if the queue is; an index in `onlyWith` counts from the queue's change, 0. */
  readonly also?: readonly Change[];
  /** Called with the receipt, in the same turn in which memory follows it. */
  written?(results: readonly ChangeResult[]): void;
}

const queueTable = "queue";
const maxRaces = 8;

/**
 * The queues of all nodes. Storage is the truth: each change is a compare-and-set on it, and memory follows the receipt, so a
 * rev is never given out twice. What memory doesn't hold is read when it is needed.
 */
export class ActionQueues {
  readonly #options: ActionQueuesOptions;
  readonly #cache: RecentMap<{ readonly queue: ActionQueue; readonly revision: number }>;
  /** Nodes that may have something for a node whose rev is low, by the highest such rev. */
  readonly #highest = new Map<string, number>();
  readonly #expiring = new Set<string>();

  constructor(options: ActionQueuesOptions) {
    this.#options = options;
    this.#cache = new RecentMap(options);
  }

  async load(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(queueTable, { after });
      for (const { key, revision, value } of page) this.#keep(key, value as ActionQueue, revision);
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  /** What memory knows, synchronously. Undefined: read it first, with `read`. */
  known(node: string): ActionQueue | undefined {
    const cached = this.#cache.get(node);
    if (cached !== undefined) return cached.queue;
    return this.#highest.has(node) ? undefined : emptyQueue;
  }

  async read(node: string): Promise<ActionQueue> {
    return (await this.#load(node)).queue;
  }

  /** Whether a node that finished everything up to `nodeRev` may have something to do. For every heartbeat. */
  mayWait(node: string, nodeRev: number): boolean {
    const highest = this.#highest.get(node);
    return highest !== undefined && highest > nodeRev;
  }

  /** Whether a heartbeat with this rev tells the queue nothing and gets nothing of it. */
  isQuiet(node: string, nodeRev: number): boolean {
    const highest = this.#highest.get(node);
    // What was never kept here is empty.
    if (highest === undefined) return isAcknowledged(emptyQueue, nodeRev);
    if (highest > nodeRev) return false;
    const known = this.known(node);
    return known !== undefined && isAcknowledged(known, nodeRev);
  }

  waitingRev(node: string): number {
    const queue = this.known(node);
    return queue?.entries.findLast(isOpen)?.rev ?? 0;
  }

  /** Rejects, with nothing changed, when storage failed. */
  change<Result>(node: string, work: (queue: ActionQueue) => QueueWork<Result>): Promise<Result> {
    return this.#options.serial.run(`queue/${node}`, async () => {
      for (let race = 0; race < maxRaces; race++) {
        const { queue, revision } = await this.#load(node);
        const next = work(queue);
        if (next.queue === queue && next.also === undefined) return next.result;
        const put: Change = {
          kind: "put",
          table: queueTable,
          key: node,
          expectedRevision: revision,
          value: next.queue,
        };
        const also = (next.also ?? []).map((change) => ({ onlyWith: 0, ...change }));
        const results = await this.#options.writer.commit(node, [put, ...also]);
        const [written] = results;
        if (written?.kind === "written") {
          this.#keep(node, next.queue, written.revision);
          next.written?.(results);
          return next.result;
        }
        this.#cache.delete(node);
      }
      throw new Error(`The queue of ${node} lost ${maxRaces} races in storage.`);
    });
  }

  /** The node said what it finished. Cheap when that is nothing new. */
  acknowledge(node: string, nodeRev: number, result: Parameters<typeof acknowledge>[2]): Promise<void> | undefined {
    const known = this.known(node);
    if (known !== undefined && isAcknowledged(known, nodeRev)) return undefined;
    return this.change(node, (queue) => {
      const { queue: next, finished } = acknowledge(queue, nodeRev, result);
      const moved = nodeRev > queue.rev ? next.entries : [];
      return { queue: next, result: { finished, moved }, ...this.#recorded(node, finished, "finished") };
    }).then(({ finished, moved }) => {
      if (finished.length > 0) this.#options.ended(node, finished, "finished");
      for (const { rev, body } of moved) {
        if (body.kind === "update") this.#options.renumbered(body.attempt, rev);
      }
    });
  }

  /** What `isMeant` finds ended elsewhere, perhaps with a word about how: it is offered no longer. */
  drop(
    node: string,
    isMeant: (entry: QueueEntry) => boolean,
    how?: { readonly outcome: Outcome; readonly reason?: string },
  ): Promise<void> {
    return this.change(node, (queue) => {
      const entry = queue.entries.find(isMeant);
      if (entry === undefined) return { queue, result: undefined };
      const finishes = how === undefined ? [] : [{ entry, ...how }];
      return { queue: drop(queue, entry.rev), result: undefined, ...this.#recorded(node, finishes, "finished") };
    });
  }

  /** Undefined when nothing open is meant. */
  async cancel(node: string, isMeant: (entry: QueueEntry) => boolean): Promise<QueueEntry | undefined> {
    return await this.change(node, (queue) => {
      const entry = queue.entries.find(isMeant);
      const next = entry && cancel(queue, entry.rev);
      if (entry === undefined || next === undefined) return { queue, result: undefined };
      return { queue: next, result: entry, ...this.#recorded(node, [{ entry, outcome: "cancelled" }], "cancelled") };
    });
  }

  /** Voids commands whose time is over. */
  sweep(): void {
    const nowMs = this.#options.clock.wallMs();
    for (const node of this.#expiring) {
      const known = this.known(node);
      if (known !== undefined && expire(known, nowMs).expired.length === 0) continue;
      this.#options.writer.behind(
        "expire",
        this.change(node, (queue) => {
          const { queue: next, expired } = expire(queue, nowMs);
          const finishes = expired.map((entry): Finish => ({ entry, outcome: "unreported" }));
          return { queue: next, result: finishes, ...this.#recorded(node, finishes, "expired") };
        }).then((finishes) => {
          if (finishes.length > 0) this.#options.ended(node, finishes, "expired");
        }),
      );
    }
  }

  /** The node is gone; a later one of that name starts above its revs, since revs only grow. */
  async forget(node: string): Promise<void> {
    if (!this.#highest.has(node) && !this.#cache.has(node)) return;
    await this.change(node, (queue) => ({ queue: { ...queue, entries: [] }, result: undefined }));
  }

  #recorded(node: string, finishes: readonly Finish[], how: QueueEnding): { readonly also?: readonly Change[] } {
    const also = finishes.flatMap((finish) => this.#options.record(node, finish, how));
    return also.length === 0 ? {} : { also };
  }

  async #load(node: string): Promise<{ queue: ActionQueue; revision: number }> {
    const cached = this.#cache.get(node);
    if (cached !== undefined) return cached;
    const row = await this.#options.storage.get(queueTable, node);
    if (row === undefined) return { queue: emptyQueue, revision: 0 };
    return this.#keep(node, row.value as ActionQueue, row.revision);
  }

  #keep(node: string, queue: ActionQueue, revision: number): { queue: ActionQueue; revision: number } {
    const entry = { queue, revision };
    this.#cache.set(node, entry);
    this.#highest.set(node, highestOfferable(queue));
    if (queue.entries.some((each) => isOpen(each) && each.expiresAtMs !== undefined)) this.#expiring.add(node);
    else this.#expiring.delete(node);
    return entry;
  }
}
