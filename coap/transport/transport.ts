import type { RemoteAddress } from "./remote-address.ts";

/** A socket's own address. */
export interface LocalAddress {
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
}

/** What a transport calls for every datagram, in the turn in which it was read. */
export interface DatagramReceiver {
  /**
   * `bytes[start, end)` and `source` belong to the transport again when the call returns: whoever needs them longer copies.
   * Must not throw.
   */
  datagram(bytes: Uint8Array, start: number, end: number, source: RemoteAddress): void;
}

/** Where datagrams come from and go to. The engine knows nothing else of the network. */
export interface Transport {
  /** Binds and starts receiving. Rejects when the address can't be bound. */
  open(receiver: DatagramReceiver): Promise<void>;
  close(): Promise<void>;
  /**
   * Sends `bytes[start, end)`; the caller may reuse them at once. Loss is silent, as on the network: errors are counted by
   * the transport, never thrown.
   */
  send(bytes: Uint8Array, start: number, end: number, destination: RemoteAddress): void;
  /** Valid after `open`. */
  address(): LocalAddress;
  /** Names of the interfaces that multicast may go out on. */
  interfaces(): readonly string[];
  /** A second socket on a port of its own, sending multicast out of `interface`: for discovery. Not opened yet. */
  ephemeral(options: { readonly family: 4 | 6; readonly interface?: string | undefined }): Transport;
  /** Datagrams that could not be handed to the network, by reason. */
  counters(): Readonly<Record<string, number>>;
}
