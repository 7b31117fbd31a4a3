import { createRequire } from "node:module";
import type { BusMember } from "../../gateway/adapters/can/bus-member.ts";
import type { VirtualBus } from "../../gateway/adapters/can/virtual-bus.ts";
import type { Clock, Timer } from "../../kernel/clock.ts";

interface Addon {
  install(flash: Uint8Array, image: Uint8Array): number;
  create(flash: Uint8Array, config: Record<string, string | number | Uint8Array>): unknown;
  step(handle: unknown, nowMs: number): number;
  frame(handle: unknown, id: number, isExtended: boolean, bytes: Uint8Array): void;
  sending(handle: unknown): readonly [number, boolean, Uint8Array] | null;
  sent(handle: unknown, isOk: boolean): void;
  status(handle: unknown): Record<string, number> & { readonly version: string };
  cut(handle: unknown, operations: number): void;
  house(handle: unknown, gridW: number, homeW: number, decivolts: number, centiamperes: number): void;
  busOff(handle: unknown, isOff: boolean): boolean;
}

/** What a pack measures. W, 0.1 V, 0.01 A. */
export interface PackHouse {
  readonly grid: number;
  readonly home: number;
  readonly decivolts: number;
  readonly centiamperes: number;
}

/** Bytes of flash: two slots of 112 KB each, and the storage. */
export const packFlashBytes = 256 * 1024;
const phases = [
  ...["idle", "entered", "manifest", "accepted", "payload"],
  ...["verifying", "staged", "applied", "failed"],
] as const;
const bitRate = 500_000;
/** A pack's loop turns so often; a frame that arrived waits no longer. */
const defaultTurnMs = 2;
/** 128 times 11 recessive bits at 500 kbit/s: how long a controller that was bus-off listens before it comes back. */
const busOffRecoveryMs = (128 * 11) / 500;

export interface SimPackOptions {
  /** What `buildPack()` resolved with. */
  readonly addon: string;
  readonly bus: VirtualBus;
  readonly clock: Clock;
  /** 12 hexadecimal digits. */
  readonly hardware: string;
  readonly image: Uint8Array;
  readonly seed: number;
  /** Domain of who makes the images. */
  readonly vendor: string;
  /** COSE key set. */
  readonly anchors: Uint8Array;
  /** How long its loop takes; default 2 ms. */
  readonly turnMs?: number;
  readonly house?: PackHouse;
  /** Whether a frame arrives twice: where only its sender saw an error at its very end, it is sent again. */
  doubles?(): boolean;
}

export interface SimPackStatus {
  readonly version: string;
  readonly phase: string;
  /** Undefined while it has none. */
  readonly node: number | undefined;
  readonly isTrial: boolean;
  readonly isRolledBack: boolean;
  readonly isMaster: boolean;
  readonly nextBlock: number;
  readonly ecoLimit: number;
  readonly imageSequence: number;
  /** Writes that real flash would have refused, over all boots. Anything but 0 is a defect. */
  readonly flashFaults: number;
  /** Since the last boot. */
  readonly flashOperations: number;
  readonly boots: number;
}

/** A pack's firmware, compiled, on simulated flash and a virtual bus. It boots again after each end of a power cycle. */
export class SimPack {
  readonly #options: SimPackOptions;
  readonly #addon: Addon;
  readonly #flash: Uint8Array;
  #handle: unknown;
  #member: BusMember | undefined;
  #timer: Timer | undefined;
  #boots = 0;
  #faults = 0;
  #isSending = false;
  #cutAfter = 0;
  #backAtMs: number | undefined;
  #wasOff = false;

