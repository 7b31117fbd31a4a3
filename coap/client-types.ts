import type { Method } from "./message.ts";
import type { PeerIdentity } from "./route.ts";
import type { OscoreContext } from "./security/oscore/oscore-context.ts";
import type { LocalAddress } from "./transport/transport.ts";

/** Where a request goes. A `Peer` fits. */
export interface Target {
  readonly address: string;
  readonly port: number;
  /** For link-local IPv6 addresses and multicast. */
  readonly interface?: string | undefined;
  /**
   * With scheme "oscore" the request is protected with that identity's current context, and only an answer of its holder is taken; without
   * such a context it fails with `coap.oscore-no-context`. Other schemes change nothing: the address has its session.
   */
  readonly identity?: PeerIdentity | undefined;
  /** This context and no other: for contexts without an identity, and before `identity`. */
  readonly oscore?: OscoreContext | undefined;
}

export interface RequestOptions {
  readonly to: Target;
  readonly method: Method;
  /** Segments, not yet percent-encoded: they never are. */
  readonly path: readonly string[];
  readonly queries?: readonly string[] | undefined;
  readonly payload?: Uint8Array | undefined;
  readonly contentFormat?: number | undefined;
  readonly accept?: number | undefined;
  /** Largest block in either direction: 16, 32, ... 1024. */
  readonly blockSize?: number | undefined;
  /** Default true; for blocks that go by Q-Block false. */
  readonly confirmable?: boolean | undefined;
  /**
   * Long bodies, and answers to GET and FETCH, go by Q-Block1 and Q-Block2 (RFC 9177) where the peer takes that, which is asked once; else,
   * and always under OSCORE, by Block1 and Block2. For paths with long round trips or loss. Default false.
   */
  readonly qBlock?: boolean | undefined;
  /** Aborting rejects with the signal's reason and forgets the exchange. */
  readonly signal?: AbortSignal | undefined;
  /** 0..8 bytes; default one of the endpoint's own. Only for tests of other endpoints. */
  readonly token?: Uint8Array | undefined;
  /**
   * For a proxy (RFC 7252 section 5.7.1): a critical option in the response that isn't known here but Safe-to-Forward is handed over in
   * `unrecognized`; an Unsafe one fails the request with `coap.bad-response`, also when it is elective.
   */
  readonly forwards?: boolean | undefined;
  /** Further options, raw. */
  readonly options?: readonly { readonly number: number; readonly value: Uint8Array }[] | undefined;
  /** Largest body that is put together from blocks; default `limits.maxResponseBody`. */
  readonly maxResponseBody?: number | undefined;
}

export interface CoapResponse {
  readonly code: number;
  /** The whole body. A copy: it may be kept. */
  readonly payload: Uint8Array;
  readonly contentFormat: number | undefined;
  /** Seconds; undefined when the server said nothing (a client then assumes 60). */
  readonly maxAge: number | undefined;
  readonly etag: Uint8Array | undefined;
  /** Value of the Observe option. */
  readonly observe: number | undefined;
  readonly locationPath: readonly string[];
  readonly locationQuery: readonly string[];
  readonly from: LocalAddress;
  option(number: number): Uint8Array | undefined;
  /** Options that the engine doesn't know, in order. */
  readonly unrecognized: readonly { readonly number: number; readonly value: Uint8Array }[];
}

export interface ObserveOptions extends Omit<RequestOptions, "method" | "payload" | "confirmable"> {
  /** Default GET. */
  readonly method?: "GET" | "FETCH" | undefined;
  readonly payload?: Uint8Array | undefined;
  /**
   * Registers again when Max-Age of the last notification and 5 to 15 s more are over (RFC 7641 section 3.3.1): a server that restarted
   * is found again. Default false: silence is the caller's to judge.
   */
  readonly reRegister?: boolean | undefined;
}

/**
 * Why an observation is over. `refused`: an error, or an answer without Observe (it came to `notification` first when 2.xx);
 * `reset`: the server no longer knows the path; `timeout`: nobody answered the registration; `stopped`: the endpoint did.
 */
export type ObservationEnd = "cancelled" | "refused" | "reset" | "timeout" | "stopped";

export interface ObservationListener {
  /** In order: stale notifications (RFC 7641 section 3.4) never arrive here. */
  notification(response: CoapResponse): void;
  ended(reason: ObservationEnd, response?: CoapResponse): void;
}

export interface Observation {
  /** Tells the server (GET with Observe 1) and ends with `cancelled`. Idempotent. */
  cancel(): void;
  /** Registers again with the same token: for the caller's own rule about Max-Age. Doesn't make a second stream. */
  renew(): void;
  readonly isActive: boolean;
}

export interface DiscoverOptions {
  /** `224.0.1.187`, `ff02::fd`... */
  readonly group: string;
  readonly port: number;
  /** Interface names or their IPv4 addresses; default all that the transport names. */
  readonly interfaces?: readonly string[] | undefined;
  /** Uri-Query of the GET on `/.well-known/core`, such as `rt=coxswain.manager`. */
  readonly query: string;
  /** How long answers are taken. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}
