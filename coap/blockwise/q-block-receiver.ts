import type { Clock, Timer } from "../../kernel/clock.ts";
import { Tally } from "../../kernel/tally.ts";
import type { Link } from "../exchange/link.ts";
import { Code, MessageType, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import type { AddressProof } from "../server/address-proof.ts";
import type { RequestView } from "../server/request-view.ts";
import { BlockLedger } from "./block-ledger.ts";
import { blockBytes, blockExponent, blockNumber, blockOption, hasMoreBlocks } from "./block-option.ts";
import { encodeMissingBlocks, missingBlocksFormat } from "./missing-blocks.ts";
import { receiveTimeoutMs } from "./receive-timeout.ts";
import { transferKey } from "./transfer-key.ts";

/** A body that comes by Q-Block1. */
interface Incoming {
  readonly key: number;
  readonly peer: number;
  readonly exponent: number;
  readonly size: number;
  readonly ledger: BlockLedger;
  readonly blocks: Map<number, Uint8Array>;
  /** Bytes that it counts for. */
  bytes: number;
  /** Of its last request: what is said of the body is said under it. */
  token: Uint8Array;
  /** Of the last request for a block of each set that no 2.31 named yet. */
  readonly tokenOfSet: Map<number, Uint8Array>;
  isConfirmable: boolean;
  /** The last set that a 2.31 or a 4.08 told of. */
  continuedSet: number;
  reportedSet: number;
  /** 4.08 since a block came, and the message ID of the last. */
  asks: number;
  askId: number;
  /** How long that was: a peer that doesn't react is asked at PROBING_RATE (RFC 9177 section 7.2). */
  askBytes: number;
  timer: Timer | undefined;
  /** The body was given away; `answer` is what it was answered with, behind the token. */
  isDone: boolean;
  answerCode: number;
  answer: Uint8Array | undefined;
}

const nothing = new Uint8Array(0);
/** Header, token and Content-Format of a 4.08. */
const aroundMissing = 4 + 8 + 3 + 1;
/** What a block costs beside its bytes: its array and its entries in tables. */
const perBlock = 256;

/**
 * Request bodies that come by Q-Block1 (RFC 9177 section 4.3): blocks in any order, a 2.31 for each whole set, a 4.08 that names what is
 * missing. Bodies are told apart by Request-Tag, and cost memory for what came.
 */
export class QBlockReceiver {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #proof: AddressProof;
  readonly #bodies = new Map<number, Incoming>();
  readonly #countOf = new Tally<number>();
  #bytes = 0;
  /** After `receive` returned "whole": the body. */
  body: Uint8Array = nothing;

  constructor(link: Link, clock: Clock, proof: AddressProof) {
    this.#link = link;
    this.#clock = clock;
    this.#proof = proof;
  }

  get size(): number {
    return this.#bodies.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a block. "silent": nothing is answered to this one, or it was answered here; "answered": the body was, in blocks, which are to be
   * sent again; a number is the code that refuses it.
   */
  receive(
    request: RequestView,
    peer: number,
    value: number,
    maxBody: number,
  ): "whole" | "answered" | "silent" | number {
    const { view } = request;
    const exponent = blockExponent(value);
    const size = view.uint(OptionNumber.size1);
    const length = view.end - view.payloadStart;
    const end = blockNumber(value) * blockBytes(exponent) + length;
    const isTagged = view.find(OptionNumber.requestTag) >= 0;
    if (!isTagged || size < 0 || exponent === 7 || !isBlockOf(value, length, end, size)) return Code.badRequest;
    if (size > maxBody) return Code.requestEntityTooLarge;
    const key = transferKey(view, peer, true);
    let body = this.#bodies.get(key);
    if (body === undefined) {
      const refusal = this.#refusal(peer);
      if (refusal !== 0) return refusal;
      body = this.#begin(key, peer, exponent, size);
    }
    if (body.size !== size || body.exponent !== exponent) return Code.badRequest;
    body.token = view.tokenCopy();
    if (!body.isDone) body.tokenOfSet.set(body.ledger.setOf(blockNumber(value)), body.token);
    body.isConfirmable = request.isConfirmable;
    if (body.isDone) return this.#answerAgain(body);
    return this.#take(body, blockNumber(value), view.payload());
  }

  /** What the whole body was answered with stands in the writer: it is said again when a block comes again. */
  answered(request: RequestView, peer: number): void {
    const body = this.#bodies.get(transferKey(request.view, peer, true));
    const { writer } = this.#link;
    if (body === undefined || !body.isDone) return;
    body.answerCode = writer.bytes[1]!;
    body.answer = writer.bytes.slice(4 + (writer.bytes[0]! & 0x0f), writer.end);
    this.#charge(body, body.answer.length);
  }

  /** A Reset came: for a 4.08 it says that the client has given the body up. */
  reset(peer: number, messageId: number): void {
    for (const body of this.#bodies.values()) {
      if (body.peer === peer && body.askId === messageId) this.#end(body);
    }
  }

  dropPeer(peer: number): void {
    if (this.#countOf.of(peer) === 0) return;
    for (const body of this.#bodies.values()) if (body.peer === peer) this.#end(body);
  }

  stop(): void {
    for (const body of this.#bodies.values()) body.timer?.cancel();
    this.#bodies.clear();
    this.#countOf.clear();
    this.#bytes = 0;
  }

  #take(body: Incoming, number: number, payload: Uint8Array): "whole" | "silent" | number {
    const { limits, counters } = this.#link;
    const { ledger } = body;
    const isNew = !ledger.has(number);
    if (isNew) {
      if (this.#bytes + payload.length + perBlock > limits.qBlockBytes) {
        counters.overLimit++;
        this.#end(body);
        return Code.serviceUnavailable;
      }
      ledger.take(number);
      body.blocks.set(number, payload.slice());
      this.#charge(body, payload.length + perBlock);
      body.asks = 0;
    }
    if (ledger.isWhole) {
      this.#finish(body);
      return "whole";
    }
    this.#arm(body);
    // A confirmable block was acknowledged or is retransmitted: neither answer helps (sections 4.3, 5).
    if (!body.isConfirmable) this.#tell(body, number, isNew);
    return "silent";
  }

  /** 2.31 at the end of a set, 4.08 when a later set begins while blocks of an earlier one are missing. */
  #tell(body: Incoming, number: number, isNew: boolean): void {
    const { ledger } = body;
    const set = ledger.setOf(number);
    const isSetWhole = ledger.wholeUntil >= ledger.endOf(set);
    // Of blocks that come again the last of a set alone is answered: 2.31 isn't for every one of them (section 4.3).
    const isLastAgain = !isNew && number === ledger.endOf(set) - 1;
    const { maxPayloads } = this.#link.limits;
    if (isSetWhole && (isNew ? body.continuedSet < set : isLastAgain)) {
      // Later sets may be whole by now: the last of them is named, under one of its own tokens.
      const named = isNew ? Math.floor(ledger.wholeUntil / maxPayloads) - 1 : set;
      const value = blockOption(ledger.endOf(named) - 1, true, body.exponent);
      const fill = (): void => this.#link.writer.uintOption(OptionNumber.qBlock1, value);
      this.#send(body, Code.continue, fill, body.tokenOfSet.get(named));
      body.continuedSet = Math.max(body.continuedSet, named);
      for (const each of body.tokenOfSet.keys()) if (each < named) body.tokenOfSet.delete(each);
      return;
    }
    const isBehind = ledger.wholeUntil < set * maxPayloads;
    if (!isBehind || body.reportedSet >= set) return;
    body.reportedSet = set;
    this.#report(body, set * maxPayloads);
  }

  /** 4.08 with the missing blocks below `end`. */
  #report(body: Incoming, end: number): void {
    const { limits, writer } = this.#link;
    const missing = body.ledger.missing(end, limits.maxPayloads);
    const payload = encodeMissingBlocks(missing, limits.maxMessage - aroundMissing);
    body.askId = this.#send(body, Code.requestEntityIncomplete, () => {
      writer.uintOption(OptionNumber.contentFormat, missingBlocksFormat);
      writer.payload(payload, 0, payload.length);
    });
    body.askBytes = writer.end;
  }

  /** Nothing came for a while. */
  readonly #late = (body: Incoming): void => {
    const { limits } = this.#link;
    const { ledger } = body;
    body.timer = undefined;
    if (body.isDone || body.isConfirmable || body.asks >= limits.nonMaxRetransmit) {
      this.#end(body);
      return;
    }
    body.asks++;
    const shown = ledger.endOf(ledger.setOf(ledger.highest));
    const end = ledger.wholeUntil < shown ? shown : ledger.endOf(ledger.setOf(ledger.wholeUntil));
    this.#report(body, end);
    this.#arm(body);
  };

  #arm(body: Incoming): void {
    const { limits } = this.#link;
    const waits =
      body.isConfirmable || body.isDone
        ? limits.nonPartialTimeoutMs
        : receiveTimeoutMs(limits, body.asks, body.askBytes);
    body.timer?.cancel();
    body.timer = this.#clock.after(waits, () => this.#late(body));
  }

  #finish(body: Incoming): void {
    const whole = new Uint8Array(body.size);
    for (const [number, bytes] of body.blocks) whole.set(bytes, number * blockBytes(body.exponent));
    this.body = whole;
    body.isDone = true;
    body.blocks.clear();
    body.tokenOfSet.clear();
    this.#charge(body, -body.bytes);
    this.#arm(body);
  }

  #answerAgain(body: Incoming): "answered" | "silent" {
    const { answer } = body;
    if (answer === undefined) return "answered";
    this.#send(body, body.answerCode, () => {
      const { writer } = this.#link;
      writer.bytes.set(answer, writer.end);
      writer.end += answer.length;
    });
    return "silent";
  }

  /** Sends a message of its own; returns its ID, -1 when none is free. */
  #send(body: Incoming, code: number, fill: () => void, token = body.token): number {
    const { peers, writer, counters } = this.#link;
    const messageId = peers.nextMessageId(body.peer);
    if (messageId < 0) {
      counters.overLimit++;
      return -1;
    }
    writer.begin(MessageType.nonConfirmable, code, messageId, token, 0, token.length);
    fill();
    this.#link.sendWritten(body.peer);
    return messageId;
  }

  #refusal(peer: number): number {
    const { limits, counters } = this.#link;
    // What was answered is kept for those who ask again, as long as nobody needs its place.
    if (this.#countOf.of(peer) >= limits.transfersPerPeer) this.#endOldest((body) => body.isDone && body.peer === peer);
    if (this.#bodies.size >= limits.transfers - (limits.transfers >> 3)) this.#endOldest((body) => body.isDone);
    if (this.#countOf.of(peer) >= limits.transfersPerPeer) {
      counters.overQuota++;
      return Code.tooManyRequests;
    }
    const hasRoom = this.#proof.mayTake(this.#bodies.size, limits.transfers, peer) && this.#bytes < limits.qBlockBytes;
    if (hasRoom) return 0;
    counters.overLimit++;
    return Code.serviceUnavailable;
  }

  #endOldest(isIt: (body: Incoming) => boolean): void {
    for (const body of this.#bodies.values()) {
      if (!isIt(body)) continue;
      this.#end(body);
      return;
    }
  }

  #begin(key: number, peer: number, exponent: number, size: number): Incoming {
    const { limits, peers } = this.#link;
    const total = Math.max(1, Math.ceil(size / blockBytes(exponent)));
    const body: Incoming = {
      ...{ key, peer, exponent, size },
      ledger: new BlockLedger(total, limits.maxPayloads),
      blocks: new Map(),
      bytes: 0,
      token: nothing,
      tokenOfSet: new Map(),
      isConfirmable: false,
      continuedSet: -1,
      reportedSet: 0,
      asks: 0,
      askId: -1,
      askBytes: 0,
      timer: undefined,
      isDone: false,
      answerCode: 0,
      answer: undefined,
    };
    this.#bodies.set(key, body);
    this.#countOf.add(peer, 1);
    peers.pin(peer);
    return body;
  }

  #charge(body: Incoming, bytes: number): void {
    body.bytes += bytes;
    this.#bytes += bytes;
  }

  #end(body: Incoming): void {
    if (!this.#bodies.delete(body.key)) return;
    body.timer?.cancel();
    this.#charge(body, -body.bytes);
    this.#countOf.add(body.peer, -1);
    this.#link.peers.unpin(body.peer);
  }
}

/** Whether a payload of this length, which ends there, can be that block of a body of `size` bytes. */
function isBlockOf(value: number, length: number, end: number, size: number): boolean {
  const full = blockBytes(blockExponent(value));
  return hasMoreBlocks(value) ? length === full && end < size : length <= full && end === size;
}

/** Whether the message has a Q-Block option. */
export function hasQBlock(view: MessageView): boolean {
  for (let i = 0; i < view.optionCount; i++) {
    const number = view.optionNumbers[i]!;
    if (number === OptionNumber.qBlock1 || number === OptionNumber.qBlock2) return true;
    if (number > OptionNumber.qBlock2) return false;
  }
  return false;
}
