import type { Clock } from "../../kernel/clock.ts";
import { Tally } from "../../kernel/tally.ts";
import type { Link } from "../exchange/link.ts";
import type { Outbox, OutboxOwner } from "../exchange/outbox.ts";
import { Code, MessageType, OptionNumber } from "../message.ts";
import type { ReplyBuffer } from "../server/reply-buffer.ts";
import type { RequestView } from "../server/request-view.ts";
import { blockBytes, blockExponent, blockNumber, exponentFor, maxBlockNumber } from "./block-option.ts";
import { OutgoingBody, type OutgoingBodyOptions } from "./outgoing-body.ts";
import { isContinue, qBlockWish, wishedBlocks } from "./q-block-wish.ts";
import { transferKey } from "./transfer-key.ts";

const none = -1;

/** How a body goes out of itself. */
export type QBlockNotification = Pick<OutgoingBodyOptions, "token" | "isConfirmable" | "observe" | "gone">;

/**
 * Answers that go by Q-Block2 (RFC 9177 section 4.4): sets of MAX_PAYLOADS blocks, the next after a "Continue" of the peer or
 * NON_TIMEOUT_RANDOM, and missing ones when they are asked for. Bodies are kept for that.
 */
export class QBlockSender implements OutboxOwner {
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #owner: number;
  readonly #bodies = new Map<number, OutgoingBody>();
  readonly #byNumber = new Map<number, OutgoingBody>();
  readonly #countOf = new Tally<number>();
  #nextNumber = 0;
  #bytes = 0;

  constructor(link: Link, outbox: Outbox, clock: Clock) {
    this.#link = link;
    this.#outbox = outbox;
    this.#clock = clock;
    this.#owner = outbox.register(this);
  }

