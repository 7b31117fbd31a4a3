import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Link } from "../exchange/link.ts";
import { Code, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import type { ReplyBuffer } from "../server/reply-buffer.ts";
import type { RequestView } from "../server/request-view.ts";
import { blockBytes, blockExponent, blockNumber, hasMoreBlocks } from "./block-option.ts";

interface Transfer {
  readonly key: number;
  readonly peer: number;
  readonly isUpload: boolean;
  bytes: Uint8Array;
  /** Bytes that are valid. */
  size: number;
  /** Where the newest block of an upload began: it may come twice. */
  lastOffset: number;
  /** Of the message that began an upload: a copy of it that comes late must not begin it anew. */
  firstMessageId: number;
  lastUsedMs: number;
  /** Of a download: what goes with every block. */
  code: number;
  contentFormat: number | undefined;
  maxAge: number | undefined;
  etag: Uint8Array | undefined;
}

const nothing = new Uint8Array(0);
const maxAgeWhenFull = 10;

/**
 * Bodies in blocks on the server's side (RFC 7959): uploads being put together, and answers kept for their further blocks.
 * A transfer belongs to a peer and to the options that name the request (RFC 7959 section 2.4, RFC 9175 section 3), never to a token.
 * Memory is taken for bytes that came, not for sizes that were promised.
 */
export class ServerTransfers {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #uploads = new Map<number, Transfer>();
  readonly #downloads = new Map<number, Transfer>();
  #bytes = 0;
  #sweepTimer: Timer | undefined;
  /** After `receive` returned 0: the whole body. */
  body: Uint8Array = nothing;

  constructor(link: Link, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
  }

  get size(): number {
    return this.#uploads.size + this.#downloads.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a block of a request body. 0: the body is whole and in `body`; otherwise the code to answer:
   * 2.31, 4.00, 4.08, 4.13, or 5.03 when there is no room.
   */
  receive(request: RequestView, peer: number, value: number, maxBody: number): number {
    const { view } = request;
    const size = blockBytes(blockExponent(value));
    const more = hasMoreBlocks(value);
    const offset = blockNumber(value) * size;
    const length = view.end - view.payloadStart;
    if (blockExponent(value) === 7 || length > size || (more && length < size)) return Code.badRequest;
    if (offset + length > maxBody || view.uint(OptionNumber.size1) > maxBody) {
      this.#end(this.#uploads.get(transferKey(view, peer, true)));
      return Code.requestEntityTooLarge;
    }
    const key = transferKey(view, peer, true);
    let transfer = this.#uploads.get(key);
    if (offset === 0) {
      if (transfer !== undefined && more && transfer.firstMessageId === view.messageId) return Code.continue;
      if (transfer !== undefined && !this.#isRepeat(transfer, offset, view)) {
        this.#end(transfer);
        transfer = undefined;
      }
      if (!more) {
        this.#end(transfer);
        this.body = view.payload();
        return 0;
      }
      transfer ??= this.#begin(key, peer, true, size * 2);
      if (transfer === undefined) return Code.serviceUnavailable;
    }
    if (transfer === undefined) return Code.requestEntityIncomplete;
    transfer.lastUsedMs = this.#clock.monotonicMs();
    if (offset !== transfer.size) {
      return this.#isRepeat(transfer, offset, view) && more ? Code.continue : Code.requestEntityIncomplete;
    }
    if (!this.#grow(transfer, offset + length, maxBody)) {
      this.#end(transfer);
      return Code.serviceUnavailable;
    }
    transfer.bytes.set(view.bytes.subarray(view.payloadStart, view.end), offset);
    if (offset === 0) transfer.firstMessageId = view.messageId;
    transfer.lastOffset = offset;
    transfer.size = offset + length;
    if (more) return Code.continue;
    this.body = transfer.bytes.subarray(0, transfer.size);
    this.#end(transfer);
    return 0;
  }

  /** Keeps a body for its further blocks; false when there is no room: they then run the route again. */
  keep(request: RequestView, peer: number, reply: ReplyBuffer): boolean {
    const key = transferKey(request.view, peer, false);
    this.#end(this.#downloads.get(key));
    const transfer = this.#begin(key, peer, false, reply.payload.length);
    if (transfer === undefined) return false;
    transfer.bytes.set(reply.payload);
    transfer.size = reply.payload.length;
    transfer.code = reply.code;
    transfer.contentFormat = reply.contentFormat;
    transfer.maxAge = reply.maxAge;
    transfer.etag = reply.etag;
    return true;
  }

  /** Fills the reply with the kept body of an earlier answer to the same request; false when there is none. */
  recall(request: RequestView, peer: number, reply: ReplyBuffer): boolean {
    if (this.#downloads.size === 0) return false;
    const transfer = this.#downloads.get(transferKey(request.view, peer, false));
    if (transfer === undefined) return false;
    transfer.lastUsedMs = this.#clock.monotonicMs();
    reply.code = transfer.code;
    reply.payload = transfer.bytes.subarray(0, transfer.size);
    reply.contentFormat = transfer.contentFormat;
    reply.maxAge = transfer.maxAge;
    reply.etag = transfer.etag;
    return true;
  }

  /** Forgets all transfers of a peer. */
  dropPeer(peer: number): void {
    if (this.#link.peers.columns.transfers[peer] === 0) return;
    for (const transfer of [...this.#uploads.values(), ...this.#downloads.values()]) {
      if (transfer.peer === peer) this.#end(transfer);
    }
  }

  stop(): void {
    this.#sweepTimer?.cancel();
    this.#sweepTimer = undefined;
    this.#uploads.clear();
    this.#downloads.clear();
    this.#bytes = 0;
  }

  static readonly maxAgeWhenFull = maxAgeWhenFull;

  #isRepeat(transfer: Transfer, offset: number, view: MessageView): boolean {
    const length = view.end - view.payloadStart;
    if (offset !== transfer.lastOffset || offset + length !== transfer.size) return false;
    for (let i = 0; i < length; i++) {
      if (transfer.bytes[offset + i] !== view.bytes[view.payloadStart + i]) return false;
    }
    return true;
  }

  #begin(key: number, peer: number, isUpload: boolean, capacity: number): Transfer | undefined {
    const { limits, peers, counters } = this.#link;
    if (peers.columns.transfers[peer]! >= limits.transfersPerPeer) {
      counters.overQuota++;
      this.#end(this.#oldestOf(peer));
    }
    if (this.size >= limits.transfers || this.#bytes + capacity > limits.transferBytes) {
      counters.overLimit++;
      return undefined;
    }
    const transfer: Transfer = {
      key,
      peer,
      isUpload,
      bytes: new Uint8Array(capacity),
      size: 0,
      lastOffset: -1,
      firstMessageId: -1,
      lastUsedMs: this.#clock.monotonicMs(),
      code: Code.content,
      contentFormat: undefined,
      maxAge: undefined,
      etag: undefined,
    };
    (isUpload ? this.#uploads : this.#downloads).set(key, transfer);
    this.#bytes += capacity;
    peers.columns.transfers[peer]!++;
    peers.pin(peer);
    this.#sweepTimer ??= this.#clock.after(limits.transferIdleMs, this.#sweep);
    return transfer;
  }

  /** Doubles as bytes come; never beyond what the route takes. */
  #grow(transfer: Transfer, needed: number, maxBody: number): boolean {
    const before = transfer.bytes.length;
    if (needed <= before) return true;
    const capacity = Math.max(needed, Math.min(before * 2, maxBody));
    if (this.#bytes + capacity - before > this.#link.limits.transferBytes) {
      this.#link.counters.overLimit++;
      return false;
    }
    const grown = new Uint8Array(capacity);
    grown.set(transfer.bytes.subarray(0, transfer.size));
    transfer.bytes = grown;
    this.#bytes += capacity - before;
    return true;
  }

  #oldestOf(peer: number): Transfer | undefined {
    let oldest: Transfer | undefined;
    for (const transfers of [this.#uploads, this.#downloads]) {
      for (const transfer of transfers.values()) {
        if (transfer.peer !== peer) continue;
        if (oldest === undefined || transfer.lastUsedMs < oldest.lastUsedMs) oldest = transfer;
      }
    }
    return oldest;
  }

  #end(transfer: Transfer | undefined): void {
    if (transfer === undefined) return;
    const transfers = transfer.isUpload ? this.#uploads : this.#downloads;
    if (transfers.get(transfer.key) !== transfer) return;
    transfers.delete(transfer.key);
    this.#bytes -= transfer.bytes.length;
    this.#link.peers.columns.transfers[transfer.peer]!--;
    this.#link.peers.unpin(transfer.peer);
  }

  readonly #sweep = (): void => {
    const { transferIdleMs } = this.#link.limits;
    const idleSince = this.#clock.monotonicMs() - transferIdleMs;
    for (const transfers of [this.#uploads, this.#downloads]) {
      for (const transfer of transfers.values()) if (transfer.lastUsedMs <= idleSince) this.#end(transfer);
    }
    this.#sweepTimer = this.size === 0 ? undefined : this.#clock.after(transferIdleMs / 4, this.#sweep);
  };
}

/**
 * Peer and a hash of the options that name the request. Left out: the block options and what RFC 7252 section 5.4.6 calls NoCacheKey,
 * Observe, ETag; for answers also Content-Format and Request-Tag, which speak of the request's body.
 * Two requests of one peer whose hashes meet disturb each other only.
 */
function transferKey(view: MessageView, peer: number, isUpload: boolean): number {
  let hash = Math.imul(0x811c9dc5 ^ view.code, 0x01000193);
  for (let i = 0; i < view.optionCount; i++) {
    const number = view.optionNumbers[i]!;
    if ((number & 0x1e) === 0x1c || isNoPartOfKey(number, isUpload)) continue;
    hash = Math.imul(hash ^ number, 0x01000193);
    const start = view.optionStarts[i]!;
    const end = start + view.optionLengths[i]!;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ view.bytes[at]!, 0x01000193);
    hash = Math.imul(hash ^ (end - start) ^ (hash >>> 15), 0x85ebca6b);
  }
  return peer * 0x8000_0000 + ((hash ^ (hash >>> 13)) >>> 1);
}

function isNoPartOfKey(number: number, isUpload: boolean): boolean {
  switch (number) {
    case OptionNumber.block1:
    case OptionNumber.block2:
    case OptionNumber.observe:
    case OptionNumber.eTag:
      return true;
    case OptionNumber.contentFormat:
    case OptionNumber.requestTag:
      return !isUpload;
    default:
      return false;
  }
}
