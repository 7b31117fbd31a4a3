import type { Clock, Timer } from "./clock.ts";

export interface TimerWheelOptions {
  clock: Clock;
  /** Ids are whole numbers from 0 to capacity - 1; each has one timer. */
  capacity: number;
  /** The grain: a timer fires at the first multiple of it, on the wheel's own count, that isn't early. Default 10. */
  tickMs?: number;
  /** Called for each due id, which is then disarmed. It may arm and cancel any, itself included. */
  onDue(id: number): void;
}

const slotBits = 6;
const slotsPerLevel = 1 << slotBits;
const levels = 6;
const overflowSlot = levels * slotsPerLevel;
const slotCount = overflowSlot + 1;
const notArmed = -1;
/** spans[l] is how many ticks one slot of level l covers. */
const spans = Array.from({ length: levels + 1 }, (_, level) => slotsPerLevel ** level);

/**
 * Any number of timers on one Clock timer. Six levels of 64 slots, level l covering 64^l ticks a slot; what lies beyond
 * waits in one overflow list. A timer stands in the lowest level whose current round contains it, and moves down when
 * its slot's turn comes, so arming and cancelling are O(1) and timers at lower levels are always due before those above.
 *
 *     level 1  |  slot  |  slot  |* slot *|  slot  | ...      * contains now
 *     level 0                    |.......*...........|        one slot a tick
 *
 * Lists are links in two typed arrays: nothing is allocated per arm, except one Clock timer when the new timer is due
 * before all others.
 */
export class TimerWheel {
  readonly capacity: number;
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #originMs: number;
  readonly #onDue: (id: number) => void;
  /** Circular doubly linked lists: ids, then one head per slot at capacity + slot. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #slotOf: Int16Array;
  readonly #dueTick: Float64Array;
  /** Two words a level: which of its slots hold something. */
  readonly #occupied = new Uint32Array(levels * 2);
  #size = 0;
  /** All events up to and including this tick have been handled. */
  #tick = 0;
  #wakeTick = Number.POSITIVE_INFINITY;
  #wake: Timer | undefined;
  #isRunning: boolean = false;

  constructor({ clock, capacity, tickMs = 10, onDue }: TimerWheelOptions) {
    if (!Number.isSafeInteger(capacity) || capacity < 1 || capacity > 2 ** 28) {
      throw new RangeError(`A wheel's capacity is a whole number from 1 to 2^28, not ${capacity}.`);
    }
    if (!(tickMs > 0 && Number.isFinite(tickMs))) throw new RangeError(`A tick lasts longer than 0 ms, not ${tickMs}.`);
    this.capacity = capacity;
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#originMs = clock.monotonicMs();
    this.#onDue = onDue;
    this.#next = new Int32Array(capacity + slotCount);
    this.#previous = new Int32Array(capacity + slotCount);
    for (let slot = 0; slot < slotCount; slot++) {
      this.#next[capacity + slot] = capacity + slot;
      this.#previous[capacity + slot] = capacity + slot;
    }
    this.#slotOf = new Int16Array(capacity).fill(notArmed);
    this.#dueTick = new Float64Array(capacity);
  }

  /** How many timers are armed. */
  get size(): number {
    return this.#size;
  }

