import type { Clock, Timer } from "../../kernel/clock.ts";
import { BlockLedger } from "../blockwise/block-ledger.ts";
import { blockBytes, blockExponent, blockNumber, blockOption, hasMoreBlocks } from "../blockwise/block-option.ts";
import { receiveTimeoutMs } from "../blockwise/receive-timeout.ts";
import type { CoapResponse } from "../client-types.ts";
import type { Link } from "../exchange/link.ts";
import { faults } from "../faults.ts";
import { OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import { ClientResponse } from "./client-response.ts";

export interface QBlockDownloadOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly isConfirmable: boolean;
  readonly maxBody: number;
  readonly where: { readonly address: string; readonly port: number };
  /** Sends a request with these Q-Block2 values; returns its length in bytes. */
  readonly ask: (values: readonly number[]) => number;
  /** What to ask while nothing came; empty when the first blocks come without being asked for. */
  readonly firstWish: readonly number[];
  /** Exactly one of the two is called, once. */
  readonly resolved: (response: CoapResponse) => void;
  readonly failed: (fault: Error) => void;
}

/** The body of one ETag. */
interface Partial {
  readonly etag: Uint8Array;
  readonly size: number;
  readonly exponent: number;
  readonly ledger: BlockLedger;
  readonly blocks: Map<number, Uint8Array>;
  /** The last set that was confirmed by "Continue", and the last whose predecessors were asked for. */
  continuedSet: number;
  reportedSet: number;
}

/** How often a representation may change before its blocks are together. */
const maxChanges = 8;

/** A body that comes by Q-Block2 (RFC 9177 section 4.4): in any order, in sets, missing blocks asked for. Costs memory for what came. */
export class QBlockDownload {
  readonly #options: QBlockDownloadOptions;
  #partial: Partial | undefined;
  /** The ETag before this one: late blocks of it are ignored. */
  #staleTag: Uint8Array | undefined;
  #changes = 0;
  #asks = 0;
  #askBytes = 0;
  #timer: Timer | undefined;
  #isOver: boolean = false;
  #beganMs: number;

  constructor(options: QBlockDownloadOptions) {
    this.#options = options;
    this.#beganMs = options.clock.monotonicMs();
  }

