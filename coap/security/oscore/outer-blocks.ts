import type { Clock } from "../../../kernel/clock.ts";
import { blockBytes, blockExponent, blockNumber, blockOption, hasMoreBlocks } from "../../blockwise/block-option.ts";
import { decodeMessage, Malformed } from "../../decode-message.ts";
import { Code, OptionNumber } from "../../message.ts";
import { MessageView } from "../../message-view.ts";
import { MessageWriter } from "../../message-writer.ts";
import type { OscoreLimits } from "./oscore-limits.ts";

/** What the outer blocks of a request ask of its answer. -1 for an option that wasn't there. */
export interface OuterRequest {
  readonly key: string;
  readonly block1: number;
  readonly block2: number;
}

interface Upload {
  readonly peer: number;
  bytes: Uint8Array;
  size: number;
  lastOffset: number;
  usedMs: number;
}

/** A protected answer that a proxy fetches block by block. */
interface Kept {
  readonly code: number;
  readonly option: Uint8Array;
  readonly payload: Uint8Array;
  usedMs: number;
}

const none = -1;
const uploadsPerPeer = 4;

/**
 * Blocks that proxies make of protected messages (RFC 8613 section 4.1.3.4.2), at the server: protected requests are put together before they
 * are opened, protected answers are cut where that was asked for. None of it is authenticated, so all of it is small.
 */
export class OuterBlocks {
  readonly #clock: Clock;
  readonly #limits: OscoreLimits;
  readonly #uploads = new Map<string, Upload>();
  readonly #kept = new Map<string, Kept>();
  readonly #writer: MessageWriter;
  readonly #whole: MessageView;
  readonly #sealed: MessageView;

  constructor(clock: Clock, limits: OscoreLimits, maxOptions: number) {
    this.#clock = clock;
    this.#limits = limits;
    this.#writer = new MessageWriter(limits.maxUnfragmented + 2_048);
    this.#whole = new MessageView(maxOptions);
    this.#sealed = new MessageView(maxOptions);
  }

  get size(): number {
    return this.#uploads.size + this.#kept.size;
  }

  /** Of a request with outer block options. */
  outerOf(view: MessageView, peer: number): OuterRequest {
    const index = view.find(OptionNumber.oscore);
    const tag = view.find(OptionNumber.requestTag);
    const tagName = tag < 0 ? "" : view.valueAt(tag).join();
    const key = `${peer} ${view.valueAt(index).join()} ${tagName}`;
    return { key, block1: view.uint(OptionNumber.block1), block2: view.uint(OptionNumber.block2) };
  }

  /** Takes a block of a request. The whole message once it is there, else the code to answer: 2.31, 4.00, 4.08, 4.13 or 5.03. */
  receive(view: MessageView, peer: number, { key, block1 }: OuterRequest): MessageView | number {
    const size = blockBytes(blockExponent(block1));
    const more = hasMoreBlocks(block1);
    const offset = blockNumber(block1) * size;
    const length = view.end - view.payloadStart;
    if (blockExponent(block1) === 7 || length > size || (more && length < size)) return Code.badRequest;
    if (offset + length > this.#limits.maxUnfragmented) {
      this.#uploads.delete(key);
      return Code.requestEntityTooLarge;
    }
    let upload = this.#uploads.get(key);
    if (offset === 0 && !(upload !== undefined && more && upload.lastOffset === 0)) {
      this.#uploads.delete(key);
      upload = this.#begin(key, peer);
      if (upload === undefined) return Code.serviceUnavailable;
    }
    if (upload === undefined) return Code.requestEntityIncomplete;
    const isRepeat = offset === upload.lastOffset && offset + length === upload.size;
    if (offset !== upload.size) return isRepeat && more ? Code.continue : Code.requestEntityIncomplete;
    upload.bytes.set(view.bytes.subarray(view.payloadStart, view.end), offset);
    upload.size = offset + length;
    upload.lastOffset = offset;
    upload.usedMs = this.#clock.monotonicMs();
    if (more) return Code.continue;
    this.#uploads.delete(key);
    return this.#assemble(view, upload.bytes.subarray(0, upload.size));
  }

