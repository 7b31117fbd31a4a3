import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { CoapEndpoint } from "../../../coap/endpoint.ts";
import { RemoteAddress } from "../../../coap/transport/remote-address.ts";
import type { DatagramReceiver, LocalAddress, Transport } from "../../../coap/transport/transport.ts";
import type { Log } from "../../../kernel/log.ts";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import { DatagramMaker, lastBlindHost } from "./datagram-maker.ts";
import { addFuzzRoutes } from "./fuzz-routes.ts";
import { Random } from "./random.ts";
import { ReplyOracle } from "./reply-oracle.ts";

export interface EndpointFuzzOptions {
  readonly datagrams: number;
  readonly seed: number;
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
  readonly counters: Readonly<Record<string, number>>;
  /** MiB of heap in use after a collection, and of the whole process, at a quarter of the run and at its end. */
  readonly heapMiB: { readonly quarter: number; readonly end: number };
  readonly residentMiB: { readonly quarter: number; readonly end: number };
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
  const maker = new DatagramMaker(random);
  const oracle = new ReplyOracle((host) => host <= lastBlindHost);
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
  const endpoint = new CoapEndpoint({ transport, clock, entropy: seededEntropy(seed), log, limits });
  addFuzzRoutes(endpoint);
  await endpoint.start();
  const client = new OwnRequests(endpoint, oracle, random);
  const source = new RemoteAddress();
  const memory = { quarter: { heap: 0, resident: 0 }, end: { heap: 0, resident: 0 } };
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
    if (random.once(4)) for (const path of ["/echo/a", "/shared", "/later/x"]) endpoint.notify(path);
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
    if (memory.quarter.heap === 0 && done * 4 >= datagrams) memory.quarter = measureMemory();
  }
  memory.end = measureMemory();
  const counters = endpoint.counters();
  if (counters["handlerFailed"] !== 0) wrong.push("a handler failed: a request reached it half-parsed");
  // What is open ends by itself; observers that never were told anything stay.
  await clock.advance(2_000_000);
  const after = endpoint.counters();
  for (const name of ["held.onceExchanges", "held.transfers", "held.running", "held.outstanding", "held.requests"]) {
    if (after[name] !== 0) wrong.push(`${name} is still ${after[name]} long after the last datagram`);
  }
  await endpoint.stop();
  if (clock.nextDueMs() !== undefined) wrong.push("a timer is left behind by a stopped endpoint");
  return {
    datagrams: counters["datagramsReceived"]!,
    seed,
    wrong: [...wrong, ...failures],
    counts: { ...oracle.counts, ownRequests: client.asked },
    counters,
    heapMiB: { quarter: memory.quarter.heap, end: memory.end.heap },
    residentMiB: { quarter: memory.quarter.resident, end: memory.end.resident },
    seconds: (performance.now() - started) / 1000,
  };
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
        this.#endpoint.observe({ to, path: ["x"] }, { notification() {}, ended });
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
    this.#endpoint.request({ to, method, path: ["x"], payload, confirmable }).then(settled, settled);
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
