import type { Clock } from "../../kernel/clock.ts";
import type { PeerTable } from "../exchange/peer-table.ts";
import { Code, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import type { RequestMessage } from "./request-message.ts";

/** What a client assumes of a response without Max-Age (RFC 7252 section 5.10.5). */
const defaultMaxAgeSeconds = 60;

/**
 * RFC 8516 section 4: after 4.29 no similar request goes to that server before Max-Age has passed. Similar is one with the same method
 * and URI. The newest make room for themselves.
 */
export class BackOff {
  readonly #clock: Clock;
  readonly #peers: PeerTable;
  readonly #capacity: number;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock, peers: PeerTable, capacity: number) {
    this.#clock = clock;
    this.#peers = peers;
    this.#capacity = capacity;
  }

  /** An answer came: when it is 4.29, similar requests wait. */
  heard(peer: number, message: RequestMessage, view: MessageView): void {
    if (view.code !== Code.tooManyRequests) return;
    const maxAge = view.uint(OptionNumber.maxAge);
    const key = this.#key(peer, message);
    this.#untilMs.delete(key);
    for (const oldest of this.#untilMs.keys()) {
      if (this.#untilMs.size < this.#capacity) break;
      this.#untilMs.delete(oldest);
    }
    const seconds = maxAge < 0 ? defaultMaxAgeSeconds : maxAge;
    this.#untilMs.set(key, this.#clock.monotonicMs() + seconds * 1_000);
  }

  /** Whole seconds until such a request may go; 0 when it may. */
  secondsLeft(peer: number, message: RequestMessage): number {
    if (this.#untilMs.size === 0) return 0;
    const key = this.#key(peer, message);
    const untilMs = this.#untilMs.get(key);
    if (untilMs === undefined) return 0;
    const leftMs = untilMs - this.#clock.monotonicMs();
    if (leftMs <= 0) this.#untilMs.delete(key);
    return Math.max(0, Math.ceil(leftMs / 1_000));
  }

  #key(peer: number, message: RequestMessage): string {
    return `${this.#peers.addressText(peer)} ${this.#peers.columns.port[peer]!} ${message.uriKey()}`;
  }
}
