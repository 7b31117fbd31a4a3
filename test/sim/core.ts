import { createRequire } from "node:module";

/** What a core did during a step, in order. */
export type CoreEvent =
  | { readonly kind: "datagram"; readonly address: string; readonly port: number; readonly bytes: Uint8Array }
  | { readonly kind: "connect"; readonly stream: StreamName; readonly address: string; readonly port: number }
  | { readonly kind: "data"; readonly stream: StreamName; readonly bytes: Uint8Array }
  | { readonly kind: "close"; readonly stream: StreamName }
  | { readonly kind: "log"; readonly level: "error" | "warn" | "info" | "debug"; readonly line: string };

export type StreamName = "mqtt" | "http";

/** Why a core is no longer stepped. `blank`: its flash holds no image. */
export type CoreEnding = "running" | "restart" | "terminated" | "crashed" | "no-power" | "blank";

export type ResetReason = "unknown" | "power-on" | "restart" | "crash" | "watchdog";

const phases = ["boot", "discovery", "operational", "maintenance", "restart", "safe", "terminated"] as const;
export type CorePhase = (typeof phases)[number];

const attemptStates = [
  ...["none", "offered", "accepted", "deferred", "downloading", "verifying", "staged"],
  ...["trial", "succeeded", "failed", "rolled-back", "cancelled", "expired"],
];

export interface CoreStatus {
  readonly phase: CorePhase;
  readonly isTrial: boolean;
  readonly isRegistered: boolean;
  readonly isBrokerConnected: boolean;
  readonly attemptState: string;
  readonly attemptPercent: number;
  readonly slot: "a" | "b";
  readonly isRolledBack: boolean;
  /** `sha256:<hex>` of the running image. */
  readonly digest: string;
  readonly version: string;
  readonly lastRev: number;
  /** Events that the life cycle says can't be. Anything but 0 is a defect. */
  readonly lifeFaults: number;
  /** Writes that real flash would have refused. Anything but 0 is a defect. */
  readonly flashFaults: number;
  readonly flashOperations: number;
  readonly boots: number;
}

export interface CoreOptions {
  readonly flash: Uint8Array;
  readonly id: string;
  readonly seed: number;
  readonly nowMs: number;
  readonly model?: string;
  readonly hardware?: string;
  /** Absent: the core looks for its manager by multicast. */
  readonly manager?: { readonly address: string; readonly port: number };
  readonly discoverPort?: number;
  readonly prefer?: "http" | "coap";
  /** Downloads by Q-Block2, which the manager must take in the clear. */
  readonly qBlock?: boolean;
  /** Bytes a second. */
  readonly downloadRate?: number;
  /** Domain of who makes the images, as in update manifests. */
  readonly vendor?: string;
  /** COSE key set. Absent: the node takes images that nobody signed. */
  readonly anchors?: Uint8Array;
  readonly resetReason?: ResetReason;
  readonly logLevel?: "error" | "warn" | "info" | "debug";
  /** Power goes within the n-th operation on flash. */
  readonly cutPowerAfter?: number;
}

interface Addon {
  size(): number;
  install(flash: Uint8Array, image: Uint8Array): number;
  create(flash: Uint8Array, config: Record<string, string | number | Uint8Array>): unknown;
  step(handle: unknown, nowMs: number): number;
  drain(handle: unknown): (number | string | Uint8Array)[];
  datagram(handle: unknown, address: string, port: number, toMulticast: boolean, bytes: Uint8Array): void;
  connected(handle: unknown, stream: number, isConnected: boolean): void;
  data(handle: unknown, stream: number, bytes: Uint8Array): number;
  ended(handle: unknown, stream: number): void;
  ending(handle: unknown): number;
  status(handle: unknown): Record<string, number> & { digest: string; version: string };
  cut(handle: unknown, operations: number): void;
}

const streams: readonly StreamName[] = ["mqtt", "http"];
const endings: readonly CoreEnding[] = ["running", "restart", "terminated", "crashed", "no-power", "blank"];
const resetReasons: readonly ResetReason[] = ["unknown", "power-on", "restart", "crash", "watchdog"];
const logLevels = ["error", "warn", "info", "debug"] as const;

/** The compiled firmware core as a factory of nodes; `path` is what `buildCore()` resolved with. */
export class CoreLibrary {
  readonly #addon: Addon;

  constructor(path: string) {
    this.#addon = createRequire(import.meta.url)(path) as Addon;
  }

  /** Bytes of RAM that one simulated node takes, its sockets included. */
  get memorySize(): number {
    return this.#addon.size();
  }

