import { decodeMessage, Malformed } from "../../decode-message.ts";
import { Code, OptionNumber } from "../../message.ts";
import { MessageView } from "../../message-view.ts";
import { MessageWriter } from "../../message-writer.ts";
import { type Aead, type AeadFacts, aeadLayout } from "./aead.ts";
import { material, type OscoreContext } from "./oscore-context.ts";
import type { OscoreContexts } from "./oscore-contexts.ts";
import { OscoreExchange } from "./oscore-exchange.ts";
import { encodeOscoreOption, OscoreOption, partialIvLength, writePartialIv } from "./oscore-option.ts";
import { OscorePlaintext } from "./oscore-plaintext.ts";

export interface OscoreMessagesOptions {
  readonly contexts: OscoreContexts;
  readonly aead: Aead;
  readonly maxOptions: number;
}

/** What an answer to a protected request of ours turned out to be. `bad` and `stale` are dropped (RFC 8613 section 8.4). */
export type ReplyVerdict = "opened" | "bad" | "stale";

const { key: keyAt, nonce: nonceAt, aad: aadAt, text: textAt } = aeadLayout;
/** `["Encrypt0", h'', ...` of RFC 8152 section 5.3, before the external_aad. */
const encrypt0 = [0x83, 0x68, 0x45, 0x6e, 0x63, 0x72, 0x79, 0x70, 0x74, 0x30, 0x40];
const none = -1;

/**
 * RFC 8613 sections 5 and 8: plain messages to protected ones and back. Works in buffers of its own, one each way, so that a message allocates
 * next to nothing; what it opened stands in `request` or `reply` until the next of its kind.
 */
export class OscoreMessages {
  readonly option = new OscoreOption();
  readonly request: MessageView;
  readonly reply: MessageView;
  readonly #contexts: OscoreContexts;
  readonly #aead: Aead;
  readonly #plaintext: OscorePlaintext;
  readonly #requestBytes: Uint8Array;
  readonly #replyBytes: Uint8Array;
  readonly #merged: MessageWriter;
  readonly #value = new Uint8Array(128);

  constructor({ contexts, aead, maxOptions }: OscoreMessagesOptions) {
    this.#contexts = contexts;
    this.#aead = aead;
    aead.bytes.set(encrypt0, aadAt);
    this.#plaintext = new OscorePlaintext(aead.bytes, maxOptions);
    // Header and token before what was opened.
    this.#requestBytes = new Uint8Array(aead.maxText + 16);
    this.#replyBytes = new Uint8Array(aead.maxText + 16);
    this.#merged = new MessageWriter(aead.maxText + 2_048);
    this.request = new MessageView(maxOptions);
    this.reply = new MessageView(maxOptions);
  }

