import type { Clock } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import type { Log } from "../kernel/log.ts";
import type {
  CoapResponse,
  DiscoverOptions,
  Observation,
  ObservationListener,
  ObserveOptions,
  RequestOptions,
  Target,
} from "./client-types.ts";
import type { CoapLimits } from "./limits.ts";
import type { Peer, Route } from "./route.ts";
import type { Security } from "./security/security.ts";
import type { LocalAddress, Transport } from "./transport/transport.ts";

export interface CoapEndpointOptions {
  readonly transport: Transport;
  /** Default `noSecurity()`. */
  readonly security?: Security;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Overrides of `defaultLimits`, one by one. */
  readonly limits?: Partial<CoapLimits>;
}

/** One socket that is server and client at once, so that a node behind NAT is reached on the path its own traffic opened. */
export class CoapEndpoint {
  constructor(_options: CoapEndpointOptions) {}

  /** Binds and begins to answer. Rejects when the address can't be bound. */
  start(): Promise<void> {
    return notBuilt();
  }

  /** Ends observations, rejects open requests with `coap.stopped`, aborts running handlers, closes the socket. Idempotent. */
  stop(): Promise<void> {
    return notBuilt();
  }

  /** Adds a route. Throws on a pattern that is malformed or taken. */
  route(_route: Route): void {
    notBuilt();
  }

  routes(): readonly Route[] {
    return notBuilt();
  }

  /**
   * The representation at `path` changed: runs the route for each observer and sends what it answers. An error answer ends
   * the observation (RFC 7641 section 4.2). One notification is under way for each observer; later changes coalesce.
   */
  notify(_path: string | readonly string[], _filter?: (peer: Peer) => boolean): void {
    notBuilt();
  }

  /** How many observe `path`; all paths when it is left out. */
  observers(_path?: string | readonly string[]): number {
    return notBuilt();
  }

  /**
   * Sends a request and resolves with any response, put together from blocks where it came in blocks. Rejects with a Fault:
   * `coap.timeout`, `coap.reset`, `coap.stopped`, `coap.queue-full`, `coap.response-too-large`, `coap.representation-changed`,
   * `coap.bad-response`.
   */
  request(_options: RequestOptions): Promise<CoapResponse> {
    return notBuilt();
  }

  /** Observes a resource. Everything, failures too, comes to the listener; stale notifications don't. */
  observe(_options: ObserveOptions, _listener: ObservationListener): Observation {
    return notBuilt();
  }

  /** Asks a multicast group for `/.well-known/core` from sockets of its own, one for each interface. */
  discover(_options: DiscoverOptions, _onResponse: (response: CoapResponse) => void): Promise<void> {
    return notBuilt();
  }

  /** An empty confirmable message; true when the peer resets it, false when nothing comes. */
  ping(_to: Target, _signal?: AbortSignal): Promise<boolean> {
    return notBuilt();
  }

  /** Counts since the start, by name: what was received, sent, dropped and why. */
  counters(): Readonly<Record<string, number>> {
    return notBuilt();
  }

  /** Valid after `start`. */
  address(): LocalAddress {
    return notBuilt();
  }
}

function notBuilt(): never {
  throw new Error("The CoAP engine is being built: only its types are here yet.");
}
