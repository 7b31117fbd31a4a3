import type { Duplex } from "node:stream";
import type { MemoryNetwork, MemoryTransport } from "../../coap/transport/memory.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type {
  Core,
  CoreEnding,
  CoreEvent,
  CoreLibrary,
  CoreOptions,
  CoreStatus,
  ResetReason,
  StreamName,
} from "./core.ts";

export interface SimNodeOptions {
  readonly library: CoreLibrary;
  readonly network: MemoryNetwork;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** IPv4 address on the network; the node's socket is its port 5683. */
  readonly address: string;
  readonly image: Uint8Array;
  /** Bytes of flash; default 256 KiB, which leave 104 KiB a slot. */
  readonly flashSize?: number;
  readonly core: Omit<CoreOptions, "flash" | "seed" | "nowMs" | "resetReason" | "cutPowerAfter">;
  /** Opens a TCP connection and says how it went; `undefined`: refused. Destroying what it gave is a silence, not a reset. */
  readonly connect?: (stream: StreamName, opened: (duplex: Duplex | undefined) => void) => void;
  readonly onLog?: (line: string) => void;
  readonly onEnding?: (ending: CoreEnding) => void;
  /** The last of one power cycle, before RAM is gone. */
  readonly onLast?: (status: CoreStatus) => void;
}

/** From reset to the first step of the next boot. */
const restartMs = 500;
const nodePort = 5683;

/** One node on a memory network and a virtual clock: steps its core when due, and boots it again after each end. */
export class SimNode {
  readonly flash: Uint8Array;
  readonly #options: SimNodeOptions;
  readonly #streams = new Map<StreamName, { duplex: Duplex; waiting: Uint8Array[]; isEnded: boolean }>();
  /** Connections that are being opened; the core may give one up. */
  readonly #connecting = new Map<StreamName, symbol>();
  #core: Core | undefined;
  #transport: MemoryTransport | undefined;
  #timer: Timer | undefined;
  #isInStep: boolean = false;
  #cutNextAfter = 0;
  #isComingBack: boolean = false;
  /** Power cycles so far. */
  boots = 0;

  constructor(options: SimNodeOptions) {
    this.#options = options;
    this.flash = options.library.flashWith(options.image, options.flashSize);
  }

  get id(): string {
    return this.#options.core.id;
  }

  get address(): string {
    return this.#options.address;
  }

  /** It ended by itself and nothing starts it again. */
  get isAbandoned(): boolean {
    return this.#core === undefined && this.#timer === undefined && !this.#isComingBack;
  }

  get isOn(): boolean {
    return this.#core !== undefined;
  }

  /** Throws while the power is off. */
  get status(): CoreStatus {
    if (this.#core === undefined) throw new Error(`${this.id} is off`);
    return this.#core.status;
  }

  async powerOn(resetReason: ResetReason = "power-on"): Promise<void> {
    if (this.#transport !== undefined) return;
    const { clock, entropy, library, network, address, core } = this.#options;
    this.boots++;
    const transport = network.transport(address, nodePort);
    this.#transport = transport;
    await transport.open({
      datagram: (bytes, start, end, source) => {
        this.#core?.datagram(
          { address: source.text(), port: source.port },
          bytes.slice(start, end),
          source.isMulticast,
        );
        this.#stepSoon();
      },
    });
    // Power may have gone again at once.
    if (this.#transport !== transport) return;
    this.#core = library.powerOn({
      ...core,
      flash: this.flash,
      seed: entropy.uint32(),
      nowMs: clock.monotonicMs(),
      resetReason,
      cutPowerAfter: this.#cutNextAfter,
    });
    this.#cutNextAfter = 0;
    this.#step();
  }