  begin(): void {
    if (this.#options.firstWish.length > 0) this.#ask(this.#options.firstWish);
    this.#arm();
  }

  stop(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  get hasBegun(): boolean {
    return this.#partial !== undefined;
  }

  /** A response with Q-Block2. */
  take(view: MessageView, source: RemoteAddress): void {
    if (this.#isOver) return;
    const value = view.uint(OptionNumber.qBlock2);
    const [number, exponent] = [blockNumber(value), blockExponent(value)];
    const length = view.end - view.payloadStart;
    const size = view.uint(OptionNumber.size2);
    const etag = view.copyOf(OptionNumber.eTag);
    if (etag === undefined || size < 0) {
      this.#bad("a block by Q-Block2 came without ETag or Size2");
      return;
    }
    if (size > this.#options.maxBody) {
      this.#fail(faults("coap.response-too-large", { ...this.#options.where, limit: this.#options.maxBody }));
      return;
    }
    const end = number * blockBytes(exponent) + length;
    const isRight = hasMoreBlocks(value) ? length === blockBytes(exponent) && end < size : end === size;
    if (exponent === 7 || length > blockBytes(exponent) || !isRight) {
      this.#bad("a block has another length than its Q-Block2 and Size2 say");
      return;
    }
    if (isSame(this.#staleTag, etag)) return;
    if (!isSame(this.#partial?.etag, etag) && !this.#startAnew(etag, size, exponent)) return;
    const partial = this.#partial!;
    if (partial.size !== size || partial.exponent !== exponent) {
      this.#bad("its blocks don't agree about size");
      return;
    }
    if (!partial.ledger.take(number)) return;
    partial.blocks.set(number, view.bytes.slice(view.payloadStart, view.end));
    this.#asks = 0;
    if (partial.ledger.isWhole) {
      this.stop();
      this.#options.resolved(new ClientResponse(view, source, bodyOf(partial)));
      return;
    }
    this.#goOn(partial, number);
    this.#arm();
  }

  /** False: it changed too often. */
  #startAnew(etag: Uint8Array, size: number, exponent: number): boolean {
    if (this.#partial !== undefined && ++this.#changes > maxChanges) {
      this.#fail(faults("coap.representation-changed", this.#options.where));
      return false;
    }
    this.#staleTag = this.#partial?.etag;
    const total = Math.max(1, Math.ceil(size / blockBytes(exponent)));
    const ledger = new BlockLedger(total, this.#options.link.limits.maxPayloads);
    this.#partial = { etag, size, exponent, ledger, blocks: new Map(), continuedSet: -1, reportedSet: 0 };
    return true;
  }

  /** "Continue" behind a whole set; else what an earlier set lacks, once a later one begins (RFC 9177 section 7.2). */
  #goOn(partial: Partial, number: number): void {
    const { ledger, exponent } = partial;
    const { maxPayloads } = this.#options.link.limits;
    const until = ledger.wholeUntil;
    const wholeSets = Math.floor(until / maxPayloads);
    if (until === wholeSets * maxPayloads && ledger.highest < until && partial.continuedSet < wholeSets) {
      partial.continuedSet = wholeSets;
      this.#ask([blockOption(until, true, exponent)]);
      return;
    }
    const set = ledger.setOf(number);
    if (this.#options.isConfirmable || until >= set * maxPayloads || partial.reportedSet >= set) return;
    partial.reportedSet = set;
    this.#askMissing(partial, set * maxPayloads);
  }

  #askMissing(partial: Partial, end: number): void {
    const numbers = partial.ledger.missing(end, this.#options.link.limits.maxPayloads);
    this.#ask(numbers.map((number) => blockOption(number, false, partial.exponent)));
  }

  readonly #late = (): void => {
    const { limits } = this.#options.link;
    this.#timer = undefined;
    if (this.#asks >= limits.nonMaxRetransmit) {
      const seconds = Math.round((this.#options.clock.monotonicMs() - this.#beganMs) / 1_000);
      this.#fail(faults("coap.timeout", { ...this.#options.where, seconds }));
      return;
    }
    this.#asks++;
    if (this.#partial === undefined) this.#ask(this.#options.firstWish);
    else {
      const { ledger } = this.#partial;
      const shown = ledger.endOf(ledger.setOf(ledger.highest));
      const end = ledger.wholeUntil < shown ? shown : ledger.endOf(ledger.setOf(ledger.wholeUntil));
      this.#askMissing(this.#partial, end);
    }
    this.#arm();
  };

  #ask(values: readonly number[]): void {
    this.#askBytes = this.#options.ask(values);
  }

  #arm(): void {
    if (this.#isOver) return;
    const { limits } = this.#options.link;
    this.#timer?.cancel();
    // RFC 9177 section 4.4: what is confirmable may come until MAX_TRANSMIT_SPAN is over.
    const spanMs = (limits.ackTimeoutMs * (2 ** limits.maxRetransmit - 1) * limits.ackRandomPercent) / 100;
    const waitMs = this.#options.isConfirmable ? spanMs : receiveTimeoutMs(limits, this.#asks, this.#askBytes);
    this.#timer = this.#options.clock.after(waitMs, this.#late);
  }

  #bad(what: string): void {
    this.#fail(faults("coap.bad-response", { ...this.#options.where, what }));
  }

  #fail(fault: Error): void {
    this.stop();
    this.#options.failed(fault);
  }
}

function bodyOf({ size, exponent, blocks }: Partial): Uint8Array {
  const body = new Uint8Array(size);
  for (const [number, bytes] of blocks) body.set(bytes, number * blockBytes(exponent));
  return body;
}

function isSame(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