  constructor(options: SimPackOptions) {
    this.#options = options;
    this.#addon = createRequire(import.meta.url)(options.addon) as Addon;
    this.#flash = new Uint8Array(packFlashBytes).fill(0xff);
    if (this.#addon.install(this.#flash, options.image) !== 0) throw new Error("the image doesn't fit into a slot");
    this.powerOn();
  }

  /** From now on it has power; what ran is cut off. */
  powerOn(reason: "power-on" | "restart" | "crash" = "power-on"): void {
    const { clock, hardware, seed, vendor, anchors, house } = this.#options;
    this.powerOff();
    this.#boots++;
    this.#handle = this.#addon.create(this.#flash, {
      ...{ hardware, vendor, anchors },
      seed: seed * 1000 + this.#boots,
      nowMs: Math.floor(clock.monotonicMs()),
      cutPowerAfter: this.#cutAfter,
      resetReason: { "power-on": 1, restart: 2, crash: 3 }[reason],
    });
    this.#cutAfter = 0;
    if (house !== undefined) {
      this.#addon.house(this.#handle, house.grid, house.home, house.decivolts, house.centiamperes);
    }
    this.#joinBus();
    this.#turn();
  }

  get isOn(): boolean {
    return this.#handle !== undefined;
  }

  /** As too many errors do to its controller; it comes back when the firmware asks. */
  goBusOff(): void {
    this.#member?.goBusOff();
  }

  #joinBus(): void {
    const handle = this.#handle;
    this.#member = this.#options.bus.join({
      bitRate,
      received: ({ id, isExtended, data }) => {
        this.#addon.frame(handle, id, isExtended, data);
        if (this.#options.doubles?.() === true) this.#addon.frame(handle, id, isExtended, data);
      },
    });
    this.#isSending = false;
    this.#backAtMs = undefined;
  }

  /** Whether the controller is off the bus; brings it back once the firmware has asked for it. */
  #isOffBus(): boolean {
    const isOff = this.#member?.isBusOff === true;
    if (!isOff && !this.#wasOff) return false;
    this.#wasOff = isOff;
    const wantsBack = this.#addon.busOff(this.#handle, isOff);
    if (!isOff) return false;
    const nowMs = this.#options.clock.monotonicMs();
    if (wantsBack) this.#backAtMs ??= nowMs + busOffRecoveryMs;
    if (this.#backAtMs === undefined || nowMs < this.#backAtMs) return true;
    this.#member?.leave();
    this.#joinBus();
    return this.#isOffBus();
  }

  powerOff(): void {
    if (this.#handle !== undefined) this.#faults += this.#addon.status(this.#handle)["flashFaults"] ?? 0;
    this.#timer?.cancel();
    this.#member?.leave();
    this.#handle = undefined;
  }

  /** Power goes within the n-th operation on flash from now, and comes back at once. */
  cutPowerAfter(operations: number): void {
    if (this.#handle !== undefined) this.#addon.cut(this.#handle, operations);
    else this.#cutAfter = operations;
  }

  get status(): SimPackStatus {
    const found = this.#addon.status(this.#handle);
    const number = (name: string): number => found[name] ?? 0;
    return {
      version: found.version,
      phase: phases[number("phase")] ?? "?",
      node: number("node") < 0 ? undefined : number("node"),
      isTrial: number("isTrial") === 1,
      isRolledBack: number("isRolledBack") === 1,
      isMaster: number("isMaster") === 1,
      nextBlock: number("nextBlock"),
      ecoLimit: number("ecoLimit"),
      imageSequence: number("imageSequence"),
      flashFaults: this.#faults + number("flashFaults"),
      flashOperations: number("flashOperations"),
      boots: number("boots"),
    };
  }

  #turn(): void {
    const { clock, turnMs = defaultTurnMs } = this.#options;
    const handle = this.#handle;
    const isOff = this.#isOffBus();
    const ending = this.#addon.step(handle, Math.floor(clock.monotonicMs()));
    if (ending !== 0) {
      // Restarted by itself, crashed, or without power for a moment.
      this.powerOn(ending === 1 ? "restart" : ending === 3 ? "crash" : "power-on");
      return;
    }
    const frame = this.#isSending || isOff ? null : this.#addon.sending(handle);
    if (frame !== null) {
      const [id, isExtended, data] = frame;
      const ended = (end: "sent" | "failed"): void => {
        if (this.#handle !== handle) return;
        this.#isSending = false;
        this.#addon.sent(handle, end === "sent");
        this.#timer?.cancel();
        // The next frame follows at once, as from a controller's queue.
        this.#timer = clock.after(0, () => this.#turn());
      };
      this.#isSending = this.#member?.send({ id, isExtended, data }, ended) === true;
    }
    this.#timer = clock.after(turnMs, () => this.#turn());
  }
}
