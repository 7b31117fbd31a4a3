import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { CanFrame } from "../../../schemas/wire/can.ts";
import { arbitrationValue, frameBits } from "../../domain/frame-bits.ts";
import { BusMember, type MemberOptions } from "./bus-member.ts";

/** What spoils frames, for tests and simulations. */
export interface BusNoise {
  /** Whether an error frame ends this attempt; the controller tries again. */
  destroys?(frame: CanFrame): boolean;
  /** Whether this member alone doesn't get it: its receive queue was full. */
  misses?(frame: CanFrame, member: BusMember): boolean;
}

export interface VirtualBusOptions {
  readonly clock: Clock;
  /** How long a frame is tried before it is given up; default 50. Real controllers try for ever, and programs give up. */
  readonly sendDeadlineMs?: number;
  /** Frames that one member's controller queues; default 32. */
  readonly queueFrames?: number;
  readonly noise?: BusNoise;
}

export interface BusCounters {
  /** Frames that got through. */
  frames: number;
  /** Attempts that an error frame ended: noise, another bit rate, a clash. */
  errors: number;
  /** Attempts that nobody acknowledged. */
  unacknowledged: number;
  /** Two members sent different frames of one identifier at once. */
  clashes: number;
  /** Time that the bus was in use. */
  busyMs: number;
}

/** An error shows early in a frame on average; error flags, delimiter and intermission follow. */
const errorBits = 40;
/** Between attempts that nobody acknowledges. Real controllers try at once; on an empty bus that makes no difference but load. */
const noAckPauseMs = 5;

interface Attempt {
  readonly senders: readonly BusMember[];
  readonly frame: CanFrame;
  readonly isClash: boolean;
  readonly isDestroyed: boolean;
  readonly beganMs: number;
  readonly endsMs: number;
}

/**
 * A CAN bus in memory, in the time of a clock: one frame at a time at the pace of the bit rate, the lowest identifier first,
 * acknowledged by whoever else is there, with the error counters of ISO 11898-1 behind error-passive and bus-off. A member with
 * another bit rate understands nothing and spoils what others send, until it is error-passive.
 */
export class VirtualBus {
  readonly counters: BusCounters = { frames: 0, errors: 0, unacknowledged: 0, clashes: 0, busyMs: 0 };
  readonly #clock: Clock;
  readonly #noise: BusNoise;
  readonly #sendDeadlineMs: number;
  readonly #queueFrames: number;
  readonly #members = new Set<BusMember>();
  #attempt: Attempt | undefined;
  #freeAtMs: number;
  #timer: Timer | undefined;
  #isTurning: boolean = false;

  constructor({ clock, sendDeadlineMs = 50, queueFrames = 32, noise = {} }: VirtualBusOptions) {
    this.#clock = clock;
    this.#noise = noise;
    this.#sendDeadlineMs = sendDeadlineMs;
    this.#queueFrames = queueFrames;
    this.#freeAtMs = clock.monotonicMs();
  }

  get members(): number {
    return this.#members.size;
  }

