import { probingWaitMs } from "../blockwise/receive-timeout.ts";
import type { Link } from "../exchange/link.ts";
import type { Outbox, OutboxOwner } from "../exchange/outbox.ts";
import { faults } from "../faults.ts";
import { MessageType } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import { QBlockChannel, type WriteMessage } from "./q-block-channel.ts";
import { QBlockSupport } from "./q-block-support.ts";

/** Whose messages go through a channel. */
export interface QBlockTask {
  /** Its turn has come (NSTART). */
  begin(): void;
  /** `view` and `source` are only borrowed. */
  response(view: MessageView, source: RemoteAddress): void;
  /** All confirmable messages were acknowledged. */
  drained(): void;
  failed(fault: Error): void;
}

/** Set in the first half of each token: observations count their rows below it. */
const topBit = 0x8000_0000;

/**
 * The client's bodies by Q-Block (RFC 9177) on their way: finds them by token, sends their messages, and holds them to one interaction with
 * a peer at a time (NSTART). A body that nobody reacted to counts by PROBING_RATE.
 */
export class QBlockChannels implements OutboxOwner {
  readonly support: QBlockSupport;
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #owner: number;
  readonly #byId = new Map<number, { readonly channel: QBlockChannel; readonly task: QBlockTask }>();
  readonly #byNumber = new Map<number, { readonly channel: QBlockChannel; readonly task: QBlockTask }>();
  #nextNumber = 0;

