/**
 * Time as a parameter. Everything that waits or stamps takes a Clock, so that the whole system can run on virtual time.
 * The real one is `kernel/system/system-clock.ts`, the virtual one `kernel/virtual-clock.ts`.
 */
export interface Clock {
  /** Milliseconds on a clock that never jumps; its zero has no meaning. */
  monotonicMs(): number;
  /** Whole milliseconds since 1970-01-01T00:00:00Z; may jump. For stamps that people read or that outlive the process. */
  wallMs(): number;
  /** Calls `callback` once, not before `delayMs` have passed on the monotonic clock. */
  after(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  /** Idempotent; after it returns the callback won't run. */
  cancel(): void;
}

/** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
