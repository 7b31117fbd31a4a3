import type { Clock } from "../../kernel/clock.ts";
import { blockExponent, blockNumber, blockOption, exponentFor, hasMoreBlocks } from "../blockwise/block-option.ts";
import { hasQBlock } from "../blockwise/q-block-receiver.ts";
import { type QBlockPeers, QBlockServer, refusedQBlock } from "../blockwise/q-block-server.ts";
import { ServerTransfers } from "../blockwise/server-transfers.ts";
import type { Link } from "../exchange/link.ts";
import { OnceExchanges } from "../exchange/once-exchanges.ts";
import type { Outbox } from "../exchange/outbox.ts";
import { Code, MessageType, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import { Leisure } from "../multicast/leisure.ts";
import { Observers } from "../observe/observers.ts";
import { applyRequestRules, firstUnsafe } from "../option-rules.ts";
import type { OscoreContext } from "../security/oscore/oscore-context.ts";
import type { OscoreExchange } from "../security/oscore/oscore-exchange.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import { AddressProof, type AmplificationLimit } from "./address-proof.ts";
import { admission } from "./admission.ts";
import { LaterAnswers } from "./later-answers.ts";
import { isUnwanted, isWanted } from "./no-response.ts";
import { ReplyBuffer } from "./reply-buffer.ts";
import { PeerView, RequestView } from "./request-view.ts";
import { type ReplyHeader, Responder } from "./responder.ts";
import { Router } from "./router.ts";

export interface ServerOptions {
  readonly link: Link;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly amplification: AmplificationLimit;
  readonly qBlock: QBlockPeers;
}

const none = -1;
const secondsUntilRoom = 10;
const second = 1_000;
const nothing = new Uint8Array(0);

/**
 * The request half: datagram to answer in one synchronous turn, in stages that read top to bottom in `request`.
 * One view, one reply and one header are used again for every request.
 */
export class Server {
  readonly router = new Router();
  readonly observers: Observers;
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #once: OnceExchanges;
  readonly #later: LaterAnswers;
  readonly #proof: AddressProof;
  readonly #transfers: ServerTransfers;
  readonly #qBlocks: QBlockServer;
  readonly #qBlockPeers: QBlockPeers;
  readonly #responder: Responder;
  readonly #leisure: Leisure;
  readonly #peer: PeerView;
  readonly #request: RequestView;
  readonly #reply = new ReplyBuffer();
  readonly #header: ReplyHeader = { type: 0, messageId: 0, tokenBytes: nothing, tokenStart: 0, tokenLength: 0 };
  /** Block1 option to echo, largest body for 4.13, and `once` row of the request at hand. */
  #block1 = none;
  #size1 = none;
  #onceRow = none;
  /** 4.29 sent in the second that began then. */
  #refusals = 0;
  #refusalsSinceMs = 0;

  constructor({ link, outbox, clock, amplification, qBlock }: ServerOptions) {
    this.#link = link;
    this.#clock = clock;
    this.#once = new OnceExchanges(link, clock);
    this.#proof = new AddressProof(link, clock, amplification);
    this.#transfers = new ServerTransfers(link, clock, this.#proof);
    this.#responder = new Responder(link, this.#transfers, this.#proof);
    this.#qBlocks = new QBlockServer({ link, outbox, clock, proof: this.#proof, responder: this.#responder });
    this.#qBlockPeers = qBlock;
    this.#leisure = new Leisure(link, clock);
    this.#peer = new PeerView(link.peers);
    this.#request = new RequestView(undefined as unknown as MessageView, this.#peer);
    this.observers = new Observers({
      link,
      outbox,
      clock,
      responder: this.#responder,
      proof: this.#proof,
      qBlocks: this.#qBlocks,
    });
    this.#later = new LaterAnswers({
      link,
      outbox,
      clock,
      once: this.#once,
      responder: this.#responder,
      proof: this.#proof,
      qBlocks: this.#qBlocks,
      observers: this.observers,
      handlerFailed: (request, error) => this.#handlerFailed(request, error),
    });
  }

  /** A request came: class 0 code in a CON or NON. `source` is where it came from, and where a synchronous answer goes. */
  request(view: MessageView, peer: number, source: RemoteAddress): void {
    this.#link.counters.requests++;
    if (source.isMulticast && view.type === MessageType.confirmable) {
      // RFC 7252 section 8.1: to a group one asks without confirmation. Whoever doesn't is not even told that it is a duplicate.
      this.#link.counters.multicastRequests++;
      this.#link.counters.multicastSilent++;
      return;
    }
    if (!this.isDuplicate(view, peer)) this.serve(view, peer, source, undefined);
  }

  /** The same once it is known to be no duplicate; `oscore` when it was protected. */
  serve(view: MessageView, peer: number, source: RemoteAddress, oscore: OscoreExchange | undefined): void {
    const request = this.#request;
    const reply = this.#reply;
    request.view = view;
    request.oscore = oscore;
    this.#peer.row = peer;
    this.#peer.protector = oscore?.context.identity;
    request.reset(source.isMulticast);
    reply.reset(view.code);
    this.#block1 = none;
    this.#size1 = none;
    this.#onceRow = none;

    let refused = applyRequestRules(view);
    if (refused < 0 && hasQBlock(view)) {
      // RFC 9177 section 4.8: a group's answer doesn't come so.
      if (source.isMulticast) return;
      request.isQBlock = true;
      refused = refusedQBlock(view, oscore === undefined && this.#offersQBlock(request));
    }
    const isForwarded = view.setAside.length > 0 && this.router.forwards(view);
    if (isForwarded && refused !== OptionNumber.hopLimit) refused = firstUnsafe(view);
    if (refused >= 0) {
      this.#link.counters.criticalOptionRefused++;
      // RFC 7252 section 5.4.1: only a confirmable request is told.
      const isHopLimit = refused === OptionNumber.hopLimit;
      if (view.type !== MessageType.confirmable && !isForwarded && !isHopLimit) return;
      reply.refuse(isHopLimit ? Code.badRequest : Code.badOption, `Option ${refused}`);
      this.#answer(request, reply, peer, source);
      return;
    }
    // No payload is defined for these: it is ignored (RFC 7252 section 5.5).
    if (view.code === Code.get || view.code === Code.delete) view.payloadStart = view.end;
    if (!admission(request, reply, this.router)) {
      this.#answer(request, reply, peer, source);
      return;
    }
    if (source.isMulticast && !this.#answersMulticast(request)) return;
    if (!this.#isTrusted(request, reply, peer)) {
      this.#answer(request, reply, peer, source);
      return;
    }
    if (request.isQBlock && !this.#takesQBlock(request, reply, peer, source)) return;
    if (!this.#hasWholeBody(request, reply, peer) || !this.#mayRun(request, reply, peer)) {
      this.#answer(request, reply, peer, source);
      return;
    }
    this.#run(request, reply, peer, source);
  }

  /** Everything held for a peer goes: its address changed hands. */
  dropPeer(peer: number): void {
    this.#proof.forget(peer);
    this.observers.dropPeer(peer);
    this.#transfers.dropPeer(peer);
    this.#qBlocks.dropPeer(peer);
    this.#later.running.abort(peer);
  }

  /** Everything held under a context of OSCORE goes: it was removed. */
  dropContext(context: OscoreContext): void {
    this.observers.dropContext(context);
    this.#later.running.abortContext(context);
  }

  stop(): void {
    this.observers.stop();
    this.#later.stop();
    this.#once.stop();
    this.#transfers.stop();
    this.#qBlocks.stop();
    this.#leisure.stop();
  }

  /** How much is held, for tests and metrics. */
  sizes(): Readonly<Record<string, number>> {
    return {
      onceExchanges: this.#once.size,
      running: this.#later.running.size,
      transfers: this.#transfers.size,
      transferBytes: this.#transfers.bytes,
      qBlocks: this.#qBlocks.size,
      qBlockBytes: this.#qBlocks.bytes,
      observers: this.observers.size,
    };
  }

  /** A Reset came that no confirmable message of ours waits for. */
  reset(peer: number, messageId: number): void {
    this.observers.resetNonConfirmable(peer, messageId);
    this.#qBlocks.reset(peer, messageId);
  }

  /** Answers a message that came before; true when it was one. */
  isDuplicate(view: MessageView, peer: number): boolean {
    const running = this.#later.running.find(peer, view.messageId);
    if (running !== undefined) {
      this.#link.counters.duplicates++;
      if (view.type === MessageType.confirmable) this.#later.running.acknowledge(running);
      return true;
    }
    const once = this.#once.find(peer, view.messageId);
    if (once < 0) return false;
    this.#link.counters.duplicates++;
    // RFC 7252 section 4.5: a confirmable duplicate gets the same answer, a non-confirmable one nothing.
    if (view.type !== MessageType.confirmable) return true;
    // A short datagram with the message ID of a long one is no way to have the long one's answer sent somewhere.
    const isStored = this.#once.recall(once) && this.#link.writer.end <= this.#proof.maxAnswer(view, peer);
    if (isStored) this.#link.sendWritten(peer);
    else this.#link.sendEmptyToPeer(MessageType.acknowledgement, view.messageId, peer);
    return true;
  }

  #answersMulticast(request: RequestView): boolean {
    this.#link.counters.multicastRequests++;
    const isWelcome = request.view.type === MessageType.nonConfirmable && request.entry?.route.multicast === true;
    if (!isWelcome) this.#link.counters.multicastSilent++;
    return isWelcome;
  }

  /**
   * Whether the request may cost memory, or be what a route wants to be new: else the reply is 4.01 with an Echo (RFC 9175 sections 2.3
   * and 2.4). Nothing has been kept until here.
   */
  #isTrusted(request: RequestView, reply: ReplyBuffer, peer: number): boolean {
    const { view } = request;
    const { fresh, observable } = request.entry!.route;
    const isProven = this.#proof.isProven(peer);
    if (isProven && fresh !== true) return true;
    const echo = view.find(OptionNumber.echo);
    const isEchoed = echo >= 0 && this.#proof.accepts(view.valueAt(echo), request.peer);
    if (isEchoed) this.#proof.prove(peer);
    if (fresh === true) {
      // An Echo that anybody on the way may read and change proves nothing about when a request was made.
      if (request.peer.identity.kind === "none") return this.#refuse(reply, Code.unauthorized);
      return isEchoed || this.#challenge(request, reply);
    }
    if (isEchoed || request.isMulticast) return true;
    const block1 = view.uint(OptionNumber.block1);
    const wantsToStay = request.observe === 0 && observable !== undefined && observable !== false;
    const isFirstOfMany = block1 >= 0 && hasMoreBlocks(block1);
    return (!wantsToStay && !isFirstOfMany && !request.isQBlock) || this.#challenge(request, reply);
  }

  #refuse(reply: ReplyBuffer, code: number): false {
    reply.refuse(code);
    return false;
  }

  #challenge(request: RequestView, reply: ReplyBuffer): false {
    this.#link.counters.echoesAsked++;
    reply.refuse(Code.unauthorized);
    reply.echo = this.#proof.challenge(request.peer, request.view);
    return false;
  }

  #offersQBlock({ peer }: RequestView): boolean {
    return this.#qBlockPeers === "proven" || (this.#qBlockPeers === "secured" && peer.identity.kind !== "none");
  }

  /** RFC 9177. False: nothing runs, and what is to be said has been said. */
  #takesQBlock(request: RequestView, reply: ReplyBuffer, peer: number, source: RemoteAddress): boolean {
    const { view } = request;
    const maxBody = request.entry!.route.maxBody ?? this.#link.limits.maxBody;
    const next = this.#qBlocks.take(request, reply, peer, maxBody);
    if (next === "run") return true;
    if (next === "answer") {
      if (reply.code === Code.requestEntityTooLarge) this.#size1 = maxBody;
      this.#answer(request, reply, peer, source);
    } else if (request.isConfirmable) {
      this.#link.sendEmpty(MessageType.acknowledgement, view.messageId, source);
    }
    return false;
  }

  /** Puts a body together from its blocks. False: the reply says what is missing or wrong. */
  #hasWholeBody(request: RequestView, reply: ReplyBuffer, peer: number): boolean {
    const { view } = request;
    const route = request.entry!.route;
    const maxBody = route.maxBody ?? this.#link.limits.maxBody;
    const value = view.uint(OptionNumber.block1);
    if (value < 0 || request.method === "GET" || request.method === "DELETE") {
      if (view.end - view.payloadStart <= maxBody) return true;
      reply.refuse(Code.requestEntityTooLarge);
      this.#size1 = maxBody;
      return false;
    }
    const code = this.#transfers.receive(request, peer, value, maxBody);
    const exponent = Math.min(blockExponent(value), exponentFor(this.#link.limits.blockSize));
    this.#block1 = blockOption(blockNumber(value), hasMoreBlocks(value), exponent);
    if (code === 0) {
      request.body = this.#transfers.body;
      return true;
    }
    reply.refuse(code);
    if (code === Code.requestEntityTooLarge) this.#size1 = maxBody;
    if (code === Code.serviceUnavailable || code === Code.tooManyRequests) reply.maxAge = secondsUntilRoom;
    return false;
  }

  /** Kept answers, quotas, and the memory of `once` exchanges. False: the reply is ready. */
  #mayRun(request: RequestView, reply: ReplyBuffer, peer: number): boolean {
    const { view } = request;
    const block2 = view.uint(OptionNumber.block2);
    if (block2 >= 16) {
      if (this.#transfers.recall(request, peer, reply)) return false;
      if (request.method !== "GET" && request.method !== "FETCH") {
        reply.refuse(Code.requestEntityIncomplete);
        return false;
      }
    }
    const { route } = request.entry!;
    if (request.observe === 0) {
      const refusal = this.observers.refusal(request, peer);
      if (refusal !== 0) return this.#isOver(reply, refusal);
    }
    if ("later" in route) {
      const refusal = this.#later.refusal(peer);
      if (refusal !== 0) return this.#isOver(reply, refusal);
    }
    // The last block of an upload is remembered even where the route may run again: its body is gone by then.
    const wasWhole = this.#block1 >= 16 || (request.isQBlock && request.body !== undefined);
    if (route.replay === "once" || wasWhole) return this.#isRemembered(reply, peer, view.messageId);
    return true;
  }

  #isRemembered(reply: ReplyBuffer, peer: number, messageId: number): boolean {
    const { counters, limits } = this.#link;
    const hasRoom = this.#proof.mayTake(this.#once.size, limits.onceExchanges, peer);
    const row = hasRoom ? this.#once.begin(peer, messageId) : -2;
    if (row === -1) counters.overQuota++;
    if (row === -2) counters.overLimit++;
    if (row < 0) return this.#isOver(reply, row === -1 ? Code.tooManyRequests : Code.serviceUnavailable);
    this.#onceRow = row;
    return true;
  }

  #isOver(reply: ReplyBuffer, code: number): false {
    reply.refuse(code);
    reply.maxAge = secondsUntilRoom;
    return false;
  }

  #run(request: RequestView, reply: ReplyBuffer, peer: number, source: RemoteAddress): void {
    const { route } = request.entry!;
    if ("later" in route) {
      this.#later.run(request, peer, this.#onceRow, this.#block1);
      return;
    }
    try {
      route.answer(request, reply);
    } catch (error) {
      this.#handlerFailed(request, error);
      reply.refuse(Code.internalServerError);
    }
    const { later } = reply;
    if (later === undefined) {
      this.#answer(request, reply, peer, source);
      return;
    }
    const refusal = source.isMulticast ? Code.serviceUnavailable : this.#later.refusal(peer);
    if (refusal === 0) {
      this.#later.hold(request, peer, this.#onceRow, this.#block1, later);
      return;
    }
    later.catch(() => undefined);
    this.#isOver(reply, refusal);
    this.#answer(request, reply, peer, source);
  }

  /** Plans and sends the answer of a synchronous turn. */
  #answer(request: RequestView, reply: ReplyBuffer, peer: number, source: RemoteAddress): void {
    const { view } = request;
    let pending: Promise<Uint8Array> | undefined;
    try {
      pending = this.#responder.plan(request, reply, peer, this.#block1, this.#size1);
    } catch (error) {
      this.#handlerFailed(request, error);
      reply.refuse(Code.internalServerError);
      void this.#responder.plan(request, reply, peer, this.#block1, this.#size1);
    }
    if (pending !== undefined) {
      this.#answerWhenRead(request, reply, peer, source, pending);
      return;
    }
    if (request.isMulticast) {
      this.#answerGroup(request, reply, peer, source);
      return;
    }
    if (reply.code === Code.tooManyRequests && !this.#mayRefuse()) return;
    const observe = request.entry === undefined ? none : this.observers.register(request, reply, peer);
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
    if (!this.#responder.write(request, reply, peer, header, observe)) this.#writeShort(request, reply, peer, header);
    if (request.isQBlock) this.#qBlocks.answered(request, peer);
    if (request.oscore !== undefined && !this.#seal(request, request.oscore, peer)) return;
    if (this.#onceRow >= 0 && isConfirmable) this.#once.store(this.#onceRow);
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

  /**
   * The answer is longer than an unproven address may be sent. What can be run again asks for an Echo; of what was done the code alone
   * is told.
   */
  #writeShort(request: RequestView, reply: ReplyBuffer, peer: number, header: ReplyHeader): void {
    this.#link.counters.answersShortened++;
    if (request.isSafe && reply.code >> 5 === 2) {
      this.#challenge(request, reply);
      void this.#responder.plan(request, reply, peer, none, none);
      if (this.#responder.write(request, reply, peer, header, none)) return;
    }
    this.#responder.writeBare(reply, header);
  }

  /** Protects the answer in the writer and keeps it for duplicates. */
  #seal({ view }: RequestView, exchange: OscoreExchange, peer: number): boolean {
    const { oscore, writer } = this.#link;
    if (oscore?.sealReply(writer, exchange) !== true) return false;
    oscore.answered(peer, view, writer);
    return true;
  }

  #answerGroup(request: RequestView, reply: ReplyBuffer, peer: number, source: RemoteAddress): void {
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
  #answerWhenRead(
    request: RequestView,
    reply: ReplyBuffer,
    peer: number,
    source: RemoteAddress,
    pending: Promise<Uint8Array>,
  ): void {
    const refusal = request.isMulticast ? Code.serviceUnavailable : this.#later.refusal(peer);
    if (refusal === 0) {
      this.#later.read(request, reply, peer, this.#onceRow, this.#block1, pending);
      return;
    }
    pending.catch(() => undefined);
    this.#isOver(reply, refusal);
    this.#answer(request, reply, peer, source);
  }

  #handlerFailed(request: RequestView, error: unknown): void {
    const path = request.entry?.route.path ?? "";
    this.#link.failed("coap-handler-failed", error, { method: request.method, path });
  }
}