  /** RAM is gone, flash stays. */
  async powerOff(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#core !== undefined) this.#options.onLast?.(this.#core.status);
    this.#core = undefined;
    this.#connecting.clear();
    for (const { duplex } of this.#streams.values()) duplex.destroy();
    this.#streams.clear();
    const transport = this.#transport;
    this.#transport = undefined;
    await transport?.close();
  }

  /** Power goes within the n-th flash operation from now; while the node is off, of its next boot. */
  cutPowerAfter(operations: number): void {
    if (this.#core === undefined) this.#cutNextAfter = operations;
    else this.#core.cutPowerAfter(operations);
  }

  #stepSoon(): void {
    if (this.#isInStep) return;
    this.#arm(0);
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(delayMs, () => this.#step());
  }

  #step(): void {
    const core = this.#core;
    if (core === undefined) return;
    this.#isInStep = true;
    const now = Math.floor(this.#options.clock.monotonicMs());
    this.#offer(core);
    const due = core.step(now);
    for (const event of core.drain()) this.#take(event);
    this.#isInStep = false;
    if (core.ending !== "running") {
      void this.#end(core.ending);
      return;
    }
    if (due !== Infinity) this.#arm(Math.max(due - now, due > now ? 0 : 1));
  }

  async #end(ending: CoreEnding): Promise<void> {
    await this.powerOff();
    this.#options.onEnding?.(ending);
    if (ending === "terminated" || ending === "blank") return;
    const reason = ending === "restart" ? "restart" : ending === "crashed" ? "crash" : "power-on";
    this.#isComingBack = true;
    this.#options.clock.after(restartMs, () => {
      this.#isComingBack = false;
      void this.powerOn(reason);
    });
  }

  #take(event: CoreEvent): void {
    switch (event.kind) {
      case "datagram":
        this.#transport?.send(event.bytes, 0, event.bytes.length, RemoteAddress.from(event.address, event.port));
        return;
      case "log":
        this.#options.onLog?.(`${this.id} ${event.level} ${event.line}`);
        return;
      case "connect":
        this.#connect(event.stream);
        return;
      case "data":
        this.#streams.get(event.stream)?.duplex.write(event.bytes.slice());
        return;
      case "close": {
        const stream = this.#streams.get(event.stream);
        this.#connecting.delete(event.stream);
        this.#streams.delete(event.stream);
        stream?.duplex.end();
        return;
      }
    }
  }

  #connect(name: StreamName): void {
    const attempt = Symbol(name);
    this.#connecting.set(name, attempt);
    const connect = this.#options.connect ?? ((_name, opened): void => opened(undefined));
    connect(name, (duplex) => {
      if (this.#connecting.get(name) !== attempt) {
        duplex?.destroy();
        return;
      }
      this.#connecting.delete(name);
      this.#core?.connected(name, duplex !== undefined);
      if (duplex !== undefined) this.#follow(name, duplex);
      this.#arm(1);
    });
  }

  #follow(name: StreamName, duplex: Duplex): void {
    const core = this.#core;
    const stream = { duplex, waiting: [] as Uint8Array[], isEnded: false };
    this.#streams.set(name, stream);
    const isCurrent = (): boolean => this.#core === core && this.#streams.get(name) === stream;
    duplex.on("data", (bytes: Uint8Array) => {
      if (!isCurrent()) return;
      stream.waiting.push(new Uint8Array(bytes));
      this.#stepSoon();
    });
    const ended = (): void => {
      if (!isCurrent()) return;
      stream.isEnded = true;
      this.#stepSoon();
    };
    duplex.on("end", ended);
    duplex.on("close", ended);
    duplex.on("error", ended);
  }

  /** What the streams brought, as far as the core has room. */
  #offer(core: Core): void {
    for (const [name, stream] of this.#streams) {
      const { waiting } = stream;
      for (let bytes = waiting.shift(); bytes !== undefined; bytes = waiting.shift()) {
        const taken = core.data(name, bytes);
        if (taken === bytes.length) continue;
        waiting.unshift(bytes.subarray(taken));
        break;
      }
      if (!stream.isEnded || waiting.length > 0) continue;
      this.#streams.delete(name);
      core.ended(name);
    }
  }
}