  /**
   * Protects the plain request that stands in the writer, with an Echo option more when there is one. Undefined: no sequence number is at hand.
   * Throws a RangeError when it is too long.
   */
  sealRequest(writer: MessageWriter, context: OscoreContext, echo: Uint8Array | undefined): OscoreExchange | undefined {
    if (context.isRemoved) return undefined;
    const sequence = this.#contexts.numbers.take(context);
    if (sequence < 0) return undefined;
    const { facts, memory, at } = context;
    const exchange = new OscoreExchange(context, sequence);
    const plaintext = this.#plaintext;
    const length = plaintext.take(writer, true, echo);
    exchange.isObserve = plaintext.observe >= 0;
    exchange.hasEcho = plaintext.hasEcho;
    this.#key(context, material.senderKey);
    this.#nonce(context, material.senderNonce, sequence);
    const aadLength = this.#aad(context, material.senderId, sequence);
    if (!this.#aead.seal(facts, aadLength, length)) throw new RangeError("The message is too long to be protected.");
    const kidAt = at + material.senderId + 1;
    const valueLength = encodeOscoreOption(
      this.#value,
      sequence,
      context.kidContext,
      memory,
      kidAt,
      kidAt + memory[kidAt - 1]!,
    );
    const code = exchange.isObserve ? Code.fetch : Code.post;
    plaintext.finish(writer, code, this.#value, valueLength, length + facts.tagLength);
    return exchange;
  }

  /** In place of the plain request in the writer: the request for a further outer block of its answer, which has its options and no payload. */
  writeOuterRequest(writer: MessageWriter, { context, requestIv, isObserve }: OscoreExchange, block2: number): void {
    this.#plaintext.take(writer, true, undefined);
    const { memory, at } = context;
    const kidAt = at + material.senderId + 1;
    const kidEnd = kidAt + memory[kidAt - 1]!;
    const valueLength = encodeOscoreOption(this.#value, requestIv, context.kidContext, memory, kidAt, kidEnd);
    this.#plaintext.finish(writer, isObserve ? Code.fetch : Code.post, this.#value, valueLength, 0, block2);
  }

  /**
   * Protects an answer with another context than the request's, which it names by `kidContext` (response #1 of appendix B.2). That context
   * is used for nothing else, so the nonce is the request's.
   */
  sealReplyUnder(writer: MessageWriter, exchange: OscoreExchange, kidContext: Uint8Array): boolean {
    return this.#sealReply(writer, exchange, none, kidContext);
  }

  /**
   * Protects the plain answer that stands in the writer. The first of an exchange takes the nonce of the request unless `hasOwnIv`.
   * False: the context is gone, or no sequence number is at hand, and nothing may be sent.
   */
  sealReply(writer: MessageWriter, exchange: OscoreExchange, hasOwnIv: boolean): boolean {
    const { context } = exchange;
    if (context.isRemoved) return false;
    let ownIv = none;
    if (hasOwnIv || exchange.isNonceUsed) {
      ownIv = this.#contexts.numbers.take(context);
      if (ownIv < 0) return false;
    } else {
      exchange.isNonceUsed = true;
    }
    return this.#sealReply(writer, exchange, ownIv, undefined);
  }

  #sealReply(
    writer: MessageWriter,
    { context, requestIv }: OscoreExchange,
    ownIv: number,
    kidContext: Uint8Array | undefined,
  ): boolean {
    const plaintext = this.#plaintext;
    const length = plaintext.take(writer, false, undefined);
    this.#key(context, material.senderKey);
    if (ownIv >= 0) this.#nonce(context, material.senderNonce, ownIv);
    else this.#nonce(context, material.recipientNonce, requestIv);
    const aadLength = this.#aad(context, material.recipientId, requestIv);
    if (!this.#aead.seal(context.facts, aadLength, length)) return false;
    const valueLength = encodeOscoreOption(this.#value, ownIv, kidContext, undefined, 0, 0);
    const code = plaintext.observe >= 0 ? Code.content : Code.changed;
    plaintext.finish(writer, code, this.#value, valueLength, length + context.facts.tagLength);
    return true;
  }

  /** Decodes the OSCORE option into `option`; false when there is none or it is malformed. */
  decodeOption(view: MessageView): boolean {
    const index = view.find(OptionNumber.oscore);
    if (index < 0) return false;
    const start = view.optionStarts[index]!;
    return this.option.decode(view.bytes, start, start + view.optionLengths[index]!);
  }

  /** Opens the payload of `view` into `request`. False: not genuine. A message that verified but is none has code 0. */
  openRequest(view: MessageView, context: OscoreContext, partialIv: number): boolean {
    const length = this.#takeCiphertext(view, context.facts);
    if (length === 0) return false;
    this.#key(context, material.recipientKey);
    this.#nonce(context, material.recipientNonce, partialIv);
    const aadLength = this.#aad(context, material.recipientId, partialIv);
    if (!this.#open(context, aadLength, length)) return false;
    const { request } = this;
    this.#decode(view, length - context.facts.tagLength, this.#requestBytes, request);
    if (request.code >> 5 !== 0) request.code = Code.empty;
    return true;
  }

  /**
   * Opens an answer into `reply`; `option` holds its OSCORE option then. RFC 8613 section 8.4, and for observations 8.4.2 and 7.4.1.
   */
  openReply(view: MessageView, exchange: OscoreExchange): ReplyVerdict {
    const { context, requestIv } = exchange;
    const { option, reply } = this;
    if (context.isRemoved || !this.decodeOption(view)) return "bad";
    const length = this.#takeCiphertext(view, context.facts);
    if (length === 0) return "bad";
    const ownIv = option.partialIv;
    this.#key(context, material.recipientKey);
    if (ownIv >= 0) this.#nonce(context, material.recipientNonce, ownIv);
    else this.#nonce(context, material.senderNonce, requestIv);
    const aadLength = this.#aad(context, material.senderId, requestIv);
    if (!this.#open(context, aadLength, length)) return "bad";
    this.#decode(view, length - context.facts.tagLength, this.#replyBytes, reply);
    const codeClass = reply.code >> 5;
    if (codeClass < 2 || codeClass > 5) return "bad";
    if (!exchange.isObserve) return reply.find(OptionNumber.observe) < 0 ? "opened" : "bad";
    return this.#order(exchange, ownIv);
  }

  #order(exchange: OscoreExchange, ownIv: number): ReplyVerdict {
    if (ownIv < 0) {
      if (exchange.isNonceUsed) return "bad";
      exchange.isNonceUsed = true;
      // Without a number of its own it is the oldest.
      return exchange.notificationNumber < 0 ? "opened" : "stale";
    }
    if (ownIv <= exchange.notificationNumber) return "stale";
    exchange.notificationNumber = ownIv;
    return "opened";
  }

  /**
   * Puts the Class U options of the protected request beside what was opened (RFC 8613 section 8.2 step 7): Uri-Host, Uri-Port, Hop-Limit.
   */
  mergeOuter(outer: MessageView): void {
    const { request } = this;
    const merged = this.#merged;
    merged.begin(request.type, request.code, request.messageId, request.bytes, request.tokenStart, request.tokenLength);
    let next = 0;
    for (let i = 0; i <= outer.optionCount; i++) {
      const number = i < outer.optionCount ? outer.optionNumbers[i]! : 0x10000;
      const isKept =
        number === OptionNumber.uriHost || number === OptionNumber.uriPort || number === OptionNumber.hopLimit;
      if (!isKept && i < outer.optionCount) continue;
      while (next < request.optionCount && request.optionNumbers[next]! <= number) {
        const start = request.optionStarts[next]!;
        const end = start + request.optionLengths[next]!;
        merged.option(request.optionNumbers[next++]!, request.bytes, start, end);
      }
      if (!isKept) continue;
      const start = outer.optionStarts[i]!;
      merged.option(number, outer.bytes, start, start + outer.optionLengths[i]!);
    }
    merged.payload(request.bytes, request.payloadStart, request.end);
    if (decodeMessage(merged.bytes, 0, merged.end, request) !== Malformed.none) request.code = Code.empty;
  }

  /** Returns its length, 0 when there can be no plaintext in it. */
  #takeCiphertext(view: MessageView, facts: AeadFacts): number {
    const { bytes, payloadStart, end } = view;
    const length = end - payloadStart;
    if (length <= facts.tagLength || length > this.#aead.maxText) return 0;
    copy(bytes, payloadStart, end, this.#aead.bytes, textAt);
    return length;
  }

  /** The opened text behind header and token of the protected message. */
  #decode(outer: MessageView, length: number, to: Uint8Array, view: MessageView): void {
    const text = this.#aead.bytes;
    const headLength = 4 + outer.tokenLength;
    copy(outer.bytes, outer.tokenStart - 4, outer.tokenStart + outer.tokenLength, to, 0);
    to[1] = text[textAt]!;
    copy(text, textAt + 1, textAt + length, to, headLength);
    if (decodeMessage(to, 0, headLength + length - 1, view) !== Malformed.none) view.code = Code.empty;
  }

  #open(context: OscoreContext, aadLength: number, length: number): boolean {
    if (context.failures >= this.#contexts.limits.forgeries) return false;
    if (this.#aead.open(context.facts, aadLength, length)) return true;
    this.#contexts.failed(context);
    return false;
  }

  #key({ facts, memory, at }: OscoreContext, from: number): void {
    const { bytes } = this.#aead;
    for (let i = 0; i < facts.keyLength; i++) bytes[keyAt + i] = memory[at + from + i]!;
  }

  /** RFC 8613 section 5.2: the prepared nonce of whoever numbered the message, and the number over its last five bytes. */
  #nonce({ facts, memory, at }: OscoreContext, from: number, partialIv: number): void {
    const { bytes } = this.#aead;
    for (let i = 0; i < facts.nonceLength; i++) bytes[nonceAt + i] = memory[at + from + i]!;
    let low = partialIv % 0x100000000;
    let to = nonceAt + facts.nonceLength;
    for (let i = 0; i < 4; i++) {
      bytes[--to]! ^= low & 0xff;
      low >>>= 8;
    }
    if (partialIv >= 0x100000000) bytes[--to]! ^= Math.floor(partialIv / 0x100000000);
  }

  /** RFC 8613 section 5.4, with the kid and Partial IV of the request. Returns its length. */
  #aad({ facts, memory, at }: OscoreContext, kidFrom: number, requestIv: number): number {
    const { bytes } = this.#aead;
    const kidAt = at + kidFrom;
    const kidLength = memory[kidAt]!;
    const ivLength = partialIvLength(requestIv);
    let to = aadAt + encrypt0.length;
    bytes[to++] = 0x40 | (6 + facts.cbor.length + kidLength + ivLength);
    bytes[to++] = 0x85;
    bytes[to++] = 1;
    bytes[to++] = 0x81;
    for (let i = 0; i < facts.cbor.length; i++) bytes[to++] = facts.cbor[i]!;
    bytes[to++] = 0x40 | kidLength;
    for (let i = 1; i <= kidLength; i++) bytes[to++] = memory[kidAt + i]!;
    bytes[to++] = 0x40 | ivLength;
    to = writePartialIv(bytes, to, requestIv, ivLength);
    bytes[to++] = 0x40;
    return to - aadAt;
  }
}

function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start > 96) to.set(from.subarray(start, end), at);
  else for (let i = start, into = at; i < end; i++, into++) to[into] = from[i]!;
}
