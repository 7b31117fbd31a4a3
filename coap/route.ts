import type { Method } from "./message.ts";

/** Who a request came from, as the security layer proved it. Identity never comes from an address. */
export type PeerIdentity =
  | { readonly kind: "none" }
  | { readonly kind: "node" | "operator"; readonly id: string; readonly scheme: "psk" | "x509" | "oscore" }
  /** It has a key that it may get its own one with, and that is good for nothing else. */
  | { readonly kind: "enrolment"; readonly id: string; readonly scheme: "oscore" };

export interface Peer {
  /** Text of the IP address, with `%interface` for link-local IPv6. */
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly isLoopback: boolean;
  /** Index into this endpoint's peer table: private to this process and reused, never stored, logged or sent. */
  readonly row: number;
  readonly identity: PeerIdentity;
}

/**
 * One request with its whole body (block-wise transfers are put together before a route sees them).
 * `answer` gets a view that is reused: it and everything it hands out are valid in that turn only. `later` gets a copy.
 */
export interface CoapRequest {
  readonly peer: Peer;
  readonly method: Method;
  /** Decoded Uri-Path segments. */
  readonly path: readonly string[];
  /** Values of the `:name` segments of the route; `*` holds the rest, joined by `/` for reading only. */
  readonly params: Readonly<Record<string, string>>;
  /** Uri-Query options as they came, `name=value` or `name`. */
  readonly queries: readonly string[];
  /** Value of the first `name=value`; the empty string for a bare `name`; undefined when absent. */
  query(name: string): string | undefined;
  readonly contentFormat: number | undefined;
  readonly accept: number | undefined;
  /** Value of the Observe option: 0 register, 1 deregister. Inside a notification it is 0. */
  readonly observe: number | undefined;
  readonly payload: Uint8Array;
  /** The payload without a view made of it: `payloadBytes[payloadStart, payloadEnd)`. For routes that every node takes every minute. */
  readonly payloadBytes: Uint8Array;
  readonly payloadStart: number;
  readonly payloadEnd: number;
  readonly isConfirmable: boolean;
  readonly isMulticast: boolean;
  /** Raw value of the first option with that number. */
  option(number: number): Uint8Array | undefined;
  /** All values of an option that may be repeated. */
  values(number: number): readonly Uint8Array[];
  /** Options that the engine doesn't know, in order. A route that forwards passes them on; to another they mean nothing. */
  readonly unrecognized: readonly { readonly number: number; readonly value: Uint8Array }[];
  /** Where the datagram was received, when the transport knows it. */
  readonly localAddress: string | undefined;
}

