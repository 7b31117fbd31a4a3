import { type ColumnSpec, RowStore, type RowStoreOptions } from "./row-store.ts";

/** As `RowTable`, keyed by text: node ids, addresses. Finding allocates nothing; inserting keeps a reference to the key. */
export class TextRowTable<Spec extends ColumnSpec> extends RowStore<Spec> {
  readonly #keys: (string | undefined)[];

  constructor(options: RowStoreOptions<Spec>) {
    super(options);
    this.#keys = new Array<string | undefined>(options.capacity).fill(undefined);
  }

  /** The row of `key`, or -1. */
  find(key: string): number {
    return this.buckets[this.#search(key, this.#hash(key))]! - 1;
  }

  /** The row of `key`, a fresh one if it had none; -1 when the table is full. */
  insert(key: string): number {
    const hash = this.#hash(key);
    const bucket = this.#search(key, hash);
    const found = this.buckets[bucket]! - 1;
    if (found !== -1) return found;
    const row = this.take(bucket, hash);
    if (row !== -1) this.#keys[row] = key;
    return row;
  }

  /** Whether there was such a key. */
  remove(key: string): boolean {
    return this.removeRow(this.find(key));
  }

  /** The key of a live row; undefined for any other. */
  keyOf(row: number): string | undefined {
    return this.#keys[row];
  }

  protected forget(row: number): void {
    this.#keys[row] = undefined;
  }

  #search(key: string, hash: number): number {
    const { buckets, mask, hashes } = this;
    let bucket = hash & mask;
    for (let entry = buckets[bucket]!; entry !== 0; entry = buckets[bucket]!) {
      const row = entry - 1;
      if (hashes[row] === hash && this.#keys[row] === key) return bucket;
      bucket = (bucket + 1) & mask;
    }
    return bucket;
  }

  /** FNV-1a over UTF-16 code units, then mixed so that the low bits, which choose the bucket, depend on all of it. */
  #hash(key: string): number {
    let hash = 0x811c9dc5 ^ this.hashSeed;
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return (hash ^ (hash >>> 13)) >>> 0;
  }
}
