import { type ColumnSpec, RowStore, type RowStoreOptions } from "./row-store.ts";

/**
 * A flat table of fixed capacity, keyed by whole numbers from 0 to 2^53 - 1:
 * `const peers = new RowTable({capacity: 1000, columns: {lastSeenMs: "f64", flags: "u8"}})`,
 * `const row = peers.find(key); if (row !== -1) peers.columns.lastSeenMs[row] = now`.
 * Rows are indexes into the columns and stay the same while the entry lives; after its removal a row is used again.
 * Nothing is allocated after construction.
 */
export class RowTable<Spec extends ColumnSpec> extends RowStore<Spec> {
  readonly #keys: Float64Array;

  constructor(options: RowStoreOptions<Spec>) {
    super(options);
    this.#keys = new Float64Array(options.capacity);
  }

  /** The row of `key`, or -1. */
  find(key: number): number {
    return this.buckets[this.#search(key, this.#hash(key))]! - 1;
  }

  /** The row of `key`, a fresh one if it had none; -1 when the table is full. */
  insert(key: number): number {
    if (!(key >= 0 && key <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`Not a key: ${key}.`);
    const hash = this.#hash(key);
    const bucket = this.#search(key, hash);
    const found = this.buckets[bucket]! - 1;
    if (found !== -1) return found;
    const row = this.take(bucket, hash);
    if (row !== -1) this.#keys[row] = key;
    return row;
  }

  /** Whether there was such a key. */
  remove(key: number): boolean {
    return this.removeRow(this.find(key));
  }

  /** The key of a live row. */
  keyOf(row: number): number {
    return this.#keys[row]!;
  }

  protected forget(): void {}

  #search(key: number, hash: number): number {
    const { buckets, mask } = this;
    let bucket = hash & mask;
    for (let entry = buckets[bucket]!; entry !== 0; entry = buckets[bucket]!) {
      if (this.#keys[entry - 1] === key) return bucket;
      bucket = (bucket + 1) & mask;
    }
    return bucket;
  }

  #hash(key: number): number {
    // Murmur3's finaliser over both halves.
    let hash = (key | 0) ^ Math.imul((key / 2 ** 32) | 0, 0x9e3779b1) ^ this.hashSeed;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}