/** A representation that is read at any offset, so that any block can be asked for at any time. */
export interface BodySource {
  /** Whole length in bytes. */
  readonly size: number;
  /** 1..8 bytes, another one for other bytes. */
  readonly etag: Uint8Array;
  /** Exactly `length` bytes at `offset`; a promise makes the answer a separate one. A rejection becomes 5.00. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
}

/**
 * What a route answers. In `answer` it is filled in place; before, it holds the usual code of the method
 * (2.05 for GET and FETCH, 2.02 for DELETE, 2.04 for the others), no payload and no options.
 */
export interface CoapReply {
  code: number;
  /** Copied before the turn ends. */
  payload: Uint8Array;
  contentFormat: number | undefined;
  /** Seconds; 60 is what a client assumes without it (RFC 7252 section 5.10.5). */
  maxAge: number | undefined;
  /** 1..8 bytes. A GET that names it is answered 2.03 without the payload. */
  etag: Uint8Array | undefined;
  locationPath: readonly string[] | undefined;
  locationQuery: readonly string[] | undefined;
  /** Instead of `payload`. */
  body: BodySource | undefined;
  /** Further options, raw: what a proxy passes back. Not for options that have a field here. */
  options: readonly { readonly number: number; readonly value: Uint8Array }[] | undefined;
  /** False refuses an observation that the route would allow. */
  observable: boolean;
  /**
   * Instead of all else: the answer is what this resolves to, then, as a `later` route's is. For a route that seldom has to wait.
   * A rejection becomes 5.00. Not for observable routes: a notification doesn't wait.
   */
  later: Promise<CoapReplyFields> | undefined;
}

/** What a `later` route resolves to: the same fields, each optional. */
export type CoapReplyFields = { [K in Exclude<keyof CoapReply, "later">]?: CoapReply[K] | undefined };

export interface LinkAttributes {
  readonly rt?: string;
  readonly if?: string;
  readonly ct?: number | readonly number[];
  readonly sz?: number;
  readonly title?: string;
  /** The resource is there under OSCORE alone (RFC 8613 section 9): a hint to who reads the links, nothing that the server checks. */
  readonly osc?: boolean;
}

interface RouteCommon {
  readonly method: Method;
  /** `/nodes/:id/health`, `/nodes/:id/proxy/*`; literal segments win over `:name`, `:name` over `*`. */
  readonly path: string;
  /**
   * What a duplicate of a request does. `again`: the handler runs again, it must be idempotent. `once`: the stored answer
   * is repeated for EXCHANGE_LIFETIME.
   */
  readonly replay: "again" | "once";
  /** Largest request body in bytes; more is 4.13 with Size1. Default `limits.maxBody`. */
  readonly maxBody?: number;
  /** Listed in `/.well-known/core` when present; routes of one path share one link. */
  readonly attributes?: LinkAttributes;
  /** Content-Formats of the request body; another, or none unless `noContentFormat` is among them, is 4.15. Absent: any. */
  readonly accepts?: readonly number[];
  /** Content-Formats the route can produce; another Accept is 4.06 before the handler runs. Absent: the handler decides. */
  readonly produces?: readonly number[];
  /** GET and FETCH only. `shared` says every observer of one path and query gets the same bytes: the route runs once a notification. */
  readonly observable?: boolean | "shared";
  /** `confirmable` sends every notification as CON; by default they are NON with a CON now and then. */
  readonly notifications?: "confirmable";
  /**
   * A proxy (RFC 7252 section 5.7.1): critical options that the engine doesn't know and that are Safe-to-Forward don't refuse the request,
   * Unsafe ones do (4.02) also when they are elective, and If-Match and If-None-Match are the route's own business.
   */
  readonly forwards?: boolean;
  /** Answers requests that came by multicast; by default only `/.well-known/core` does. */
  readonly multicast?: boolean;
  /**
   * The present ETag of what the request names, undefined when there is nothing: the engine then answers If-Match and
   * If-None-Match (4.12) before the handler runs. Without it both are unknown critical options: 4.02.
   */
  readonly etagOf?: (request: CoapRequest) => Uint8Array | undefined;
  /**
   * Whether this peer may ask this at all: undefined, or the code that refuses it (4.01, 4.03). Asked before anything is kept for the
   * request, so a forged source fills no memory. Of a body it may know one block, or nothing.
   */
  readonly allows?: (request: CoapRequest) => number | undefined;
  /**
   * Runs only requests that are shown to be new by an Echo of ours (RFC 9175 section 2.3): others are 4.01 with one. For what a delayed
   * or repeated message must not do. A peer without an identity can't be sure of an Echo and is 4.01 without.
   */
  readonly fresh?: boolean;
}

/** Synchronous: writes into the reply in the turn of the datagram. */
export interface AnswerRoute extends RouteCommon {
  answer(request: CoapRequest, reply: CoapReply): void;
}

/** Asynchronous: an empty ACK goes out after 200 ms. The signal aborts when the endpoint stops or the client goes away. */
export interface LaterRoute extends RouteCommon {
  later(request: CoapRequest, signal: AbortSignal): Promise<CoapReplyFields>;
}

export type Route = AnswerRoute | LaterRoute;
