import type { CoapResponse } from "../../coap/client-types.ts";
import { decodeMessage, Malformed } from "../../coap/decode-message.ts";
import { CoapEndpoint, type CoapEndpointOptions } from "../../coap/endpoint.ts";
import { MessageView } from "../../coap/message-view.ts";
import { MessageWriter, uintBytes } from "../../coap/message-writer.ts";
import { MemoryNetwork, type MemoryNetworkOptions, type MemoryTransport } from "../../coap/transport/memory.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";

export const serverAddress = { address: "10.0.0.1", port: 5683 } as const;

/** A message as tests write and read it. */
export interface PlainMessage {
  type: "CON" | "NON" | "ACK" | "RST";
  code: number;
  messageId: number;
  token?: Uint8Array;
  options?: readonly (readonly [number, Uint8Array | string | number])[];
  payload?: Uint8Array | string;
}

const typeNames = ["CON", "NON", "ACK", "RST"] as const;
const utf8 = new TextEncoder();

export const bytesOf = (value: Uint8Array | string | number): Uint8Array =>
  typeof value === "string" ? utf8.encode(value) : typeof value === "number" ? uintBytes(value) : value;
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export function encodePlain(message: PlainMessage): Uint8Array {
  const writer = new MessageWriter(4_096);
  const token = message.token ?? new Uint8Array(0);
  if (message.code === 0) writer.empty(typeNames.indexOf(message.type), message.messageId);
  else writer.begin(typeNames.indexOf(message.type), message.code, message.messageId, token, 0, token.length);
  for (const [number, value] of message.options ?? []) {
    const bytes = bytesOf(value);
    writer.option(number, bytes, 0, bytes.length);
  }
  const payload = bytesOf(message.payload ?? "");
  writer.payload(payload, 0, payload.length);
  return writer.copy();
}

export interface SeenMessage {
  type: "CON" | "NON" | "ACK" | "RST";
  code: number;
  messageId: number;
  token: string;
  payload: string;
  /** Milliseconds of the virtual clock. */
  atMs: number;
  option(number: number): Uint8Array | undefined;
  uint(number: number): number;
  /** The values of a number option that is there more than once. */
  all(number: number): number[];
}

export function decodePlain(bytes: Uint8Array, atMs = 0): SeenMessage {
  const view = new MessageView(64);
  const reason = decodeMessage(bytes, 0, bytes.length, view);
  if (reason !== Malformed.none) throw new Error(`A malformed message was sent: ${reason}`);
  const copy = view.copy();
  return {
    type: typeNames[copy.type]!,
    code: copy.code,
    messageId: copy.messageId,
    token: Buffer.from(copy.bytes.subarray(copy.tokenStart, copy.tokenStart + copy.tokenLength)).toString("hex"),
    payload: textOf(copy.payload()),
    atMs,
    option: (number) => copy.copyOf(number),
    uint: (number) => copy.uint(number),
    all: (number) =>
      Array.from({ length: copy.optionCount }, (_, i) => i)
        .filter((i) => copy.optionNumbers[i] === number)
        .map((i) => copy.uintAt(i)),
  };
}

/** A peer without an engine: sends any bytes, keeps what it gets. */
export class RawPeer {
  readonly received: SeenMessage[] = [];
  readonly transport: MemoryTransport;
  readonly #to = RemoteAddress.from(serverAddress.address, serverAddress.port);

  constructor(transport: MemoryTransport, clock: VirtualClock) {
    this.transport = transport;
    void transport.open({
      datagram: (bytes, start, end) => {
        this.received.push(decodePlain(bytes.slice(start, end), clock.monotonicMs()));
      },
    });
  }

  send(message: PlainMessage): void {
    this.sendBytes(encodePlain(message));
  }

  sendBytes(bytes: Uint8Array, to = this.#to): void {
    this.transport.send(bytes, 0, bytes.length, to);
  }

  /** What came since the last call. */
  take(): SeenMessage[] {
    return this.received.splice(0);
  }
}

export interface WorldOptions extends Partial<Omit<MemoryNetworkOptions, "clock" | "entropy">> {
  seed?: number;
  limits?: CoapEndpointOptions["limits"];
  clientLimits?: CoapEndpointOptions["limits"];
  groups?: readonly string[];
  /** Of the server; by default these tests' addresses are taken as they come. */
  amplification?: CoapEndpointOptions["amplification"];
  /** Of the server. */
  qBlock?: CoapEndpointOptions["qBlock"];
}

type EndpointMore = Pick<CoapEndpointOptions, "congestion" | "amplification" | "qBlock">;

/** A server, a client and raw peers on one network and one virtual clock. */
export class World {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly server: CoapEndpoint;
  readonly client: CoapEndpoint;
  readonly seed: number;
  #peers = 0;

  constructor(options: WorldOptions = {}) {
    const { seed = 1, limits, clientLimits, groups = [], amplification = "none", qBlock, ...network } = options;
    this.seed = seed;
    const { clock } = this;
    this.network = new MemoryNetwork({ clock, entropy: seededEntropy(`${seed}/network`), delayMs: [1, 2], ...network });
    const atServer = this.network.transport(serverAddress.address, serverAddress.port, { groups });
    this.server = this.endpoint(atServer, limits, { amplification, qBlock });
    this.client = this.endpoint(this.network.transport("10.0.0.2", 40_000), clientLimits);
  }

  endpoint(transport: MemoryTransport, limits?: CoapEndpointOptions["limits"], more: EndpointMore = {}): CoapEndpoint {
    const entropy = seededEntropy(`${this.seed}/${transport.local.address}`);
    return new CoapEndpoint({ transport, clock: this.clock, entropy, log: silentLog, limits, ...more });
  }

  async start(): Promise<this> {
    await this.server.start();
    await this.client.start();
    return this;
  }

  async stop(): Promise<void> {
    await this.client.stop();
    await this.server.stop();
  }

  rawPeer(address = `10.0.1.${++this.#peers}`, port = 50_000): RawPeer {
    return new RawPeer(this.network.transport(address, port), this.clock);
  }

  /** Moves time until the promise settles; fails when it hasn't after `maxMs`. */
  async run<T>(promise: Promise<T>, maxMs = 600_000): Promise<T> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => undefined);
    await this.clock.settle();
    const until = this.clock.monotonicMs() + maxMs;
    while (!isSettled) {
      const due = this.clock.nextDueMs();
      if (due === undefined || due > until) throw new Error(`Nothing settled within ${maxMs} ms of virtual time.`);
      await this.clock.advance(Math.max(0, due - this.clock.monotonicMs()));
    }
    return settled;
  }

  get(path: string, more: Partial<Parameters<CoapEndpoint["request"]>[0]> = {}): Promise<CoapResponse> {
    return this.run(
      this.client.request({ to: serverAddress, method: "GET", path: path.split("/").filter(Boolean), ...more }),
    );
  }
}
