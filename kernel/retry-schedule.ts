import type { Entropy } from "./entropy.ts";

export interface RetryOptions {
  /** The first delay before jitter. */
  baseMs: number;
  /** Each delay is this many times the one before; default 2. */
  factor?: number;
  /** No delay is longer. */
  capMs: number;
  /** In [0, 1]: which share of a delay is random. 0.5 draws from the upper half of it; default 0.5. */
  jitter?: number;
  /** How many delays there are; default: no end. */
  attempts?: number;
}

/**
 * The delays between attempts. Pure but for the entropy: it waits for nothing. Each iteration starts from the beginning,
 * so one schedule serves every reconnect.
 */
export function retrySchedule(options: RetryOptions, entropy: Pick<Entropy, "fraction">): Iterable<number> {
  const { baseMs, factor = 2, capMs, jitter = 0.5, attempts = Number.POSITIVE_INFINITY } = options;
  if (!(baseMs > 0 && factor >= 1 && capMs >= baseMs && jitter >= 0 && jitter <= 1)) {
    throw new RangeError("A retry schedule needs baseMs > 0, factor >= 1, capMs >= baseMs and jitter in [0, 1].");
  }
  return {
    *[Symbol.iterator]() {
      let delayMs = baseMs;
      for (let attempt = 0; attempt < attempts; attempt++) {
        // Jitter only shortens, so that the cap holds and fleets spread out.
        yield delayMs * (1 - jitter * entropy.fraction());
        delayMs = Math.min(delayMs * factor, capMs);
      }
    },
  };
}
