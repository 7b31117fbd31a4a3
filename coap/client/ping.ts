import type { Link } from "../exchange/link.ts";
import type { Outbox, OutboxOwner } from "../exchange/outbox.ts";
import { faults } from "../faults.ts";
import { MessageType } from "../message.ts";

interface Waiting {
  readonly peer: number;
  readonly settle: (isAlive: boolean) => void;
  readonly fail: (reason: unknown) => void;
  slot: number;
}

/** RFC 7252 section 4.3: an empty confirmable message provokes a Reset. */
export class Ping implements OutboxOwner {
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #owner: number;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  constructor(link: Link, outbox: Outbox) {
    this.#link = link;
    this.#outbox = outbox;
    this.#owner = outbox.register(this);
  }

  send(peer: number, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const number = this.#next++ >>> 0;
      const onAbort = (): void => {
        this.#cancel(number);
        reject(signal?.reason);
      };
      const over = (): void => signal?.removeEventListener("abort", onAbort);
      const settle = (isAlive: boolean): void => {
        over();
        resolve(isAlive);
      };
      const fail = (reason: unknown): void => {
        over();
        reject(reason);
      };
      this.#waiting.set(number, { peer, settle, fail, slot: -1 });
      this.#link.peers.pin(peer);
      signal?.addEventListener("abort", onAbort, { once: true });
      if (this.#outbox.mayTransmit(peer)) this.ready(number);
      else if (!this.#outbox.enqueue(peer, this.#owner, number)) {
        this.#end(number);
        fail(faults("coap.queue-full", { limit: "queuePerPeer", value: this.#link.limits.queuePerPeer }));
      }
    });
  }

  stop(): void {
    for (const [number, waiting] of [...this.#waiting]) {
      this.#end(number);
      waiting.fail(faults("coap.stopped", {}));
    }
  }

  ready(number: number): void {
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) return;
    const messageId = this.#link.peers.nextMessageId(waiting.peer);
    if (messageId >= 0) {
      this.#link.writer.empty(MessageType.confirmable, messageId);
      waiting.slot = this.#outbox.transmit(waiting.peer, messageId, this.#owner, number);
      if (waiting.slot >= 0) return;
    }
    this.#end(number);
    waiting.fail(faults("coap.queue-full", { limit: "outstanding", value: this.#link.limits.outstanding }));
  }

  acknowledged(number: number): void {
    this.#end(number)?.settle(true);
  }

  reset(number: number): void {
    this.#end(number)?.settle(true);
  }

  timedOut(number: number): void {
    this.#end(number)?.settle(false);
  }

  #cancel(number: number): void {
    const waiting = this.#end(number);
    if (waiting === undefined) return;
    if (waiting.slot >= 0) this.#outbox.drop(waiting.slot);
    else this.#outbox.dequeue(waiting.peer, this.#owner, number);
  }

  #end(number: number): Waiting | undefined {
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(number);
    this.#link.peers.unpin(waiting.peer);
    return waiting;
  }
}
