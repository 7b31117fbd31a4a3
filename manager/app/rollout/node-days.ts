import { partitionCount, partitionOf } from "../../domain/partition.ts";
import type { Storage } from "../../ports/storage.ts";
import type { StorageWriter } from "../storage-writer.ts";

/** A node's counters at one moment, as a row that is small in storage: wall ms, boots, errors since boot or -1, free heap or -1. */
export type CounterRow = readonly [atMs: number, boots: number, errors: number, heap: number];

export interface NodeDaysOptions {
  readonly storage: Pick<Storage, "list">;
  readonly writer: Pick<StorageWriter, "commit">;
}

/** One share of the nodes in one slot of time, as it is stored. */
interface StoredSlot {
  readonly rows: readonly (readonly [node: string, ...row: CounterRow])[];
}

const table = "node-days";
const slotMs = 3 * 3_600_000;
/** A day, and the slot that is being filled. */
const slots = 9;
/** Partitions that are written at once; others come in between. */
const atOnce = 4;
/** Stored rows that are read at once, each of up to a few hundred nodes. */
const pageRows = 16;

/**
 * Counters of nodes over a day: of each node the first row of every three hours. In storage it is a ring of nine slots, each divided into the 256
 * partitions, so that a write is small and what is there is bounded by the number of nodes: about 40 bytes a node and slot.
 */
export class NodeDays {
  readonly #options: NodeDaysOptions;
  readonly #nodes: readonly Map<string, CounterRow[]>[] = Array.from({ length: partitionCount }, () => new Map());
  /** Partitions whose rows of the slot that is being filled aren't stored yet. */
  readonly #dirty = new Set<number>();
  /** Which slot each partition's nodes have a row of. */
  readonly #filled = new Int32Array(partitionCount).fill(-1);
  size = 0;

  constructor(options: NodeDaysOptions) {
    this.#options = options;
  }

  /** Rows older than that are left. A large fleet's take a second or two, others come in between; what is added meanwhile is kept. */
  async load(oldestMs: number): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(table, { after, limit: pageRows });
      for (const { value } of page) {
        for (const [node, ...row] of (value as StoredSlot).rows) if (row[0] >= oldestMs) this.#keep(node, row);
      }
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  has(node: string): boolean {
    return this.#nodes[partitionOf(node)]!.has(node);
  }

  /** Oldest first. */
  of(node: string): readonly CounterRow[] | undefined {
    return this.#nodes[partitionOf(node)]!.get(node);
  }

  add(node: string, row: CounterRow): void {
    this.#keep(node, row);
    this.#dirty.add(partitionOf(node));
  }

  delete(node: string): void {
    if (this.#nodes[partitionOf(node)]!.delete(node)) this.size--;
  }

  /** Begins a slot where it is time, and stores what isn't. */
  async write(nowMs: number, oldestMs: number, counters: (node: string) => CounterRow | undefined): Promise<void> {
    const slot = Math.floor(nowMs / slotMs);
    for (let from = 0; from < partitionCount; from += atOnce) {
      const stores: Promise<void>[] = [];
      for (let partition = from; partition < from + atOnce; partition++) {
        if (this.#filled[partition] !== slot) this.#fill(partition, slot, oldestMs, counters);
        if (this.#dirty.has(partition)) stores.push(this.#store(partition, slot));
      }
      await Promise.all(stores);
    }
  }

  #fill(partition: number, slot: number, oldestMs: number, counters: (node: string) => CounterRow | undefined): void {
    for (const [node, rows] of this.#nodes[partition]!) {
      while (rows.length > 1 && rows[0]![0] < oldestMs) rows.shift();
      if (rows.some(([atMs]) => atMs >= slot * slotMs)) continue;
      const row = counters(node);
      if (row !== undefined && row[0] > rows.at(-1)![0]) rows.push(row);
    }
    this.#filled[partition] = slot;
    this.#dirty.add(partition);
  }

  async #store(partition: number, slot: number): Promise<void> {
    const rows: StoredSlot["rows"][number][] = [];
    for (const [node, each] of this.#nodes[partition]!) {
      // A report is a little older than the slot that begins with it.
      const row = each.find(([atMs]) => atMs >= slot * slotMs) ?? each.at(-1);
      if (row !== undefined && row[0] >= (slot - 1) * slotMs) rows.push([node, ...row]);
    }
    const key = `${slot % slots}/${partition}`;
    this.#dirty.delete(partition);
    const [about] = this.#nodes[partition]!.keys();
    // The lease is that of the partition, which any of its nodes names. Without a node nothing was ever written, or it is too old to be read.
    if (about === undefined || rows.length === 0) return;
    try {
      await this.#options.writer.commit(about, [
        { kind: "put", table, key, expectedRevision: "any", value: { rows } satisfies StoredSlot },
      ]);
    } catch (error) {
      this.#dirty.add(partition);
      throw error;
    }
  }

  #keep(node: string, row: CounterRow): void {
    const nodes = this.#nodes[partitionOf(node)]!;
    const rows = nodes.get(node);
    if (rows !== undefined) {
      let at = rows.length;
      while (at > 0 && rows[at - 1]![0] > row[0]) at--;
      if (rows[at - 1]?.[0] !== row[0]) rows.splice(at, 0, row);
      return;
    }
    nodes.set(node, [row]);
    this.size++;
  }
}