  /** Arms the timer of `id`, or moves it. It fires once, not before `delayMs` have passed and at most a tick later. */
  arm(id: number, delayMs: number): void {
    this.#check(id);
    if (!(delayMs < Number.POSITIVE_INFINITY)) throw new RangeError(`Not a delay: ${delayMs}.`);
    if (this.#slotOf[id] !== notArmed) this.#unlink(id);
    const sinceOriginMs = this.#clock.monotonicMs() - this.#originMs;
    // An empty wheel has no order to keep, so it may catch up with the present at no cost.
    if (this.#size === 0 && !this.#isRunning)
      this.#tick = Math.max(this.#tick, Math.floor(sinceOriginMs / this.#tickMs));
    const due = Math.ceil((sinceOriginMs + Math.max(delayMs, 0)) / this.#tickMs);
    this.#dueTick[id] = Math.max(due, this.#tick + 1);
    this.#link(id);
    if (!this.#isRunning) this.#ensureWake(this.#slotStart(this.#slotOf[id]!));
  }

  /** Whether it was armed. */
  cancel(id: number): boolean {
    this.#check(id);
    if (this.#slotOf[id] === notArmed) return false;
    this.#unlink(id);
    // A wake-up for nothing costs little while others wait; with none left it would keep a process alive.
    if (this.#size === 0 && !this.#isRunning) this.#cancelWake();
    return true;
  }

  /** Disarms all. */
  clear(): void {
    for (let id = 0; this.#size > 0 && id < this.capacity; id++) if (this.#slotOf[id] !== notArmed) this.#unlink(id);
    if (!this.#isRunning) this.#cancelWake();
  }

  #check(id: number): void {
    if (!(id >= 0 && id < this.capacity)) throw new RangeError(`Not an id of this wheel: ${id}.`);
  }

  /** Handles everything due by now. Should `onDue` throw, the rest stays armed and is tried at the next tick. */
  #run = (): void => {
    const wakeTick = this.#wakeTick;
    this.#wake = undefined;
    this.#wakeTick = Number.POSITIVE_INFINITY;
    this.#isRunning = true;
    try {
      // The clock isn't early, so the tick it was asked for has come, whatever rounding says.
      const nowTick = Math.max(wakeTick, Math.floor((this.#clock.monotonicMs() - this.#originMs) / this.#tickMs));
      for (let slot = this.#nextSlot(); slot !== notArmed; slot = this.#nextSlot()) {
        const start = this.#slotStart(slot);
        if (start > nowTick) break;
        this.#tick = Math.max(this.#tick, start);
        if (slot < slotsPerLevel) this.#fire(slot);
        else this.#cascade(slot);
      }
      this.#tick = Math.max(this.#tick, nowTick);
    } finally {
      this.#isRunning = false;
      const slot = this.#nextSlot();
      if (slot !== notArmed) this.#ensureWake(this.#slotStart(slot));
    }
  };

  #fire(slot: number): void {
    const head = this.capacity + slot;
    for (let id = this.#next[head]!; id !== head; id = this.#next[head]!) {
      this.#unlink(id);
      this.#onDue(id);
    }
  }

  #cascade(slot: number): void {
    const head = this.capacity + slot;
    // What still lies beyond all levels goes back to the same list; its last entry now is where this turn ends.
    const last = this.#previous[head]!;
    for (let id = this.#next[head]!; id !== head; id = this.#next[head]!) {
      this.#unlink(id);
      this.#link(id);
      if (id === last) break;
    }
  }

  /** The slot whose turn is next, or -1: the first occupied of the lowest level that has one, since lower is earlier. */
  #nextSlot(): number {
    if (this.#size === 0) return notArmed;
    for (let level = 0; level < levels; level++) {
      const low = this.#occupied[level * 2]!;
      const high = this.#occupied[level * 2 + 1]!;
      if (low !== 0) return level * slotsPerLevel + firstBit(low);
      if (high !== 0) return level * slotsPerLevel + 32 + firstBit(high);
    }
    return overflowSlot;
  }

  /** The tick at which an occupied slot's turn comes. */
  #slotStart(slot: number): number {
    if (slot === overflowSlot) return (Math.floor(this.#tick / spans[levels]!) + 1) * spans[levels]!;
    const level = slot >> slotBits;
    const roundSpan = spans[level + 1]!;
    return Math.floor(this.#tick / roundSpan) * roundSpan + (slot & (slotsPerLevel - 1)) * spans[level]!;
  }

  #slotFor(due: number): number {
    for (let level = 0; level < levels; level++) {
      const roundSpan = spans[level + 1]!;
      if (Math.floor(due / roundSpan) === Math.floor(this.#tick / roundSpan)) {
        return level * slotsPerLevel + (Math.floor(due / spans[level]!) % slotsPerLevel);
      }
    }
    return overflowSlot;
  }

  #link(id: number): void {
    const slot = this.#slotFor(this.#dueTick[id]!);
    const head = this.capacity + slot;
    const last = this.#previous[head]!;
    this.#next[last] = id;
    this.#previous[id] = last;
    this.#next[id] = head;
    this.#previous[head] = id;
    this.#slotOf[id] = slot;
    if (slot !== overflowSlot) this.#occupied[slot >> 5]! |= 1 << (slot & 31);
    this.#size++;
  }

  #unlink(id: number): void {
    const previous = this.#previous[id]!;
    const next = this.#next[id]!;
    this.#next[previous] = next;
    this.#previous[next] = previous;
    const slot = this.#slotOf[id]!;
    if (previous === next && slot !== overflowSlot) this.#occupied[slot >> 5]! &= ~(1 << (slot & 31));
    this.#slotOf[id] = notArmed;
    this.#size--;
  }

  #ensureWake(tick: number): void {
    if (tick >= this.#wakeTick) return;
    this.#cancelWake();
    this.#wakeTick = tick;
    this.#wake = this.#clock.after(this.#originMs + tick * this.#tickMs - this.#clock.monotonicMs(), this.#run);
  }

  #cancelWake(): void {
    this.#wake?.cancel();
    this.#wake = undefined;
    this.#wakeTick = Number.POSITIVE_INFINITY;
  }
}

function firstBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
