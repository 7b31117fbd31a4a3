import type { Clock, Timer } from "../../kernel/clock.ts";
import { RowTable } from "../../kernel/row-table.ts";
import { TimerWheel } from "../../kernel/timer-wheel.ts";
import type { Link } from "./link.ts";

/** Whoever has confirmable messages under way. `ref` is the owner's own number for the thing. */
export interface OutboxOwner {
  /** The peer may be sent to again (NSTART): write and `transmit` now, or let it be. */
  ready(ref: number): void;
  acknowledged(ref: number): void;
  reset(ref: number): void;
  /** All retransmissions went unanswered. */
  timedOut(ref: number): void;
  /** The first retransmission: this one takes longer than usual. */
  late?(ref: number): void;
  /**
   * A retransmission is due. True gives the message up for a newer one (RFC 7641 section 4.5.2): `supersede` is called, and transmits
   * that now or later with the counter and the timeout of the old one.
   */
  isOutdated?(ref: number): boolean;
  supersede?(ref: number, retries: number, timeoutMs: number): void;
}

const columns = { retries: "u8", timeoutMs: "f64", ref: "u32", owner: "u8", peer: "u32", length: "u32" } as const;

/**
 * Confirmable messages until they are acknowledged: RFC 7252 section 4.2, with the back-off of 4.8 and NSTART of 4.7.
 * Keyed by peer and our message ID; the bytes of a slot are kept for the next message in it.
 */
export class Outbox {
  readonly #link: Link;
  readonly #table: RowTable<typeof columns>;
  readonly #bytes: (Uint8Array | undefined)[] = [];
  readonly #wheel: TimerWheel;
  readonly #owners: OutboxOwner[] = [];
  readonly #nobody: number;
  /** Alternating owner and ref, for each peer that has something waiting. */
  readonly #queues = new Map<number, number[]>();
  /** Peers that left a non-confirmable request unanswered: when they may be asked again. */
  readonly #silent = new Map<number, Timer[]>();
  readonly #clock: Clock;

  constructor(link: Link, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    const capacity = link.limits.outstanding;
    this.#table = new RowTable({ capacity, columns, hashSeed: link.entropy.uint32() });
    this.#wheel = new TimerWheel({ clock, capacity, onDue: (slot) => this.#due(slot) });
    this.#nobody = this.register({ ready() {}, acknowledged() {}, reset() {}, timedOut() {} });
  }

  /** An owner's number, to be given with each message. */
  register(owner: OutboxOwner): number {
    return this.#owners.push(owner) - 1;
  }

  get size(): number {
    return this.#table.size;
  }

  /** Whether NSTART and the table allow a message to the peer now. */
  mayTransmit(peer: number): boolean {
    return this.#link.peers.columns.outstanding[peer]! < this.#link.limits.nstart && !this.#table.isFull;
  }

  /** Calls `ready` when the peer's turn comes; false when its queue is full, or when nothing is under way that would end the wait. */
  enqueue(peer: number, owner: number, ref: number): boolean {
    if (this.#link.peers.columns.outstanding[peer] === 0) return false;
    let queue = this.#queues.get(peer);
    if (queue === undefined) {
      queue = [];
      this.#queues.set(peer, queue);
    }
    if (queue.length >= this.#link.limits.queuePerPeer * 2) return false;
    queue.push(owner, ref);
    this.#link.peers.pin(peer);
    return true;
  }

  /** Takes `ref` out of the peer's queue. */
  dequeue(peer: number, owner: number, ref: number): void {
    const queue = this.#queues.get(peer);
    if (queue === undefined) return;
    for (let i = 0; i < queue.length; i += 2) {
      if (queue[i] !== owner || queue[i + 1] !== ref) continue;
      queue.splice(i, 2);
      this.#link.peers.unpin(peer);
      break;
    }
    if (queue.length === 0) this.#queues.delete(peer);
  }

  /** A non-confirmable request is under way: it is an interaction too (NSTART). */
  occupy(peer: number): void {
    this.#link.peers.columns.outstanding[peer]!++;
    this.#link.peers.pin(peer);
  }

  vacate(peer: number): void {
    this.#link.peers.columns.outstanding[peer]!--;
    this.#link.peers.unpin(peer);
    this.#pump(peer);
  }

  /** The request was not answered: PROBING_RATE says for how long nothing more is sent, unless the peer shows itself. */
  vacateAfter(peer: number, delayMs: number): void {
    const timers = this.#silent.get(peer) ?? [];
    this.#silent.set(peer, timers);
    const timer = this.#clock.after(delayMs, () => {
      timers.splice(timers.indexOf(timer), 1);
      if (timers.length === 0) this.#silent.delete(peer);
      this.vacate(peer);
    });
    timers.push(timer);
  }

  get hasSilentPeers(): boolean {
    return this.#silent.size > 0;
  }

  /** The peer is there after all. */
  heard(peer: number): void {
    const timers = this.#silent.get(peer);
    if (timers === undefined) return;
    this.#silent.delete(peer);
    for (const timer of timers) {
      timer.cancel();
      this.vacate(peer);
    }
  }

