import type { Clock } from "../../kernel/clock.ts";

/** IDs of one range; the IDs of a peer are used range by range. */
export const idsPerRange = 4_096;
const ranges = 65_536 / idsPerRange;

/**
 * Keeps a message ID from being used twice for one peer within EXCHANGE_LIFETIME (RFC 7252 section 4.4): a range is entered again only
 * when it was left so long ago. Costs nothing until a peer has been sent a whole range, and then one look for each range.
 */
export class MessageIdRanges {
  readonly #clock: Clock;
  readonly #exchangeLifetimeMs: number;
  /** When each range was left, by the peer's row. */
  readonly #leftMs = new Map<number, Float64Array>();

  constructor(clock: Clock, exchangeLifetimeMs: number) {
    this.#clock = clock;
    this.#exchangeLifetimeMs = exchangeLifetimeMs;
  }

  /** The peer's next ID is the first of this range. False: its IDs are still in use. */
  enter(row: number, range: number): boolean {
    const now = this.#clock.monotonicMs();
    let leftMs = this.#leftMs.get(row);
    if (leftMs === undefined) {
      leftMs = new Float64Array(ranges).fill(Number.NEGATIVE_INFINITY);
      this.#leftMs.set(row, leftMs);
    }
    if (now - leftMs[range]! < this.#exchangeLifetimeMs) return false;
    leftMs[(range + ranges - 1) % ranges] = now;
    return true;
  }

  /** Forgets what no longer says no. */
  sweep(): void {
    const now = this.#clock.monotonicMs();
    for (const [row, leftMs] of this.#leftMs) {
      if (leftMs.every((at) => now - at >= this.#exchangeLifetimeMs)) this.#leftMs.delete(row);
    }
  }
}
