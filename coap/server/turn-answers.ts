import type { Clock } from "../../kernel/clock.ts";
import type { QBlockServer } from "../blockwise/q-block-server.ts";
import type { Link } from "../exchange/link.ts";
import type { OnceExchanges } from "../exchange/once-exchanges.ts";
import { Code, MessageType } from "../message.ts";
import type { Leisure } from "../multicast/leisure.ts";
import type { Observers } from "../observe/observers.ts";
import type { OscoreExchange } from "../security/oscore/oscore-exchange.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import type { LaterAnswers } from "./later-answers.ts";
import { isUnwanted, isWanted } from "./no-response.ts";
import type { ReplyBuffer } from "./reply-buffer.ts";
import type { RequestView } from "./request-view.ts";
import type { ReplyHeader, Responder } from "./responder.ts";

export interface TurnAnswersOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly once: OnceExchanges;
  readonly later: LaterAnswers;
  readonly responder: Responder;
  readonly qBlocks: QBlockServer;
  readonly observers: Observers;
  readonly leisure: Leisure;
  readonly handlerFailed: (request: RequestView, error: unknown) => void;
}

const none = -1;
const second = 1_000;
const nothing = new Uint8Array(0);

/** Answers that go out in the turn of their request. One header is used again for all. */
export class TurnAnswers {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #once: OnceExchanges;
  readonly #later: LaterAnswers;
  readonly #responder: Responder;
  readonly #qBlocks: QBlockServer;
  readonly #observers: Observers;
  readonly #leisure: Leisure;
  readonly #handlerFailed: (request: RequestView, error: unknown) => void;
  readonly #header: ReplyHeader = { type: 0, messageId: 0, tokenBytes: nothing, tokenStart: 0, tokenLength: 0 };
  /** 4.29 sent in the second that began then. */
  #refusals = 0;
  #refusalsSinceMs = 0;

  constructor(options: TurnAnswersOptions) {
    this.#link = options.link;
    this.#clock = options.clock;
    this.#once = options.once;
    this.#later = options.later;
    this.#responder = options.responder;
    this.#qBlocks = options.qBlocks;
    this.#observers = options.observers;
    this.#leisure = options.leisure;
    this.#handlerFailed = options.handlerFailed;
  }

  /** Plans and sends the answer of a synchronous turn. */
  send(request: RequestView, reply: ReplyBuffer, peer: number, source: RemoteAddress): void {
    const { view } = request;
    let pending: Promise<Uint8Array> | undefined;
    try {
      pending = this.#responder.plan(request, reply, peer, request.block1, request.size1);
    } catch (error) {
      this.#handlerFailed(request, error);
      reply.refuse(Code.internalServerError);
      void this.#responder.plan(request, reply, peer, request.block1, request.size1);
    }
    if (pending !== undefined) {
      this.#whenRead(request, reply, peer, source, pending);
      return;
    }
    if (request.isMulticast) {
      this.#sendToGroup(request, reply, peer, source);
      return;
    }
    if (reply.code === Code.tooManyRequests && !this.#mayRefuse()) return;
    const observe = request.entry === undefined ? none : this.#observers.register(request, reply, peer);
    if (isUnwanted(view, reply.code)) {
      if (view.type === MessageType.confirmable) {
        this.#link.sendEmpty(MessageType.acknowledgement, view.messageId, source);
      }
      if (request.oscore !== undefined) this.#link.oscore?.acknowledged(peer, view);
      return;
    }
    const isConfirmable = view.type === MessageType.confirmable;
    if (request.isQBlock && this.#qBlocks.answer(request, reply, peer, isConfirmable, observe)) return;
    const header = this.#header;
    header.type = isConfirmable ? MessageType.acknowledgement : MessageType.nonConfirmable;
    header.messageId = isConfirmable ? view.messageId : this.#link.peers.nextMessageId(peer);
    if (header.messageId < 0) {
      this.#link.counters.overLimit++;
      return;
    }
    header.tokenBytes = view.bytes;
    header.tokenStart = view.tokenStart;
    header.tokenLength = view.tokenLength;
    if (!this.#responder.write(request, reply, peer, header, observe)) {
      this.#responder.writeShort(request, reply, peer, header);
    }
    if (request.isQBlock) this.#qBlocks.answered(request, peer);
    if (request.oscore !== undefined && !this.#seal(request, request.oscore, peer)) return;
    if (request.onceRow >= 0 && isConfirmable) this.#once.store(request.onceRow);
    this.#link.sendTo(this.#link.writer.bytes, this.#link.writer.end, source);
  }

  /** RFC 8516 section 3: 4.29 has a limit of its own, so that a flood isn't answered with a flood. */
  #mayRefuse(): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#refusalsSinceMs >= second) {
      this.#refusalsSinceMs = nowMs;
      this.#refusals = 0;
    }
    if (this.#refusals++ < this.#link.limits.refusalsPerSecond) return true;
    this.#link.counters.refusalsSilent++;
    return false;
  }

  /** Protects the answer in the writer and keeps it for duplicates. */
  #seal({ view }: RequestView, exchange: OscoreExchange, peer: number): boolean {
    const { oscore, writer } = this.#link;
    if (oscore?.sealReply(writer, exchange) !== true) return false;
    oscore.answered(peer, view, writer);
    return true;
  }

  #sendToGroup(request: RequestView, reply: ReplyBuffer, peer: number, source: RemoteAddress): void {
    // RFC 7252 section 8.2: nothing useful to say is not said.
    const isUseful = reply.code >> 5 === 2 && (reply.payload.length > 0 || reply.body !== undefined);
    if (isUnwanted(request.view, reply.code) || (!isUseful && !isWanted(request.view, reply.code))) {
      this.#link.counters.multicastSilent++;
      return;
    }
    const header = this.#header;
    header.type = MessageType.nonConfirmable;
    header.messageId = this.#link.peers.nextMessageId(peer);
    if (header.messageId < 0) {
      this.#link.counters.overLimit++;
      return;
    }
    header.tokenBytes = request.view.bytes;
    header.tokenStart = request.view.tokenStart;
    header.tokenLength = request.view.tokenLength;
    if (!this.#responder.write(request, reply, peer, header, none)) {
      this.#link.counters.multicastSilent++;
      return;
    }
    this.#leisure.send(peer, request.view.messageId, source);
  }

  /** A body that is read asynchronously makes the exchange a running one. */
  #whenRead(
    request: RequestView,
    reply: ReplyBuffer,
    peer: number,
    source: RemoteAddress,
    pending: Promise<Uint8Array>,
  ): void {
    const refusal = request.isMulticast ? Code.serviceUnavailable : this.#later.refusal(peer);
    if (refusal === 0) {
      this.#later.read(request, reply, peer, pending);
      return;
    }
    pending.catch(() => undefined);
    reply.refuse(refusal);
    this.send(request, reply, peer, source);
  }
}
