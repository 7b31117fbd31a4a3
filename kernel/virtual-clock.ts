import type { Clock, Timer } from "./clock.ts";

export interface VirtualClockOptions {
  /** Wall time at the start; default 2026-01-01T00:00:00Z. */
  startWallMs?: number;
}

interface Entry extends Timer {
  readonly dueMs: number;
  readonly sequence: number;
  callback: (() => void) | undefined;
}

/** Far more than any chain of callbacks that is going to end. */
const mostTurns = 100_000;
const defaultStartWallMs = 1_767_225_600_000;

/**
 * A clock that only moves when told. Timers due at the same instant run in the order in which they were armed, so a run
 * repeats exactly. The monotonic clock starts at 0.
 */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #wallOffsetMs: number;
  #sequence = 0;
  #isAdvancing: boolean = false;
  #cancelled = 0;
  /** Binary min-heap on (dueMs, sequence). Cancelled entries stay until popped, or until they are the majority. */
  #heap: Entry[] = [];

  constructor({ startWallMs = defaultStartWallMs }: VirtualClockOptions = {}) {
    this.#wallOffsetMs = startWallMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Whole milliseconds, as the system's. */
  wallMs(): number {
    return Math.floor(this.#nowMs) + this.#wallOffsetMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    // NaN counts as 0, as it does for setTimeout; an infinite delay is never due.
    const delay = delayMs > 0 ? delayMs : 0;
    const entry: Entry = {
      dueMs: this.#nowMs + delay,
      sequence: this.#sequence++,
      callback,
      cancel: () => {
        if (entry.callback === undefined) return;
        entry.callback = undefined;
        this.#cancelled++;
        this.#compactIfWasteful();
      },
    };
    this.#push(entry);
    return entry;
  }

  /**
   * Moves time forward by `ms`, running due timers in order. Before the first, and after each, everything settles, so work
   * that a timer sets off may arm timers inside the same span.
   * An exception thrown by a timer rejects this promise; time then stands at that timer's instant.
   */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#begin(ms);
    try {
      await this.settle();
      for (let entry = this.#popDue(untilMs); entry !== undefined; entry = this.#popDue(untilMs)) {
        this.#run(entry);
        await this.settle();
      }
      this.#nowMs = untilMs;
    } finally {
      this.#isAdvancing = false;
    }
  }

  /** As `advance`, without letting promise reactions run in between: for code that is synchronous throughout. */
  advanceSync(ms: number): void {
    const untilMs = this.#begin(ms);
    try {
      for (let entry = this.#popDue(untilMs); entry !== undefined; entry = this.#popDue(untilMs)) this.#run(entry);
      this.#nowMs = untilMs;
    } finally {
      this.#isAdvancing = false;
    }
  }

  /**
   * Lets everything run that is ready and doesn't need time: promise reactions, `process.nextTick` and `setImmediate`
   * callbacks, and what they set off, until none is left. Time stands still. Real input and output isn't waited for.
   */
  async settle(): Promise<void> {
    for (let turns = 0; turns < mostTurns; turns++) {
      // Not a wait: the turn of the event loop is the one point at which the other queues are known to be empty.
      // biome-ignore lint/style/noRestrictedGlobals: see above
      await new Promise((resolve) => setImmediate(resolve));
      if (!process.getActiveResourcesInfo().includes("Immediate")) return;
    }
    throw new Error(`Something keeps calling setImmediate: time could not move on within ${mostTurns} turns.`);
  }

  /** The instant (monotonic) of the earliest armed timer. */
  nextDueMs(): number | undefined {
    this.#dropCancelledTop();
    return this.#heap[0]?.dueMs;
  }

  /** Makes the wall clock jump, as an operator or NTP does; timers don't notice. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  #begin(ms: number): number {
    if (!(ms >= 0)) throw new RangeError(`Time can't go back or to nowhere: advance(${ms}).`);
    if (this.#isAdvancing) throw new Error("The virtual clock is already advancing; await the other advance first.");
    this.#isAdvancing = true;
    return this.#nowMs + ms;
  }

  #run(entry: Entry): void {
    const { callback } = entry;
    entry.callback = undefined;
    // Time never goes back, even when a timer was armed with a due instant that rounding put before now.
    this.#nowMs = Math.max(this.#nowMs, entry.dueMs);
    callback?.();
  }

  #popDue(untilMs: number): Entry | undefined {
    this.#dropCancelledTop();
    const top = this.#heap[0];
    if (top === undefined || top.dueMs > untilMs) return undefined;
    this.#pop();
    return top;
  }

  #dropCancelledTop(): void {
    while (this.#heap.length > 0 && this.#heap[0]!.callback === undefined) {
      this.#pop();
      this.#cancelled--;
    }
  }

  #compactIfWasteful(): void {
    if (this.#cancelled < 64 || this.#cancelled * 2 < this.#heap.length) return;
    // A sorted array is a valid heap.
    this.#heap = this.#heap.filter((entry) => entry.callback !== undefined).sort((a, b) => (isBefore(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence);
}
