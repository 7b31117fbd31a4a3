import type { Clock } from "../../kernel/clock.ts";
import { TimerWheel } from "../../kernel/timer-wheel.ts";
import type { Link } from "../exchange/link.ts";
import type { Outbox, OutboxOwner } from "../exchange/outbox.ts";
import { faults } from "../faults.ts";
import { Code, codeText, MessageType, OptionNumber } from "../message.ts";
import { decodeText, type MessageView } from "../message-view.ts";
import { firstUnsafe } from "../option-rules.ts";
import type { OscoreContext } from "../security/oscore/oscore-context.ts";
import type { OscoreExchange } from "../security/oscore/oscore-exchange.ts";
import { OuterDownload } from "../security/oscore/outer-download.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import { BackOff } from "./back-off.ts";
import { TokenSequence } from "./token-sequence.ts";

/** One request of ours and what becomes of it: exactly one of the last two is called, once. */
export interface ClientExchange {
  readonly isConfirmable: boolean;
  /** What the request is protected with. */
  readonly oscore?: OscoreContext | undefined;
  /** It passes on options that it doesn't know. */
  readonly forwards?: boolean;
  /** Its turn has come: write the message with this header's type, ID and token. */
  write(type: number, messageId: number, token: Uint8Array): void;
  /** `view` and `source` are only borrowed. `oscore`: what binds it to the request, when that was protected. */
  response(view: MessageView, source: RemoteAddress, oscore: OscoreExchange | undefined): void;
  failed(fault: Error): void;
}

interface Pending {
  readonly number: number;
  readonly peer: number;
  readonly token: Uint8Array;
  readonly exchange: ClientExchange;
  /** Slot in the outbox, -1 when the message is acknowledged, non-confirmable or not yet sent. */
  slot: number;
  isQueued: boolean;
  /** Of a non-confirmable one that was sent: until when a silent peer is not asked again. 0: it isn't, or was answered. */
  probeUntilMs: number;
  /** Of a protected request: what binds the answer to the message sent last, and the Echo that the server asked for. */
  oscore: OscoreExchange | undefined;
  echo: Uint8Array | undefined;
  /** Its answer comes in outer blocks. */
  outer: OuterDownload | undefined;
}

/** Requests of ours until they are answered, found by token and peer. */
export class ClientExchanges implements OutboxOwner {
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #owner: number;
  readonly #clock: Clock;
  readonly backOff: BackOff;
  readonly #wheel: TimerWheel;
  readonly #tokens: TokenSequence;
  readonly #byToken = new Map<string, Pending>();
  readonly #byNumber: (Pending | undefined)[] = [];
  readonly #free: number[] = [];

  constructor(link: Link, outbox: Outbox, clock: Clock) {
    this.#link = link;
    this.#outbox = outbox;
    this.#clock = clock;
    this.backOff = new BackOff(clock, link.peers, link.limits.backOffs);
    this.#owner = outbox.register(this);
    this.#tokens = new TokenSequence(link.entropy);
    this.#wheel = new TimerWheel({ clock, capacity: link.limits.pendingRequests, onDue: (n) => this.#tooLate(n) });
  }

  get size(): number {
    return this.#byToken.size;
  }

