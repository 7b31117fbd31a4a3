import type { Transport } from "./transport.ts";

export interface DgramTransportOptions {
  /** IP address to bind, `0.0.0.0` and `::` for all. */
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Groups to answer on; joined on each interface (name or its IPv4 address; default every one). */
  readonly multicast?: { readonly groups: readonly string[]; readonly interfaces?: readonly string[] } | undefined;
  /** Several processes may bind the address. Default false: a taken port is an error. */
  readonly reuse?: boolean | undefined;
}

/** UDP by node:dgram. */
export function dgramTransport(_options: DgramTransportOptions): Transport {
  throw new Error("The CoAP engine is being built: only its types are here yet.");
}
