import { deflateRawSync } from "node:zlib";
import { AdapterSession } from "../../gateway/adapters/can/adapter-session.ts";
import { SlcanBus } from "../../gateway/adapters/can/slcan-bus.ts";
import { VirtualBus } from "../../gateway/adapters/can/virtual-bus.ts";
import { CanCarrier } from "../../gateway/app/can-carrier.ts";
import { type PackChange, PackRegistry } from "../../gateway/domain/pack-registry.ts";
import type { CarryEnd } from "../../gateway/ports/firmware-carrier.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { decodeCan } from "../../schemas/wire/can.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import type { PayloadVariant } from "../../schemas/wire/suit/update-manifest.ts";
import { envelopeOf } from "../integration/signed-envelope.ts";
import { digestOf } from "./sim-artifacts.ts";
import { SimPack } from "./sim-pack.ts";
import { simAnchors, simVendor } from "./sim-release.ts";

export interface CanSiteOptions {
  readonly addon: string;
  readonly seed: number;
  readonly packs?: number;
  /** Of a hundred frames a member misses so many, its queue being full, and gets so many twice. */
  readonly missPercent?: number;
  readonly doublePercent?: number;
  /** Of a hundred frames on the bus so many are ended by an error. */
  readonly errorPercent?: number;
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
  readonly packs: readonly SimPack[];
  readonly entropy: Entropy;

  constructor({ addon, seed, packs = 1, missPercent = 0, doublePercent = 0, errorPercent = 0 }: CanSiteOptions) {
    this.entropy = seededEntropy(seed);
    const draws = (percent: number): boolean => percent > 0 && this.entropy.fraction() * 100 < percent;
    this.bus = new VirtualBus({
      clock: this.clock,
      noise: { misses: () => draws(missPercent), destroys: () => draws(errorPercent) },
    });
    this.packs = Array.from({ length: packs }, (_, i) => {
      return new SimPack({
        ...{ addon, bus: this.bus, clock: this.clock, seed: seed * 100 + i, anchors: simAnchors, vendor: simVendor },
        hardware: hardwareOf(i),
        image: packImage("1.0.0", "ok", 9000),
        doubles: () => draws(doublePercent),
      });
    });
  }

  /** A gateway comes to the bus. */
  gateway(): SiteGateway {
    return new SiteGateway(this);
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

/** What the gateway has of its packs, and its way to bring them firmware. */
export class SiteGateway {
  readonly registry = new PackRegistry();
  readonly carrier: CanCarrier;
  readonly bus: SlcanBus;
  /** Frames of telemetry and announces, by identifier: when each was last heard, and the longest pause. */
  readonly pauses = new Map<number, { lastMs: number; longestMs: number; count: number }>();
  readonly #listeners = new Set<(pack: HardwareNumber, what: PackChange) => void>();

  constructor(site: CanSite) {
    const { clock, bus, entropy } = site;
    const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
    this.bus = new SlcanBus({
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
    this.bus.onFrame((frame) => {
      const nowMs = clock.monotonicMs();
      if (!frame.isExtended && (frame.id < 0x200 || (frame.id & 0x7e0) === 0x300)) {
        const seen = this.pauses.get(frame.id) ?? { lastMs: nowMs, longestMs: 0, count: 0 };
        seen.longestMs = Math.max(seen.longestMs, nowMs - seen.lastMs);
        seen.lastMs = nowMs;
        seen.count++;
        this.pauses.set(frame.id, seen);
      }
      const decoded = decodeCan(frame);
      if (!decoded.ok) return;
      const changes = this.registry.take(decoded.value, { monotonicMs: nowMs, wallMs: clock.wallMs() });
      for (const { pack, what } of changes) for (const listener of this.#listeners) listener(pack, what);
    });
    this.carrier = new CanCarrier({
      ...{ bus: this.bus, clock, log: silentLog },
      packs: {
        find: (pack) => this.registry.find(pack),
        onChange: (listener) => {
          this.#listeners.add(listener);
          return () => void this.#listeners.delete(listener);
        },
      },
    });
    this.bus.open();
  }

  isKnown(pack: HardwareNumber): boolean {
    return this.registry.find(pack)?.isSilent === false;
  }

  runs(pack: HardwareNumber, image: Uint8Array): boolean {
    const firmware = this.registry.find(pack)?.firmware;
    return firmware?.digests.running === digestOf(image) && firmware.state?.isTrial === false;
  }

  /** One try. */
  carry(pack: HardwareNumber, release: SiteRelease, signal: AbortSignal, progress: number[] = []): Promise<CarryEnd> {
    return this.carrier.carry({
      ...{ pack, signal, envelope: release.envelope },
      payload: async (wanted) => {
        const payload = release.payloads.find((each) => digestOf(each) === wanted.digest);
        if (payload === undefined) throw new Error(`the pack wants ${wanted.digest}`);
        return { size: payload.length, read: async (offset, length) => payload.subarray(offset, offset + length) };
      },
      progress: (bytes) => progress.push(bytes),
    });
  }
}

/** A signed update with the payloads that it can travel as. */
export interface SiteRelease {
  readonly image: Uint8Array;
  readonly envelope: Uint8Array;
  readonly payloads: readonly Uint8Array[];
}

export async function siteRelease(image: Uint8Array, sequence: number, isCompressed = false): Promise<SiteRelease> {
  const full: PayloadVariant = { kind: "full", digest: digestOf(image), size: image.length };
  const packed = new Uint8Array(deflateRawSync(image, { windowBits: 12, memLevel: 5 }));
  const deflate: PayloadVariant = { kind: "deflate", digest: digestOf(packed), size: packed.length, window: 4096 };
  const envelope = await envelopeOf(
    { digest: digestOf(image), size: image.length, model: "pack", version: "2.0.0", sequence },
    isCompressed ? { variants: [deflate, full] } : {},
    ["vendor"],
    simVendor,
  );
  return { image, envelope, payloads: isCompressed ? [packed, image] : [image] };
}
