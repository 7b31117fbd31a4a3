import type { Timer } from "../../kernel/clock.ts";
import { OptionNumber } from "../message.ts";
import type { MessageWriter } from "../message-writer.ts";
import { contentTag } from "../security/content-tag.ts";
import { insertOptions } from "../server/insert-options.ts";
import type { ReplyBuffer } from "../server/reply-buffer.ts";
import { blockBytes, blockOption } from "./block-option.ts";

export interface OutgoingBodyOptions {
  readonly number: number;
  readonly key: number;
  readonly peer: number;
  readonly reply: ReplyBuffer;
  readonly token: Uint8Array;
  /** All of a body's messages are confirmable, or none (RFC 9177 section 7). */
  readonly isConfirmable: boolean;
  /** The same in each block (RFC 9177 section 4.5); -1 none. */
  readonly observe: number;
  /** The observer of a notification is no longer there. */
  readonly gone?: (() => void) | undefined;
  /** Of the blocks that were asked for, and what a message holds. */
  readonly exponent: number;
  readonly maxMessage: number;
  readonly writer: MessageWriter;
}

/** A representation that goes out by Q-Block2, kept as it was while its blocks may be asked for. */
export class OutgoingBody {
  readonly number: number;
  readonly key: number;
  readonly peer: number;
  readonly size: number;
  /** -1: not even blocks of 16 bytes fit beside the options. */
  readonly exponent: number;
  readonly total: number;
  /** Bytes that it counts for. */
  readonly bytes: number;
  /** Of the request that began it: further sets go under it. */
  readonly token: Uint8Array;
  readonly isConfirmable: boolean;
  readonly gone: (() => void) | undefined;
  /** Of the messages of a notification: a Reset to any of them ends the observation. */
  readonly messageIds: number[] = [];
  /** The first block that was not sent yet. */
  next = 0;
  /** Confirmable blocks that wait for their turn. */
  readonly waiting: { readonly block: number; readonly token: Uint8Array }[] = [];
  isWaiting: boolean = false;
  /** No set goes out of itself: only what is asked for. */
  isOnDemand: boolean = false;
  /** NON_TIMEOUT_RANDOM of this body. */
  delayMs: number | undefined = undefined;
  timer: Timer | undefined = undefined;
  readonly #observe: number;
  readonly #etag: Uint8Array;
  readonly #code: number;
  readonly #contentFormat: number | undefined;
  readonly #maxAge: number | undefined;
  readonly #locationPath: readonly string[];
  readonly #locationQuery: readonly string[];
  readonly #options: ReplyBuffer["options"];
  readonly #read: (offset: number, length: number) => Uint8Array | Promise<Uint8Array>;

  constructor({ reply, writer, maxMessage, ...options }: OutgoingBodyOptions) {
    const { body: source } = reply;
    this.number = options.number;
    this.key = options.key;
    this.peer = options.peer;
    this.token = options.token;
    this.isConfirmable = options.isConfirmable;
    this.gone = options.gone;
    this.#observe = options.observe;
    this.size = source?.size ?? reply.payload.length;
    this.bytes = source === undefined ? this.size : 0;
    this.#code = reply.code;
    this.#contentFormat = reply.contentFormat;
    this.#maxAge = reply.maxAge;
    this.#etag = reply.etag?.slice() ?? source?.etag ?? contentTag(reply.payload);
    this.#locationPath = reply.locationPath ?? [];
    this.#locationQuery = reply.locationQuery ?? [];
    this.#options = reply.options;
    const copy = source === undefined ? reply.payload.slice() : undefined;
    this.#read =
      copy === undefined
        ? (offset, length) => source!.read(offset, length)
        : (offset, length) => copy.subarray(offset, offset + length);
    // Long options leave less room for a block in one packet (RFC 7252 section 4.6).
    this.#writeOptions(writer, 0, 0, new Uint8Array(8), maxBlockValue, this.#observe);
    if (this.#options !== undefined) insertOptions(writer, this.#options);
    const room = maxMessage - writer.end - 1;
    let exponent = options.exponent;
    while (exponent >= 0 && blockBytes(exponent) > room) exponent--;
    this.exponent = exponent;
    this.total = exponent < 0 ? 0 : Math.max(1, Math.ceil(this.size / blockBytes(exponent)));
  }

  read(block: number): Uint8Array | Promise<Uint8Array> {
    const offset = block * blockBytes(this.exponent);
    return this.#read(offset, Math.min(blockBytes(this.exponent), this.size - offset));
  }

  /**
   * Writes a block, with ETag, Size2 and all else the same in each (RFC 9177 sections 4.4, 4.6). Observe only where it goes out of itself:
   * `token` is then the body's own.
   */
  write(
    writer: MessageWriter,
    block: number,
    bytes: Uint8Array,
    type: number,
    messageId: number,
    token: Uint8Array,
  ): void {
    const value = blockOption(block, block + 1 < this.total, this.exponent);
    if (this.gone !== undefined && token === this.token) this.messageIds.push(messageId);
    this.#writeOptions(writer, type, messageId, token, value, token === this.token ? this.#observe : -1);
    writer.payload(bytes, 0, bytes.length);
    if (this.#options !== undefined) insertOptions(writer, this.#options);
  }

  #writeOptions(
    writer: MessageWriter,
    type: number,
    messageId: number,
    token: Uint8Array,
    block: number,
    observe: number,
  ): void {
    writer.begin(type, this.#code, messageId, token, 0, token.length);
    writer.option(OptionNumber.eTag, this.#etag, 0, this.#etag.length);
    if (observe >= 0) writer.uintOption(OptionNumber.observe, observe);
    for (const segment of this.#locationPath) writer.textOption(OptionNumber.locationPath, segment);
    if (this.#contentFormat !== undefined) writer.uintOption(OptionNumber.contentFormat, this.#contentFormat);
    if (this.#maxAge !== undefined) writer.uintOption(OptionNumber.maxAge, this.#maxAge);
    for (const query of this.#locationQuery) writer.textOption(OptionNumber.locationQuery, query);
    writer.uintOption(OptionNumber.size2, this.size);
    writer.uintOption(OptionNumber.qBlock2, block);
  }
}

/** The longest value of a block option, to measure with. */
const maxBlockValue = 0xffffff;
