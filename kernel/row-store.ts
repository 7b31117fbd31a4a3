export type ColumnType = "u8" | "u16" | "u32" | "i32" | "f32" | "f64";
export type ColumnSpec = Readonly<Record<string, ColumnType>>;

interface ColumnArrays {
  u8: Uint8Array;
  u16: Uint16Array;
  u32: Uint32Array;
  i32: Int32Array;
  f32: Float32Array;
  f64: Float64Array;
}

export type Columns<Spec extends ColumnSpec> = { readonly [Name in keyof Spec]: ColumnArrays[Spec[Name]] };

export interface RowStoreOptions<Spec extends ColumnSpec> {
  /** How many rows there are, for ever; all memory is taken at once. */
  capacity: number;
  columns: Spec;
  /** Random where peers choose the keys, so that they can't aim at one bucket. Default 0. */
  hashSeed?: number;
}

const live = -2;
const none = -1;

/**
 * What number-keyed and text-keyed tables share: rows, their columns, and an open-addressed index (linear probing, at most
 * half full) from a key's hash to its row. Deletion moves later entries of the run back, so there are no tombstones and a
 * table never slows down with age.
 */
export abstract class RowStore<Spec extends ColumnSpec> {
  readonly capacity: number;
  /** One array a column, indexed by row. A fresh row's columns are 0. */
  readonly columns: Columns<Spec>;
  readonly #columnList: readonly ColumnArrays[ColumnType][];
  /** Row + 1, 0 for an empty bucket. */
  protected readonly buckets: Int32Array;
  protected readonly mask: number;
  protected readonly hashSeed: number;
  /** Per row: the hash of its key. */
  protected readonly hashes: Uint32Array;
  /** Per row: `live`, or the next free row. */
  readonly #links: Int32Array;
  #firstFree = none;
  /** Rows from here on have never been used. */
  #untouched = 0;
  #size = 0;

  constructor({ capacity, columns, hashSeed = 0 }: RowStoreOptions<Spec>) {
    if (!Number.isSafeInteger(capacity) || capacity < 1 || capacity > 2 ** 28) {
      throw new RangeError(`A table's capacity is a whole number from 1 to 2^28, not ${capacity}.`);
    }
    this.capacity = capacity;
    this.hashSeed = hashSeed | 0;
    const bucketCount = 2 ** Math.ceil(Math.log2(capacity * 2));
    this.buckets = new Int32Array(bucketCount);
    this.mask = bucketCount - 1;
    this.hashes = new Uint32Array(capacity);
    this.#links = new Int32Array(capacity);
    const arrays = Object.entries(columns).map(([name, type]) => [name, newColumn(type, capacity)] as const);
    this.columns = Object.fromEntries(arrays) as unknown as Columns<Spec>;
    this.#columnList = arrays.map(([, array]) => array);
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size === this.capacity;
  }

  /** Whether `row` holds an entry; false for any number that isn't a row. */
  isLive(row: number): boolean {
    return row >= 0 && row < this.#untouched && this.#links[row] === live;
  }

  /** The first live row at or after `row`, or -1. To walk a table: for (row = nextRow(0); row !== -1; row = nextRow(row + 1)). Rows may be removed on the way. */
  nextRow(row: number): number {
    for (let at = row; at < this.#untouched; at++) if (this.#links[at] === live) return at;
    return none;
  }

  /** Removes the entry in `row`; false when there is none. */
  removeRow(row: number): boolean {
    if (!this.isLive(row)) return false;
    this.#unlinkBucket(this.#bucketOf(row));
    this.#links[row] = this.#firstFree;
    this.#firstFree = row;
    this.#size--;
    this.forget(row);
    return true;
  }

  /** Drops the key of `row`. */
  protected abstract forget(row: number): void;

  /** A fresh row entered at `bucket`, which is the empty one that ended the search for its key; -1 when full. */
  protected take(bucket: number, hash: number): number {
    if (this.#size === this.capacity) return none;
    let row = this.#firstFree;
    if (row === none) row = this.#untouched++;
    else this.#firstFree = this.#links[row]!;
    this.#links[row] = live;
    this.hashes[row] = hash;
    this.buckets[bucket] = row + 1;
    this.#size++;
    for (const column of this.#columnList) column[row] = 0;
    return row;
  }

  #bucketOf(row: number): number {
    let bucket = this.hashes[row]! & this.mask;
    while (this.buckets[bucket] !== row + 1) bucket = (bucket + 1) & this.mask;
    return bucket;
  }

  /** Backward shift: fills the hole with the next entry that may legally stand there, until the run ends. */
  #unlinkBucket(hole: number): void {
    const { buckets, mask, hashes } = this;
    let at = hole;
    let next = (at + 1) & mask;
    for (let entry = buckets[next]!; entry !== 0; entry = buckets[next]!) {
      const home = hashes[entry - 1]! & mask;
      // The entry may move back unless its home lies cyclically within (at, next].
      if (((next - home) & mask) >= ((next - at) & mask)) {
        buckets[at] = entry;
        at = next;
      }
      next = (next + 1) & mask;
    }
    buckets[at] = 0;
  }
}

function newColumn(type: ColumnType, capacity: number): ColumnArrays[ColumnType] {
  switch (type) {
    case "u8":
      return new Uint8Array(capacity);
    case "u16":
      return new Uint16Array(capacity);
    case "u32":
      return new Uint32Array(capacity);
    case "i32":
      return new Int32Array(capacity);
    case "f32":
      return new Float32Array(capacity);
    case "f64":
      return new Float64Array(capacity);
  }
}
