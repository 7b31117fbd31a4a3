import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { RowTable } from "../../kernel/row-table.ts";
import type { CoapLimits } from "../limits.ts";
import type { Peer, PeerIdentity } from "../route.ts";
import { ipv6KeyBase, type RemoteAddress } from "../transport/remote-address.ts";
import { Ipv4Texts } from "./ipv4-texts.ts";
import { idsPerRange, MessageIdRanges } from "./message-id-ranges.ts";

export interface PeerTableOptions {
  readonly limits: CoapLimits;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** The address now belongs to somebody else: everything held for the row must go. */
  readonly changedHands: (row: number) => void;
}

const columns = {
  /** The message ID of our next message to the peer. Theirs are another space and live with the exchanges. */
  nextMessageId: "u16",
  /** Sweeps since the last datagram. */
  age: "u8",
  family: "u8",
  isLoopback: "u8",
  port: "u16",
  /** What must not lose its row: exchanges, observers, transfers. */
  pins: "u32",
  /** Confirmable messages under way (NSTART). */
  outstanding: "u16",
  onceExchanges: "u16",
  running: "u16",
  transfers: "u8",
  observers: "u16",
  /** Receives at its address: by its identity, or it gave an Echo back. */
  isProven: "u8",
  /** Smoothed round-trip time as acknowledgements of notifications showed it, in ms; 0 unknown. */
  rttMs: "u16",
  /** When the last non-confirmable notification went out, in ms modulo 2^32; 0 never. */
  notifiedMs: "u32",
  /** Head of the peer's list in the observer table, as row + 1. */
  firstObserver: "u32",
  /** Tells exchanges of an earlier owner of the address apart. */
  generation: "u8",
} as const;

const sweepsUntilIdle = 3;
const collisionProbes = 8;
const nobody: PeerIdentity = { kind: "none" };

/** One small row for each address that talks with us. Idle ones are swept away, so a flood of addresses fills only what it may. */
export class PeerTable {
  readonly #table: RowTable<typeof columns>;
  readonly columns: RowTable<typeof columns>["columns"];
  /** IPv6 addresses; those of IPv4 peers are made from the key when somebody asks. */
  readonly #texts: (string | undefined)[] = [];
  readonly #ipv4Texts = new Ipv4Texts();
  readonly #identities: (PeerIdentity | undefined)[] = [];
  readonly #entropy: Entropy;
  readonly #clock: Clock;
  readonly #idRanges: MessageIdRanges;
  readonly #sweepMs: number;
  readonly #changedHands: (row: number) => void;
  #sweepTimer: Timer | undefined;

  constructor({ limits, clock, entropy, changedHands }: PeerTableOptions) {
    this.#table = new RowTable({ capacity: limits.peers, columns, hashSeed: entropy.uint32() });
    this.columns = this.#table.columns;
    this.#entropy = entropy;
    this.#clock = clock;
    this.#idRanges = new MessageIdRanges(clock, limits.exchangeLifetimeMs);
    this.#sweepMs = limits.exchangeLifetimeMs / (sweepsUntilIdle - 1);
    this.#changedHands = changedHands;
  }

  get size(): number {
    return this.#table.size;
  }

