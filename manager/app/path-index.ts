import type { NodeRow } from "./fleet-table.ts";

export interface PathIndexOptions {
  readonly capacity: number;
  readonly hashSeed: number;
  /** Whether the row's path is this one now. */
  isAt(row: NodeRow, address: string, port: number): boolean;
}

/** Finds the row that holds an address and port: chains through two flat arrays, since there may be a million rows. */
export class PathIndex {
  readonly #options: PathIndexOptions;
  /** Row + 1 of the first of each chain, and of the next after each row; 0: none. */
  readonly #heads: Uint32Array;
  readonly #next: Uint32Array;

  constructor(options: PathIndexOptions) {
    this.#options = options;
    let chains = 1;
    while (chains < options.capacity) chains *= 2;
    this.#heads = new Uint32Array(chains);
    this.#next = new Uint32Array(options.capacity);
  }

  /** -1: nobody is there. */
  find(address: string, port: number): NodeRow {
    let entry = this.#heads[this.#chain(address, port)]!;
    while (entry !== 0 && !this.#options.isAt(entry - 1, address, port)) entry = this.#next[entry - 1]!;
    return entry - 1;
  }

  /** The row isn't in the index yet, and nobody else is at this path. */
  insert(row: NodeRow, address: string, port: number): void {
    const chain = this.#chain(address, port);
    this.#next[row] = this.#heads[chain]!;
    this.#heads[chain] = row + 1;
  }

  /** Takes the row out, if it is in, under the path with which it came. */
  remove(row: NodeRow, address: string, port: number): void {
    const chain = this.#chain(address, port);
    let before = 0;
    for (let entry = this.#heads[chain]!; entry !== 0; entry = this.#next[entry - 1]!) {
      if (entry === row + 1) {
        if (before === 0) this.#heads[chain] = this.#next[row]!;
        else this.#next[before - 1] = this.#next[row]!;
        this.#next[row] = 0;
        return;
      }
      before = entry;
    }
  }

  /** FNV-1a, mixed so that the low bits, which choose the chain, depend on all of it. */
  #chain(address: string, port: number): number {
    let hash = 0x811c9dc5 ^ this.#options.hashSeed;
    for (let i = 0; i < address.length; i++) hash = Math.imul(hash ^ address.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ port, 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    return ((hash ^ (hash >>> 13)) >>> 0) % this.#heads.length;
  }
}
