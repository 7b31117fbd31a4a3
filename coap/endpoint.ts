import type { Clock } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import type { Log } from "../kernel/log.ts";
import type { QBlockPeers } from "./blockwise/q-block-server.ts";
import { checkAddress } from "./client/check-address.ts";
import { ClientExchanges } from "./client/client-exchanges.ts";
import { ClientTransfer } from "./client/client-transfer.ts";
import { Ping } from "./client/ping.ts";
import { QBlockChannels } from "./client/q-block-channels.ts";
import { QBlockRequest } from "./client/q-block-request.ts";
import type {
  CoapResponse,
  DiscoverOptions,
  Observation,
  ObservationListener,
  ObserveOptions,
  RequestOptions,
  Target,
} from "./client-types.ts";
import { type Counters, newCounters } from "./counters.ts";
import { malformedNames } from "./decode-message.ts";
import { Link } from "./exchange/link.ts";
import { MessageLayer } from "./exchange/message-layer.ts";
import { Outbox } from "./exchange/outbox.ts";
import { PeerTable } from "./exchange/peer-table.ts";
import { faults } from "./faults.ts";
import { type CoapLimits, coapLimits } from "./limits.ts";
import { discovery } from "./multicast/discovery.ts";
import type { ObservationKind } from "./observe/observation-types.ts";
import { Observations } from "./observe/observations.ts";
import type { Peer, PeerIdentity, Route } from "./route.ts";
import { noSecurity } from "./security/none.ts";
import type { OscoreContext } from "./security/oscore/oscore-context.ts";
import type { OscoreContexts } from "./security/oscore/oscore-contexts.ts";
import { OscoreLayer } from "./security/oscore/oscore-layer.ts";
import type { Security } from "./security/security.ts";
import type { AmplificationLimit } from "./server/address-proof.ts";
import { Server } from "./server/server.ts";
import { wellKnownCore } from "./server/well-known-core.ts";
import { RemoteAddress } from "./transport/remote-address.ts";
import type { LocalAddress, Transport } from "./transport/transport.ts";

export interface CoapEndpointOptions {
  readonly transport: Transport;
  /** Default `noSecurity()`. */
  readonly security?: Security | undefined;
  /** Contexts of OSCORE (RFC 8613): with them protected requests are answered and sent, in the clear or inside `security`. */
  readonly oscore?: OscoreContexts | undefined;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Overrides of `coapLimits.defaults`, one by one. */
  readonly limits?: { readonly [Name in keyof CoapLimits]?: number | undefined } | undefined;
  /**
   * Who is sent at most three times what it sent until it has proven its address: default `routable`, every address without an
   * identity but loopback.
   */
  readonly amplification?: AmplificationLimit | undefined;
  /**
   * Who may ask with Q-Block1 and Q-Block2 (RFC 9177): default `secured`, peers with an identity of DTLS; `proven` takes it in the clear
   * too, once an address has proven itself; `off` from nobody. Never inside OSCORE.
   */
  readonly qBlock?: QBlockPeers | undefined;
  /**
   * Says that something else keeps the path free of congestion: a link of one's own, loopback, measured round trips. Only then may
   * `ackTimeoutMs` be below and `nstart` above their defaults (RFC 7252 section 4.8.1).
   */
  readonly congestion?: "controlled-elsewhere" | undefined;
}

const nobody: PeerIdentity = { kind: "none" };

/** One socket that is server and client at once, so that a node behind NAT is reached on the path its own traffic opened. */
export class CoapEndpoint {
  readonly #transport: Transport;
  readonly #security: Security;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #limits: CoapLimits;
  readonly #counters: Counters = newCounters();
  readonly #peers: PeerTable;
  readonly #outbox: Outbox;
  readonly #server: Server;
  readonly #exchanges: ClientExchanges;
  readonly #qBlocks: QBlockChannels;
  readonly #observations: Observations;
  readonly #messages: MessageLayer;
  readonly #ping: Ping;
  readonly #target = new RemoteAddress();
  #state: "new" | "started" | "stopped" = "new";
  #hasOwnCore: boolean = false;

