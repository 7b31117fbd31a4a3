import type { Log } from "../../kernel/log.ts";
import { faults } from "../faults.ts";
import { type Addon, type LoadedAddon, loadAddon, type NativeUdp } from "../native/addon.ts";
import { checkPort } from "./check-port.ts";
import { type DgramTransportOptions, dgramTransport } from "./dgram.ts";
import { Ipv6Texts } from "./ipv6-texts.ts";
import { LocalAddresses } from "./local-addresses.ts";
import { networkInterface } from "./network-interface.ts";
import { ipv6KeyBase, RemoteAddress } from "./remote-address.ts";
import type { DatagramReceiver, LocalAddress, Transport } from "./transport.ts";

export interface BatchTransportOptions extends DgramTransportOptions {
  /** Hears once when the addon isn't there and node:dgram takes its place. */
  readonly log: Log;
  /** Bytes of the largest datagram that can be received; a longer one is dropped and counted. Default 4096. */
  readonly maxDatagram?: number | undefined;
  /** Default what `loadAddon` finds. */
  readonly addon?: LoadedAddon | undefined;
}

/**
 * UDP by the native addon: one recvmmsg and one sendmmsg for up to 64 datagrams, answers from the address that was asked, a
 * multicast destination known for each datagram. Without the addon it is node:dgram, which does the same for more CPU and picks the
 * source address of answers by route; it says so in the log.
 */
export function batchTransport(options: BatchTransportOptions): Transport {
  const found = options.addon ?? loadAddon();
  if (found.isThere) return new BatchTransport(found.addon, options);
  options.log.warn("coap-addon-missing", {
    reason: found.reason,
    effect: "CoAP runs on node:dgram, with about twice the CPU for each datagram, and without DTLS",
    remedy: "install a C compiler, then run: node coap/native/build.mjs",
  });
  return dgramTransport(options);
}

const rowWords = 8;
const isMulticast = 1;
const isTruncated = 2;
const isIpv6 = 4;

const batch = 64;
const queue = 256;
const queueBytes = 262_144;

/** Datagrams this short are copied faster by a loop than by a view. */
const shortCopy = 96;

class BatchTransport implements Transport {
  readonly #addon: Addon;
  readonly #options: BatchTransportOptions;
  readonly #family: 4 | 6;
  readonly #isWildcard: boolean;
  readonly #source = new RemoteAddress();
  readonly #texts = new Ipv6Texts();
  /** Only a socket bound to every address has a choice of the one it answers from. */
  readonly #locals: LocalAddresses | undefined;
  readonly #groupSockets: NativeUdp[] = [];
  readonly #lost = { sendFailed: 0, receivedTooLong: 0, groupNotJoined: 0 };
  #socket: NativeUdp | undefined;
  #receiver: DatagramReceiver | undefined;
  #local: LocalAddress | undefined;
  #queued = 0;
  #queuedBytes = 0;
  #isReceiving: boolean = false;
  #isFlushAsked: boolean = false;
  #closedStats = new Float64Array(8);

  constructor(addon: Addon, options: BatchTransportOptions) {
    this.#addon = addon;
    this.#options = options;
    this.#family = options.address.includes(":") ? 6 : 4;
    this.#isWildcard = options.address === "0.0.0.0" || options.address === "::";
    this.#locals = this.#isWildcard ? new LocalAddresses() : undefined;
  }

