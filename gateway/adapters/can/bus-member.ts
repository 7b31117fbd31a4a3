import type { CanFrame } from "../../../schemas/wire/can.ts";

export interface MemberOptions {
  readonly bitRate: number;
  /** Hears, but neither sends nor acknowledges nor disturbs. */
  readonly isListenOnly?: boolean;
  /** A frame of another member, whole. */
  received(frame: CanFrame): void;
}

/** What the bus gives its members. */
export interface MemberBus {
  nowMs(): number;
  /** After how long a frame is given up. */
  readonly sendDeadlineMs: number;
  readonly queueFrames: number;
  queued(): void;
  left(): void;
}

export type SendEnd = "sent" | "failed";

interface Queued {
  readonly frame: CanFrame;
  readonly queuedMs: number;
  readonly deadlineMs: number;
  ended(end: SendEnd): void;
}

/** Of the two error counters of ISO 11898-1. */
const passiveFrom = 128;
const busOffFrom = 256;

/** One controller on the virtual bus: its send queue and its error counters. */
export class BusMember {
  readonly bitRate: number;
  readonly isListenOnly: boolean;
  /** The bus lets it try again from then on. */
  notBeforeMs = 0;
  isBusOff = false;
  /** An error happened since this was last cleared. */
  sawError = false;
  readonly #received: (frame: CanFrame) => void;
  readonly #bus: MemberBus;
  readonly #queue: Queued[] = [];
  #sendErrors = 0;
  #receiveErrors = 0;

  constructor({ bitRate, isListenOnly = false, received }: MemberOptions, bus: MemberBus) {
    this.bitRate = bitRate;
    this.isListenOnly = isListenOnly;
    this.#received = received;
    this.#bus = bus;
  }

  /** False: its queue is full, or it can't send at all. `ended` comes later, once; never after it left. */
  send(frame: CanFrame, ended: (end: SendEnd) => void = () => {}): boolean {
    if (this.isListenOnly || this.isBusOff || this.#queue.length >= this.#bus.queueFrames) return false;
    const queuedMs = this.#bus.nowMs();
    this.#queue.push({ frame, queuedMs, deadlineMs: queuedMs + this.#bus.sendDeadlineMs, ended });
    this.#bus.queued();
    return true;
  }

  /** Takes it off the bus; what it queued is forgotten without a word. To come back it joins anew. */
  leave(): void {
    this.#queue.length = 0;
    this.#bus.left();
  }

  get first(): Queued | undefined {
    return this.#queue[0];
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get isErrorPassive(): boolean {
    return this.#sendErrors >= passiveFrom || this.#receiveErrors >= passiveFrom;
  }

  get isErrorWarning(): boolean {
    return this.#sendErrors >= 96 || this.#receiveErrors >= 96;
  }

  /** An error flag of it would spoil what others send. */
  get mayDisturb(): boolean {
    return !this.isListenOnly && !this.isBusOff && !this.isErrorPassive;
  }

  receive(frame: CanFrame): void {
    // ISO 11898-1: a passive receiver that hears well comes back below the limit at once.
    this.#receiveErrors = this.#receiveErrors >= passiveFrom ? 119 : Math.max(0, this.#receiveErrors - 1);
    this.#received(frame);
  }

  receiveFailed(by: number): void {
    this.sawError = true;
    if (!this.isListenOnly) this.#receiveErrors = Math.min(255, this.#receiveErrors + by);
  }

  sendSucceeded(): void {
    this.#sendErrors = Math.max(0, this.#sendErrors - 1);
    this.#queue.shift()?.ended("sent");
  }

  sendFailed(why: "error" | "no-ack", nowMs: number): void {
    this.sawError = true;
    // ISO 11898-1: who is passive already doesn't count that nobody acknowledges, and so is never bus-off by being alone.
    if (why === "error" || !this.isErrorPassive) this.#sendErrors += 8;
    if (this.#sendErrors >= busOffFrom) this.goBusOff();
    else if ((this.first?.deadlineMs ?? Number.POSITIVE_INFINITY) <= nowMs) this.#queue.shift()?.ended("failed");
  }

  /** As too many errors do: everything that it queued has failed. It recovers by leaving and joining anew. */
  goBusOff(): void {
    this.isBusOff = true;
    for (const { ended } of this.#queue.splice(0)) ended("failed");
  }
}
