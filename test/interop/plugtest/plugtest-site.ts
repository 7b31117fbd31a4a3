import { CoapEndpoint, type CoapEndpointOptions } from "../../../coap/endpoint.ts";
import type { Route } from "../../../coap/route.ts";
import type { Clock } from "../../../kernel/clock.ts";

/** How many of what clients make are kept; the oldest goes. */
export const maxCreated = 32;
/** Largest body that a client may leave here, in bytes. */
export const maxBody = 65_536;

/**
 * One set of resources at several endpoints: what a client changes over UDP, another sees over DTLS. Resources know the site alone.
 */
export class PlugtestSite {
  readonly clock: Clock;
  readonly #endpoints: CoapEndpoint[] = [];
  readonly #routes: Route[] = [];
  readonly #stops: (() => void)[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
  }

  route(route: Route): void {
    this.#routes.push(route);
    for (const endpoint of this.#endpoints) endpoint.route(route);
  }

  /** Tells everyone, at every endpoint, who observes `path`. */
  notify(path: string): void {
    for (const endpoint of this.#endpoints) endpoint.notify(path);
  }

  observers(path: string): number {
    return this.#endpoints.reduce((sum, endpoint) => sum + endpoint.observers(path), 0);
  }

  /** As a reboot would: nobody is told. */
  forgetObservers(path: string): void {
    for (const endpoint of this.#endpoints) endpoint.forgetObservers(path);
  }

  /** Called when the site stops. */
  onStop(stop: () => void): void {
    this.#stops.push(stop);
  }

  /** Starts an endpoint with all resources; rejects as `CoapEndpoint.start` does. */
  async open(options: Omit<CoapEndpointOptions, "clock">): Promise<CoapEndpoint> {
    // For checkers that know RFC 9177: in the clear it is taken only where that is said.
    const endpoint = new CoapEndpoint({ qBlock: "proven", ...options, clock: this.clock });
    for (const route of this.#routes) endpoint.route(route);
    await endpoint.start();
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    await Promise.all(this.#endpoints.splice(0).map((endpoint) => endpoint.stop()));
  }
}

const utf8 = new TextEncoder();
export const textBytes = (text: string): Uint8Array => utf8.encode(text);