  /** The row of the address, -1 when it isn't known. */
  find(source: RemoteAddress): number {
    if (source.key < ipv6KeyBase) return this.#table.find(source.key);
    const text = source.text();
    for (let probe = 0; probe < collisionProbes; probe++) {
      const row = this.#table.find(source.key + probe);
      if (row < 0 || (this.#texts[row] === text && this.columns.port[row] === source.port)) return row;
    }
    return -1;
  }

  /** The row of the address, a new one when it has none; -1 when the table is full. */
  admit(source: RemoteAddress, identity: PeerIdentity): number {
    const known = this.find(source);
    const row = known < 0 ? this.#add(source) : known;
    if (row < 0) return row;
    this.columns.age[row] = 0;
    const before = this.#identities[row];
    if (before !== identity && !isSameIdentity(before ?? nobody, identity)) {
      if (known >= 0) {
        this.columns.generation[row]!++;
        this.#changedHands(row);
      }
      this.#identities[row] = identity;
    }
    return row;
  }

  /** Its security association is over: the next one is another endpoint at the same address. */
  renew(source: RemoteAddress): void {
    const row = this.find(source);
    if (row < 0) return;
    this.columns.generation[row]!++;
    this.#changedHands(row);
  }

  identity(row: number): PeerIdentity {
    return this.#identities[row] ?? nobody;
  }

  /** Writes the row's address into `remote`. */
  locate(row: number, remote: RemoteAddress): void {
    const text = this.#texts[row];
    if (text === undefined) remote.setIpv4Key(this.#table.keyOf(row));
    else remote.set(text, this.columns.port[row]!, 6);
    remote.isMulticast = false;
  }

  addressText(row: number): string {
    return this.#texts[row] ?? this.#ipv4Texts.of(this.#table.keyOf(row));
  }

  /** A copy that outlives the turn. */
  snapshot(row: number): Peer {
    return {
      address: this.addressText(row),
      port: this.columns.port[row]!,
      family: this.columns.family[row] === 6 ? 6 : 4,
      isLoopback: this.columns.isLoopback[row] === 1,
      row,
      identity: this.identity(row),
    };
  }

  /**
   * The ID of our next message to the peer; -1 when all are taken: none comes again within EXCHANGE_LIFETIME (RFC 7252 section 4.4).
   * Keeps the row as long, so that its IDs aren't begun anew.
   */
  nextMessageId(row: number): number {
    const id = this.columns.nextMessageId[row]!;
    if (id % idsPerRange === 0 && !this.#idRanges.enter(row, id / idsPerRange)) return -1;
    this.columns.nextMessageId[row] = id + 1;
    this.columns.age[row] = 0;
    return id;
  }

  /** Something came from the peer that isn't a request: its row stays for EXCHANGE_LIFETIME. */
  heard(row: number): void {
    this.columns.age[row] = 0;
  }

  pin(row: number): void {
    this.columns.pins[row]!++;
  }

  unpin(row: number): void {
    this.columns.pins[row]!--;
  }

  stop(): void {
    this.#sweepTimer?.cancel();
    this.#sweepTimer = undefined;
  }

  #add(source: RemoteAddress): number {
    let key = source.key;
    if (key >= ipv6KeyBase) {
      const last = key + collisionProbes;
      while (key < last && this.#table.find(key) >= 0) key++;
      if (key === last) return -1;
    }
    const row = this.#table.insert(key);
    if (row < 0) return -1;
    this.#texts[row] = source.family === 6 ? source.text() : undefined;
    this.#identities[row] = undefined;
    this.columns.family[row] = source.family;
    this.columns.port[row] = source.port;
    this.columns.isLoopback[row] = source.isLoopback ? 1 : 0;
    this.columns.nextMessageId[row] = this.#entropy.uint32();
    this.#sweepTimer ??= this.#clock.after(this.#sweepMs, this.#sweep);
    return row;
  }

  readonly #sweep = (): void => {
    this.#idRanges.sweep();
    const { age, pins } = this.columns;
    for (let row = this.#table.nextRow(0); row !== -1; row = this.#table.nextRow(row + 1)) {
      if (age[row]! < sweepsUntilIdle) age[row]!++;
      if (age[row]! >= sweepsUntilIdle && pins[row] === 0) {
        this.#texts[row] = undefined;
        this.#identities[row] = undefined;
        this.#table.removeRow(row);
      }
    }
    this.#sweepTimer = this.#table.size === 0 ? undefined : this.#clock.after(this.#sweepMs, this.#sweep);
  };
}

function isSameIdentity(a: PeerIdentity, b: PeerIdentity): boolean {
  if (a.kind === "none" || b.kind === "none") return a.kind === b.kind;
  return a.kind === b.kind && a.id === b.id && a.scheme === b.scheme;
}
