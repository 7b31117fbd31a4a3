import type { Clock } from "../../kernel/clock.ts";

/** A device asks once, and again after a power cut. */
const ofOne = { burst: 5, perSecond: 0.5 } as const;
/** Full: who asked first is forgotten; the bound on all stays. */
const maxRemembered = 1024;

interface Bucket {
  left: number;
  atMs: number;
}

/** How often enrolments are looked at: each writes into storage, and whoever has one key shall not use up what is there for all. */
export class EnrolmentLimiter {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #all: Bucket;
  readonly #each = new Map<string, Bucket>();

  constructor({ clock, perSecond }: { readonly clock: Clock; readonly perSecond: number }) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#all = { left: perSecond, atMs: clock.monotonicMs() };
  }

  /** Whether it may go on now. */
  take(id: string): boolean {
    const own = this.#each.get(id) ?? this.#remember(id);
    this.#refill(own, ofOne);
    this.#refill(this.#all, { burst: this.#perSecond, perSecond: this.#perSecond });
    if (own.left < 1 || this.#all.left < 1) return false;
    own.left--;
    this.#all.left--;
    return true;
  }

  #remember(id: string): Bucket {
    const [oldest] = this.#each.keys();
    if (this.#each.size >= maxRemembered && oldest !== undefined) this.#each.delete(oldest);
    const bucket = { left: ofOne.burst, atMs: this.#clock.monotonicMs() };
    this.#each.set(id, bucket);
    return bucket;
  }

  #refill(bucket: Bucket, { burst, perSecond }: { readonly burst: number; readonly perSecond: number }): void {
    const nowMs = this.#clock.monotonicMs();
    bucket.left = Math.min(burst, bucket.left + ((nowMs - bucket.atMs) / 1000) * perSecond);
    bucket.atMs = nowMs;
  }
}