  /** Sends the confirmable message that stands in the writer and keeps a copy until it is acknowledged. Returns its slot, -1 when full. */
  transmit(
    peer: number,
    messageId: number,
    owner: number,
    ref: number,
    retries = 0,
    timeoutMs = this.#firstTimeoutMs(),
  ): number {
    const slot = this.#table.insert(peer * 65_536 + messageId);
    if (slot < 0) return -1;
    const { writer, peers } = this.#link;
    let bytes = this.#bytes[slot];
    if (bytes === undefined || bytes.length < writer.end) {
      bytes = new Uint8Array(Math.max(writer.end, 64));
      this.#bytes[slot] = bytes;
    }
    if (writer.end > 128) bytes.set(writer.bytes.subarray(0, writer.end));
    else for (let i = 0; i < writer.end; i++) bytes[i] = writer.bytes[i]!;
    const { columns } = this.#table;
    columns.length[slot] = writer.end;
    columns.peer[slot] = peer;
    columns.owner[slot] = owner;
    columns.ref[slot] = ref;
    columns.retries[slot] = retries;
    columns.timeoutMs[slot] = timeoutMs;
    peers.columns.outstanding[peer]!++;
    peers.pin(peer);
    this.#wheel.arm(slot, timeoutMs);
    this.#link.sendWritten(peer);
    return slot;
  }

  /** The slot of our message, -1 when nothing with that ID waits. */
  find(peer: number, messageId: number): number {
    return this.#table.size === 0 ? -1 : this.#table.find(peer * 65_536 + messageId);
  }

  ownerOf(slot: number): number {
    return this.#table.columns.owner[slot]!;
  }

  refOf(slot: number): number {
    return this.#table.columns.ref[slot]!;
  }

  /** An empty ACK came. */
  acknowledge(slot: number): void {
    const { owner, ref, peer } = this.#table.columns;
    const [to, about, whose] = [this.#owners[owner[slot]!]!, ref[slot]!, peer[slot]!];
    this.#release(slot);
    to.acknowledged(about);
    this.#pump(whose);
  }

  reset(slot: number): void {
    const { owner, ref, peer } = this.#table.columns;
    const [to, about, whose] = [this.#owners[owner[slot]!]!, ref[slot]!, peer[slot]!];
    this.#release(slot);
    to.reset(about);
    this.#pump(whose);
  }

  /** Forgets the message without telling its owner: it was answered, or is no longer wanted. */
  drop(slot: number): void {
    const peer = this.#table.columns.peer[slot]!;
    this.#release(slot);
    // After the turn: whoever gives a message up may be half-way through planning another, which the next in line would plan over.
    if (this.#queues.has(peer)) queueMicrotask(() => this.#pump(peer));
  }

  /** Nothing is sent again to the peer: whoever is at its address now is somebody else. */
  dropPeer(peer: number): void {
    const { columns } = this.#table;
    for (let slot = this.#table.nextRow(0); slot !== -1; slot = this.#table.nextRow(slot + 1)) {
      if (this.#link.peers.columns.outstanding[peer] === 0) return;
      if (columns.peer[slot] !== peer) continue;
      const [owner, ref] = [this.#owners[columns.owner[slot]!]!, columns.ref[slot]!];
      this.drop(slot);
      owner.timedOut(ref);
    }
  }

  /** The message lives on, its owner won't hear of it. */
  disown(slot: number): void {
    this.#table.columns.owner[slot] = this.#nobody;
  }

  stop(): void {
    for (let slot = this.#table.nextRow(0); slot !== -1; slot = this.#table.nextRow(slot + 1)) this.#release(slot);
    this.#queues.clear();
    this.#wheel.clear();
    for (const timers of this.#silent.values()) for (const timer of timers) timer.cancel();
    this.#silent.clear();
  }

  #due(slot: number): void {
    const { columns } = this.#table;
    const peer = columns.peer[slot]!;
    if (columns.retries[slot]! >= this.#link.limits.maxRetransmit) {
      this.#link.counters.transmissionsGivenUp++;
      const [owner, ref] = [this.#owners[columns.owner[slot]!]!, columns.ref[slot]!];
      this.#release(slot);
      owner.timedOut(ref);
      this.#pump(peer);
      return;
    }
    const owner = this.#owners[columns.owner[slot]!]!;
    if (owner.isOutdated?.(columns.ref[slot]!) === true) {
      const [ref, retries, timeoutMs] = [columns.ref[slot]!, columns.retries[slot]! + 1, columns.timeoutMs[slot]! * 2];
      this.#release(slot);
      owner.supersede?.(ref, retries, timeoutMs);
      this.#pump(peer);
      return;
    }
    columns.retries[slot]!++;
    columns.timeoutMs[slot]! *= 2;
    this.#link.counters.retransmissions++;
    this.#wheel.arm(slot, columns.timeoutMs[slot]!);
    this.#link.sendBytes(this.#bytes[slot]!, columns.length[slot]!, peer);
    if (columns.retries[slot] === 1) owner.late?.(columns.ref[slot]!);
  }

  #firstTimeoutMs(): number {
    const { limits, entropy } = this.#link;
    return limits.ackTimeoutMs * (1 + entropy.fraction() * (limits.ackRandomPercent / 100 - 1));
  }

  #release(slot: number): void {
    const peer = this.#table.columns.peer[slot]!;
    const { peers } = this.#link;
    peers.columns.outstanding[peer]!--;
    peers.unpin(peer);
    this.#wheel.cancel(slot);
    this.#table.removeRow(slot);
  }

  #pump(peer: number): void {
    const queue = this.#queues.get(peer);
    if (queue === undefined) return;
    while (queue.length > 0 && this.mayTransmit(peer)) {
      const owner = this.#owners[queue.shift()!]!;
      const ref = queue.shift()!;
      this.#link.peers.unpin(peer);
      owner.ready(ref);
    }
    if (queue.length === 0 && this.#queues.get(peer) === queue) this.#queues.delete(peer);
  }
}
