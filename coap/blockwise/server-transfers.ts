import type { Clock, Timer } from "../../kernel/clock.ts";
import { Tally } from "../../kernel/tally.ts";
import type { Link } from "../exchange/link.ts";
import { Code, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import type { AddressProof } from "../server/address-proof.ts";
import type { ReplyBuffer } from "../server/reply-buffer.ts";
import type { RequestView } from "../server/request-view.ts";
import { blockBytes, blockExponent, blockNumber, hasMoreBlocks } from "./block-option.ts";
import { transferKey } from "./transfer-key.ts";

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

/**
 * Bodies in blocks on the server's side (RFC 7959): uploads being put together, and answers kept for their further blocks.
 * A transfer belongs to a peer and to the options that name the request (RFC 7959 section 2.4, RFC 9175 section 3), never to a token.
 * Memory is taken for bytes that came, not for sizes that were promised.
 */
export class ServerTransfers {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #proof: AddressProof;
  readonly #bytesOf = new Tally<number>();
  readonly #uploads = new Map<number, Transfer>();
  readonly #downloads = new Map<number, Transfer>();
  #bytes = 0;
  #sweepTimer: Timer | undefined;
  /** After `receive` returned 0: the whole body. */
  body: Uint8Array = nothing;

  constructor(link: Link, clock: Clock, proof: AddressProof) {
    this.#link = link;
    this.#clock = clock;
    this.#proof = proof;
  }

  get size(): number {
    return this.#uploads.size + this.#downloads.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a block of a request body. 0: the body is whole and in `body`; otherwise the code to answer:
   * 2.31, 4.00, 4.08, 4.13, 4.29 over the peer's quota, or 5.03 when there is no room.
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
      if (transfer === undefined) {
        const refusal = this.#refusal(peer, true, size * 2);
        if (refusal !== 0) return refusal;
        transfer = this.#begin(key, peer, true, size * 2);
      }
    }
    if (transfer === undefined) return Code.requestEntityIncomplete;
    transfer.lastUsedMs = this.#clock.monotonicMs();
    if (offset !== transfer.size) {
      return this.#isRepeat(transfer, offset, view) && more ? Code.continue : Code.requestEntityIncomplete;
    }
    const refusal = this.#grow(transfer, offset + length, maxBody);
    if (refusal !== 0) {
      this.#end(transfer);
      return refusal;
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
    if (this.#refusal(peer, false, reply.payload.length) !== 0) return false;
    const transfer = this.#begin(key, peer, false, reply.payload.length);
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
    this.#bytesOf.clear();
    this.#bytes = 0;
  }

  #isRepeat(transfer: Transfer, offset: number, view: MessageView): boolean {
    const length = view.end - view.payloadStart;
    if (offset !== transfer.lastOffset || offset + length !== transfer.size) return false;
    for (let i = 0; i < length; i++) {
      if (transfer.bytes[offset + i] !== view.bytes[view.payloadStart + i]) return false;
    }
    return true;
  }

  /** 0, or the code that refuses one more transfer. An answer kept for its further blocks makes room for one of the same peer. */
  #refusal(peer: number, isUpload: boolean, capacity: number): number {
    const { limits, peers, counters } = this.#link;
    if (peers.columns.transfers[peer]! >= limits.transfersPerPeer) this.#end(this.#oldestKeptFor(peer));
    const isOverQuota =
      peers.columns.transfers[peer]! >= limits.transfersPerPeer ||
      this.#bytesOf.of(peer) + capacity > limits.transferBytesPerPeer;
    if (isOverQuota) {
      counters.overQuota++;
      return Code.tooManyRequests;
    }
    if (isUpload && !this.#hasRoom(peer, capacity)) this.#end(this.#oldestKeptFor(peer));
    if (this.#hasRoom(peer, capacity)) return 0;
    counters.overLimit++;
    return Code.serviceUnavailable;
  }

  #hasRoom(peer: number, capacity: number): boolean {
    const { transfers, transferBytes } = this.#link.limits;
    return (
      this.#proof.mayTake(this.size, transfers, peer) &&
      this.#proof.mayTake(this.#bytes + capacity - 1, transferBytes, peer)
    );
  }

  #begin(key: number, peer: number, isUpload: boolean, capacity: number): Transfer {
    const { limits, peers } = this.#link;
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
    this.#count(peer, capacity);
    peers.columns.transfers[peer]!++;
    peers.pin(peer);
    this.#sweepTimer ??= this.#clock.after(limits.transferIdleMs, this.#sweep);
    return transfer;
  }

  /** Doubles as bytes come; never beyond what the route takes. 0, or the code that refuses. */
  #grow(transfer: Transfer, needed: number, maxBody: number): number {
    const { limits, counters } = this.#link;
    const before = transfer.bytes.length;
    if (needed <= before) return 0;
    const capacity = Math.max(needed, Math.min(before * 2, maxBody));
    if (this.#bytesOf.of(transfer.peer) + capacity - before > limits.transferBytesPerPeer) {
      counters.overQuota++;
      return Code.tooManyRequests;
    }
    if (this.#bytes + capacity - before > limits.transferBytes) {
      counters.overLimit++;
      return Code.serviceUnavailable;
    }
    const grown = new Uint8Array(capacity);
    grown.set(transfer.bytes.subarray(0, transfer.size));
    transfer.bytes = grown;
    this.#count(transfer.peer, capacity - before);
    return 0;
  }

  #count(peer: number, bytes: number): void {
    this.#bytes += bytes;
    this.#bytesOf.add(peer, bytes);
  }

  #oldestKeptFor(peer: number): Transfer | undefined {
    let oldest: Transfer | undefined;
    for (const transfer of this.#downloads.values()) {
      if (transfer.peer !== peer) continue;
      if (oldest === undefined || transfer.lastUsedMs < oldest.lastUsedMs) oldest = transfer;
    }
    return oldest;
  }

  #end(transfer: Transfer | undefined): void {
    if (transfer === undefined) return;
    const transfers = transfer.isUpload ? this.#uploads : this.#downloads;
    if (transfers.get(transfer.key) !== transfer) return;
    transfers.delete(transfer.key);
    this.#count(transfer.peer, -transfer.bytes.length);
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
