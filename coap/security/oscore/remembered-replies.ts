import type { Clock } from "../../../kernel/clock.ts";
import { RowTable } from "../../../kernel/row-table.ts";
import type { MessageView } from "../../message-view.ts";
import type { MessageWriter } from "../../message-writer.ts";

export interface RememberedRepliesOptions {
  readonly clock: Clock;
  readonly replies: number;
  readonly bytes: number;
  readonly lifetimeMs: number;
  readonly hashSeed: number;
}

const columns = { slot: "u32" } as const;
const nobody = -1;

/**
 * The newest protected answers as they went out. A duplicate of a protected request can't run again, even where the route would allow
 * it: its Partial IV has been received, and a second answer would be a second text under one nonce. So it gets the first answer's bytes
 * again. Two rings, of rows and of bytes: the oldest go when the newest need the room.
 */
export class RememberedReplies {
  readonly #clock: Clock;
  readonly #lifetimeMs: number;
  readonly #table: RowTable<typeof columns>;
  /** By slot, in the order the answers came: whose it is (-1: its message ID came again), where its bytes are, and since when. */
  readonly #keys: Float64Array;
  readonly #starts: Uint32Array;
  readonly #lengths: Uint16Array;
  readonly #sinceMs: Float64Array;
  #oldest = 0;
  #count = 0;
  /** Of all that were ever remembered, and by peer how many of them are no longer its own: at most one number for each row of the peer table. */
  #total = 0;
  readonly #dropped = new Map<number, number>();
  readonly #bytes: Uint8Array;
  /** Where the next answer's bytes go. */
  #next = 0;

  constructor({ clock, replies, bytes, lifetimeMs, hashSeed }: RememberedRepliesOptions) {
    this.#clock = clock;
    this.#lifetimeMs = lifetimeMs;
    this.#table = new RowTable({ capacity: replies, columns, hashSeed });
    this.#keys = new Float64Array(replies);
    this.#starts = new Uint32Array(replies);
    this.#lengths = new Uint16Array(replies);
    this.#sinceMs = new Float64Array(replies);
    this.#bytes = new Uint8Array(bytes);
  }

  get size(): number {
    return this.#count;
  }

  /** Keeps what stands in the writer: the piggybacked answer to that message of the peer. */
  remember(peer: number, messageId: number, writer: MessageWriter): void {
    const { bytes, end } = writer;
    const capacity = this.#bytes.length;
    if (end > capacity || end > 0xffff) return;
    if (this.#next + end > capacity) {
      this.#dropUntil(this.#next, capacity);
      this.#next = 0;
    }
    this.#dropUntil(this.#next, this.#next + end);
    if (this.#count === this.#keys.length) this.#dropOldest();
    const key = peer * 65_536 + messageId;
    const slot = (this.#oldest + this.#count) % this.#keys.length;
    const known = this.#table.find(key);
    if (known >= 0) this.#keys[this.#table.columns.slot[known]!] = nobody;
    const row = known >= 0 ? known : this.#table.insert(key);
    this.#table.columns.slot[row] = slot;
    this.#keys[slot] = key;
    this.#starts[slot] = this.#next;
    this.#lengths[slot] = end;
    this.#sinceMs[slot] = this.#clock.monotonicMs();
    this.#count++;
    this.#total++;
    const to = this.#bytes;
    let at = this.#next;
    if (end > 96) to.set(bytes.subarray(0, end), at);
    else for (let i = 0; i < end; i++) to[at++] = bytes[i]!;
    this.#next += end;
  }

  /** Puts the answer to this very message into the writer; false when there is none, or another token asked. */
  recall(peer: number, view: MessageView, writer: MessageWriter): boolean {
    const row = this.#table.find(peer * 65_536 + view.messageId);
    if (row < 0) return false;
    const slot = this.#table.columns.slot[row]!;
    const place = (slot - this.#oldest + this.#keys.length) % this.#keys.length;
    if (this.#total - this.#count + place < (this.#dropped.get(peer) ?? 0)) return false;
    if (this.#clock.monotonicMs() - this.#sinceMs[slot]! >= this.#lifetimeMs) return false;
    const from = this.#starts[slot]!;
    const length = this.#lengths[slot]!;
    // An empty ACK has no token.
    if (length > 4 && (this.#bytes[from]! & 15) !== view.tokenLength) return false;
    for (let i = 0; length > 4 && i < view.tokenLength; i++) {
      if (this.#bytes[from + 4 + i] !== view.bytes[view.tokenStart + i]) return false;
    }
    writer.bytes.set(this.#bytes.subarray(from, from + length));
    writer.end = length;
    return true;
  }

  /** The peer's address changed hands: none of its answers comes again. Their room is free once they are the oldest. */
  dropPeer(peer: number): void {
    if (this.#count > 0) this.#dropped.set(peer, this.#total);
  }

  /** Forgets the oldest as long as their bytes lie in `[start, end)`. */
  #dropUntil(start: number, end: number): void {
    while (this.#count > 0) {
      const from = this.#starts[this.#oldest]!;
      if (from >= end || from + this.#lengths[this.#oldest]! <= start) return;
      this.#dropOldest();
    }
  }

  #dropOldest(): void {
    const key = this.#keys[this.#oldest]!;
    if (key !== nobody) this.#table.remove(key);
    this.#oldest = (this.#oldest + 1) % this.#keys.length;
    this.#count--;
  }
}
