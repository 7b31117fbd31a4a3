import type { Clock } from "../../kernel/clock.ts";
import type { QBlockServer } from "../blockwise/q-block-server.ts";
import type { Link } from "../exchange/link.ts";
import type { OnceExchanges } from "../exchange/once-exchanges.ts";
import type { Outbox, OutboxOwner } from "../exchange/outbox.ts";
import { Code, MessageType } from "../message.ts";
import type { Observers } from "../observe/observers.ts";
import type { CoapReplyFields } from "../route.ts";
import type { OscoreExchange } from "../security/oscore/oscore-exchange.ts";
import type { AddressProof } from "./address-proof.ts";
import { isUnwanted } from "./no-response.ts";
import { ReplyBuffer } from "./reply-buffer.ts";
import type { RequestView } from "./request-view.ts";
import type { ReplyHeader, Responder } from "./responder.ts";
import { type RunningExchange, RunningExchanges } from "./running-exchanges.ts";

export interface LaterAnswersOptions {
  readonly link: Link;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly once: OnceExchanges;
  readonly responder: Responder;
  readonly proof: AddressProof;
  readonly qBlocks: QBlockServer;
  readonly observers: Observers;
  readonly handlerFailed: (request: RequestView, error: unknown) => void;
}

const none = -1;
/** An empty ACK. */
const bytesOfEmpty = 4;

