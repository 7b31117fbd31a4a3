import type { Clock, Timer } from "../kernel/clock.ts";

/** A message that a client published, wills included. */
export interface PublishedMessage {
  /** Who published it: its authenticated client id. */
  readonly clientId: string;
  /** The client's own topic, when it used a bare one. */
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly receivedWallMs: number;
  /** It came out when the connection was over: the client's will, which the broker sends in its place, or a last word on its way. */
  readonly isWill: boolean;
}

export interface PublishedBatchOptions {
  clock: Clock;
  maxMessages: number;
  delayMs: number;
  deliver(batch: readonly PublishedMessage[]): void;
}

/** Collects messages and hands them over in order, when there are enough or the first has waited long enough. */
export class PublishedBatch {
  readonly #options: PublishedBatchOptions;
  #messages: PublishedMessage[] = [];
  #timer: Timer | undefined;

  constructor(options: PublishedBatchOptions) {
    this.#options = options;
  }

  add(message: PublishedMessage): void {
    const { clock, maxMessages, delayMs } = this.#options;
    this.#messages.push(message);
    if (this.#messages.length >= maxMessages) this.flush();
    else if (this.#messages.length > 1) return;
    else if (delayMs === 0) queueMicrotask(() => this.flush());
    else this.#timer = clock.after(delayMs, () => this.flush());
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#messages.length === 0) return;
    const batch = this.#messages;
    this.#messages = [];
    this.#options.deliver(batch);
  }
}
