import { CanCarrier } from "../../gateway/app/can-carrier.ts";
import { type PackChange, PackRegistry } from "../../gateway/domain/pack-registry.ts";
import type { CanBus } from "../../gateway/ports/can-bus.ts";
import type { CarryEnd } from "../../gateway/ports/firmware-carrier.ts";
import type { Clock } from "../../kernel/clock.ts";
import { silentLog } from "../../kernel/log.ts";
import { decodeCan } from "../../schemas/wire/can.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { digestOf } from "./sim-artifacts.ts";
import type { SiteRelease } from "./site-release.ts";

/** What the gateway has of its packs, and its way to bring them firmware. */
export class SiteGateway {
  readonly registry = new PackRegistry();
  readonly carrier: CanCarrier;
  readonly bus: CanBus;
  /** Frames of telemetry and announces, by identifier: when each was last heard, and the longest pause. */
  readonly pauses = new Map<number, { lastMs: number; longestMs: number; count: number }>();
  /** Of the payload, that the pack has by the last transfer. */
  bytes = 0;
  readonly #listeners = new Set<(pack: HardwareNumber, what: PackChange) => void>();

  constructor({ clock, bus }: { readonly clock: Clock; readonly bus: CanBus }) {
    this.bus = bus;
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
      progress: (bytes) => {
        this.bytes = bytes;
        progress.push(bytes);
      },
    });
  }
}
