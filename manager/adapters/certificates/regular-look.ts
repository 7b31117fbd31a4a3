import type { Clock, Timer } from "../../../kernel/clock.ts";

/** Files of an operator are looked at so often. */
const lookMs = 10_000;

/** Looks again every ten seconds, from the start to the stop. */
export class RegularLook {
  readonly #clock: Clock;
  readonly #look: () => void;
  #timer: Timer | undefined;

  constructor(clock: Clock, look: () => void) {
    this.#clock = clock;
    this.#look = look;
  }

  start(): void {
    this.#timer = this.#clock.after(lookMs, () => {
      this.start();
      this.#look();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
