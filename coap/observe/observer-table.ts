import type { PeerTable } from "../exchange/peer-table.ts";
import type { MessageView } from "../message-view.ts";
import type { OscoreExchange } from "../security/oscore/oscore-exchange.ts";

/** Flags of an observer. */
export const ObserverFlag = {
  live: 1,
  /** A confirmable notification waits for its ACK. */
  inFlight: 2,
  /** The resource changed since the last notification went out. */
  dirty: 4,
  /** Waits in the outbox for NSTART. */
  queued: 8,
  /** A `later` route is working on its next representation. */
  rendering: 16,
  /** Its unacknowledged notification counts in the window. */
  inWindow: 32,
  /** Its unacknowledged notification was sent more than once: the ACK says nothing of the round-trip time. */
  repeated: 64,
} as const;

const maxToken = 8;
const end = -1;

/** Observers as columns: 56 bytes a row. Each is in the list of its peer and in the members of its resource. */
export class ObserverTable {
  readonly capacity: number;
  readonly peer: Uint32Array;
  readonly resource: Uint32Array;
  /** Index in the members of its resource. */
  readonly position: Uint32Array;
  readonly lastConfirmedMs: Float64Array;
  /** Of the last two messages, which a Reset may name. */
  readonly lastMessageId: Uint16Array;
  readonly messageIdBefore: Uint16Array;
  /** When the notification under way was sent, in ms modulo 2^32. */
  readonly sentMs: Uint32Array;
  /** What the registration was answered in: it stays the same (RFC 7641 section 4.2). -1 none. */
  readonly contentFormat: Int32Array;
  readonly unconfirmed: Uint16Array;
  readonly flags: Uint8Array;
  readonly slot: Int32Array;
  readonly tokenLength: Uint8Array;
  readonly tokens: Uint8Array;
  /** Of registrations that were protected with OSCORE: what their notifications are protected with. */
  readonly oscore: (OscoreExchange | undefined)[] = [];
  readonly #nextOfPeer: Int32Array;
  readonly #peers: PeerTable;
  #free = end;
  #untouched = 0;
  #size = 0;

  constructor(capacity: number, peers: PeerTable) {
    this.capacity = capacity;
    this.peer = new Uint32Array(capacity);
    this.resource = new Uint32Array(capacity);
    this.position = new Uint32Array(capacity);
    this.lastConfirmedMs = new Float64Array(capacity);
    this.lastMessageId = new Uint16Array(capacity);
    this.messageIdBefore = new Uint16Array(capacity);
    this.sentMs = new Uint32Array(capacity);
    this.contentFormat = new Int32Array(capacity);
    this.unconfirmed = new Uint16Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.slot = new Int32Array(capacity);
    this.tokenLength = new Uint8Array(capacity);
    this.tokens = new Uint8Array(capacity * maxToken);
    this.#nextOfPeer = new Int32Array(capacity);
    this.#peers = peers;
  }

  get size(): number {
    return this.#size;
  }

  isLive(row: number): boolean {
    return (this.flags[row]! & ObserverFlag.live) !== 0;
  }

  has(row: number, flag: number): boolean {
    return (this.flags[row]! & flag) !== 0;
  }

  set(row: number, flag: number): void {
    this.flags[row]! |= flag;
  }

  clear(row: number, flag: number): void {
    this.flags[row]! &= ~flag;
  }

  /** -1 when full. */
  add(peer: number, view: MessageView): number {
    let row = this.#free;
    if (row === end) {
      if (this.#untouched === this.capacity) return end;
      row = this.#untouched++;
    } else {
      this.#free = this.#nextOfPeer[row]!;
    }
    this.#size++;
    this.peer[row] = peer;
    this.flags[row] = ObserverFlag.live;
    this.slot[row] = end;
    this.unconfirmed[row] = 0;
    this.lastMessageId[row] = 0;
    this.messageIdBefore[row] = 0;
    this.contentFormat[row] = -1;
    this.tokenLength[row] = view.tokenLength;
    for (let i = 0; i < view.tokenLength; i++) this.tokens[row * maxToken + i] = view.bytes[view.tokenStart + i]!;
    const { firstObserver, observers } = this.#peers.columns;
    this.#nextOfPeer[row] = firstObserver[peer]! - 1;
    firstObserver[peer] = row + 1;
    observers[peer]!++;
    this.#peers.pin(peer);
    return row;
  }

  /** Notifications are bound to the newest registration (RFC 8613 section 4.1.3.5.1), whose nonce its own answer takes. */
  protect(row: number, exchange: OscoreExchange): void {
    const kept = exchange.copy();
    kept.isNonceUsed = true;
    this.oscore[row] = kept;
  }

  remove(row: number): void {
    if (row < this.oscore.length) this.oscore[row] = undefined;
    const peer = this.peer[row]!;
    const { firstObserver, observers } = this.#peers.columns;
    if (firstObserver[peer] === row + 1) {
      firstObserver[peer] = this.#nextOfPeer[row]! + 1;
    } else {
      let before = firstObserver[peer]! - 1;
      while (this.#nextOfPeer[before] !== row) before = this.#nextOfPeer[before]!;
      this.#nextOfPeer[before] = this.#nextOfPeer[row]!;
    }
    observers[peer]!--;
    this.#peers.unpin(peer);
    this.flags[row] = 0;
    this.#nextOfPeer[row] = this.#free;
    this.#free = row;
    this.#size--;
  }

  /** First observer of the peer, -1 without. */
  firstOf(peer: number): number {
    return this.#peers.columns.firstObserver[peer]! - 1;
  }

  nextOf(row: number): number {
    return this.#nextOfPeer[row]!;
  }

  /** The peer's observer with the token of `view`, or the next one after another; -1 without. Several have one token only under OSCORE. */
  find(peer: number, view: MessageView, after = end): number {
    const first = after === end ? this.firstOf(peer) : this.#nextOfPeer[after]!;
    for (let row = first; row !== end; row = this.#nextOfPeer[row]!) {
      if (this.tokenLength[row] !== view.tokenLength) continue;
      let i = 0;
      while (i < view.tokenLength && this.tokens[row * maxToken + i] === view.bytes[view.tokenStart + i]) i++;
      if (i === view.tokenLength) return row;
    }
    return end;
  }

  tokenStart(row: number): number {
    return row * maxToken;
  }
}
