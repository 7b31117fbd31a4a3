import type { Clock, Timer } from "../../kernel/clock.ts";

/** A clock that dies with its process: what a dead manager had armed never happens. */
export class MortalClock implements Clock {
  readonly #clock: Clock;
  #isDead: boolean = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  die(): void {
    this.#isDead = true;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  after(delayMs: number, callback: () => void): Timer {
    if (this.#isDead) return { cancel: () => undefined };
    return this.#clock.after(delayMs, () => {
      if (!this.#isDead) callback();
    });
  }
}