  /** Blank flash with `image` as the factory image in slot A. 256 KiB leave 104 KiB a slot. */
  flashWith(image: Uint8Array, sizeBytes = 256 * 1024): Uint8Array {
    const flash = new Uint8Array(sizeBytes).fill(0xff);
    if (this.#addon.install(flash, image) !== 0) throw new Error("the image doesn't fit into a slot");
    return flash;
  }

  /** Power on: the boot loader runs over the flash, then the core starts with its first step. */
  powerOn(options: CoreOptions): Core {
    return new Core(this.#addon, options);
  }
}

/** One power cycle of one node. Dropping it at any moment is a power cut; the flash goes on. */
export class Core {
  readonly #addon: Addon;
  readonly #handle: unknown;
  /** Keeps the flash alive as long as native code points into it. */
  readonly flash: Uint8Array;

  constructor(addon: Addon, options: CoreOptions) {
    this.#addon = addon;
    this.flash = options.flash;
    this.#handle = addon.create(options.flash, {
      id: options.id,
      model: options.model ?? "sim",
      hardware: options.hardware ?? "5111",
      managerHost: options.manager?.address ?? "",
      managerPort: options.manager?.port ?? 5683,
      discoverPort: options.discoverPort ?? 5683,
      preferCoap: options.prefer === "coap" ? 1 : 0,
      qBlock: options.qBlock === true ? 1 : 0,
      resetReason: resetReasons.indexOf(options.resetReason ?? "power-on"),
      logLevel: logLevels.indexOf(options.logLevel ?? "warn"),
      downloadRate: options.downloadRate ?? 0,
      vendor: options.vendor ?? "",
      anchors: options.anchors ?? new Uint8Array(0),
      seed: options.seed,
      nowMs: Math.floor(options.nowMs),
      cutPowerAfter: options.cutPowerAfter ?? 0,
    });
  }

  /** One turn of the node's loop. Returns when the next is due at the latest; `Infinity`: when something arrives. */
  step(nowMs: number): number {
    return this.#addon.step(this.#handle, Math.floor(nowMs));
  }

  /** What the steps since the last call sent, opened and logged. */
  drain(): CoreEvent[] {
    const flat = this.#addon.drain(this.#handle);
    const events: CoreEvent[] = [];
    for (let i = 0; i < flat.length; i += 5) {
      events.push(
        eventOf(
          flat[i] as number,
          flat[i + 1] as number,
          flat[i + 2] as string,
          flat[i + 3] as number,
          flat[i + 4] as Uint8Array,
        ),
      );
    }
    return events;
  }

  datagram(from: { readonly address: string; readonly port: number }, bytes: Uint8Array, isMulticast = false): void {
    this.#addon.datagram(this.#handle, from.address, from.port, isMulticast, bytes);
  }

  /** How a `connect` ended. */
  connected(stream: StreamName, isConnected: boolean): void {
    this.#addon.connected(this.#handle, streams.indexOf(stream), isConnected);
  }

  /** Bytes that were taken; offer the rest after another step. */
  data(stream: StreamName, bytes: Uint8Array): number {
    return this.#addon.data(this.#handle, streams.indexOf(stream), bytes);
  }

  /** The other side closed. */
  ended(stream: StreamName): void {
    this.#addon.ended(this.#handle, streams.indexOf(stream));
  }

  cutPowerAfter(operations: number): void {
    this.#addon.cut(this.#handle, operations);
  }

  get ending(): CoreEnding {
    return endings[this.#addon.ending(this.#handle)] ?? "crashed";
  }

  get status(): CoreStatus {
    const found = this.#addon.status(this.#handle);
    const number = (name: string): number => found[name] ?? 0;
    return {
      phase: phases[number("phase")] ?? "boot",
      isTrial: number("isTrial") === 1,
      isRegistered: number("isRegistered") === 1,
      isBrokerConnected: number("isBrokerConnected") === 1,
      attemptState: attemptStates[number("attemptState")] ?? "none",
      attemptPercent: number("attemptPercent"),
      slot: number("slot") === 1 ? "b" : "a",
      isRolledBack: number("rolledBack") === 1,
      digest: `sha256:${found.digest}`,
      version: found.version,
      lastRev: number("lastRev"),
      lifeFaults: number("lifeFaults"),
      flashFaults: number("flashFaults"),
      flashOperations: number("flashOperations"),
      boots: number("boots"),
    };
  }
}

/** An image for the simulated port: it says its version and what it does wrong, the rest is filling. */
export function simulatedImage(
  version: string,
  sizeBytes: number,
  behaviour: "ok" | "sensor-fault" | "crash" | "deaf" = "ok",
): Uint8Array {
  const image = new Uint8Array(sizeBytes);
  for (let i = 0; i < sizeBytes; i++) image[i] = (i * 131 + (i >> 8) * 17 + version.length) & 0xff;
  image.set(new TextEncoder().encode(`CXSIM ${version} ${behaviour}\n`));
  return image;
}

function eventOf(kind: number, stream: number, address: string, port: number, bytes: Uint8Array): CoreEvent {
  const name = streams[stream] ?? "mqtt";
  switch (kind) {
    case 1:
      return { kind: "datagram", address, port, bytes };
    case 2:
      return { kind: "connect", stream: name, address, port };
    case 3:
      return { kind: "data", stream: name, bytes };
    case 4:
      return { kind: "close", stream: name };
    default:
      return { kind: "log", level: logLevels[stream] ?? "debug", line: new TextDecoder().decode(bytes) };
  }
}
