import type { Clock, Timer } from "../../kernel/clock.ts";
import type { CanFrame } from "../../schemas/wire/can.ts";
import { frameBits } from "../domain/frame-bits.ts";
import type { CanBus } from "../ports/can-bus.ts";

export interface FramePacerOptions {
  readonly bus: Pick<CanBus, "send">;
  readonly clock: Clock;
  /** Of the bus, at most, stuffing counted. */
  readonly bitsPerSecond: number;
}

/** Frames of a transfer that wait in the bus's own queue: a command of the app waits behind no more of them. */
const inFlightMax = 8;
/** What may go out at once after a pause, so that a timer's coarseness costs nothing. */
const burstMs = 5;
const fullMs = 2;

/** Sends frames in order, no faster than it may: there is room on the bus for whoever else speaks. */
export class FramePacer {
  readonly #options: FramePacerOptions;
  #frames: readonly CanFrame[] = [];
  #at = 0;
  #sent: (() => void) | undefined;
  #inFlight = 0;
  #bits: number;
  #earnedMs: number;
  #timer: Timer | undefined;

  constructor(options: FramePacerOptions) {
    this.#options = options;
    this.#bits = (options.bitsPerSecond * burstMs) / 1000;
    this.#earnedMs = options.clock.monotonicMs();
  }

  /** In place of what waits. `sent` is called once, when the last one has gone to the bus; never where others came first. */
  replace(frames: readonly CanFrame[], sent: () => void): void {
    this.#frames = frames;
    this.#at = 0;
    this.#sent = sent;
    this.#pump();
  }

  stop(): void {
    this.#frames = [];
    this.#sent = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #pump(): void {
    const { bus, clock, bitsPerSecond } = this.#options;
    this.#timer?.cancel();
    this.#timer = undefined;
    const nowMs = clock.monotonicMs();
    const cap = (bitsPerSecond * burstMs) / 1000;
    this.#bits = Math.min(cap, this.#bits + ((nowMs - this.#earnedMs) * bitsPerSecond) / 1000);
    this.#earnedMs = nowMs;
    while (this.#at < this.#frames.length && this.#inFlight < inFlightMax) {
      const frame = this.#frames[this.#at]!;
      if (this.#bits <= 0) {
        this.#again(Math.ceil((-this.#bits * 1000) / bitsPerSecond) + 1);
        return;
      }
      if (bus.send(frame, () => this.#ended()) === "full") {
        this.#again(fullMs);
        return;
      }
      this.#inFlight++;
      this.#bits -= frameBits(frame);
      this.#at++;
    }
    if (this.#at < this.#frames.length || this.#sent === undefined) return;
    const sent = this.#sent;
    this.#sent = undefined;
    sent();
  }

  #ended(): void {
    this.#inFlight--;
    if (this.#timer === undefined) this.#pump();
  }

  #again(delayMs: number): void {
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = undefined;
      this.#pump();
    });
  }
}
