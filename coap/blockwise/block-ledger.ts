/**
 * Which blocks of a body came (RFC 9177): they come in any order, in sets of MAX_PAYLOADS, and those that didn't are asked for again.
 * Memory grows with what came, not with the number of blocks that was promised.
 */
export class BlockLedger {
  /** Blocks of the whole body. */
  readonly total: number;
  readonly #perSet: number;
  /** Those that came and aren't below `wholeUntil`. */
  readonly #ahead = new Set<number>();
  #wholeUntil = 0;
  #highest = -1;

  constructor(total: number, perSet: number) {
    this.total = total;
    this.#perSet = perSet;
  }

  /** Notes a block; false when it came before. */
  take(number: number): boolean {
    if (this.has(number)) return false;
    if (number > this.#highest) this.#highest = number;
    this.#ahead.add(number);
    while (this.#ahead.delete(this.#wholeUntil)) this.#wholeUntil++;
    return true;
  }

  has(number: number): boolean {
    return number < this.#wholeUntil || this.#ahead.has(number);
  }

  /** The first block that is missing; `total` when none is. */
  get wholeUntil(): number {
    return this.#wholeUntil;
  }

  get highest(): number {
    return this.#highest;
  }

  get isWhole(): boolean {
    return this.#wholeUntil >= this.total;
  }

  /** Number of the set that the block is in. */
  setOf(number: number): number {
    return Math.floor(number / this.#perSet);
  }

  /** One past the last block of a set. */
  endOf(set: number): number {
    return Math.min(this.total, (set + 1) * this.#perSet);
  }

  /** Missing blocks below `end`, ascending, the first `limit` of them. */
  missing(end: number, limit: number): number[] {
    const numbers: number[] = [];
    for (let number = this.#wholeUntil; number < end && numbers.length < limit; number++) {
      if (!this.#ahead.has(number)) numbers.push(number);
    }
    return numbers;
  }
}
