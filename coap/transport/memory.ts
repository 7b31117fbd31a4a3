import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { faults } from "../faults.ts";
import { RemoteAddress } from "./remote-address.ts";
import type { DatagramReceiver, LocalAddress, Transport } from "./transport.ts";

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Probabilities in [0, 1]. */
  readonly loss?: number;
  readonly duplication?: number;
  /** Share of datagrams that are held back by up to ten times the longest delay. */
  readonly reordering?: number;
  /** Every datagram takes a random time between the two. Default [1, 5]. */
  readonly delayMs?: readonly [number, number];
}

/** A datagram on its way, as a rule or a tap sees it. The bytes are a copy. */
export interface MemoryDatagram {
  readonly bytes: Uint8Array;
  readonly from: LocalAddress;
  readonly to: LocalAddress;
  /** Counts from 0 over the whole network. */
  readonly index: number;
}

/** What a rule does with a datagram before chance does: `undefined` leaves it to chance. */
export type MemoryRule = (datagram: MemoryDatagram) => "deliver" | "drop" | "duplicate" | undefined;

export interface MemoryTransportOptions {
  readonly groups?: readonly string[];
}

/** A network inside the process: the same clock, seed and calls give the same run. */
export class MemoryNetwork {
  loss: number;
  duplication: number;
  reordering: number;
  delayMs: readonly [number, number];
  /** First match wins. */
  readonly rules: MemoryRule[] = [];
  /** Everything that was sent, lost or not. */
  readonly taps: ((datagram: MemoryDatagram) => void)[] = [];
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #bound = new Map<string, MemoryTransport>();
  #index = 0;
  #nextPort = 49_152;

  constructor(options: MemoryNetworkOptions) {
    this.#clock = options.clock;
    this.#entropy = options.entropy;
    this.loss = options.loss ?? 0;
    this.duplication = options.duplication ?? 0;
    this.reordering = options.reordering ?? 0;
    this.delayMs = options.delayMs ?? [1, 5];
  }

  /** Port 0 takes a free one. */
  transport(address: string, port = 0, options: MemoryTransportOptions = {}): MemoryTransport {
    return new MemoryTransport(this, address, port === 0 ? this.#nextPort++ : port, options.groups ?? []);
  }

  bind(transport: MemoryTransport): void {
    const key = `${transport.local.address}|${transport.local.port}`;
    if (this.#bound.has(key)) {
      throw faults("coap.port-in-use", { address: transport.local.address, port: transport.local.port });
    }
    this.#bound.set(key, transport);
  }

  unbind(transport: MemoryTransport): void {
    const key = `${transport.local.address}|${transport.local.port}`;
    if (this.#bound.get(key) === transport) this.#bound.delete(key);
  }

  carry(bytes: Uint8Array, from: LocalAddress, to: RemoteAddress): void {
    const address = to.text();
    const datagram: MemoryDatagram = {
      bytes,
      from,
      to: { address, port: to.port, family: to.family },
      index: this.#index++,
    };
    for (const tap of this.taps) tap(datagram);
    const unicast = this.#bound.get(`${address}|${to.port}`);
    if (unicast !== undefined) {
      this.#expose(datagram, unicast, false);
      return;
    }
    for (const member of this.#bound.values()) {
      if (member.local.port === to.port && member.groups.includes(address)) this.#expose(datagram, member, true);
    }
  }

  #expose(datagram: MemoryDatagram, to: MemoryTransport, isMulticast: boolean): void {
    let verdict: ReturnType<MemoryRule>;
    for (const rule of this.rules) {
      verdict = rule(datagram);
      if (verdict !== undefined) break;
    }
    if (verdict === "drop") return;
    if (verdict === undefined && this.#entropy.fraction() < this.loss) return;
    this.#deliver(datagram, to, isMulticast);
    if (verdict === "duplicate" || (verdict === undefined && this.#entropy.fraction() < this.duplication)) {
      this.#deliver(datagram, to, isMulticast);
    }
  }

  #deliver(datagram: MemoryDatagram, to: MemoryTransport, isMulticast: boolean): void {
    const [least, most] = this.delayMs;
    let delay = least + (most - least) * this.#entropy.fraction();
    if (this.reordering > 0 && this.#entropy.fraction() < this.reordering) {
      delay += most * 10 * this.#entropy.fraction();
    }
    this.#clock.after(delay, () => to.receive(datagram.bytes, datagram.from, isMulticast));
  }
}

export class MemoryTransport implements Transport {
  readonly local: LocalAddress;
  readonly groups: readonly string[];
  readonly #network: MemoryNetwork;
  readonly #source = new RemoteAddress();
  /** Delivery hands out one scratch copy, so that whoever keeps the bytes is found out. */
  readonly #scratch = new Uint8Array(65_536);
  #receiver: DatagramReceiver | undefined;

  constructor(network: MemoryNetwork, address: string, port: number, groups: readonly string[]) {
    this.#network = network;
    this.local = { address, port, family: address.includes(":") ? 6 : 4 };
    this.groups = groups;
  }

  async open(receiver: DatagramReceiver): Promise<void> {
    this.#network.bind(this);
    this.#receiver = receiver;
  }

  async close(): Promise<void> {
    this.#receiver = undefined;
    this.#network.unbind(this);
  }

  send(bytes: Uint8Array, start: number, end: number, destination: RemoteAddress): void {
    if (this.#receiver === undefined) return;
    this.#network.carry(bytes.slice(start, end), this.local, destination);
  }

  address(): LocalAddress {
    return this.local;
  }

  interfaces(): readonly string[] {
    return ["memory"];
  }

  ephemeral(): Transport {
    return this.#network.transport(this.local.address);
  }

  counters(): Readonly<Record<string, number>> {
    return {};
  }

  receive(bytes: Uint8Array, from: LocalAddress, isMulticast: boolean): void {
    if (this.#receiver === undefined) return;
    this.#scratch.set(bytes);
    this.#source.set(from.address, from.port, from.family);
    this.#source.isMulticast = isMulticast;
    this.#receiver.datagram(this.#scratch, 0, bytes.length, this.#source);
    this.#scratch.fill(0xee, 0, bytes.length);
  }
}
