import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";

/** What a pack had imported on an energy day, in hundredths of a kWh, and whether that had locked it out. */
export interface DayImport {
  readonly date: string;
  readonly dayOfMonth: number;
  readonly imported: number;
  readonly isLockedOut: boolean;
}

/** Packs that are remembered; for one more the one that was heard first is forgotten. */
const packsMax = 128;
/** A step back smaller than this is rounding. */
const leastLoss = 5;
/** A pack that didn't take it is asked again after so long. */
export const restoreAgainMs = 15_000;

interface Remembered {
  day: DayImport;
  restoringSinceMs: number | undefined;
}

/**
 * Remembers what each pack imported today, since the pack itself forgets it with its power. A counter that falls within one energy day without
 * having been reset means that the power was gone: what was is to be given back (RESTORE_LAST). Pure: time comes with each call.
 */
export class ImportMemory {
  readonly #packs = new Map<HardwareNumber, Remembered>();

  /** What was known before the gateway's own restart. */
  recall(pack: HardwareNumber, day: DayImport): void {
    if (!this.#packs.has(pack)) this.#packs.set(pack, { day, restoringSinceMs: undefined });
  }

  /** What a pack says now. Returns what to give back, or undefined. */
  heard(pack: HardwareNumber, now: DayImport, nowMs: number): DayImport | undefined {
    const known = this.#packs.get(pack);
    if (known === undefined || known.day.date !== now.date) {
      // A clock that was set back doesn't make an older day the present one.
      if (known === undefined && this.#packs.size >= packsMax) this.#packs.delete([...this.#packs.keys()][0]!);
      if (known === undefined || known.day.date < now.date)
        this.#packs.set(pack, { day: now, restoringSinceMs: undefined });
      return undefined;
    }
    const { day, restoringSinceMs } = known;
    const isLost =
      day.imported - now.imported >= leastLoss || (day.isLockedOut && !now.isLockedOut && now.imported < day.imported);
    if (!isLost) {
      known.day = now;
      known.restoringSinceMs = undefined;
      return undefined;
    }
    if (restoringSinceMs !== undefined && nowMs - restoringSinceMs < restoreAgainMs) return undefined;
    known.restoringSinceMs = nowMs;
    // What it imported since it came back counts too.
    return { ...day, imported: day.imported + now.imported };
  }

  /** It was reset on purpose, or the pack says that it belongs to another day: what it says now is right. */
  forget(pack: HardwareNumber): void {
    this.#packs.delete(pack);
  }
}