  async open(receiver: DatagramReceiver): Promise<void> {
    if (this.#socket !== undefined) throw new Error("The transport is open already.");
    this.#receiver = receiver;
    const { address, port, reuse = false, multicast } = this.#options;
    try {
      const socket = this.#bind(address, port, reuse, false);
      this.#socket = socket;
      this.#local = { address, port: socket.port, family: this.#family };
      for (const group of multicast?.groups ?? []) this.#join(group, socket, multicast?.interfaces);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    // What was sent before the close leaves before it.
    this.#flush();
    this.#receiver = undefined;
    if (this.#socket !== undefined) this.#closedStats = this.#socket.stats.slice();
    this.#socket?.close();
    this.#socket = undefined;
    for (const socket of this.#groupSockets.splice(0)) socket.close();
  }

  send(bytes: Uint8Array, start: number, end: number, destination: RemoteAddress): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    const length = end - start;
    if (length > queueBytes) {
      this.#lost.sendFailed++;
      return;
    }
    if (this.#queued === queue || this.#queuedBytes + length > queueBytes) this.#flush();
    const at = this.#queuedBytes;
    if (length <= shortCopy) {
      const to = socket.tx;
      for (let i = 0; i < length; i++) to[at + i] = bytes[start + i]!;
    } else {
      socket.tx.set(bytes.subarray(start, end), at);
    }
    if (!this.#aim(socket, destination, at, length)) {
      this.#lost.sendFailed++;
      return;
    }
    this.#queued++;
    this.#queuedBytes = at + length;
    if (this.#isReceiving || this.#isFlushAsked) return;
    // Everything that this turn sends leaves with one call at its end.
    this.#isFlushAsked = true;
    queueMicrotask(this.#flushAsked);
  }

  address(): LocalAddress {
    if (this.#local === undefined) throw faults("coap.not-started", {});
    return this.#local;
  }

  interfaces(): readonly string[] {
    return dgramTransport(this.#options).interfaces();
  }

  /** Discovery sends a handful of datagrams from sockets of their own: node:dgram serves for that. */
  ephemeral(options: { family: 4 | 6; interface?: string | undefined }): Transport {
    return dgramTransport(this.#options).ephemeral(options);
  }

  counters(): Readonly<Record<string, number>> {
    const stats = this.#socket?.stats ?? this.#closedStats;
    return {
      ...this.#lost,
      sendFailed: this.#lost.sendFailed + stats[5]!,
      socketError: stats[3]!,
      wakeUps: stats[0]!,
      batches: stats[1]!,
      received: stats[2]!,
      sent: stats[4]!,
      receiveBufferFull: stats[6]!,
    };
  }

  /** Writes the row at the end of the queue. */
  #aim(socket: NativeUdp, destination: RemoteAddress, offset: number, length: number): boolean {
    const rows = socket.txRows;
    const row = this.#queued * rowWords;
    rows[row] = offset;
    rows[row + 1] = length;
    rows[row + 3] = 0;
    rows[row + 4] = destination.port;
    if (destination.key >= ipv6KeyBase) {
      rows[row + 2] = isIpv6;
      return this.#family === 6 && this.#aimIpv6(socket, destination);
    }
    rows[row + 2] = 0;
    rows[row + 5] = Math.floor(destination.key / 65_536);
    rows[row + 6] = this.#locals === undefined ? 0 : this.#locals.ipv4(destination.key);
    return true;
  }

  #aimIpv6(socket: NativeUdp, destination: RemoteAddress): boolean {
    if (!this.#texts.write(destination.text(), socket, this.#queued)) return false;
    this.#locals?.writeIpv6(destination, socket.txAddresses, this.#queued);
    return true;
  }

  #bind(address: string, port: number, sharesPort: boolean, isGroup: boolean): NativeUdp {
    const { maxDatagram = 4096, receiveBuffer = 4_194_304 } = this.#options;
    checkPort(address, port);
    try {
      const socket: NativeUdp = this.#addon.openUdp(
        {
          ...{ address, port, sharesPort, sharesAddress: isGroup, receiveBuffer },
          ...{ batch, slotBytes: maxDatagram, queue, queueBytes },
        },
        (received) => this.#received(socket, received, isGroup),
      );
      return socket;
    } catch (error) {
      const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (isTaken) throw faults("coap.port-in-use", { address, port }, error);
      throw faults("coap.bind-failed", { address, port, reason: reasonOf(error) }, error);
    }
  }

  /**
   * A wildcard socket hears the groups it joins. One that is bound to an address hears that address only, so its groups get sockets
   * of their own; answers leave by the main socket in any case.
   */
  #join(group: string, main: NativeUdp, names: readonly string[] | undefined): void {
    const family = group.includes(":") ? 6 : 4;
    const isLinkLocal = family === 6 && /^ff.2/i.test(group);
    let shared: NativeUdp | undefined = this.#isWildcard ? main : undefined;
    let lastFault: unknown;
    let joined = 0;
    for (const name of names ?? this.interfaces()) {
      const at = networkInterface(name);
      if (family === 4 && at.ipv4 === undefined) continue;
      try {
        const socket = shared ?? this.#bind(isLinkLocal ? `${group}%${at.name}` : group, main.port, false, true);
        if (shared === undefined) this.#groupSockets.push(socket);
        if (!isLinkLocal) shared = socket;
        socket.join(group, at.name);
        joined++;
      } catch (error) {
        lastFault = faults("coap.group-failed", { group, interface: at.name, reason: reasonOf(error) }, error);
        this.#lost.groupNotJoined++;
      }
    }
    if (joined > 0) return;
    throw (
      lastFault ?? faults("coap.group-failed", { group, interface: "any", reason: "no interface has such an address" })
    );
  }

  /** One batch. */
  #received(socket: NativeUdp, count: number, isGroup: boolean): void {
    this.#isReceiving = true;
    try {
      for (let i = 0; i < count && this.#receiver !== undefined; i++) this.#deliver(socket, i, isGroup, this.#receiver);
    } finally {
      this.#isReceiving = false;
    }
    // Before this returns: microtasks run next, and what they send would overwrite the rows.
    this.#flush();
  }

  #deliver(socket: NativeUdp, i: number, isGroup: boolean, receiver: DatagramReceiver): void {
    const { rx, rxRows } = socket;
    const source = this.#source;
    const row = i * rowWords;
    const flags = rxRows[row + 2]!;
    if ((flags & isTruncated) !== 0) {
      this.#lost.receivedTooLong++;
      return;
    }
    const offset = rxRows[row]!;
    if ((flags & isIpv6) === 0) {
      source.setIpv4(rxRows[row + 5]! >>> 0, rxRows[row + 4]!);
      this.#locals?.rememberIpv4(source.key, rxRows[row + 6]!);
    } else {
      source.set(this.#texts.read(socket, i), rxRows[row + 4]!, 6);
      this.#locals?.rememberIpv6(source, socket.rxAddresses, i);
    }
    source.isMulticast = isGroup || (flags & isMulticast) !== 0;
    receiver.datagram(rx, offset, offset + rxRows[row + 1]!, source);
  }

  #flush(): void {
    const queued = this.#queued;
    this.#queued = 0;
    this.#queuedBytes = 0;
    if (queued > 0) this.#socket?.send(queued);
  }

  readonly #flushAsked = (): void => {
    this.#isFlushAsked = false;
    this.#flush();
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