  constructor(options: CoapEndpointOptions) {
    const { transport, security = noSecurity(), clock, entropy, log, limits = {}, congestion } = options;
    this.#transport = transport;
    this.#security = security;
    this.#clock = clock;
    this.#entropy = entropy;
    this.#limits = coapLimits.resolve(limits);
    if (congestion === undefined) checkCongestionLimits(this.#limits);
    const changedHands = (row: number): void => {
      this.#server.dropPeer(row);
      this.#exchanges.dropPeer(row);
      this.#qBlocks.dropPeer(row);
      this.#outbox.dropPeer(row);
      this.#link.echoes.forget(row);
      oscore?.dropPeer(row);
    };
    this.#peers = new PeerTable({ limits: this.#limits, clock, entropy, changedHands });
    const oscore = options.oscore && new OscoreLayer({ contexts: options.oscore, clock, limits: this.#limits });
    const link = new Link({
      limits: this.#limits,
      counters: this.#counters,
      entropy,
      peers: this.#peers,
      security,
      oscore,
      log,
    });
    this.#outbox = new Outbox(link, clock);
    this.#server = new Server({
      link,
      outbox: this.#outbox,
      clock,
      amplification: options.amplification ?? "routable",
      qBlock: options.qBlock ?? "secured",
    });
    this.#exchanges = new ClientExchanges(link, this.#outbox, clock);
    this.#qBlocks = new QBlockChannels(link, this.#outbox);
    this.#observations = new Observations({ link, exchanges: this.#exchanges, qBlocks: this.#qBlocks, clock });
    this.#ping = new Ping(link, this.#outbox);
    this.#messages = new MessageLayer({
      link,
      outbox: this.#outbox,
      server: this.#server,
      exchanges: this.#exchanges,
      qBlocks: this.#qBlocks,
      observations: this.#observations,
      clock,
    });
    this.#link = link;
    if (oscore === undefined) return;
    oscore.contexts.removed = (context) => {
      oscore.recovery.forget(context);
      this.#server.dropContext(context);
      this.#exchanges.dropContext(context);
      this.#observations.dropContext(context);
    };
  }

  readonly #link: Link;

  /** Binds and begins to answer. Rejects with `coap.port-in-use` or `coap.bind-failed` when the address can't be bound. */
  async start(): Promise<void> {
    if (this.#state !== "new") throw new Error("A CoAP endpoint is started once.");
    if (!this.#hasOwnCore) this.#server.router.add(wellKnownCore(() => this.routes()));
    const transport = this.#transport;
    const security = this.#security;
    security.start(this.#messages, {
      send: (bytes, start, end, destination) => transport.send(bytes, start, end, destination),
    });
    this.#state = "started";
    try {
      await transport.open({
        datagram: (bytes, start, end, source) => {
          try {
            security.datagram(bytes, start, end, source);
          } catch (error) {
            // One bad message never stops the stream; that it came this far is ours to mend.
            this.#link.failed("coap-datagram-failed", error, {});
          }
        },
      });
    } catch (error) {
      this.#state = "stopped";
      security.stop();
      throw error;
    }
  }

  /** Ends observations, rejects open requests with `coap.stopped`, aborts running handlers, closes the socket. Idempotent. */
  async stop(): Promise<void> {
    if (this.#state !== "started") {
      this.#state = "stopped";
      return;
    }
    this.#state = "stopped";
    this.#observations.stop();
    this.#exchanges.stop();
    this.#qBlocks.stop();
    this.#ping.stop();
    this.#server.stop();
    this.#outbox.stop();
    this.#peers.stop();
    this.#security.stop();
    await this.#transport.close();
  }

  /** Adds a route. Throws `coap.bad-route` on a pattern that is malformed or taken. */
  route(route: Route): void {
    if (route.method === "GET" && route.path === "/.well-known/core") this.#hasOwnCore = true;
    this.#server.router.add(route);
  }

  routes(): readonly Route[] {
    return this.#server.router.entries().map(({ route }) => route);
  }

  /**
   * The representation at `path` changed: after this turn the route runs for each observer and what it answers is sent. An error
   * ends the observation (RFC 7641 section 4.2). One confirmable notification is under way for each observer; changes coalesce meanwhile.
   */
  notify(path: string | readonly string[], filter?: (peer: Peer) => boolean): void {
    this.#server.observers.notify(segmentsOf(path), filter);
  }

  /** How many observe `path`; all paths when it is left out. */
  observers(path?: string | readonly string[]): number {
    return path === undefined ? this.#server.observers.size : this.#server.observers.countOf(segmentsOf(path));
  }

  /** Ends the observations of `path` without a word to the observers, as a restart would. */
  forgetObservers(path: string | readonly string[]): void {
    this.#server.observers.forget(segmentsOf(path));
  }

  /**
   * Sends a request and resolves with any response, put together from blocks where it came in blocks. Rejects with a Fault:
   * `coap.timeout`, `coap.reset`, `coap.stopped`, `coap.queue-full`, `coap.response-too-large`, `coap.representation-changed`,
   * `coap.bad-response`, `coap.bad-request`, `coap.bad-address`, `coap.not-started`; or with the reason of the signal.
   */
  request(options: RequestOptions): Promise<CoapResponse> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const onAbort = (): void => {
        transfer.cancel();
        reject(signal?.reason);
      };
      const parts = {
        link: this.#link,
        exchanges: this.#exchanges,
        peer: this.#peerOf(options.to),
        oscore: this.#oscoreOf(options.to),
        request: options,
        resolved(response: CoapResponse) {
          signal?.removeEventListener("abort", onAbort);
          resolve(response);
        },
        failed(fault: Error) {
          signal?.removeEventListener("abort", onAbort);
          reject(fault);
        },
      };
      const transfer =
        options.qBlock === true
          ? new QBlockRequest({ ...parts, channels: this.#qBlocks, clock: this.#clock })
          : new ClientTransfer(parts);
      signal?.addEventListener("abort", onAbort, { once: true });
      transfer.start();
    });
  }

  /** Observes a resource. Everything, failures too, comes to the listener; stale notifications don't. Throws what `observeRow` throws. */
  observe(options: ObserveOptions, listener: ObservationListener): Observation {
    const { to, ...request } = options;
    const kind: ObservationKind = {
      ...request,
      notification: (_context, response) => listener.notification(response),
      ended: (_context, reason, response) => {
        isActive = false;
        listener.ended(reason, response);
      },
    };
    let isActive = true;
    const row = this.observeRow(to, kind, 0);
    const observations = this.#observations;
    return {
      cancel() {
        if (isActive) observations.cancel(row);
      },
      renew() {
        if (isActive) observations.renew(row);
      },
      get isActive() {
        return isActive;
      },
    };
  }

  /**
   * For observing many: one `kind` object for all observations alike, `context` a number of the caller's for each. Returns its row, for
   * `cancelRow` and `renewRow`; the row is the caller's until `ended`. Throws `coap.queue-full`, `coap.bad-request`, `coap.bad-address`.
   */
  observeRow(to: Target, kind: ObservationKind, context: number): number {
    return this.#observations.open(this.#peerOf(to), kind, context, this.#oscoreOf(to));
  }

  cancelRow(row: number): void {
    this.#observations.cancel(row);
  }

  renewRow(row: number): void {
    this.#observations.renew(row);
  }

  /** Observations of ours that are open. */
  observations(): number {
    return this.#observations.size;
  }

  /**
   * Asks a multicast group for `/.well-known/core` from sockets of its own, one for each interface. `onResponse` gets each address's
   * answer once, whole; resolves after `waitMs` or when the signal aborts. Rejects when no interface could be used.
   */
  async discover(options: DiscoverOptions, onResponse: (response: CoapResponse) => void): Promise<void> {
    const rest: Promise<void>[] = [];
    const heard = (response: CoapResponse): void => {
      try {
        onResponse(response);
      } catch (error) {
        this.#link.failed("coap-listener-failed", error, {});
      }
    };
    await discovery({
      transport: this.#transport,
      clock: this.#clock,
      entropy: this.#entropy,
      maxOptions: this.#limits.maxOptions,
      discover: options,
      onResponse: (response, more) => {
        if (!more) {
          heard(response);
          return;
        }
        const request = this.request({
          to: response.from,
          method: "GET",
          path: [".well-known", "core"],
          queries: options.query === "" ? [] : options.query.split("&"),
          // RFC 7959 section 2.8: the size that the server chose.
          blockSize: response.payload.length,
          signal: options.signal,
        });
        // Whoever doesn't bring the rest hasn't answered.
        rest.push(request.then(heard, () => undefined));
      },
    });
    await Promise.all(rest);
  }

  /** An empty confirmable message; true when the peer answers (by RFC 7252 with a Reset), false when nothing comes. */
  ping(to: Target, signal?: AbortSignal): Promise<boolean> {
    return this.#ping.send(this.#peerOf(to), signal);
  }

  /** Counts since the start, by name: what was received, sent, dropped and why; and how much is held now. */
  counters(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = { ...this.#counters };
    for (const [name, value] of Object.entries(this.#transport.counters())) counts[`transport.${name}`] = value;
    for (const [name, value] of Object.entries(this.#security.counters?.() ?? {})) counts[`security.${name}`] = value;
    for (const [name, value] of Object.entries(this.#link.oscore?.counts ?? {})) counts[`oscore.${name}`] = value;
    for (let i = 1; i < malformedNames.length; i++)
      counts[`malformed.${malformedNames[i]}`] = this.#messages.malformed[i]!;
    for (const [name, value] of Object.entries(this.#server.sizes())) counts[`held.${name}`] = value;
    counts["held.peers"] = this.#peers.size;
    counts["held.requests"] = this.#exchanges.size;
    counts["held.qBlockRequests"] = this.#qBlocks.size;
    counts["held.outstanding"] = this.#outbox.size;
    counts["held.observations"] = this.#observations.size;
    return counts;
  }

  /** Valid after `start`. */
  address(): LocalAddress {
    return this.#transport.address();
  }

  /** What a message to that target is protected with: undefined in the clear, which an identity of OSCORE never falls back to. */
  #oscoreOf({ oscore, identity }: Target): OscoreContext | undefined {
    const isNamed = identity !== undefined && identity.kind !== "none" && identity.scheme === "oscore";
    if (oscore === undefined && !isNamed) return undefined;
    const context = oscore ?? (isNamed ? this.#link.oscore?.contexts.of(identity) : undefined);
    const isUsable = context?.isRemoved === false && this.#link.oscore !== undefined;
    if (!isUsable) throw faults("coap.oscore-no-context", { peer: isNamed ? identity.id : "this target" });
    return context;
  }

  #peerOf({ address, port, interface: name }: Target): number {
    if (this.#state === "stopped") throw faults("coap.stopped", {});
    if (this.#state === "new") throw faults("coap.not-started", {});
    checkAddress(address, port);
    const isIpv6 = address.includes(":");
    if (isIpv6 ? /^ff/i.test(address) : Number.parseInt(address, 10) >= 224) {
      throw faults("coap.bad-request", { what: `${address} is a group, which only discover can ask` });
    }
    const isScoped = isIpv6 && name !== undefined && !address.includes("%");
    this.#target.set(isScoped ? `${address}%${name}` : address, port, isIpv6 ? 6 : 4);
    const known = this.#peers.find(this.#target);
    if (known >= 0) return known;
    const row = this.#peers.admit(this.#target, nobody);
    if (row < 0) throw faults("coap.queue-full", { limit: "peers", value: this.#limits.peers });
    return row;
  }
}

/** RFC 7252 section 4.8.1: faster or more at once only with another congestion control. */
function checkCongestionLimits({ ackTimeoutMs, nstart }: CoapLimits): void {
  const { defaults } = coapLimits;
  if (ackTimeoutMs < defaults.ackTimeoutMs) throw faults("coap.congestion", { limit: "ackTimeoutMs" });
  if (nstart > defaults.nstart) throw faults("coap.congestion", { limit: "nstart" });
}

/** `/nodes/n1/health` or its segments. */
function segmentsOf(path: string | readonly string[]): readonly string[] {
  if (typeof path !== "string") return path;
  const inner = path.startsWith("/") ? path.slice(1) : path;
  return inner === "" ? [] : inner.split("/");
}
