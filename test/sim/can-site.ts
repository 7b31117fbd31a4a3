import { AdapterSession } from "../../gateway/adapters/can/adapter-session.ts";
import { SlcanBus } from "../../gateway/adapters/can/slcan-bus.ts";
import { VirtualBus } from "../../gateway/adapters/can/virtual-bus.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { type PackHouse, SimPack } from "./sim-pack.ts";
import { simAnchors, simVendor } from "./sim-release.ts";
import { SiteGateway } from "./site-gateway.ts";

export interface CanSiteOptions {
  readonly addon: string;
  readonly seed: number;
  readonly packs?: number;
  /** Of a hundred frames a member misses so many, its queue being full, and gets so many twice. */
  readonly missPercent?: number;
  readonly doublePercent?: number;
  /** Of a hundred frames on the bus so many are ended by an error. */
  readonly errorPercent?: number;
  /** How long a pack's loop takes; default 2 ms. */
  readonly turnMs?: number;
  readonly hardware?: (pack: number) => HardwareNumber;
  readonly house?: (pack: number) => PackHouse;
}

/** An image as the simulated boot loader reads it; the text says how it behaves. */
export function packImage(version: string, behaviour: string, size: number): Uint8Array {
  const image = Uint8Array.from({ length: size }, (_, i) => (i * 131 + (i >> 8) * 17) & 0xff);
  image.set(new TextEncoder().encode(`CXSIM ${version} ${behaviour}\n`));
  return image;
}

/** One household's bus on virtual time: packs as compiled, and a gateway's half of updates over a serial-line adapter. */
export class CanSite {
  readonly clock = new VirtualClock();
  readonly bus: VirtualBus;
  readonly packs: SimPack[];
  readonly entropy: Entropy;
  readonly #join: (number: number) => SimPack;

  /** May be changed while it runs. */
  noise: { missPercent: number; doublePercent: number; errorPercent: number };

  constructor(options: CanSiteOptions) {
    const { addon, seed, packs = 1, missPercent = 0, doublePercent = 0, errorPercent = 0 } = options;
    const { hardware = hardwareOf, house, turnMs } = options;
    this.entropy = seededEntropy(seed);
    this.noise = { missPercent, doublePercent, errorPercent };
    const draws = (kind: keyof typeof this.noise): boolean =>
      this.noise[kind] > 0 && this.entropy.fraction() * 100 < this.noise[kind];
    this.bus = new VirtualBus({
      clock: this.clock,
      noise: { misses: () => draws("missPercent"), destroys: () => draws("errorPercent") },
    });
    this.#join = (number) => {
      return new SimPack({
        ...{
          addon,
          bus: this.bus,
          clock: this.clock,
          seed: seed * 100 + number,
          anchors: simAnchors,
          vendor: simVendor,
        },
        hardware: hardware(number),
        image: packImage("1.0.0", "ok", 9000),
        ...(house !== undefined && { house: house(number) }),
        ...(turnMs !== undefined && { turnMs }),
        doubles: () => draws("doublePercent"),
      });
    };
    this.packs = Array.from({ length: packs }, (_, i) => this.#join(i));
  }

  /** One more pack comes to the bus; numbers that differ by 32 want the same node id. */
  join(number: number): SimPack {
    const pack = this.#join(number);
    this.packs.push(pack);
    return pack;
  }

  /** A gateway comes to the bus. */
  gateway(): SiteGateway {
    const { clock, bus, entropy } = this;
    const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
    const own = new SlcanBus({
      ...{ clock, entropy, log: silentLog, bitRate: 500_000 },
      open: async (events) => {
        const session = new AdapterSession({
          bus,
          monotonicMs: () => clock.monotonicMs(),
          write: (text) => {
            clock.after(0.1, () => events.data(bytesOf(text)));
            return true;
          },
        });
        return { write: (text) => session.read(bytesOf(text)), close: () => session.end() };
      },
    });
    return new SiteGateway({ clock, bus: own });
  }

  /** Until then; fails after a while of virtual time. */
  async until(what: string, holds: () => boolean, withinMs = 600_000): Promise<void> {
    const endMs = this.clock.monotonicMs() + withinMs;
    while (!holds()) {
      if (this.clock.monotonicMs() >= endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
      await this.clock.advance(10);
    }
  }
}

export function hardwareOf(pack: number): HardwareNumber {
  return `aabb1020${(0x3000 + pack).toString(16)}` as HardwareNumber;
}
