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
import { ReplyBuffer } from "./reply-buffer.ts";
import { PeerView, RequestView } from "./request-view.ts";
import { Responder } from "./responder.ts";
import { Router } from "./router.ts";
import { TurnAnswers } from "./turn-answers.ts";

export interface ServerOptions {
  readonly link: Link;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly amplification: AmplificationLimit;
  readonly qBlock: QBlockPeers;
}

/**
 * The request half: datagram to answer in one synchronous turn, in stages that read top to bottom in `request`.
 * One view, one reply and one header are used again for every request.
 */
export class Server {
  readonly router = new Router();
  readonly observers: Observers;
  readonly #link: Link;
  readonly #once: OnceExchanges;
  readonly #later: LaterAnswers;
  readonly #proof: AddressProof;
  readonly #transfers: ServerTransfers;
  readonly #qBlocks: QBlockServer;
  readonly #qBlockPeers: QBlockPeers;
  readonly #responder: Responder;
  readonly #leisure: Leisure;
  readonly #answers: TurnAnswers;
  readonly #peer: PeerView;
  readonly #request: RequestView;
  readonly #reply = new ReplyBuffer();

  constructor({ link, outbox, clock, amplification, qBlock }: ServerOptions) {
    this.#link = link;
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
    this.#answers = new TurnAnswers({
      link,
      clock,
      once: this.#once,
      later: this.#later,
      responder: this.#responder,
      qBlocks: this.#qBlocks,
      observers: this.observers,
      leisure: this.#leisure,
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
      this.#answers.send(request, reply, peer, source);
      return;
    }
    // No payload is defined for these: it is ignored (RFC 7252 section 5.5).
    if (view.code === Code.get || view.code === Code.delete) view.payloadStart = view.end;
    if (!admission(request, reply, this.router)) {
      this.#answers.send(request, reply, peer, source);
      return;
    }
    if (source.isMulticast && !this.#answersMulticast(request)) return;
    if (!this.#isTrusted(request, reply, peer)) {
      this.#answers.send(request, reply, peer, source);
      return;
    }
    if (request.isQBlock && !this.#takesQBlock(request, reply, peer, source)) return;
    if (!this.#hasWholeBody(request, reply, peer) || !this.#mayRun(request, reply, peer)) {
      this.#answers.send(request, reply, peer, source);
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
      return isEchoed || this.#proof.askEcho(request, reply);
    }
    if (isEchoed || request.isMulticast) return true;
    const block1 = view.uint(OptionNumber.block1);
    const wantsToStay = request.observe === 0 && observable !== undefined && observable !== false;
    const isFirstOfMany = block1 >= 0 && hasMoreBlocks(block1);
    return (!wantsToStay && !isFirstOfMany && !request.isQBlock) || this.#proof.askEcho(request, reply);
  }

  #refuse(reply: ReplyBuffer, code: number): false {
    reply.refuse(code);
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
      if (reply.code === Code.requestEntityTooLarge) request.size1 = maxBody;
      this.#answers.send(request, reply, peer, source);
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
      request.size1 = maxBody;
      return false;
    }
    const code = this.#transfers.receive(request, peer, value, maxBody);
    const exponent = Math.min(blockExponent(value), exponentFor(this.#link.limits.blockSize));
    request.block1 = blockOption(blockNumber(value), hasMoreBlocks(value), exponent);
    if (code === 0) {
      request.body = this.#transfers.body;
      return true;
    }
    reply.refuse(code);
    if (code === Code.requestEntityTooLarge) request.size1 = maxBody;
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
      if (refusal !== 0) return this.#refuse(reply, refusal);
    }
    if ("later" in route) {
      const refusal = this.#later.refusal(peer);
      if (refusal !== 0) return this.#refuse(reply, refusal);
    }
    // The last block of an upload is remembered even where the route may run again: its body is gone by then.
    const wasWhole = request.block1 >= 16 || (request.isQBlock && request.body !== undefined);
    if (route.replay === "once" || wasWhole) return this.#isRemembered(request, reply, peer);
    return true;
  }

  #isRemembered(request: RequestView, reply: ReplyBuffer, peer: number): boolean {
    const { counters, limits } = this.#link;
    const hasRoom = this.#proof.mayTake(this.#once.size, limits.onceExchanges, peer);
    const row = hasRoom ? this.#once.begin(peer, request.view.messageId) : -2;
    if (row === -1) counters.overQuota++;
    if (row === -2) counters.overLimit++;
    if (row < 0) return this.#refuse(reply, row === -1 ? Code.tooManyRequests : Code.serviceUnavailable);
    request.onceRow = row;
    return true;
  }

  #run(request: RequestView, reply: ReplyBuffer, peer: number, source: RemoteAddress): void {
    const { route } = request.entry!;
    if ("later" in route) {
      this.#later.run(request, peer);
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
      this.#answers.send(request, reply, peer, source);
      return;
    }
    const refusal = source.isMulticast ? Code.serviceUnavailable : this.#later.refusal(peer);
    if (refusal === 0) {
      this.#later.hold(request, peer, later);
      return;
    }
    later.catch(() => undefined);
    reply.refuse(refusal);
    this.#answers.send(request, reply, peer, source);
  }

  #handlerFailed(request: RequestView, error: unknown): void {
    const path = request.entry?.route.path ?? "";
    this.#link.failed("coap-handler-failed", error, { method: request.method, path });
  }
}
