import type { Messages, SiteAggregate, SiteHistoryPoint } from "../../schemas/generated/types.ts";
import { decode, jsonFormat } from "../../schemas/wire/codec.ts";
import { type SiteSample, sampleOf } from "../../schemas/wire/site-sample.ts";

/** Minutes of one mean. */
export const dayStepMinutes = 10;
/** As the schema of a power has it. */
const mostKilowatts = 10_000;
/** A day and an hour, so that the local day is whole also when clocks are put back. */
const pointsMax = (25 * 60) / dayStepMinutes;

type Name = keyof SiteSample;

interface OpenStep {
  readonly minute: number;
  readonly sums: Map<Name, { sum: number; count: number }>;
}

/** The last day of a household in means of ten minutes, as the gateway saw it. Pure: time comes with each call. */
export class SiteDay {
  #points: SiteHistoryPoint[] = [];
  #open: OpenStep | undefined;

  /** What was kept over a restart; anything else is nothing. */
  recall(payload: Uint8Array | undefined): void {
    if (payload === undefined) return;
    const read = decode("site-history", payload, jsonFormat);
    if (read.ok && read.value.step === dayStepMinutes) this.#points = [...read.value.points];
  }

  /** The sums of now, which aren't stale. True: a step is over, and the document is a new one. */
  add(aggregate: SiteAggregate, wallMs: number): boolean {
    const minute = Math.floor(wallMs / 60_000 / dayStepMinutes) * dayStepMinutes;
    const isNewStep = this.#open?.minute !== minute;
    const hasPoint = isNewStep && this.#close(minute);
    this.#open ??= { minute, sums: new Map() };
    for (const [name, value] of Object.entries(sampleOf(aggregate)) as [Name, number][]) {
      const known = this.#open.sums.get(name) ?? { sum: 0, count: 0 };
      this.#open.sums.set(name, { sum: known.sum + value, count: known.count + 1 });
    }
    return hasPoint;
  }

  document(): Messages["site-history"] {
    return { step: dayStepMinutes, points: [...this.#points] };
  }

  #close(nextMinute: number): boolean {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined || open.sums.size === 0) return false;
    const point: SiteHistoryPoint = { minute: open.minute };
    for (const [name, { sum, count }] of open.sums) point[name] = rounded(name, sum / count);
    // A clock that was put back tells a time again: what it says now counts.
    const first = nextMinute - pointsMax * dayStepMinutes;
    this.#points = [...this.#points.filter((each) => each.minute < open.minute && each.minute >= first), point];
    return true;
  }
}

function rounded(name: Name, value: number): number {
  if (name === "soc") return Math.round(value);
  return Math.max(-mostKilowatts, Math.min(mostKilowatts, Math.round(value * 100) / 100));
}
