import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { faults } from "../faults.ts";
import { checkPort } from "./check-port.ts";
import { type NetworkInterface, networkInterface } from "./network-interface.ts";
import { RemoteAddress } from "./remote-address.ts";
import type { DatagramReceiver, LocalAddress, Transport } from "./transport.ts";

export interface DgramTransportOptions {
  /** IP address to bind, `0.0.0.0` and `::` for all. */
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Groups to answer on; joined on each interface (name or its IPv4 address; default every one). */
  readonly multicast?: { readonly groups: readonly string[]; readonly interfaces?: readonly string[] } | undefined;
  /**
   * Several processes may bind the address; on Linux the kernel spreads peers among them, each to one of them. Default false: a taken
   * port is an error.
   */
  readonly reuse?: boolean | undefined;
  /** Bytes of the socket's receive buffer, as far as the system allows; bursts beyond it are lost. Default 4 MiB. */
  readonly receiveBuffer?: number | undefined;
  /** Interface that multicast goes out of; by default the system chooses. */
  readonly multicastInterface?: string | undefined;
}

/**
 * UDP by node:dgram. node:dgram doesn't tell where a datagram was sent to, so every group has a socket of its own, bound to the
 * group's address: what arrives there was multicast. Answers leave by the main socket.
 */
export function dgramTransport(options: DgramTransportOptions): Transport {
  return new DgramTransport(options);
}

class DgramTransport implements Transport {
  readonly #options: DgramTransportOptions;
  readonly #family: 4 | 6;
  readonly #source = new RemoteAddress();
  readonly #groupSockets: Socket[] = [];
  readonly #counts = { sendFailed: 0, socketError: 0, groupNotJoined: 0 };
  #socket: Socket | undefined;
  #receiver: DatagramReceiver | undefined;
  #local: LocalAddress | undefined;

  constructor(options: DgramTransportOptions) {
    this.#options = options;
    this.#family = options.address.includes(":") ? 6 : 4;
  }