  get size(): number {
    return this.#bodies.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * A request with Q-Block2 and without Q-Block1. "run": the route answers it; "silent": blocks went out for it; else the code that
   * refuses it.
   */
  request(request: RequestView, peer: number): "run" | "silent" | number {
    const { view } = request;
    const { values, isGood, isWhole, isFirstAlone } = qBlockWish(view);
    if (!isGood) return Code.badRequest;
    const hasPayload = view.end > view.payloadStart;
    const body = this.#bodies.get(transferKey(view, peer, false));
    if (isWhole || isFirstAlone) {
      // With the tag of a body that came before it asks for the answer to that.
      const isAgain = body !== undefined && !hasPayload && view.find(OptionNumber.requestTag) >= 0;
      if (!isAgain) return "run";
    }
    if (body === undefined) {
      // Its copy is gone: what can be run again is, and sends the blocks of the newest version.
      return view.code === Code.get || (view.code === Code.fetch && hasPayload) ? "run" : Code.requestEntityIncomplete;
    }
    if (blockExponent(values[0]!) !== body.exponent) return Code.badRequest;
    this.#serve(body, values, view.tokenCopy());
    return "silent";
  }

  /**
   * Sends the answer of a route. "short": it is none that goes in blocks; "refused": no block fits beside its options. `piggyback`: the
   * first block goes into the ACK, which is still open.
   */
  answer(
    request: RequestView,
    reply: ReplyBuffer,
    peer: number,
    piggyback: boolean,
    observe: number,
  ): "sent" | "short" | "refused" {
    const { view } = request;
    const { values, isWhole, isFirstAlone } = qBlockWish(view);
    if (!this.#isLong(reply, values)) return "short";
    const { maxPayloads } = this.#link.limits;
    const { isConfirmable } = request;
    const body = this.#begin(request, reply, peer, { token: view.tokenCopy(), isConfirmable, observe });
    if (body === undefined) return "refused";
    if (!isWhole && !isFirstAlone) {
      if (piggyback) this.#link.sendEmptyToPeer(MessageType.acknowledgement, view.messageId, peer);
      const first = blockNumber(values[0]!);
      body.next = isContinue(values, maxPayloads) && first < body.total ? first : body.total;
      this.#serve(body, values, body.token);
      return "sent";
    }
    body.isOnDemand = isFirstAlone;
    body.next = isFirstAlone ? 1 : Math.min(body.total, maxPayloads);
    for (let block = 0; block < body.next; block++) {
      this.#sendBlock(body, block, body.token, piggyback && block === 0 ? view.messageId : none);
    }
    this.#arm(body);
    return "sent";
  }

  /** The same for a notification, whose first set goes at once; it takes the place of the one before. */
  notify(
    request: RequestView,
    reply: ReplyBuffer,
    peer: number,
    notification: QBlockNotification,
  ): "sent" | "short" | "refused" {
    if (!this.#isLong(reply, qBlockWish(request.view).values)) return "short";
    const body = this.#begin(request, reply, peer, notification);
    if (body === undefined) return "refused";
    this.#sendSet(body);
    return "sent";
  }

  /** A Reset came: for a block of a notification it says that the client doesn't know the observation. */
  rejected(peer: number, messageId: number): void {
    if (this.#countOf.of(peer) === 0) return;
    for (const body of this.#bodies.values()) {
      if (body.peer !== peer || !body.messageIds.includes(messageId)) continue;
      this.#end(body);
      body.gone?.();
      return;
    }
  }

  /** The answer to that body was sent before: its first set once more, as if the block had come for the first time. */
  again(request: RequestView, peer: number): void {
    const body = this.#bodies.get(transferKey(request.view, peer, false));
    if (body !== undefined) this.#serve(body, [8 + body.exponent], request.view.tokenCopy());
  }

  dropPeer(peer: number): void {
    if (this.#countOf.of(peer) === 0) return;
    for (const body of this.#bodies.values()) if (body.peer === peer) this.#end(body);
  }

  stop(): void {
    for (const body of this.#bodies.values()) body.timer?.cancel();
    this.#bodies.clear();
    this.#byNumber.clear();
    this.#countOf.clear();
    this.#bytes = 0;
  }

  ready(number: number): void {
    const body = this.#byNumber.get(number);
    if (body === undefined) return;
    body.isWaiting = false;
    this.#pump(body);
  }

  acknowledged(number: number): void {
    const body = this.#byNumber.get(number);
    if (body === undefined) return;
    this.#pump(body);
    // Slow as they may go, the copy is there while they do.
    this.#arm(body);
  }

  reset(number: number): void {
    this.timedOut(number);
  }

  /** RFC 9177 section 4.4: a block that can't be delivered ends the transfer; what is missing can still be asked for. */
  timedOut(number: number): void {
    const body = this.#byNumber.get(number);
    if (body === undefined) return;
    body.waiting.length = 0;
    body.isOnDemand = true;
    this.#arm(body);
    // RFC 7641 section 4.5: who doesn't acknowledge a notification is no observer any more.
    body.gone?.();
  }

  #isLong(reply: ReplyBuffer, values: readonly number[]): boolean {
    const size = reply.body?.size ?? reply.payload.length;
    if (reply.code >> 5 !== 2 || reply.code === Code.valid) return false;
    // Whoever asks whether this is done here learns it by the option, of an empty body too.
    if (size === 0) return values.length > 0 && reply.code === Code.content;
    return values.length > 0 || reply.body !== undefined || size > this.#link.limits.blockSize;
  }

  #serve(body: OutgoingBody, values: readonly number[], token: Uint8Array): void {
    const { maxPayloads } = this.#link.limits;
    if (isContinue(values, maxPayloads) && blockNumber(values[0]!) < body.total) {
      // "Continue": the set before it came whole. A set that went out meanwhile isn't sent again.
      if (blockNumber(values[0]!) !== body.next) return;
      body.isOnDemand = false;
      this.#sendSet(body);
      return;
    }
    // A body that was read anew may have become shorter: any block of it tells the new ETag and size.
    const wished = wishedBlocks(values, body.total, maxPayloads);
    const blocks = wished.length === 0 ? [0] : wished;
    let sent = 0;
    for (const block of blocks) {
      if (block >= body.next || sent === maxPayloads) break;
      this.#sendBlock(body, block, token, none);
      sent++;
    }
    // Those that weren't sent yet go as their set.
    if (sent < maxPayloads && blocks.at(-1)! >= body.next) this.#sendSet(body);
    else this.#arm(body);
  }

  #sendSet(body: OutgoingBody): void {
    const { maxPayloads } = this.#link.limits;
    const end = Math.min(body.total, (Math.floor(body.next / maxPayloads) + 1) * maxPayloads);
    for (; body.next < end; body.next++) this.#sendBlock(body, body.next, body.token, none);
    this.#arm(body);
  }

  /** The next set, or at the end the time that the copy is kept for. */
  #arm(body: OutgoingBody): void {
    const { limits, entropy } = this.#link;
    body.timer?.cancel();
    if (body.next < body.total && !body.isOnDemand) {
      // NON_TIMEOUT_RANDOM, the same between all sets of the body.
      body.delayMs ??= limits.nonTimeoutMs * (1 + (limits.ackRandomPercent / 100 - 1) * entropy.fraction());
      // Confirmable blocks that still wait are not overtaken by further sets.
      body.timer = this.#clock.after(body.delayMs, () =>
        body.waiting.length > 0 ? this.#arm(body) : this.#sendSet(body),
      );
      return;
    }
    body.timer = this.#clock.after(limits.nonPartialTimeoutMs, () => this.#end(body));
  }

  /** `acknowledging`: the message ID of the request whose ACK it goes into; -1 for a message of its own. */
  #sendBlock(body: OutgoingBody, block: number, token: Uint8Array, acknowledging: number): void {
    if (acknowledging < 0 && body.isConfirmable) {
      body.waiting.push({ block, token });
      this.#pump(body);
      return;
    }
    this.#read(body, block, (bytes) => {
      const type = acknowledging < 0 ? MessageType.nonConfirmable : MessageType.acknowledgement;
      const messageId = acknowledging < 0 ? this.#link.peers.nextMessageId(body.peer) : acknowledging;
      if (messageId < 0) {
        this.#link.counters.overLimit++;
        return;
      }
      body.write(this.#link.writer, block, bytes, type, messageId, token);
      this.#link.sendWritten(body.peer);
    });
  }

