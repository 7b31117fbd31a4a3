import type { Clock } from "./clock.ts";
import { defineFaults, type Fault } from "./fault.ts";
import type { Log } from "./log.ts";

/** Something a process consists of: a store, an endpoint, a server. */
export interface Part {
  readonly name: string;
  /** Resolves when the part is ready for those that come after it. When it rejects it has cleaned up after itself. */
  start(): Promise<void> | void;
  /** Called once, and only after `start` has resolved. */
  stop(): Promise<void> | void;
}

export interface LifecycleOptions {
  clock: Clock;
  log: Log;
  /** How long one part may take to stop before the next one's turn comes; default 5000. */
  stopDeadlineMs?: number;
}

export const lifecycleFaults = defineFaults({
  "lifecycle.start-failed": {
    fault: "environment",
    message: "{part} could not start: {reason} What had started before it has been stopped.",
  },
  "lifecycle.start-interrupted": {
    fault: "caller",
    message: "The start was interrupted by a stop after {part}; what had started has been stopped.",
  },
  "lifecycle.started-twice": { fault: "caller", message: "A Lifecycle starts once; build a new one to start again." },
  "lifecycle.stop-failed": {
    fault: "us",
    message: "{part} failed while stopping: {reason} The other parts were stopped.",
  },
  "lifecycle.stop-timed-out": {
    fault: "us",
    message: "{part} did not stop within {deadlineMs} ms and was left behind; the other parts were stopped.",
  },
});

/** Starts parts in order and stops them in reverse. A stop always reaches its end, whatever a part does. */
export class Lifecycle {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stopDeadlineMs: number;
  readonly #started: Part[] = [];
  #starting: Promise<void> | undefined;
  #stopping: Promise<readonly Fault[]> | undefined;

  constructor({ clock, log, stopDeadlineMs = 5000 }: LifecycleOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#stopDeadlineMs = stopDeadlineMs;
  }

  /** Rejects with a Fault when a part can't start or `stop` was called meanwhile, after all that had started is stopped. */
  async start(parts: readonly Part[]): Promise<void> {
    if (this.#starting !== undefined || this.#stopping !== undefined)
      throw lifecycleFaults("lifecycle.started-twice", {});
    // The start as seen by stop(): it ends, it doesn't fail.
    let ended = (): void => {};
    this.#starting = new Promise((resolve) => {
      ended = resolve;
    });
    let failure: Fault | undefined;
    for (const part of parts) {
      try {
        await part.start();
        this.#started.push(part);
        this.#log.debug("part-started", { part: part.name });
      } catch (error) {
        failure = lifecycleFaults("lifecycle.start-failed", { part: part.name, reason: reasonOf(error) }, error);
        break;
      }
      if (this.#stopping !== undefined) {
        failure = lifecycleFaults("lifecycle.start-interrupted", { part: part.name });
        break;
      }
    }
    ended();
    if (failure === undefined) return;
    await this.stop();
    throw failure;
  }

  /**
   * Stops what has started, in reverse, each part within its deadline. Never rejects: what went wrong is logged and
   * returned. Calling it again gives the same promise. During a start it waits for the part that is starting.
   */
  stop(): Promise<readonly Fault[]> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<readonly Fault[]> {
    const faults: Fault[] = [];
    if (this.#starting !== undefined) {
      const isEnded = await this.#within(this.#starting);
      if (!isEnded) faults.push(this.#timedOut("The part that was starting"));
    }
    for (let part = this.#started.pop(); part !== undefined; part = this.#started.pop()) {
      const fault = await this.#stopPart(part);
      if (fault !== undefined) faults.push(fault);
    }
    for (const fault of faults) this.#log.error("part-stop-failed", { fault });
    return faults;
  }

  async #stopPart(part: Part): Promise<Fault | undefined> {
    try {
      const isStopped = await this.#within(Promise.resolve(part.stop()));
      if (!isStopped) return this.#timedOut(part.name);
      this.#log.debug("part-stopped", { part: part.name });
      return undefined;
    } catch (error) {
      return lifecycleFaults("lifecycle.stop-failed", { part: part.name, reason: reasonOf(error) }, error);
    }
  }

  #timedOut(part: string): Fault {
    return lifecycleFaults("lifecycle.stop-timed-out", { part, deadlineMs: this.#stopDeadlineMs });
  }

  /** Whether `work` ended within the deadline; rejects as `work` does. */
  #within(work: Promise<void>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(this.#stopDeadlineMs, () => resolve(false));
      work.then(
        () => {
          timer.cancel();
          resolve(true);
        },
        (error: unknown) => {
          timer.cancel();
          reject(error);
        },
      );
    });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
