import type { Clock } from "../../kernel/clock.ts";
import { TimerWheel } from "../../kernel/timer-wheel.ts";
import { blockNumber, blockOption, exponentFor, hasMoreBlocks } from "../blockwise/block-option.ts";
import type { ClientExchange, ClientExchanges } from "../client/client-exchanges.ts";
import { ClientResponse } from "../client/client-response.ts";
import { ClientTransfer } from "../client/client-transfer.ts";
import type { QBlockChannels } from "../client/q-block-channels.ts";
import { RequestMessage } from "../client/request-message.ts";
import type { CoapResponse, ObservationEnd } from "../client-types.ts";
import type { Link } from "../exchange/link.ts";
import { faults } from "../faults.ts";
import { Code, isSuccess, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import { uintBytes } from "../message-writer.ts";
import type { OscoreContext } from "../security/oscore/oscore-context.ts";
import type { OscoreExchange } from "../security/oscore/oscore-exchange.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import type { ObservationKind } from "./observation-types.ts";
import { ObservedBody } from "./observed-body.ts";

export interface ObservationsOptions {
  readonly link: Link;
  readonly exchanges: ClientExchanges;
  readonly qBlocks: QBlockChannels;
  readonly clock: Clock;
}

interface KindEntry {
  readonly kind: ObservationKind;
  readonly message: RequestMessage;
  rows: number;
}

const State = { free: 0, open: 1, cancelling: 2 } as const;
const tokenLength = 8;
const noSequence = 0xffff_ffff;
/** RFC 7641 section 3.4: after so long any number is fresh. */
const freshAfterMs = 128_000;
const msPerTick = 16;
/** RFC 7641 section 3.3.1: so long after Max-Age, at random, that clients don't come all at once. */
const staleForMs = { least: 5_000, spread: 10_000 } as const;
const defaultMaxAge = 60;
const end = -1;

/**
 * The client's side of RFC 7641. An observation is a row of 33 bytes beside its peer's row;
 * its token carries the row's number and 32 random bits, so no token is stored and none is searched for.
 */
export class Observations {
  readonly #link: Link;
  readonly #exchanges: ClientExchanges;
  readonly #qBlocks: QBlockChannels;
  readonly #clock: Clock;
  readonly #kinds: (KindEntry | undefined)[] = [];
  readonly #kindNumbers = new Map<ObservationKind, number>();
  readonly #peer: Uint32Array;
  readonly #secret: Uint32Array;
  readonly #sequence: Uint32Array;
  readonly #lastTick: Uint32Array;
  readonly #kind: Uint32Array;
  readonly #context: Float64Array;
  readonly #state: Uint8Array;
  readonly #nextFree: Int32Array;
  /** Of protected observations: their context, and what binds notifications to the registration. */
  readonly #contexts: (OscoreContext | undefined)[] = [];
  readonly #oscore: (OscoreExchange | undefined)[] = [];
  /** Registrations, cancellations and further blocks under way, by row. */
  readonly #underWay = new Map<number, { cancel(): void }>();
  /** When to register again; made for the first observation that wants it. */
  #renewals: TimerWheel | undefined;
  #free = end;
  #untouched = 0;
  #size = 0;

  constructor({ link, exchanges, qBlocks, clock }: ObservationsOptions) {
    this.#link = link;
    this.#exchanges = exchanges;
    this.#qBlocks = qBlocks;
    this.#clock = clock;
    const capacity = link.limits.observations;
    this.#peer = new Uint32Array(capacity);
    this.#secret = new Uint32Array(capacity);
    this.#sequence = new Uint32Array(capacity);
    this.#lastTick = new Uint32Array(capacity);
    this.#kind = new Uint32Array(capacity);
    this.#context = new Float64Array(capacity);
    this.#state = new Uint8Array(capacity);
    this.#nextFree = new Int32Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** Registers. Returns the observation's row; throws `coap.queue-full` or `coap.bad-request`. */
  open(peer: number, kind: ObservationKind, context: number, oscore?: OscoreContext): number {
    const { limits, peers, entropy } = this.#link;
    if (this.#size >= limits.observations) {
      this.#link.counters.overLimit++;
      throw faults("coap.queue-full", { limit: "observations", value: limits.observations });
    }
    const kindNumber = this.#kindNumber(kind);
    let row = this.#free;
    if (row === end) row = this.#untouched++;
    else this.#free = this.#nextFree[row]!;
    this.#size++;
    this.#peer[row] = peer;
    this.#secret[row] = entropy.uint32();
    this.#sequence[row] = noSequence;
    this.#kind[row] = kindNumber;
    this.#context[row] = context;
    this.#state[row] = State.open;
    if (oscore !== undefined) this.#contexts[row] = oscore;
    this.#kinds[kindNumber]!.rows++;
    peers.pin(peer);
    this.#register(row, 0);
    return row;
  }

  isOpen(row: number): boolean {
    return this.#state[row] === State.open;
  }

  /** Registers again under the same token. */
  renew(row: number): void {
    if (this.isOpen(row) && !this.#underWay.has(row)) this.#register(row, 0);
  }

  /** Ends with `cancelled`, and tells the server. */
  cancel(row: number): void {
    if (!this.isOpen(row)) return;
    const { kind } = this.#kinds[this.#kind[row]!]!;
    const context = this.#context[row]!;
    this.#stopWork(row);
    this.#state[row] = State.cancelling;
    this.#register(row, 1);
    this.#ended(kind, context, "cancelled");
  }

  /** As `ClientExchanges.knows`. */
  knows(view: MessageView, peer: number): "taken" | "unknown" | "elsewhere" {
    const row = this.#rowOf(view);
    if (row < 0 || this.#state[row] !== State.open) return "unknown";
    return this.#peer[row] === peer ? "taken" : "elsewhere";
  }

  /** What a notification with that token has to verify with; undefined when it is to come in the clear, or not at all. */
  oscoreOf(view: MessageView, peer: number): OscoreExchange | undefined {
    const row = this.#rowOf(view);
    return row >= 0 && this.#peer[row] === peer ? this.#oscore[row] : undefined;
  }

  /** Ends those under a context that was removed. */
  dropContext(context: OscoreContext): void {
    this.#contexts.forEach((each, row) => {
      if (each !== context && this.#oscore[row]?.context !== context) return;
      if (this.#state[row] === State.open) this.#end(row, "refused");
      else {
        this.#stopWork(row);
        this.#release(row);
      }
    });
  }

  /** A notification that `knows` said "taken" to. */
  notification(view: MessageView, source: RemoteAddress): void {
    const row = this.#rowOf(view);
    if (row >= 0 && this.isOpen(row)) this.#take(row, view, source);
  }

  stop(): void {
    this.#renewals?.clear();
    for (let row = 0; row < this.#untouched; row++) {
      if (this.#state[row] === State.free) continue;
      const wasOpen = this.#state[row] === State.open;
      const { kind } = this.#kinds[this.#kind[row]!]!;
      const context = this.#context[row]!;
      this.#stopWork(row);
      this.#release(row);
      if (wasOpen) this.#ended(kind, context, "stopped");
    }
  }

  #register(row: number, observe: 0 | 1, echo?: Uint8Array): void {
    const { kind, message } = this.#kinds[this.#kind[row]!]!;
    const { writer, limits } = this.#link;
    const { support } = this.#qBlocks;
    // RFC 9177 section 4.1: the registration is confirmable, so it may ask whether this is supported.
    const mayQBlock = kind.qBlock === true && observe === 0 && this.#contexts[row] === undefined;
    const asksQBlock = mayQBlock && support.of(this.#peer[row]!) !== false;
    const secret = this.#secret[row]!;
    const isSame = (): boolean => this.#state[row] !== State.free && this.#secret[row] === secret;
    const exchange: ClientExchange = {
      isConfirmable: true,
      oscore: this.#contexts[row],
      write(type, messageId, token) {
        const more: { number: number; value: Uint8Array }[] = [];
        more.push({ number: OptionNumber.observe, value: uintBytes(observe) });
        const exponent = exponentFor(kind.blockSize ?? limits.blockSize);
        if (asksQBlock) more.push({ number: OptionNumber.qBlock2, value: uintBytes(blockOption(0, true, exponent)) });
        else if (kind.blockSize !== undefined) {
          more.push({ number: OptionNumber.block2, value: uintBytes(blockOption(0, false, exponent)) });
        }
        if (echo !== undefined) more.push({ number: OptionNumber.echo, value: echo });
        message.write(writer, type, messageId, token, more);
        if (kind.payload !== undefined) writer.payload(kind.payload, 0, kind.payload.length);
      },
      response: (view, source, oscore) => {
        if (!isSame()) return;
        this.#underWay.delete(row);
        if (oscore !== undefined) this.#oscore[row] = oscore;
        this.#exchanges.backOff.heard(this.#peer[row]!, message, view);
        const asked = view.code === Code.unauthorized ? view.copyOf(OptionNumber.echo) : undefined;
        // Once: a server that isn't content with its own Echo has refused (RFC 9175 section 2.3).
        if (asksQBlock && view.uint(OptionNumber.qBlock2) >= 0) support.learn(this.#peer[row]!, true);
        if (asked !== undefined && echo === undefined) this.#register(row, observe, asked);
        else if (asksQBlock && view.code === Code.badOption) {
          support.learn(this.#peer[row]!, false);
          this.#register(row, observe, echo);
        } else if (observe === 1) this.#release(row);
        else this.#take(row, view, source);
      },
      failed: (fault) => {
        if (!isSame()) return;
        this.#underWay.delete(row);
        if (observe === 1) this.#release(row);
        else this.#end(row, reasonOf(fault));
      },
    };
    let number = -1;
    const { backOff } = this.#exchanges;
    const peer = this.#peer[row]!;
    const seconds = observe === 0 ? backOff.secondsLeft(peer, message) : 0;
    if (seconds > 0) {
      exchange.failed(faults("coap.back-off", { seconds, address: this.#link.peers.addressText(peer) }));
      return;
    }
    this.#underWay.set(row, { cancel: () => this.#exchanges.cancel(number) });
    number = this.#exchanges.start(this.#peer[row]!, exchange, this.#tokenOf(row));
  }

  /** An answer to the registration, or a notification. */
  #take(row: number, view: MessageView, source: RemoteAddress): void {
    if (!isSuccess(view.code)) {
      this.#end(row, "refused", new ClientResponse(view, source));
      return;
    }
    const sequence = view.uint(OptionNumber.observe);
    const body = this.#underWay.get(row);
    const isBlock = view.uint(OptionNumber.qBlock2) >= 0;
    if (isBlock && body instanceof ObservedBody && body.observe === sequence) {
      body.take(view, source);
      return;
    }
    // Protected ones are ordered by their Partial IVs (RFC 8613 section 4.1.3.5.2).
    if (sequence >= 0 && this.#oscore[row] === undefined && !this.#isFresh(row, sequence)) {
      this.#link.counters.notificationsStale++;
      return;
    }
    if (sequence >= 0) {
      this.#sequence[row] = sequence;
      this.#lastTick[row] = this.#tick();
    }
    if (this.#kinds[this.#kind[row]!]!.kind.reRegister === true) this.#renewAfter(row, view.uint(OptionNumber.maxAge));
    if (isBlock && this.#contexts[row] === undefined) {
      this.#takeBody(row, view, source, sequence);
      return;
    }
    const block2 = view.uint(OptionNumber.block2);
    if (block2 >= 0 && hasMoreBlocks(block2) && blockNumber(block2) === 0) {
      this.#fetchRest(row, view, source, sequence >= 0);
      return;
    }
    this.#deliver(row, new ClientResponse(view, source), sequence >= 0);
  }

  #renewAfter(row: number, maxAge: number): void {
    const { limits, entropy } = this.#link;
    this.#renewals ??= new TimerWheel({
      clock: this.#clock,
      capacity: limits.observations,
      onDue: (due) => this.renew(due),
    });
    const freshMs = (maxAge < 0 ? defaultMaxAge : maxAge) * 1_000;
    this.#renewals.arm(row, freshMs + staleForMs.least + entropy.fraction() * staleForMs.spread);
  }

  /** The first block to come of a notification by Q-Block2; one that isn't whole yet is given up for it. */
  #takeBody(row: number, view: MessageView, source: RemoteAddress, observe: number): void {
    const { kind, message } = this.#kinds[this.#kind[row]!]!;
    this.#stopWork(row);
    const body = new ObservedBody({
      ...{ link: this.#link, clock: this.#clock, channels: this.#qBlocks, message, observe, first: view },
      peer: this.#peer[row]!,
      maxBody: kind.maxResponseBody ?? this.#link.limits.maxResponseBody,
      ...this.#endsOf(row, observe >= 0),
    });
    this.#underWay.set(row, body);
    body.take(view, source);
  }

  #fetchRest(row: number, view: MessageView, source: RemoteAddress, goesOn: boolean): void {
    const { kind } = this.#kinds[this.#kind[row]!]!;
    this.#stopWork(row);
    const { notification: _n, ended: _e, ...request } = kind;
    const transfer = new ClientTransfer({
      link: this.#link,
      exchanges: this.#exchanges,
      peer: this.#peer[row]!,
      oscore: this.#contexts[row],
      request: { ...request, method: kind.method ?? "GET", payload: undefined },
      ...this.#endsOf(row, goesOn),
    });
    this.#underWay.set(row, transfer);
    transfer.startFrom(view, source);
  }

  /** What becomes of a notification whose blocks are put together. */
  #endsOf(row: number, goesOn: boolean): { resolved: (response: CoapResponse) => void; failed: () => void } {
    const secret = this.#secret[row]!;
    const isSame = (): boolean => this.isOpen(row) && this.#secret[row] === secret;
    return {
      resolved: (response) => {
        if (!isSame()) return;
        this.#underWay.delete(row);
        this.#deliver(row, response, goesOn);
      },
      failed: () => {
        if (!isSame()) return;
        // The next notification brings a newer state; until then the caller's own rule about silence applies.
        this.#underWay.delete(row);
        this.#link.counters.responsesRejected++;
      },
    };
  }

  #deliver(row: number, response: CoapResponse, goesOn: boolean): void {
    const { kind } = this.#kinds[this.#kind[row]!]!;
    const secret = this.#secret[row]!;
    try {
      kind.notification(this.#context[row]!, response);
    } catch (error) {
      this.#link.failed("coap-listener-failed", error, {});
    }
    if (!goesOn && this.isOpen(row) && this.#secret[row] === secret) this.#end(row, "refused", response);
  }

  #end(row: number, reason: ObservationEnd, response?: CoapResponse): void {
    const { kind } = this.#kinds[this.#kind[row]!]!;
    const context = this.#context[row]!;
    this.#stopWork(row);
    this.#release(row);
    this.#ended(kind, context, reason, response);
  }

  #ended(kind: ObservationKind, context: number, reason: ObservationEnd, response?: CoapResponse): void {
    try {
      kind.ended(context, reason, response);
    } catch (error) {
      this.#link.failed("coap-listener-failed", error, {});
    }
  }

  #stopWork(row: number): void {
    const work = this.#underWay.get(row);
    this.#underWay.delete(row);
    work?.cancel();
  }

  #release(row: number): void {
    this.#renewals?.cancel(row);
    this.#link.peers.unpin(this.#peer[row]!);
    this.#state[row] = State.free;
    if (row < this.#contexts.length) {
      this.#contexts[row] = undefined;
      this.#oscore[row] = undefined;
    }
    this.#nextFree[row] = this.#free;
    this.#free = row;
    this.#size--;
    const entry = this.#kinds[this.#kind[row]!]!;
    entry.rows--;
    if (entry.rows > 0) return;
    this.#kindNumbers.delete(entry.kind);
    this.#kinds[this.#kind[row]!] = undefined;
  }

  #kindNumber(kind: ObservationKind): number {
    const known = this.#kindNumbers.get(kind);
    if (known !== undefined) return known;
    const message = new RequestMessage({ ...kind, method: kind.method ?? "GET" });
    const hole = this.#kinds.indexOf(undefined);
    const number = hole < 0 ? this.#kinds.length : hole;
    this.#kinds[number] = { kind, message, rows: 0 };
    this.#kindNumbers.set(kind, number);
    return number;
  }

  /** RFC 7641 section 3.4. */
  #isFresh(row: number, sequence: number): boolean {
    const before = this.#sequence[row]!;
    if (before === noSequence) return true;
    const isNewer =
      (before < sequence && sequence - before < 0x800000) || (before > sequence && before - sequence > 0x800000);
    return isNewer || ((this.#tick() - this.#lastTick[row]!) >>> 0) * msPerTick > freshAfterMs;
  }

  #tick(): number {
    return Math.floor(this.#clock.monotonicMs() / msPerTick) >>> 0;
  }

  #tokenOf(row: number): Uint8Array {
    const token = new Uint8Array(tokenLength);
    const words = new DataView(token.buffer);
    words.setUint32(0, row);
    words.setUint32(4, this.#secret[row]!);
    return token;
  }

  #rowOf(view: MessageView): number {
    if (view.tokenLength !== tokenLength) return end;
    const row = word(view.bytes, view.tokenStart);
    if (row >= this.#untouched || word(view.bytes, view.tokenStart + 4) !== this.#secret[row]) return end;
    return row;
  }
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function reasonOf(fault: Error): ObservationEnd {
  const code = "code" in fault ? fault.code : undefined;
  if (code === "coap.reset") return "reset";
  return code === "coap.stopped" ? "stopped" : code === "coap.timeout" ? "timeout" : "refused";
}
