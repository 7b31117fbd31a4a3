import type { SiteHistory, SiteHistoryPoint } from "../../../schemas/generated/types.ts";
import type { SiteSample } from "../../../schemas/wire/site-sample.ts";

/** Means of one bucket, kW and %; absent where nothing was heard in it. `minute`: since 1970, at which the bucket begins. */
export type HistoryPoint = Readonly<SiteHistoryPoint>;

export type HistoryName = keyof SiteSample;

/** Sums of the minute that runs. */
export interface OpenMinute {
  readonly minute: number;
  readonly sums: Readonly<Partial<Record<HistoryName, { readonly sum: number; readonly count: number }>>>;
}

/** The day's points, oldest first, one a minute where something was heard. */
export interface DayHistory {
  readonly points: readonly HistoryPoint[];
  readonly open: OpenMinute | undefined;
  /** What the gateway saw, also while the app was closed: its longer means, each repeated for its minutes. */
  readonly gateway: readonly HistoryPoint[];
}

export const emptyHistory: DayHistory = { points: [], open: undefined, gateway: [] };

/** The history with what the gateway says of the day in place of what it said before. */
export function withGatewayDay(history: DayHistory, { step, points }: SiteHistory): DayHistory {
  const minutes = points.flatMap((point) =>
    Array.from({ length: step }, (_, i): HistoryPoint => ({ ...point, minute: point.minute + i })),
  );
  return { ...history, gateway: minutes };
}

/** Kept on the phone: today and yesterday. */
export const keptMinutes = 2 * 24 * 60;

const names: readonly HistoryName[] = ["solar", "load", "grid", "battery", "soc"];

/** The history with one more sample; a minute that is over becomes a point. A sample from before the open minute is dropped. */
export function addSample(
  history: DayHistory,
  sample: SiteSample,
  nowMs: number,
): { readonly history: DayHistory; readonly finished: HistoryPoint | undefined } {
  const minute = Math.floor(nowMs / 60_000);
  const { open } = history;
  if (open !== undefined && minute < open.minute) return { history, finished: undefined };
  const isSame = open?.minute === minute;
  const sums: Partial<Record<HistoryName, { sum: number; count: number }>> = isSame ? { ...open.sums } : {};
  for (const name of names) {
    const value = sample[name];
    if (value === undefined) continue;
    const known = sums[name] ?? { sum: 0, count: 0 };
    sums[name] = { sum: known.sum + value, count: known.count + 1 };
  }
  const finished = open === undefined || isSame ? undefined : meansOf(open);
  // The same list as before where no minute ended: who draws it sees that nothing is to be drawn anew.
  if (finished === undefined) return { history: { ...history, open: { minute, sums } }, finished };
  const points = [...history.points, finished].filter((point) => point.minute > minute - keptMinutes);
  return { history: { ...history, points, open: { minute, sums } }, finished };
}

/** Points of the local day that begins at `dayStartMs`, the minute that runs among them; those of the gateway where the phone wasn't listening. */
export function pointsOfDay(history: DayHistory, dayStartMs: number, nowMs: number): HistoryPoint[] {
  const first = Math.floor(dayStartMs / 60_000);
  const last = Math.floor(nowMs / 60_000);
  const own = history.open === undefined ? history.points : [...history.points, meansOf(history.open)];
  const isInDay = ({ minute }: HistoryPoint): boolean => minute >= first && minute <= last;
  const seen = own.filter(isInDay);
  const seenMinutes = new Set(seen.map(({ minute }) => minute));
  const missed = history.gateway.filter((point) => isInDay(point) && !seenMinutes.has(point.minute));
  return missed.length === 0 ? seen : [...missed, ...seen].sort((one, other) => one.minute - other.minute);
}

/** Means over longer buckets, for a narrow picture. */
export function thinned(points: readonly HistoryPoint[], bucketMinutes: number): HistoryPoint[] {
  const buckets = new Map<number, HistoryPoint[]>();
  for (const point of points) {
    const minute = Math.floor(point.minute / bucketMinutes) * bucketMinutes;
    const bucket = buckets.get(minute);
    if (bucket === undefined) buckets.set(minute, [point]);
    else bucket.push(point);
  }
  return [...buckets].map(([minute, bucket]) => {
    const mean: { minute: number } & Partial<Record<HistoryName, number>> = { minute };
    for (const name of names) {
      const values = bucket.map((point) => point[name]).filter((value) => value !== undefined);
      if (values.length > 0) mean[name] = values.reduce((sum, value) => sum + value, 0) / values.length;
    }
    return mean;
  });
}

/** kWh of the positive and the negative part of a line; minutes without a point count for nothing. */
export function energyOf(
  points: readonly HistoryPoint[],
  name: HistoryName,
): { readonly positive: number; readonly negative: number } {
  let positive = 0;
  let negative = 0;
  for (const point of points) {
    const value = point[name] ?? 0;
    if (value > 0) positive += value / 60;
    else negative -= value / 60;
  }
  return { positive, negative };
}

function meansOf({ minute, sums }: OpenMinute): HistoryPoint {
  const point: { minute: number } & Partial<Record<HistoryName, number>> = { minute };
  for (const name of names) {
    const known = sums[name];
    if (known !== undefined) point[name] = known.sum / known.count;
  }
  return point;
}
