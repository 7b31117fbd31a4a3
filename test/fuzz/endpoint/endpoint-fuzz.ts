import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { CoapEndpoint } from "../../../coap/endpoint.ts";
import { OscoreContexts } from "../../../coap/security/oscore/oscore-contexts.ts";
import { volatileLeases } from "../../../coap/security/oscore/sequence-leases.ts";
import { RemoteAddress } from "../../../coap/transport/remote-address.ts";
import type { DatagramReceiver, LocalAddress, Transport } from "../../../coap/transport/transport.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import { DatagramMaker, lastBlindHost } from "./datagram-maker.ts";
import { addFuzzRoutes } from "./fuzz-routes.ts";
import { OscoreHosts, oscoreKids, oscoreSecrets, oscoreServerId } from "./oscore-hosts.ts";
import { Random } from "./random.ts";
import { ReplyOracle } from "./reply-oracle.ts";

export interface EndpointFuzzOptions {
  readonly datagrams: number;
  readonly seed: number;
  /** False: nobody protects anything, and the engine has no OSCORE. */
  readonly hasOscore?: boolean | undefined;
  /** Asked now and then: true ends the run before its time. */
  readonly isOver?: (() => boolean) | undefined;
  /** Told now and then. */
  readonly progress?: ((done: number) => void) | undefined;
}

export interface EndpointFuzzReport {
  readonly datagrams: number;
  readonly seed: number;
  /** Sentences; empty when all was right. */
  readonly wrong: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  /** Of what was protected. */
  readonly protectedCounts: Readonly<Record<string, number>>;
  /** The engine's own. */
  readonly counters: Readonly<Record<string, number>>;
  /** MiB of heap in use after a collection, and of the whole process: when all tables had been full once, and at the end. */
  readonly heapMiB: { readonly begin: number; readonly end: number };
  readonly residentMiB: { readonly begin: number; readonly end: number };
  readonly seconds: number;
}

/** Small, so that each is reached again and again. */
const limits = {
  peers: 160,
  onceExchanges: 128,
  onceExchangesPerPeer: 16,
  transfers: 32,
  transferBytes: 65_536,
  observers: 48,
  observersPerPeer: 4,
  observations: 16,
  outstanding: 64,
  running: 32,
  pendingRequests: 32,
  leisurely: 16,
};
const held: Readonly<Record<string, number>> = {
  "held.peers": limits.peers,
  "held.onceExchanges": limits.onceExchanges,
  "held.transfers": limits.transfers,
  "held.transferBytes": limits.transferBytes,
  "held.observers": limits.observers,
  "held.outstanding": limits.outstanding,
  "held.running": limits.running,
  "held.requests": limits.pendingRequests,
};
const batch = 64;
const ours = 8;
/** All that can be: an observer who is never told anything would keep its place for ever. */
const observed = ["/echo/a", "/echo/b", "/store/a", "/store/long", "/shared", "/later/x", "/later/x/y"];
/** Datagrams after which code is compiled and all tables were full, the oracle's own too. */
const warmUp = 3_000_000;

/** Hands everything that the engine sends to the oracle, and to the maker what a listening host heard. */
class OracleTransport implements Transport {
  receiver: DatagramReceiver | undefined;
  isInTurn = false;
  readonly #oracle: ReplyOracle;
  readonly #maker: DatagramMaker;

  constructor(oracle: ReplyOracle, maker: DatagramMaker) {
    this.#oracle = oracle;
    this.#maker = maker;
  }

  async open(receiver: DatagramReceiver): Promise<void> {
    this.receiver = receiver;
  }
  async close(): Promise<void> {}
  send(bytes: Uint8Array, start: number, end: number, destination: RemoteAddress): void {
    const host = hostOf(destination);
    this.#maker.heard(host, this.#oracle.sent(bytes, start, end, host, this.isInTurn));
  }
  address(): LocalAddress {
    return { address: "10.0.0.1", port: 5683, family: 4 };
  }
  interfaces(): readonly string[] {
    return [];
  }
  ephemeral(): Transport {
    throw new Error("Nobody discovers here.");
  }
  counters(): Readonly<Record<string, number>> {
    return {};
  }
}

const hostOf = ({ port }: RemoteAddress): number => port - 5000;