/** Answers that don't come in the turn of their request: of `later` routes, and of bodies that are read asynchronously. */
export class LaterAnswers implements OutboxOwner {
  readonly running: RunningExchanges;
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #once: OnceExchanges;
  readonly #responder: Responder;
  readonly #proof: AddressProof;
  readonly #qBlocks: QBlockServer;
  readonly #observers: Observers;
  readonly #handlerFailed: (request: RequestView, error: unknown) => void;
  readonly #owner: number;
  readonly #header: ReplyHeader = {
    type: 0,
    messageId: 0,
    tokenBytes: new Uint8Array(0),
    tokenStart: 0,
    tokenLength: 0,
  };
  /** Separate responses waiting for NSTART, by their number. */
  readonly #waiting = new Map<number, { exchange: RunningExchange; reply: ReplyBuffer }>();
  #nextWaiting = 0;

  constructor({ link, outbox, clock, once, responder, proof, qBlocks, observers, handlerFailed }: LaterAnswersOptions) {
    this.#link = link;
    this.#outbox = outbox;
    this.#once = once;
    this.#responder = responder;
    this.#proof = proof;
    this.#qBlocks = qBlocks;
    this.#observers = observers;
    this.#handlerFailed = handlerFailed;
    this.#owner = outbox.register(this);
    this.running = new RunningExchanges({ link, clock, once, tooLate: (exchange) => this.#tooLate(exchange) });
  }

  /** Whether the peer may have one more running. 0, or the code that refuses it. */
  refusal(peer: number): number {
    const { peers, limits, counters } = this.#link;
    if (peers.columns.running[peer]! >= limits.runningPerPeer) {
      counters.overQuota++;
      return Code.tooManyRequests;
    }
    if (this.#proof.mayTake(this.running.size, limits.running, peer)) return 0;
    counters.overLimit++;
    return Code.serviceUnavailable;
  }

  /** Runs a `later` route on a copy of the request. */
  run(request: RequestView, peer: number): void {
    const route = request.entry?.route;
    if (route === undefined || !("later" in route)) return;
    const exchange = this.#begin(request, peer);
    let pending: Promise<CoapReplyFields>;
    try {
      pending = route.later(exchange.request, exchange.abort.signal);
    } catch (error) {
      this.#failed(exchange, error);
      return;
    }
    this.#await(exchange, pending);
  }

  /** Waits for the bytes of a body before answering. */
  read(request: RequestView, reply: ReplyBuffer, peer: number, pending: Promise<Uint8Array>): void {
    this.#await(this.#begin(request, peer), whenRead(reply, pending));
  }

  /** A route ran in its turn, and its answer has to wait. */
  hold(request: RequestView, peer: number, pending: Promise<CoapReplyFields>): void {
    this.#await(this.#begin(request, peer), pending);
  }

  stop(): void {
    this.running.stop();
    this.#waiting.clear();
  }

  ready(number: number): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (waiting === undefined || !this.running.isLive(waiting.exchange)) return;
    const { exchange, reply } = waiting;
    const pending = this.#plan(exchange, reply);
    // A body to be read again while others wait: the rare case is answered by asking the peer to come again.
    if (pending !== undefined) {
      pending.catch(() => undefined);
      reply.refuse(Code.serviceUnavailable);
      void this.#plan(exchange, reply);
    }
    this.#send(exchange, reply);
  }

  // Separate responses end with their ACK, a Reset or silence: nobody waits for either.
  acknowledged(): void {}
  reset(): void {}
  timedOut(): void {}

  #begin(request: RequestView, peer: number): RunningExchange {
    return this.running.begin(request.copy(this.#link.peers), peer, request.onceRow, request.block1);
  }

  #await(exchange: RunningExchange, pending: Promise<CoapReplyFields>): void {
    pending.then(
      (fields) => this.#finished(exchange, fields),
      (error: unknown) => this.#failed(exchange, error),
    );
  }

  #failed(exchange: RunningExchange, error: unknown): void {
    if (this.running.isLive(exchange)) this.#handlerFailed(exchange.request, error);
    this.#finished(exchange, { code: Code.internalServerError });
  }

  #tooLate(exchange: RunningExchange): void {
    this.#link.counters.handlerTooLate++;
    this.#finished(exchange, { code: Code.gatewayTimeout });
    exchange.abort.abort(new Error("The handler took longer than laterDeadlineMs."));
  }

  #finished(exchange: RunningExchange, fields: CoapReplyFields): void {
    if (!this.running.isLive(exchange)) return;
    const { request, peer } = exchange;
    const reply = new ReplyBuffer();
    reply.reset(request.view.code);
    reply.fill(fields);
    const pending = this.#plan(exchange, reply);
    if (pending !== undefined) {
      this.#await(exchange, whenRead(reply, pending));
      return;
    }
    if (isUnwanted(request.view, reply.code)) {
      if (!exchange.isAcknowledged) this.running.acknowledge(exchange);
      if (!exchange.isAcknowledged && request.isConfirmable) {
        // No room to remember it: a repeat runs anew, which is better than no acknowledgement at all.
        this.#link.sendEmptyToPeer(MessageType.acknowledgement, request.view.messageId, peer);
      }
      if (request.oscore !== undefined) this.#link.oscore?.acknowledged(peer, request.view);
      this.running.end(exchange);
      return;
    }
    if (
      request.isQBlock &&
      this.#qBlocks.answer(request, reply, peer, isAckOpen(exchange), this.#observers.register(request, reply, peer))
    ) {
      this.running.end(exchange);
      return;
    }
    if (exchange.isAcknowledged && this.#proof.isProven(peer) && !this.#outbox.mayTransmit(peer)) {
      const number = this.#nextWaiting++;
      this.#waiting.set(number, { exchange, reply });
      if (this.#outbox.enqueue(peer, this.#owner, number)) return;
      this.#waiting.delete(number);
    }
    this.#send(exchange, reply);
  }

  #plan(exchange: RunningExchange, reply: ReplyBuffer): Promise<Uint8Array> | undefined {
    const { request, peer, block1 } = exchange;
    try {
      return this.#responder.plan(request, reply, peer, block1, none);
    } catch (error) {
      this.#handlerFailed(request, error);
      reply.refuse(Code.internalServerError);
      return this.#responder.plan(request, reply, peer, block1, none);
    }
  }

  /**
   * The planned answer: in the ACK while that is still open, else as a message of its own (RFC 7252 section 5.2.2). That one isn't
   * confirmable where nothing could be retransmitted, or may be: no room, or an address that hasn't proven itself. The row of
   * the exchange keeps it then, so that a duplicate of the request gets it again.
   */
  #send(exchange: RunningExchange, reply: ReplyBuffer): void {
    const { request, peer, once } = exchange;
    const { view } = request;
    const isPiggybacked = isAckOpen(exchange);
    const header = this.#header;
    const isConfirmable = request.isConfirmable && this.#proof.isProven(peer) && this.#outbox.mayTransmit(peer);
    header.type = isPiggybacked
      ? MessageType.acknowledgement
      : isConfirmable
        ? MessageType.confirmable
        : MessageType.nonConfirmable;
    header.messageId = isPiggybacked ? view.messageId : this.#link.peers.nextMessageId(peer);
    if (header.messageId < 0) {
      this.#link.counters.overLimit++;
      this.running.end(exchange);
      return;
    }
    const observe = this.#observers.register(request, reply, peer);
    header.tokenBytes = view.bytes;
    header.tokenStart = view.tokenStart;
    header.tokenLength = view.tokenLength;
    const spent = exchange.isAcknowledged ? bytesOfEmpty : 0;
    if (!this.#responder.write(request, reply, peer, header, observe, spent)) {
      this.#responder.writeShort(request, reply, peer, header, spent);
    }
    this.running.end(exchange);
    if (request.isQBlock) this.#qBlocks.answered(request, peer);
    if (request.oscore !== undefined && !this.#seal(request, request.oscore, peer, isPiggybacked)) return;
    if (once >= 0 && header.type !== MessageType.confirmable) this.#once.store(once);
    if (!isPiggybacked && !isConfirmable && request.isConfirmable) this.#link.counters.answersUnconfirmed++;
    if (header.type === MessageType.confirmable) this.#outbox.transmit(peer, header.messageId, this.#owner, 0);
    else this.#link.sendWritten(peer);
  }

  /** Protects the answer in the writer; a duplicate of the request gets it again, or an empty ACK. */
  #seal({ view }: RequestView, exchange: OscoreExchange, peer: number, isPiggybacked: boolean): boolean {
    const { oscore, writer } = this.#link;
    if (oscore?.sealReply(writer, exchange) !== true) return false;
    if (isPiggybacked) oscore.answered(peer, view, writer);
    else oscore.acknowledged(peer, view);
    return true;
  }
}

/** Whether the answer can still travel in the acknowledgement. */
function isAckOpen({ request, isAcknowledged }: RunningExchange): boolean {
  return request.isConfirmable && !isAcknowledged;
}

/** The reply again, with the bytes of its body at hand. */
function whenRead(reply: ReplyBuffer, pending: Promise<Uint8Array>): Promise<CoapReplyFields> {
  const { code, contentFormat, maxAge, body, observable } = reply;
  return pending.then((bytes) => ({
    code,
    contentFormat,
    maxAge,
    observable,
    body:
      body === undefined
        ? undefined
        : { size: body.size, etag: body.etag, read: (_offset, length) => bytes.subarray(0, length) },
  }));
}
