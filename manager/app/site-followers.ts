import type { Clock } from "../../kernel/clock.ts";
import type { FollowOutcome } from "./api/sites.ts";

/** Gateways that wait for news of their sites: one request a site, since a gateway has one under way. */
export class SiteFollowers {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, (outcome: FollowOutcome) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `same` after that time, when `signal` aborts, or when another request comes. */
  wait(site: string, waitMs: number, signal: AbortSignal | undefined): Promise<FollowOutcome> {
    this.tell(site, { kind: "same" });
    if (waitMs <= 0 || signal?.aborted) return Promise.resolve({ kind: "same" });
    return new Promise((resolve) => {
      const end = (outcome: FollowOutcome): void => {
        timer.cancel();
        signal?.removeEventListener("abort", gone);
        if (this.#waiting.get(site) === end) this.#waiting.delete(site);
        resolve(outcome);
      };
      const gone = (): void => end({ kind: "same" });
      const timer = this.#clock.after(waitMs, gone);
      signal?.addEventListener("abort", gone, { once: true });
      this.#waiting.set(site, end);
    });
  }

  tell(site: string, outcome: FollowOutcome): void {
    this.#waiting.get(site)?.(outcome);
  }

  stop(): void {
    for (const end of [...this.#waiting.values()]) end({ kind: "same" });
  }
}