/** Throws `datagrams` mutated datagrams at an endpoint with every sort of route, on virtual time, and watches what it does. */
export async function fuzzEndpoint(options: EndpointFuzzOptions): Promise<EndpointFuzzReport> {
  const { datagrams, seed, progress, isOver } = options;
  const started = performance.now();
  const random = new Random(seed);
  const hosts = options.hasOscore === false ? undefined : new OscoreHosts(random);
  const maker = new DatagramMaker(random, hosts);
  const oracle = new ReplyOracle((host) => host <= lastBlindHost, hosts);
  oracle.echoed = (host, inner) => maker.heardEcho(host, inner);
  const transport = new OracleTransport(oracle, maker);
  const clock = new VirtualClock();
  const failures: string[] = [];
  const log: Log = {
    debug() {},
    info() {},
    warn() {},
    error: (event, data) => failures.push(`${event} ${String(data?.["error"])}`),
    with: () => log,
  };
  const entropy = seededEntropy(seed);
  const oscore = hosts && oscoreContexts(entropy, log);
  const endpoint = new CoapEndpoint({ transport, clock, entropy, log, limits, oscore, qBlock: "proven" });
  addFuzzRoutes(endpoint);
  await endpoint.start();
  const client = new OwnRequests(endpoint, oracle, random);
  const source = new RemoteAddress();
  let begin: { heap: number; resident: number } | undefined;
  const wrong = oracle.wrong;
  for (let done = 0; done < datagrams && wrong.length === 0 && failures.length === 0; ) {
    for (let i = 0; i < batch && done < datagrams; i++, done++) {
      maker.make();
      source.set(`10.0.1.${maker.host}`, 5000 + maker.host, 4);
      source.isMulticast = maker.isMulticast;
      oracle.going(maker.bytes, maker.end, maker.host, maker.isMulticast);
      transport.isInTurn = true;
      try {
        transport.receiver!.datagram(maker.bytes, 0, maker.end, source);
      } catch (error) {
        wrong.push(`threw ${String(error)} at ${Buffer.from(maker.bytes.subarray(0, maker.end)).toString("hex")}`);
      }
      transport.isInTurn = false;
      oracle.gone(clock.monotonicMs());
    }
    client.maybeAsk();
    if (random.once(4)) for (const path of observed) endpoint.notify(path);
    await clock.advance(random.once(200) ? 300_000 : random.once(20) ? 3000 : random.below(100));
    oracle.timePassed(clock.monotonicMs());
    if (done % (batch * 64) === 0) {
      const counters = endpoint.counters();
      for (const [name, limit] of Object.entries(held)) {
        if (counters[name]! > limit) wrong.push(`${name} is ${counters[name]}, beyond ${limit}`);
      }
      progress?.(done);
      if (isOver?.() === true) break;
    }
    if (begin === undefined && (done >= warmUp || done * 4 >= datagrams)) begin = measureMemory();
  }
  const end = measureMemory();
  begin ??= end;
  const counters = endpoint.counters();
  if (counters["handlerFailed"] !== 0) wrong.push("a handler failed: a request reached it half-parsed");
  // What is open ends by itself; observers that never were told anything stay.
  await clock.advance(2_000_000);
  const after = endpoint.counters();
  for (const name of [
    "held.onceExchanges",
    "held.transfers",
    "held.qBlocks",
    "held.running",
    "held.outstanding",
    "held.requests",
  ]) {
    if (after[name] !== 0) wrong.push(`${name} is still ${after[name]} long after the last datagram`);
  }
  await endpoint.stop();
  if (clock.nextDueMs() !== undefined) wrong.push("a timer is left behind by a stopped endpoint");
  return {
    datagrams: counters["datagramsReceived"]!,
    seed,
    wrong: [...wrong, ...failures],
    counts: { ...oracle.counts, ownRequests: client.asked },
    protectedCounts: { ...hosts?.counts },
    counters,
    heapMiB: { begin: begin.heap, end: end.heap },
    residentMiB: { begin: begin.resident, end: end.resident },
    seconds: (performance.now() - started) / 1000,
  };
}

/** One of the contexts begins as after a restart: nothing verifies before an Echo came back. */
function oscoreContexts(entropy: Entropy, log: Log): OscoreContexts {
  const contexts = new OscoreContexts({ entropy, log, leases: volatileLeases(), limits: { contexts: 16 } });
  for (const [at, kid] of oscoreKids.entries()) {
    contexts.add(
      { masterSecret: oscoreSecrets[at]!, senderId: oscoreServerId, recipientId: kid },
      { identity: { kind: "node", id: `host-${at}`, scheme: "oscore" }, isNew: at > 0 },
    );
  }
  return contexts;
}

/** The endpoint's own requests and observations, so that responses meet somebody who waits for them. */
class OwnRequests {
  asked = 0;
  #open = 0;
  #observing = 0;
  readonly #endpoint: CoapEndpoint;
  readonly #oracle: ReplyOracle;
  readonly #random: Random;

  constructor(endpoint: CoapEndpoint, oracle: ReplyOracle, random: Random) {
    this.#endpoint = endpoint;
    this.#oracle = oracle;
    this.#random = random;
  }

  maybeAsk(): void {
    if (this.#open >= ours) return;
    const host = lastBlindHost + 1 + this.#random.below(10);
    const to = { address: `10.0.1.${host}`, port: 5000 + host };
    this.#oracle.targets.add(host);
    this.asked++;
    if (this.#observing < 2 && this.#random.once(3)) {
      this.#observing++;
      const ended = (): void => {
        this.#observing--;
      };
      try {
        this.#endpoint.observe({ to, path: ["x"], qBlock: this.#random.once(2) }, { notification() {}, ended });
      } catch {
        ended();
      }
      return;
    }
    const method = this.#random.pick(["GET", "PUT", "POST", "FETCH"] as const);
    const payload = method === "GET" ? undefined : new Uint8Array(this.#random.pick([0, 10, 3000]));
    this.#open++;
    const confirmable = !this.#random.once(3);
    const settled = (): void => {
      this.#open--;
    };
    const qBlock = this.#random.once(2);
    this.#endpoint.request({ to, method, path: ["x"], payload, confirmable, qBlock }).then(settled, settled);
  }
}

let collect: (() => void) | undefined;

function measureMemory(): { heap: number; resident: number } {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { heap: (heapUsed + arrayBuffers) / 1_048_576, resident: rss / 1_048_576 };
}