  constructor(link: Link, outbox: Outbox) {
    this.#link = link;
    this.#outbox = outbox;
    this.#owner = outbox.register(this);
    this.support = new QBlockSupport(link.peers);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Calls `begin` now or when the peer's turn comes; undefined after `failed` when there is no room. */
  open(peer: number, isConfirmable: boolean, task: QBlockTask): QBlockChannel | undefined {
    const { limits, entropy, peers, counters } = this.#link;
    const isFull = this.#byId.size >= limits.pendingRequests;
    let id = (entropy.uint32() | topBit) >>> 0;
    while (this.#byId.has(id)) id = (entropy.uint32() | topBit) >>> 0;
    const channel = new QBlockChannel(this.#nextNumber++, peer, isConfirmable, id, entropy.uint32());
    const mustWait = !isFull && !isConfirmable && !this.#outbox.mayTransmit(peer);
    if (isFull || (mustWait && !this.#outbox.enqueue(peer, this.#owner, channel.number))) {
      counters.overLimit++;
      const limit = isFull ? "pendingRequests" : "queuePerPeer";
      task.failed(faults("coap.queue-full", { limit, value: limits[limit] }));
      return undefined;
    }
    peers.pin(peer);
    this.#byId.set(id, { channel, task });
    this.#byNumber.set(channel.number, { channel, task });
    channel.isQueued = mustWait;
    if (mustWait) return channel;
    if (!isConfirmable) this.#outbox.occupy(peer);
    queueMicrotask(() => {
      if (channel.isOpen) task.begin();
    });
    return channel;
  }

  /** Sends one request of the body: now, or when it is confirmable in its turn. */
  send(channel: QBlockChannel, write: WriteMessage): void {
    if (!channel.isOpen) return;
    if (channel.isConfirmable) {
      channel.waiting.push(write);
      this.#pump(channel);
      return;
    }
    const messageId = this.#link.peers.nextMessageId(channel.peer);
    if (messageId < 0) {
      this.#link.counters.overLimit++;
      return;
    }
    write(MessageType.nonConfirmable, messageId, channel.nextToken());
    channel.wrote(messageId, this.#link.writer.end);
    this.#link.sendWritten(channel.peer);
  }

  /** The body is whole or given up: answers to it are rejected from now on. */
  close(channel: QBlockChannel): void {
    if (!channel.isOpen) return;
    channel.isOpen = false;
    this.#byId.delete(channel.id);
    this.#byNumber.delete(channel.number);
    const { peer } = channel;
    this.#link.peers.unpin(peer);
    if (channel.isQueued) this.#outbox.dequeue(peer, this.#owner, channel.number);
    else if (!channel.isConfirmable) {
      const waitMs = channel.isHeard ? 0 : probingWaitMs(this.#link.limits, channel.bytesSent);
      if (waitMs > 0) this.#outbox.vacateAfter(peer, waitMs);
      else this.#outbox.vacate(peer);
    }
    for (const messageId of channel.underWay) {
      const slot = this.#outbox.find(peer, messageId);
      if (slot >= 0) this.#outbox.drop(slot);
    }
  }

  /** As `ClientExchanges.knows`. */
  knows(view: MessageView, peer: number): "taken" | "unknown" | "elsewhere" {
    const channel = this.#find(view)?.channel;
    if (channel === undefined) return "unknown";
    return channel.peer === peer ? "taken" : "elsewhere";
  }

  /** A response that `knows` said "taken" to. */
  response(view: MessageView, source: RemoteAddress): void {
    const found = this.#find(view);
    if (found === undefined) return;
    const { channel, task } = found;
    channel.isHeard = true;
    if (channel.isFirst(view.type, view.messageId)) task.response(view, source);
    else this.#link.counters.duplicates++;
  }

  /** Whether the response in an ACK belongs to the message that waits in this slot of the outbox. */
  ownsSlot(slot: number, view: MessageView): boolean {
    if (this.#outbox.ownerOf(slot) !== this.#owner) return false;
    return this.#find(view)?.channel.number === this.#outbox.refOf(slot);
  }

  /** A Reset for a message that isn't confirmable: the server takes no more of the body. */
  rejected(peer: number, messageId: number): void {
    for (const { channel, task } of this.#byId.values()) {
      if (channel.peer !== peer || channel.isConfirmable || !channel.hasSent(messageId)) continue;
      task.failed(faults("coap.reset", this.#where(peer)));
      return;
    }
  }

  dropPeer(peer: number): void {
    this.support.forget(peer);
    for (const { channel, task } of [...this.#byId.values()]) {
      if (channel.peer === peer) task.failed(faults("coap.association-ended", this.#where(peer)));
    }
  }

  stop(): void {
    for (const { task } of [...this.#byId.values()]) task.failed(faults("coap.stopped", {}));
  }

  ready(number: number): void {
    const found = this.#byNumber.get(number);
    if (found === undefined) return;
    const { channel, task } = found;
    channel.isQueued = false;
    if (channel.isConfirmable) {
      this.#pump(channel);
      return;
    }
    this.#outbox.occupy(channel.peer);
    task.begin();
  }

  acknowledged(number: number): void {
    const found = this.#byNumber.get(number);
    if (found === undefined) return;
    const { channel, task } = found;
    this.#landed(channel);
    if (channel.waiting.length > 0) this.#pump(channel);
    else if (channel.underWay.size === 0) task.drained();
  }

  reset(number: number): void {
    const found = this.#byNumber.get(number);
    found?.task.failed(faults("coap.reset", this.#where(found.channel.peer)));
  }

  timedOut(number: number): void {
    const found = this.#byNumber.get(number);
    if (found === undefined) return;
    const { ackTimeoutMs, maxRetransmit } = this.#link.limits;
    const seconds = Math.round((ackTimeoutMs * (2 ** (maxRetransmit + 1) - 1)) / 1_000);
    found.task.failed(faults("coap.timeout", { ...this.#where(found.channel.peer), seconds }));
  }

  where(channel: QBlockChannel): { address: string; port: number } {
    return this.#where(channel.peer);
  }

  #pump(channel: QBlockChannel): void {
    const { peer, waiting } = channel;
    while (waiting.length > 0 && !channel.isQueued && channel.isOpen) {
      if (!this.#outbox.mayTransmit(peer)) {
        channel.isQueued = this.#outbox.enqueue(peer, this.#owner, channel.number);
        if (!channel.isQueued) this.timedOut(channel.number);
        return;
      }
      const write = waiting.shift()!;
      const messageId = this.#link.peers.nextMessageId(peer);
      if (messageId < 0) {
        this.#link.counters.overLimit++;
        return;
      }
      write(MessageType.confirmable, messageId, channel.nextToken());
      channel.wrote(messageId, this.#link.writer.end);
      channel.underWay.add(messageId);
      this.#outbox.transmit(peer, messageId, this.#owner, channel.number);
    }
  }

  #landed(channel: QBlockChannel): void {
    for (const messageId of channel.underWay) {
      if (this.#outbox.find(channel.peer, messageId) < 0) channel.underWay.delete(messageId);
    }
  }

  #find(view: MessageView): { readonly channel: QBlockChannel; readonly task: QBlockTask } | undefined {
    if (view.tokenLength !== 8 || this.#byId.size === 0) return undefined;
    const found = this.#byId.get(word(view.bytes, view.tokenStart));
    if (found === undefined) return undefined;
    return found.channel.requestOf(word(view.bytes, view.tokenStart + 4)) < 0 ? undefined : found;
  }

  #where(peer: number): { address: string; port: number } {
    const { peers } = this.#link;
    return { address: peers.addressText(peer), port: peers.columns.port[peer]! };
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
