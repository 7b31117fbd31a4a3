import type { CoapEndpoint } from "../../../coap/endpoint.ts";
import type { Peer, PeerIdentity, Route } from "../../../coap/route.ts";
import type { NodeSessions } from "./node-sessions.ts";

export interface CoapDoorsOptions {
  /** In the clear, and OSCORE. */
  readonly open: CoapEndpoint;
  /** DTLS, on a port of its own; undefined: the manager doesn't speak it. */
  readonly secured?: { readonly endpoint: CoapEndpoint; readonly sessions: NodeSessions } | undefined;
}

/** The manager's CoAP endpoints as one: the same routes, the same observers' news, whichever port somebody comes in by. */
export class CoapDoors {
  readonly open: CoapEndpoint;
  readonly secured: CoapDoorsOptions["secured"];
  readonly #all: readonly CoapEndpoint[];

  constructor({ open, secured }: CoapDoorsOptions) {
    this.open = open;
    this.secured = secured;
    this.#all = secured === undefined ? [open] : [open, secured.endpoint];
  }

  /** All or none. */
  async start(): Promise<void> {
    try {
      for (const each of this.#all) await each.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    for (const each of this.#all) await each.stop();
  }

  route(route: Route): void {
    for (const each of this.#all) each.route(route);
  }

  routes(): readonly Route[] {
    return this.open.routes();
  }

  notify(path: string | readonly string[], filter?: (peer: Peer) => boolean): void {
    for (const each of this.#all) each.notify(path, filter);
  }

  observers(path?: string | readonly string[]): number {
    let count = 0;
    for (const each of this.#all) count += each.observers(path);
    return count;
  }

  /** Counts by endpoint: `coap`, and where DTLS is spoken `coaps` and of it `dtls`. */
  counters(): Readonly<Record<string, Readonly<Record<string, number>>>> {
    const { secured } = this;
    if (secured === undefined) return { coap: this.open.counters() };
    return { coap: this.open.counters(), coaps: secured.endpoint.counters(), dtls: secured.sessions.counters() };
  }

  /** Where somebody with that identity came in. */
  of(identity: PeerIdentity): CoapEndpoint {
    const isSession = identity.kind !== "none" && identity.scheme !== "oscore";
    return isSession && this.secured !== undefined ? this.secured.endpoint : this.open;
  }
}