  async open(receiver: DatagramReceiver): Promise<void> {
    if (this.#socket !== undefined) throw new Error("The transport is open already.");
    const { address, port, reuse = false, multicast } = this.#options;
    checkPort(address, port);
    this.#receiver = receiver;
    const groups = multicast?.groups ?? [];
    try {
      // A wildcard socket and a group socket share the port only when both allow it. Allowing it would also hide another
      // program on the port, so that is asked first.
      const mustShare = groups.length > 0 && isWildcard(address);
      if (mustShare && !reuse && port !== 0) await probe(this.#family, address, port);
      this.#socket = await this.#bind(this.#family, address, port, reuse || mustShare, false);
      const bound = this.#socket.address();
      this.#local = { address: bound.address, port: bound.port, family: this.#family };
      this.#sizeReceiveBuffer(this.#socket);
      if (this.#options.multicastInterface !== undefined) {
        this.#socket.setMulticastInterface(
          membershipInterface(this.#family, networkInterface(this.#options.multicastInterface)),
        );
      }
      for (const group of groups) {
        await this.#join(group, bound.port, multicast?.interfaces);
        if (isWildcard(address)) this.#deafen(this.#socket, group);
      }
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#receiver = undefined;
    const sockets = [...this.#groupSockets, ...(this.#socket === undefined ? [] : [this.#socket])];
    this.#groupSockets.length = 0;
    this.#socket = undefined;
    for (const socket of sockets) await new Promise<void>((resolve) => socket.close(() => resolve()));
  }

  send(bytes: Uint8Array, start: number, end: number, destination: RemoteAddress): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    try {
      const text = destination.text();
      const address = this.#family === 6 && destination.family === 4 ? `::ffff:${text}` : text;
      // The kernel may take the bytes later than this turn: they are copied into a slice of the pool.
      const length = end - start;
      const copy = Buffer.allocUnsafe(length);
      copy.set(bytes.subarray(start, end));
      socket.send(copy, 0, length, destination.port, address, this.#sent);
    } catch {
      this.#counts.sendFailed++;
    }
  }

  address(): LocalAddress {
    if (this.#local === undefined) throw faults("coap.not-started", {});
    return this.#local;
  }

  interfaces(): readonly string[] {
    return Object.keys(networkInterfaces());
  }

  ephemeral(options: { family: 4 | 6; interface?: string | undefined }): Transport {
    const at = options.interface === undefined ? undefined : networkInterface(options.interface);
    return new DgramTransport({
      address: options.family === 6 ? "::" : (at?.ipv4 ?? "0.0.0.0"),
      port: 0,
      multicastInterface: options.interface,
    });
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#counts };
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#counts.sendFailed++;
  };

  async #bind(family: 4 | 6, address: string, port: number, reuse: boolean, isGroup: boolean): Promise<Socket> {
    const socket = createSocket({
      type: family === 4 ? "udp4" : "udp6",
      reuseAddr: reuse,
      // With SO_REUSEADDR alone the last process would get everything.
      reusePort: this.#options.reuse === true && process.platform === "linux",
      // Peers are addresses, never names: node's own look-up would cost a turn of the loop for each datagram.
      lookup: (hostname, _options, callback) => callback(null, hostname, family),
    });
    await bindSocket(socket, address, port);
    socket.on("error", () => {
      this.#counts.socketError++;
    });
    socket.on("message", (bytes: Buffer, remote: RemoteInfo) => {
      const source = this.#source;
      source.set(remote.address, remote.port, remote.family === "IPv4" ? 4 : 6);
      source.isMulticast = isGroup;
      this.#receiver?.datagram(bytes, 0, bytes.length, source);
    });
    return socket;
  }

  async #join(group: string, port: number, names: readonly string[] | undefined): Promise<void> {
    const family = group.includes(":") ? 6 : 4;
    const found = (names ?? this.interfaces())
      .map(networkInterface)
      .filter((at) => family === 6 || at.ipv4 !== undefined);
    // A link-local group is another one on each interface, so each needs its own socket.
    const isLinkLocal = family === 6 && /^ff.2/i.test(group);
    let shared: Socket | undefined;
    let lastFault: unknown;
    let joined = 0;
    for (const at of found) {
      try {
        const socket =
          shared ?? (await this.#bind(family, isLinkLocal ? `${group}%${at.name}` : group, port, true, true));
        if (socket !== shared) this.#groupSockets.push(socket);
        if (!isLinkLocal) shared = socket;
        socket.addMembership(group, membershipInterface(family, at));
        joined++;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        lastFault = faults("coap.group-failed", { group, interface: at.name, reason }, error);
        this.#counts.groupNotJoined++;
      }
    }
    if (joined > 0) return;
    throw (
      lastFault ?? faults("coap.group-failed", { group, interface: "any", reason: "no interface has such an address" })
    );
  }

  /**
   * A wildcard socket on Linux hears every group that anybody on the machine joined (IP_MULTICAST_ALL, which node doesn't offer), and would
   * answer it as if it were unicast. A membership that only admits a source that can't exist keeps the group out of it.
   */
  #deafen(socket: Socket, group: string): void {
    const family = group.includes(":") ? 6 : 4;
    for (const name of this.interfaces()) {
      try {
        const nobody = family === 4 ? "0.0.0.1" : "100::1";
        socket.addSourceSpecificMembership(nobody, group, membershipInterface(family, networkInterface(name)));
      } catch {
        this.#counts.groupNotJoined++;
      }
    }
  }

  #sizeReceiveBuffer(socket: Socket): void {
    try {
      socket.setRecvBufferSize(this.#options.receiveBuffer ?? 4_194_304);
    } catch {
      // A smaller buffer only loses more of a burst.
    }
  }
}

function membershipInterface(family: 4 | 6, at: NetworkInterface): string {
  if (family === 6) return `::%${at.name}`;
  if (at.ipv4 !== undefined) return at.ipv4;
  throw faults("coap.group-failed", { group: "any", interface: at.name, reason: "it has no IPv4 address" });
}

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** Rejects when the port is taken. */
async function probe(family: 4 | 6, address: string, port: number): Promise<void> {
  const socket = createSocket({ type: family === 4 ? "udp4" : "udp6" });
  await bindSocket(socket, address, port);
  await new Promise<void>((resolve) => socket.close(() => resolve()));
}

async function bindSocket(socket: Socket, address: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(port, address, () => {
        socket.removeListener("error", reject);
        resolve();
      });
    });
  } catch (error) {
    try {
      socket.close();
    } catch {
      // It never was open.
    }
    const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
    if (isTaken) throw faults("coap.port-in-use", { address, port }, error);
    const reason = error instanceof Error ? error.message : String(error);
    throw faults("coap.bind-failed", { address, port, reason }, error);
  }
}