  /** Puts a controller on the bus. It stays until it leaves. */
  join(options: MemberOptions): BusMember {
    const member: BusMember = new BusMember(options, {
      nowMs: () => this.#clock.monotonicMs(),
      sendDeadlineMs: this.#sendDeadlineMs,
      queueFrames: this.#queueFrames,
      queued: () => this.#turn(),
      left: () => {
        this.#members.delete(member);
        this.#turn();
      },
    });
    this.#members.add(member);
    // Who waited for somebody to acknowledge needn't wait any longer.
    for (const each of this.#members) each.notBeforeMs = Math.min(each.notBeforeMs, this.#clock.monotonicMs());
    this.#turn();
    return member;
  }

  /** Ends what is due and begins what can begin. Nothing in here waits: what it tells may send again. */
  #turn(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    // Timers come late on a real clock: what would have ended meanwhile ends now, so that the pace is right on the whole.
    try {
      while (this.#attempt === undefined || this.#attempt.endsMs <= nowMs) {
        if (this.#attempt !== undefined) this.#end(this.#attempt);
        if (!this.#begin(nowMs)) break;
      }
    } finally {
      // A member that throws must not stop the bus.
      this.#isTurning = false;
      const dueMs = this.#attempt?.endsMs ?? this.#nextTryMs();
      if (dueMs !== undefined) this.#timer = this.#clock.after(dueMs - nowMs, () => this.#turn());
    }
  }

  #begin(nowMs: number): boolean {
    this.#attempt = undefined;
    let head: CanFrame | undefined;
    let lowest = Number.POSITIVE_INFINITY;
    let beganMs = this.#freeAtMs;
    for (const { first, notBeforeMs } of this.#members) {
      if (first === undefined || notBeforeMs > nowMs) continue;
      const value = arbitrationValue(first.frame);
      if (value >= lowest) continue;
      lowest = value;
      head = first.frame;
      beganMs = Math.max(this.#freeAtMs, first.queuedMs, notBeforeMs);
    }
    if (head === undefined) return false;
    const frame = head;
    const senders = [...this.#members].filter(
      ({ first, notBeforeMs }) =>
        first !== undefined && notBeforeMs <= nowMs && arbitrationValue(first.frame) === lowest,
    );
    const isClash = senders.some(({ first, bitRate }) => {
      return bitRate !== senders[0]!.bitRate || !isSameData(first!.frame.data, frame.data);
    });
    const isDestroyed = isClash || this.#isSpoilt(senders) || this.#noise.destroys?.(frame) === true;
    const bits = isDestroyed ? errorBits : frameBits(frame);
    const endsMs = beganMs + (bits * 1000) / senders[0]!.bitRate;
    this.#attempt = { senders, frame, isClash, isDestroyed, beganMs, endsMs };
    return true;
  }

  /** Whether somebody listens at another bit rate and still may say so with an error flag. */
  #isSpoilt(senders: readonly BusMember[]): boolean {
    const { bitRate } = senders[0]!;
    for (const member of this.#members)
      if (!senders.includes(member) && member.bitRate !== bitRate && member.mayDisturb) return true;
    return false;
  }

  #end({ senders, frame, isClash, isDestroyed, beganMs, endsMs }: Attempt): void {
    this.#attempt = undefined;
    this.#freeAtMs = endsMs;
    this.counters.busyMs += endsMs - beganMs;
    const here = senders.filter((each) => this.#members.has(each));
    const { bitRate } = senders[0]!;
    const others = [...this.#members].filter((each) => !senders.includes(each) && !each.isBusOff);
    if (isDestroyed) {
      this.counters.errors++;
      if (isClash) this.counters.clashes++;
      for (const each of others) each.receiveFailed(this.#weightOfError(each, bitRate));
      for (const each of here) each.sendFailed("error", endsMs);
      return;
    }
    const receivers = others.filter((each) => each.bitRate === bitRate);
    // Those who listen at another rate and can't say so see an error all the same.
    for (const each of others) if (each.bitRate !== bitRate) each.receiveFailed(8);
    if (senders.length === 1 && !receivers.some((each) => !each.isListenOnly)) {
      this.counters.unacknowledged++;
      for (const each of here) {
        each.notBeforeMs = endsMs + noAckPauseMs;
        each.sendFailed("no-ack", endsMs);
      }
      return;
    }
    this.counters.frames++;
    let failure: { readonly error: unknown } | undefined;
    for (const each of receivers) {
      if (this.#noise.misses?.(frame, each) === true) continue;
      try {
        each.receive(frame);
      } catch (error) {
        // The others hear it all the same.
        failure ??= { error };
      }
    }
    for (const each of here) each.sendSucceeded();
    if (failure) throw failure.error;
  }

  /**
   * How much an error counts for a receiver: 1 where it only heard others' error flags, 8 where it was the one that saw the error. Of two
   * bit rates the more numerous members bear with the fewer, who see an error in everything.
   */
  #weightOfError(receiver: BusMember, bitRate: number): 1 | 8 {
    if (receiver.bitRate === bitRate) return 1;
    return this.#countAt(receiver.bitRate) > this.#countAt(bitRate) ? 1 : 8;
  }

  #countAt(bitRate: number): number {
    let count = 0;
    for (const member of this.#members) if (member.bitRate === bitRate && !member.isListenOnly) count++;
    return count;
  }

  #nextTryMs(): number | undefined {
    let earliest: number | undefined;
    for (const { first, notBeforeMs } of this.#members)
      if (first !== undefined && (earliest === undefined || notBeforeMs < earliest)) earliest = notBeforeMs;
    return earliest;
  }
}

function isSameData(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