  /** Puts the further block that a proxy asks for into the writer; 0, or the code to answer. */
  recall(view: MessageView, { key, block2 }: OuterRequest, type: number, messageId: number, to: MessageWriter): number {
    const kept = this.#kept.get(key);
    if (kept === undefined) return Code.requestEntityIncomplete;
    if (blockExponent(block2) === 7) return Code.badRequest;
    const size = blockBytes(blockExponent(block2));
    const offset = blockNumber(block2) * size;
    if (offset >= kept.payload.length) return Code.badRequest;
    kept.usedMs = this.#clock.monotonicMs();
    const end = Math.min(offset + size, kept.payload.length);
    to.begin(type, kept.code, messageId, view.bytes, view.tokenStart, view.tokenLength);
    to.option(OptionNumber.oscore, kept.option, 0, kept.option.length);
    const more = end < kept.payload.length;
    to.uintOption(OptionNumber.block2, blockOption(blockNumber(block2), more, blockExponent(block2)));
    to.payload(kept.payload, offset, end);
    return 0;
  }

  /** The protected answer in the writer gets the block options that its request asks for, and is cut. */
  answer(writer: MessageWriter, { key, block1, block2 }: OuterRequest): void {
    const bytes = writer.copy();
    const view = this.#sealed;
    if (decodeMessage(bytes, 0, bytes.length, view) !== Malformed.none) return;
    const exponent = blockExponent(Math.max(0, block2));
    const size = blockBytes(exponent);
    const length = view.end - view.payloadStart;
    const isCut = block2 >= 0 && length > size && this.#keep(key, view);
    writer.begin(view.type, view.code, view.messageId, bytes, view.tokenStart, view.tokenLength);
    for (let i = 0; i < view.optionCount; i++) {
      const start = view.optionStarts[i]!;
      writer.option(view.optionNumbers[i]!, bytes, start, start + view.optionLengths[i]!);
    }
    if (block2 >= 0 && (isCut || length <= size)) {
      writer.uintOption(OptionNumber.block2, blockOption(0, isCut, exponent));
    }
    if (block1 >= 0) {
      writer.uintOption(OptionNumber.block1, blockOption(blockNumber(block1), false, blockExponent(block1)));
    }
    writer.payload(bytes, view.payloadStart, isCut ? view.payloadStart + size : view.end);
  }

  /** The peer's address changed hands. */
  dropPeer(peer: number): void {
    for (const held of [this.#uploads, this.#kept]) {
      for (const key of held.keys()) if (key.startsWith(`${peer} `)) held.delete(key);
    }
  }

  #begin(key: string, peer: number): Upload | undefined {
    this.#sweep();
    let ofPeer = 0;
    for (const upload of this.#uploads.values()) if (upload.peer === peer) ofPeer++;
    if (this.size >= this.#limits.outerTransfers || ofPeer >= uploadsPerPeer) return undefined;
    const bytes = new Uint8Array(this.#limits.maxUnfragmented);
    const upload: Upload = { peer, bytes, size: 0, lastOffset: none, usedMs: this.#clock.monotonicMs() };
    this.#uploads.set(key, upload);
    return upload;
  }

  #keep(key: string, view: MessageView): boolean {
    this.#kept.delete(key);
    this.#sweep();
    const index = view.find(OptionNumber.oscore);
    if (index < 0 || this.size >= this.#limits.outerTransfers) return false;
    const payload = view.payload().slice();
    this.#kept.set(key, {
      code: view.code,
      option: view.valueAt(index).slice(),
      payload,
      usedMs: this.#clock.monotonicMs(),
    });
    return true;
  }

  #sweep(): void {
    const before = this.#clock.monotonicMs() - this.#limits.outerIdleMs;
    for (const [key, { usedMs }] of this.#uploads) if (usedMs <= before) this.#uploads.delete(key);
    for (const [key, { usedMs }] of this.#kept) if (usedMs <= before) this.#kept.delete(key);
  }

  /** The message as its sender made it, with header and token of its last block. */
  #assemble(view: MessageView, payload: Uint8Array): MessageView | number {
    const writer = this.#writer;
    writer.begin(view.type, view.code, view.messageId, view.bytes, view.tokenStart, view.tokenLength);
    for (let i = 0; i < view.optionCount; i++) {
      const number = view.optionNumbers[i]!;
      if (number === OptionNumber.block1 || number === OptionNumber.size1 || number === OptionNumber.block2) continue;
      const start = view.optionStarts[i]!;
      writer.option(number, view.bytes, start, start + view.optionLengths[i]!);
    }
    writer.payload(payload, 0, payload.length);
    const verdict = decodeMessage(writer.bytes, 0, writer.end, this.#whole);
    return verdict === Malformed.none ? this.#whole : Code.badRequest;
  }
}