  /** Confirmable blocks go one after the other (NSTART). */
  #pump(body: OutgoingBody): void {
    const next = body.waiting[0];
    if (next === undefined || body.isWaiting) return;
    if (!this.#outbox.mayTransmit(body.peer)) {
      body.isWaiting = this.#outbox.enqueue(body.peer, this.#owner, body.number);
      return;
    }
    body.waiting.shift();
    this.#read(body, next.block, (bytes) => {
      const messageId = this.#link.peers.nextMessageId(body.peer);
      if (messageId < 0) {
        this.#link.counters.overLimit++;
        return;
      }
      body.write(this.#link.writer, next.block, bytes, MessageType.confirmable, messageId, next.token);
      this.#outbox.transmit(body.peer, messageId, this.#owner, body.number);
    });
  }

  #read(body: OutgoingBody, block: number, use: (bytes: Uint8Array) => void): void {
    try {
      const bytes = body.read(block);
      if (!(bytes instanceof Promise)) {
        use(bytes);
        return;
      }
      bytes.then(
        (read) => {
          if (this.#byNumber.has(body.number)) use(read);
        },
        (error: unknown) => this.#failed(body, error),
      );
    } catch (error) {
      this.#failed(body, error);
    }
  }

  #failed(body: OutgoingBody, error: unknown): void {
    this.#link.failed("coap-body-failed", error, { block: "q-block2" });
    this.#end(body);
  }

  #begin(request: RequestView, reply: ReplyBuffer, peer: number, way: QBlockNotification): OutgoingBody | undefined {
    const { limits, peers, writer } = this.#link;
    const key = transferKey(request.view, peer, false);
    const before = this.#bodies.get(key);
    if (before !== undefined) this.#end(before);
    const { values } = qBlockWish(request.view);
    const ours = exponentFor(limits.blockSize);
    const exponent = values.length === 0 ? ours : Math.min(ours, blockExponent(values[0]!));
    const number = this.#nextNumber++;
    const { maxMessage } = limits;
    const body = new OutgoingBody({
      ...{ number, key, peer, reply, exponent, maxMessage, writer },
      ...way,
    });
    if (body.exponent < 0 || body.size > blockBytes(body.exponent) * (maxBlockNumber + 1)) return undefined;
    this.#makeRoom(peer, body.bytes);
    this.#bodies.set(key, body);
    this.#byNumber.set(body.number, body);
    this.#countOf.add(peer, 1);
    this.#bytes += body.bytes;
    peers.pin(peer);
    return body;
  }

  /** The oldest copies go: of the peer's own where it has its share, of anybody where all are taken. */
  #makeRoom(peer: number, bytes: number): void {
    const { limits, counters } = this.#link;
    while (this.#countOf.of(peer) >= limits.transfersPerPeer) {
      counters.overQuota++;
      for (const body of this.#bodies.values()) {
        if (body.peer !== peer) continue;
        this.#end(body);
        break;
      }
    }
    while (
      this.#bodies.size > 0 &&
      (this.#bodies.size >= limits.transfers || this.#bytes + bytes > limits.qBlockBytes)
    ) {
      counters.overLimit++;
      this.#end(this.#bodies.values().next().value!);
    }
  }

  #end(body: OutgoingBody): void {
    if (!this.#byNumber.delete(body.number)) return;
    this.#bodies.delete(body.key);
    body.timer?.cancel();
    body.waiting.length = 0;
    if (body.isWaiting) this.#outbox.dequeue(body.peer, this.#owner, body.number);
    this.#bytes -= body.bytes;
    this.#countOf.add(body.peer, -1);
    this.#link.peers.unpin(body.peer);
  }
}
