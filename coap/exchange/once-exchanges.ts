import type { Clock, Timer } from "../../kernel/clock.ts";
import { RowTable } from "../../kernel/row-table.ts";
import type { Link } from "./link.ts";

const pageBytes = 65_536;
const noReply = 0xffff_ffff;
const generations = 8;

const columns = {
  /** Page number in the upper 16 bits, offset in the lower; `noReply` while there is none. */
  reply: "u32",
  replyLength: "u16",
  peer: "u32",
} as const;

/** A reply page: filled from the front, freed whole when its last exchange has expired. */
interface Page {
  readonly bytes: Uint8Array;
  used: number;
  holders: number;
}

/**
 * Requests to `once` routes, remembered for EXCHANGE_LIFETIME (RFC 7252 section 4.8.2) so that a duplicate is answered and not done
 * again. Every row lives equally long, so rows expire in the order in which they came: a ring.
 */
export class OnceExchanges {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #table: RowTable<typeof columns>;
  readonly #ring: Int32Array;
  readonly #expiresMs: Float64Array;
  #head = 0;
  #count = 0;
  readonly #pages: (Page | undefined)[] = [];
  readonly #maxPages: number;
  #openPage = -1;
  #livePages = 0;
  #expiryTimer: Timer | undefined;

  constructor(link: Link, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    const capacity = link.limits.onceExchanges;
    this.#table = new RowTable({ capacity, columns, hashSeed: link.entropy.uint32() });
    this.#ring = new Int32Array(capacity);
    this.#expiresMs = new Float64Array(capacity);
    this.#maxPages = Math.max(1, Math.floor(link.limits.onceReplyBytes / pageBytes));
  }

  get size(): number {
    return this.#table.size;
  }

  /** Pages of stored answers in use. */
  get pages(): number {
    return this.#livePages;
  }

  find(peer: number, messageId: number): number {
    if (this.#table.size === 0) return -1;
    this.#expire();
    return this.#table.find(this.#key(peer, messageId));
  }

  /** Takes a row. -1: the peer is over its quota, -2: the table is full or no room for its reply is left. */
  begin(peer: number, messageId: number): number {
    this.#expire();
    const { peers, limits } = this.#link;
    if (peers.columns.onceExchanges[peer]! >= limits.onceExchangesPerPeer) return -1;
    if (this.#livePages >= this.#maxPages && !this.#hasRoom(limits.maxMessage)) return -2;
    const row = this.#table.insert(this.#key(peer, messageId));
    if (row < 0) return -2;
    this.#table.columns.reply[row] = noReply;
    this.#table.columns.peer[row] = peer;
    peers.columns.onceExchanges[peer]!++;
    peers.pin(peer);
    const at = (this.#head + this.#count) % this.#ring.length;
    this.#ring[at] = row;
    this.#expiresMs[at] = this.#clock.monotonicMs() + limits.exchangeLifetimeMs;
    this.#count++;
    this.#expiryTimer ??= this.#clock.after(limits.exchangeLifetimeMs, this.#onTime);
    return row;
  }

  /** Stores the piggybacked answer that stands in the writer. */
  store(row: number): void {
    const { writer } = this.#link;
    const number = this.#pageFor(writer.end);
    // Without room the exchange is still remembered: a duplicate gets an empty ACK.
    if (number < 0) return;
    const page = this.#pages[number]!;
    page.bytes.set(writer.bytes.subarray(0, writer.end), page.used);
    this.#table.columns.reply[row] = number * pageBytes + page.used;
    this.#table.columns.replyLength[row] = writer.end;
    page.used += writer.end;
    page.holders++;
  }

  /** Puts the stored answer into the writer; false when there is none: it runs still, or was answered separately. */
  recall(row: number): boolean {
    const at = this.#table.columns.reply[row]!;
    if (at === noReply) return false;
    const { writer } = this.#link;
    const offset = at % pageBytes;
    const length = this.#table.columns.replyLength[row]!;
    writer.bytes.set(this.#pages[Math.floor(at / pageBytes)]!.bytes.subarray(offset, offset + length));
    writer.end = length;
    return true;
  }

  stop(): void {
    this.#expiryTimer?.cancel();
    this.#expiryTimer = undefined;
  }

  /** Memory goes back also when nothing more comes. */
  readonly #onTime = (): void => {
    this.#expire();
    const { exchangeLifetimeMs } = this.#link.limits;
    this.#expiryTimer = this.#count === 0 ? undefined : this.#clock.after(exchangeLifetimeMs / 8, this.#onTime);
  };

  #key(peer: number, messageId: number): number {
    const generation = this.#link.peers.columns.generation[peer]! % generations;
    return (peer * generations + generation) * 65_536 + messageId;
  }

  #expire(): void {
    if (this.#count === 0) return;
    const now = this.#clock.monotonicMs();
    while (this.#count > 0 && this.#expiresMs[this.#head]! <= now) {
      const row = this.#ring[this.#head]!;
      const { reply, peer } = this.#table.columns;
      if (reply[row] !== noReply) this.#releasePage(Math.floor(reply[row]! / pageBytes));
      this.#link.peers.columns.onceExchanges[peer[row]!]!--;
      this.#link.peers.unpin(peer[row]!);
      this.#table.removeRow(row);
      this.#head = (this.#head + 1) % this.#ring.length;
      this.#count--;
    }
  }

  #hasRoom(length: number): boolean {
    const open = this.#pages[this.#openPage];
    return open !== undefined && open.used + length <= pageBytes;
  }

  #pageFor(length: number): number {
    if (this.#hasRoom(length)) return this.#openPage;
    if (this.#livePages >= this.#maxPages) return -1;
    let number = this.#pages.indexOf(undefined);
    if (number < 0) number = this.#pages.length;
    const before = this.#openPage;
    this.#pages[number] = { bytes: new Uint8Array(pageBytes), used: 0, holders: 0 };
    this.#openPage = number;
    this.#livePages++;
    if (before >= 0 && this.#pages[before]?.holders === 0) this.#freePage(before);
    return number;
  }

  #releasePage(number: number): void {
    const page = this.#pages[number]!;
    page.holders--;
    if (page.holders > 0) return;
    if (number === this.#openPage) page.used = 0;
    else this.#freePage(number);
  }

  #freePage(number: number): void {
    this.#pages[number] = undefined;
    this.#livePages--;
  }
}
