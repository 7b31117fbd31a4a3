import {
  blockBytes,
  blockExponent,
  blockNumber,
  blockOption,
  exponentFor,
  maxBlockNumber,
} from "../blockwise/block-option.ts";
import type { ServerTransfers } from "../blockwise/server-transfers.ts";
import type { Link } from "../exchange/link.ts";
import { Code, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import { contentTag } from "../security/content-tag.ts";
import type { AddressProof } from "./address-proof.ts";
import { insertOptions } from "./insert-options.ts";
import type { ReplyBuffer } from "./reply-buffer.ts";
import { applyReplyRules, isUnacceptable, mayValidate } from "./reply-rules.ts";
import type { RequestView } from "./request-view.ts";

/** Header of the message that an answer travels in. */
export interface ReplyHeader {
  type: number;
  messageId: number;
  tokenBytes: Uint8Array;
  tokenStart: number;
  tokenLength: number;
}

const absent = -1;
/** Blocks of 32 bytes are the smallest that an answer is cut into to keep it short; 16 are for messages that hold no more. */
const leastExponent = 1;

/**
 * From what a route answered to the message on the wire: validation by ETag, the Accept rule, and the block that was asked for.
 * `plan` first, then `write`.
 */
export class Responder {
  readonly #link: Link;
  readonly #transfers: ServerTransfers;
  readonly #proof: AddressProof;
  readonly #exponent: number;
  #chunk: Uint8Array = new Uint8Array(0);
  #chunkStart = 0;
  #chunkEnd = 0;
  #block2 = absent;
  #size2 = absent;
  #size1 = absent;
  #block1 = absent;

  constructor(link: Link, transfers: ServerTransfers, proof: AddressProof) {
    this.#link = link;
    this.#transfers = transfers;
    this.#proof = proof;
    this.#exponent = exponentFor(link.limits.blockSize);
  }

  /**
   * Decides what goes out. A promise when the body has to be read first: the caller waits and plans again with the bytes.
   * `block1` is the Block1 option to echo (-1 none), `size1` goes with 4.13.
   */
  plan(
    request: RequestView,
    reply: ReplyBuffer,
    peer: number,
    block1: number,
    size1: number,
  ): Promise<Uint8Array> | undefined {
    this.#block1 = block1;
    this.#size1 = size1;
    this.#block2 = absent;
    this.#size2 = absent;
    const { view } = request;
    if (reply.body !== undefined && reply.etag === undefined) reply.etag = reply.body.etag;
    applyReplyRules(reply);
    if (reply.code === Code.content) {
      if (reply.etag !== undefined && mayValidate(view) && namesETag(view, reply.etag)) {
        reply.code = Code.valid;
        reply.body = undefined;
        this.#takePayload(reply.payload, 0, 0);
        return undefined;
      }
      if (isUnacceptable(reply, view.uint(OptionNumber.accept), request.entry?.route.produces)) {
        reply.refuse(Code.notAcceptable);
      }
    }
    return this.#planBody(view, request, reply, peer, this.#exponent);
  }

  /**
   * Writes the planned message. `observe` is its Observe value, -1 none. False: it is longer than a message may be, or than this peer
   * may be sent, in the smallest blocks too. `spent` bytes went to the peer for this request already.
   */
  write(
    request: RequestView,
    reply: ReplyBuffer,
    peer: number,
    header: ReplyHeader,
    observe: number,
    spent = 0,
  ): boolean {
    this.#write(reply, header, observe);
    const { writer, limits } = this.#link;
    const maxBytes = this.#proof.maxAnswer(request.view, peer) - spent;
    if (writer.end <= maxBytes) return true;
    // Long options leave less room than a block wants: halve it until it fits.
    const least = maxBytes < limits.maxMessage - spent ? leastExponent : 0;
    for (let exponent = this.#exponent - 1; exponent >= least && writer.end > maxBytes; exponent--) {
      if (reply.code >> 5 !== 2) {
        this.#chunkEnd = this.#chunkStart;
      } else {
        const pending = this.#planBody(request.view, request, reply, peer, exponent);
        if (pending !== undefined) {
          pending.catch(() => undefined);
          break;
        }
      }
      this.#write(reply, header, observe);
    }
    return writer.end <= maxBytes;
  }

  /** The code alone, which three times the request always holds. */
  writeBare(reply: ReplyBuffer, header: ReplyHeader): void {
    const { writer } = this.#link;
    writer.begin(header.type, reply.code, header.messageId, header.tokenBytes, header.tokenStart, header.tokenLength);
  }

  #planBody(
    view: MessageView,
    request: RequestView,
    reply: ReplyBuffer,
    peer: number,
    ourExponent: number,
  ): Promise<Uint8Array> | undefined {
    const { body } = reply;
    const total = body === undefined ? reply.payload.length : body.size;
    const asked = view.uint(OptionNumber.block2);
    const askedExponent = asked < 0 ? ourExponent : blockExponent(asked);
    const exponent = Math.min(askedExponent, ourExponent);
    const size = blockBytes(exponent);
    const offset = asked < 0 ? 0 : blockNumber(asked) * blockBytes(askedExponent);
    // RFC 7959 section 2.3: an answer that says that more is to come of the request carries no Block2.
    const isWhole = asked < 0 && total <= size && body === undefined;
    if (reply.code >> 5 !== 2 || isWhole || reply.code === Code.continue || request.isQBlock) {
      this.#takePayload(reply.payload, 0, Math.min(total, blockBytes(ourExponent)));
      return undefined;
    }
    if (offset >= total && offset > 0) {
      this.#refuse(reply, Code.badRequest);
      return undefined;
    }
    if (total > size * (maxBlockNumber + 1)) {
      this.#refuse(reply, Code.requestEntityTooLarge);
      this.#size2 = total;
      return undefined;
    }
    const end = Math.min(total, offset + size);
    if (asked >= 0 || end < total) this.#block2 = blockOption(offset / size, end < total, exponent);
    if (offset === 0 && (end < total || view.find(OptionNumber.size2) >= 0)) this.#size2 = total;
    if (body !== undefined) {
      const bytes = body.read(offset, end - offset);
      if (bytes instanceof Promise) return bytes;
      this.#takePayload(bytes, 0, bytes.length);
      return undefined;
    }
    if (end - offset < total) {
      reply.etag ??= contentTag(reply.payload);
      if (offset === 0 && this.#mayKeep(request, peer)) this.#transfers.keep(request, peer, reply);
    }
    this.#takePayload(reply.payload, offset, end);
    return undefined;
  }

  /**
   * When `write` said that the answer is longer than an unproven address may be sent: what can be run again asks for an Echo, of what was
   * done the code alone is told.
   */
  writeShort(request: RequestView, reply: ReplyBuffer, peer: number, header: ReplyHeader, spent = 0): void {
    this.#link.counters.answersShortened++;
    if (request.isSafe && reply.code >> 5 === 2) {
      this.#proof.askEcho(request, reply);
      void this.plan(request, reply, peer, absent, absent);
      if (this.write(request, reply, peer, header, absent, spent)) return;
    }
    this.writeBare(reply, header);
  }

  /** Nothing is kept for a source that may be forged, unless the request can't be run again. */
  #mayKeep(request: RequestView, peer: number): boolean {
    return this.#proof.isProven(peer) || !request.isSafe;
  }

  #refuse(reply: ReplyBuffer, code: number): void {
    reply.refuse(code);
    this.#block2 = absent;
    this.#size2 = absent;
    this.#takePayload(reply.payload, 0, 0);
  }

  #takePayload(bytes: Uint8Array, start: number, end: number): void {
    this.#chunk = bytes;
    this.#chunkStart = start;
    this.#chunkEnd = end;
  }

  #write(reply: ReplyBuffer, header: ReplyHeader, observe: number): void {
    const { writer } = this.#link;
    writer.begin(header.type, reply.code, header.messageId, header.tokenBytes, header.tokenStart, header.tokenLength);
    if (reply.etag !== undefined) writer.option(OptionNumber.eTag, reply.etag, 0, reply.etag.length);
    if (observe >= 0) writer.uintOption(OptionNumber.observe, observe);
    if (reply.locationPath !== undefined) {
      for (const segment of reply.locationPath) writer.textOption(OptionNumber.locationPath, segment);
    }
    if (reply.contentFormat !== undefined && reply.code !== Code.valid) {
      writer.uintOption(OptionNumber.contentFormat, reply.contentFormat);
    }
    if (reply.maxAge !== undefined) writer.uintOption(OptionNumber.maxAge, reply.maxAge);
    if (reply.locationQuery !== undefined) {
      for (const query of reply.locationQuery) writer.textOption(OptionNumber.locationQuery, query);
    }
    if (this.#block2 >= 0) writer.uintOption(OptionNumber.block2, this.#block2);
    if (this.#block1 >= 0) writer.uintOption(OptionNumber.block1, this.#block1);
    if (this.#size2 >= 0) writer.uintOption(OptionNumber.size2, this.#size2);
    if (this.#size1 >= 0) writer.uintOption(OptionNumber.size1, this.#size1);
    if (reply.echo !== undefined) writer.option(OptionNumber.echo, reply.echo, 0, reply.echo.length);
    writer.payload(this.#chunk, this.#chunkStart, this.#chunkEnd);
    if (reply.options !== undefined) insertOptions(writer, reply.options);
  }
}

function namesETag(view: MessageView, etag: Uint8Array): boolean {
  for (let i = 0; i < view.optionCount; i++) {
    if (view.optionNumbers[i] === OptionNumber.eTag && isOption(view, i, etag)) return true;
  }
  return false;
}

/** Whether the value of option `index` is `value`. */
export function isOption(view: MessageView, index: number, value: Uint8Array): boolean {
  if (view.optionLengths[index] !== value.length) return false;
  const start = view.optionStarts[index]!;
  for (let i = 0; i < value.length; i++) if (view.bytes[start + i] !== value[i]) return false;
  return true;
}