  /** Sends now or when NSTART allows. Returns its number for `cancel`, -1 when it failed at once. */
  start(peer: number, exchange: ClientExchange, token?: Uint8Array): number {
    const { limits, peers } = this.#link;
    if (this.#byToken.size >= limits.pendingRequests) return this.#refuse(exchange, "pendingRequests");
    const bytes = token ?? this.#newToken();
    const key = tokenKey(bytes, 0, bytes.length);
    if (bytes.length > 8) {
      exchange.failed(faults("coap.bad-request", { what: "a token has at most 8 bytes" }));
      return -1;
    }
    if (this.#byToken.has(key)) {
      exchange.failed(faults("coap.bad-request", { what: "a request with this token is open already" }));
      return -1;
    }
    const number = this.#free.pop() ?? this.#byNumber.length;
    const pending: Pending = {
      number,
      peer,
      token: bytes,
      exchange,
      slot: -1,
      isQueued: false,
      probeUntilMs: 0,
      oscore: undefined,
      echo: undefined,
      outer: undefined,
    };
    this.#byNumber[number] = pending;
    this.#byToken.set(key, pending);
    peers.pin(peer);
    if (!this.#outbox.mayTransmit(peer)) {
      if (this.#outbox.enqueue(peer, this.#owner, number)) {
        pending.isQueued = true;
        return number;
      }
      this.#forget(pending);
      return this.#refuse(exchange, "queuePerPeer");
    }
    this.#send(pending);
    return this.#byNumber[number] === pending ? number : -1;
  }

  /** Forgets the exchange; nothing is called any more. */
  cancel(number: number): void {
    const pending = this.#byNumber[number];
    if (pending === undefined) return;
    const { slot } = pending;
    this.#forget(pending);
    if (slot >= 0) this.#outbox.drop(slot);
  }

  /** "taken": a request waits for it; "elsewhere": it does, but was sent to another address. */
  knows(view: MessageView, peer: number): "taken" | "unknown" | "elsewhere" {
    const pending = this.#pendingFor(view);
    if (pending === undefined) return "unknown";
    return pending.peer === peer ? "taken" : "elsewhere";
  }

  /** False: no request of ours to that peer has the token. */
  response(view: MessageView, peer: number, source: RemoteAddress): boolean {
    const pending = this.#pendingFor(view);
    if (pending === undefined || pending.peer !== peer) return false;
    const { slot, exchange, oscore } = pending;
    if (oscore !== undefined && this.#isAskedAgain(pending, view)) return true;
    this.#answered(pending);
    this.#forget(pending);
    // A response is as good as the ACK that got lost before it (RFC 7252 section 5.2.2).
    if (slot >= 0) this.#outbox.drop(slot);
    exchange.response(view, source, oscore);
    return true;
  }

  /** What an answer with that token has to verify with; undefined when it is to come in the clear, or not at all. */
  oscoreOf(view: MessageView, peer: number): OscoreExchange | undefined {
    const pending = this.#pendingFor(view);
    return pending?.peer === peer ? pending.oscore : undefined;
  }

  /** A protected request was answered with an unprotected error, of the server's OSCORE or of a proxy. */
  refused(view: MessageView, peer: number): void {
    const pending = this.#pendingFor(view);
    if (pending === undefined || pending.peer !== peer) return;
    const text = decodeText(view.bytes, view.payloadStart, Math.min(view.end, view.payloadStart + 64));
    this.#fail(pending, faults("coap.oscore-refused", { ...this.#where(peer), code: codeText(view.code), text }));
  }

  /** A proxy cut the protected answer: the whole of it when this was the last block, else the next one is asked for. */
  outerBlock(view: MessageView, peer: number): MessageView | undefined {
    const pending = this.#pendingFor(view);
    if (pending === undefined || pending.peer !== peer) return undefined;
    pending.outer ??= new OuterDownload(this.#link.oscore?.contexts.limits.maxUnfragmented ?? 0);
    const taken = pending.outer.take(view);
    if (taken === "more") this.#repeat(pending);
    if (taken === "bad") {
      const what = "the outer blocks of its answer are out of order or too many";
      this.#fail(pending, faults("coap.bad-response", { ...this.#where(peer), what }));
    }
    return typeof taken === "string" ? undefined : taken;
  }

  /** What was asked of the peer is lost with its security association (RFC 7252 sections 9.1.1 and 9.1.2). */
  dropPeer(peer: number): void {
    for (const pending of [...this.#byToken.values()]) {
      const isAsked = pending.peer === peer && !pending.isQueued;
      if (isAsked) this.#fail(pending, faults("coap.association-ended", this.#where(peer)));
    }
  }

  /** Ends what is open under a context that was removed. What was asked under one that was replaced may still be answered with response #1. */
  dropContext(context: OscoreContext): void {
    for (const pending of [...this.#byToken.values()]) {
      const isUnder =
        pending.exchange.oscore === context || (pending.oscore?.context === context && !context.isReplaced);
      if (isUnder) this.#fail(pending, noContext(this.#where(pending.peer)));
    }
  }

  /** By what the response can't be taken: `option`, or for a proxy the first that is Unsafe. -1: it can. */
  refusedOption(view: MessageView, peer: number, option: number): number {
    const pending = this.#pendingFor(view);
    return pending?.peer === peer && pending.exchange.forwards === true ? firstUnsafe(view) : option;
  }

  /** The response has a critical option that we don't understand. */
  reject(view: MessageView, peer: number, option: number): void {
    const pending = this.#pendingFor(view);
    if (pending === undefined || pending.peer !== peer) return;
    const { slot, exchange } = pending;
    this.#answered(pending);
    this.#forget(pending);
    if (slot >= 0) this.#outbox.drop(slot);
    exchange.failed(faults("coap.bad-response", { ...this.#where(peer), what: `it carries option ${option}` }));
  }

  /** The token of the request that waits in this slot of the outbox. */
  ownsSlot(slot: number, view: MessageView): boolean {
    if (this.#outbox.ownerOf(slot) !== this.#owner) return false;
    const pending = this.#byNumber[this.#outbox.refOf(slot)];
    return pending !== undefined && pending === this.#pendingFor(view);
  }

  stop(): void {
    for (const pending of [...this.#byToken.values()]) {
      this.#forget(pending);
      pending.exchange.failed(faults("coap.stopped", {}));
    }
    this.#wheel.clear();
  }

  ready(number: number): void {
    const pending = this.#byNumber[number];
    if (pending === undefined) return;
    pending.isQueued = false;
    this.#send(pending);
  }

  acknowledged(number: number): void {
    const pending = this.#byNumber[number];
    if (pending === undefined) return;
    pending.slot = -1;
    this.#wheel.arm(number, this.#link.limits.responseTimeoutMs);
  }

  reset(number: number): void {
    const pending = this.#byNumber[number];
    if (pending === undefined) return;
    this.#forget(pending);
    pending.exchange.failed(faults("coap.reset", this.#where(pending.peer)));
  }

  timedOut(number: number): void {
    const pending = this.#byNumber[number];
    if (pending === undefined) return;
    this.#forget(pending);
    const { ackTimeoutMs, maxRetransmit } = this.#link.limits;
    const seconds = Math.round((ackTimeoutMs * (2 ** (maxRetransmit + 1) - 1)) / 1_000);
    pending.exchange.failed(faults("coap.timeout", { ...this.#where(pending.peer), seconds }));
  }

  #tooLate(number: number): void {
    const pending = this.#byNumber[number];
    if (pending === undefined) return;
    this.#forget(pending);
    const seconds = Math.round(this.#link.limits.responseTimeoutMs / 1_000);
    pending.exchange.failed(faults("coap.timeout", { ...this.#where(pending.peer), seconds }));
  }

  #send(pending: Pending): void {
    const { peer, exchange, token, number } = pending;
    if (exchange.oscore !== undefined && !this.#hasNumber(pending, exchange.oscore)) return;
    const messageId = this.#link.peers.nextMessageId(peer);
    if (messageId < 0) {
      this.#forget(pending);
      this.#refuse(exchange, "messageIds");
      return;
    }
    const type = exchange.isConfirmable ? MessageType.confirmable : MessageType.nonConfirmable;
    try {
      exchange.write(type, messageId, token);
      if (exchange.oscore !== undefined) {
        const { oscore, writer } = this.#link;
        const { outer } = pending;
        if (outer !== undefined && pending.oscore !== undefined) {
          oscore?.messages.writeOuterRequest(writer, pending.oscore, outer.next);
        } else pending.oscore = oscore?.sealRequest(writer, exchange.oscore, pending.echo);
      }
      if (this.#link.writer.end > this.#link.writer.bytes.length) throw new RangeError("The message is too long.");
    } catch (error) {
      this.#forget(pending);
      const what = error instanceof Error ? error.message : String(error);
      exchange.failed(faults("coap.bad-request", { what }, error));
      return;
    }
    if (exchange.isConfirmable) {
      pending.slot = this.#outbox.transmit(peer, messageId, this.#owner, number);
      if (pending.slot >= 0) return;
      this.#forget(pending);
      this.#refuse(exchange, "outstanding");
      return;
    }
    const { limits, writer } = this.#link;
    this.#wheel.arm(number, limits.responseTimeoutMs);
    pending.probeUntilMs = this.#clock.monotonicMs() + (writer.end * 1_000) / limits.probingRate;
    this.#outbox.occupy(peer);
    this.#link.sendWritten(peer);
  }

  /** Whether it can be protected now. If not, it is sent once sender sequence numbers are leased, or has failed. */
  #hasNumber(pending: Pending, context: OscoreContext): boolean {
    const contexts = this.#link.oscore?.contexts;
    if (contexts === undefined || context.isRemoved) {
      this.#fail(pending, noContext(this.#where(pending.peer)));
      return false;
    }
    const used = this.#link.oscore?.recovery.contextOf(context) ?? context;
    if (contexts.numbers.isAtHand(used)) return true;
    contexts.numbers.whenLeased(used, (isLeased) => {
      if (this.#byNumber[pending.number] !== pending) return;
      if (isLeased) this.#send(pending);
      else this.#fail(pending, faults("coap.oscore-no-numbers", {}));
    });
    return false;
  }

  /** RFC 9175 section 2.3: a protected 4.01 with Echo asks for the same request with that Echo. Once for each request. */
  #isAskedAgain(pending: Pending, view: MessageView): boolean {
    if (pending.oscore !== undefined && this.#isForNewContext(pending.oscore.context, pending.exchange)) {
      this.#sendAgain(pending, undefined);
      return true;
    }
    const echo = view.code === Code.unauthorized ? view.copyOf(OptionNumber.echo) : undefined;
    if (echo === undefined || pending.oscore?.hasEcho === true) return false;
    this.#sendAgain(pending, echo);
    return true;
  }

  /** RFC 8613 appendix B.2: what was answered belongs to the first context, and by now there is a third. */
  #isForNewContext(context: OscoreContext, { oscore: base }: ClientExchange): boolean {
    return base !== undefined && context.base === base && base.derived !== context;
  }

  #sendAgain(pending: Pending, echo: Uint8Array | undefined): void {
    pending.echo = echo;
    pending.oscore = undefined;
    pending.outer = undefined;
    this.#repeat(pending);
  }

  /** One more message for the same exchange: the one before is answered. */
  #repeat(pending: Pending): void {
    const { peer, number, slot } = pending;
    pending.slot = -1;
    this.#answered(pending);
    this.#wheel.cancel(number);
    if (slot >= 0) this.#outbox.drop(slot);
    if (!this.#outbox.mayTransmit(peer) && this.#outbox.enqueue(peer, this.#owner, number)) pending.isQueued = true;
    else this.#send(pending);
  }

  #fail(pending: Pending, fault: Error): void {
    const { slot, exchange } = pending;
    this.#answered(pending);
    this.#forget(pending);
    if (slot >= 0) this.#outbox.drop(slot);
    exchange.failed(fault);
  }

  /** A non-confirmable request isn't outstanding any more. */
  #answered(pending: Pending): void {
    if (pending.probeUntilMs === 0) return;
    pending.probeUntilMs = 0;
    this.#outbox.vacate(pending.peer);
  }

  /** The same without an answer: RFC 7252 section 4.7 lets a silent peer be asked again at PROBING_RATE only. */
  #abandoned(pending: Pending): void {
    if (pending.probeUntilMs === 0) return;
    const waitMs = pending.probeUntilMs - this.#clock.monotonicMs();
    pending.probeUntilMs = 0;
    if (waitMs > 0) this.#outbox.vacateAfter(pending.peer, waitMs);
    else this.#outbox.vacate(pending.peer);
  }

  #forget(pending: Pending): void {
    const { number, peer, token } = pending;
    if (pending.isQueued) this.#outbox.dequeue(peer, this.#owner, number);
    this.#wheel.cancel(number);
    this.#byToken.delete(tokenKey(token, 0, token.length));
    this.#byNumber[number] = undefined;
    this.#free.push(number);
    this.#link.peers.unpin(peer);
    this.#abandoned(pending);
  }

  #pendingFor(view: MessageView): Pending | undefined {
    if (this.#byToken.size === 0) return undefined;
    return this.#byToken.get(tokenKey(view.bytes, view.tokenStart, view.tokenStart + view.tokenLength));
  }

  #newToken(): Uint8Array {
    for (;;) {
      const token = this.#tokens.next();
      if (!this.#byToken.has(tokenKey(token, 0, 4))) return token;
    }
  }

  #refuse(exchange: ClientExchange, limit: "pendingRequests" | "queuePerPeer" | "outstanding" | "messageIds"): -1 {
    this.#link.counters.overLimit++;
    const value = limit === "messageIds" ? 65_536 : this.#link.limits[limit];
    exchange.failed(faults("coap.queue-full", { limit, value }));
    return -1;
  }

  #where(peer: number): { address: string; port: number } {
    const { peers } = this.#link;
    return { address: peers.addressText(peer), port: peers.columns.port[peer]! };
  }
}

function noContext({ address, port }: { readonly address: string; readonly port: number }): Error {
  return faults("coap.oscore-no-context", { peer: `${address} port ${port}` });
}

/** Token bytes as a string of the same length: one character a byte. */
function tokenKey(bytes: Uint8Array, start: number, end: number): string {
  let key = "";
  for (let i = start; i < end; i++) key += String.fromCharCode(bytes[i]!);
  return key;
}
