import type { Clock, Timer } from "../clock.ts";

/** setTimeout fires at once for anything longer. */
const longestTimeoutMs = 2 ** 31 - 1;

class SystemTimer implements Timer {
  readonly #dueMs: number;
  #callback: (() => void) | undefined;
  #timeout: NodeJS.Timeout | undefined;

  constructor(delayMs: number, callback: () => void) {
    this.#dueMs = performance.now() + (delayMs > 0 ? delayMs : 0);
    this.#callback = callback;
    this.#wait(delayMs);
  }

  cancel(): void {
    this.#callback = undefined;
    clearTimeout(this.#timeout);
  }

  #wait(delayMs: number): void {
    this.#timeout = setTimeout(this.#wake, Math.min(delayMs > 0 ? delayMs : 0, longestTimeoutMs));
  }

  #wake = (): void => {
    // Node counts in whole milliseconds of the event loop and may be up to one early; the Clock promises never to be.
    const remainingMs = this.#dueMs - performance.now();
    if (remainingMs > 0) {
      this.#wait(Math.ceil(remainingMs));
      return;
    }
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  };
}

/** The machine's time. Its timers keep the process alive until they have run or are cancelled. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => new SystemTimer(delayMs, callback),
};
