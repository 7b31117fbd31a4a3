import { readFileSync } from "node:fs";

export interface Measurement {
  readonly subject: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
}

export interface BenchOptions {
  /** Ends within two minutes and says what it leaves out. */
  readonly isQuick: boolean;
  /** Length of a run that looks at memory; undefined: its default. */
  readonly minutes: number | undefined;
}

/** A benchmark measures its subjects interleaved in one run. `peers` are compared with `subject` metric by metric. */
export interface Bench {
  readonly subject: string;
  readonly peers: readonly string[];
  /** Metrics to compare; a ratio is how many times better the subject is, so `lower` ones are peer / subject. */
  readonly compared: Readonly<Record<string, "lower" | "higher">>;
  /** Peers among which the best counts as "the fastest peer". */
  readonly rivals?: readonly string[];
  /** What `--quick` leaves out, in a sentence each. */
  readonly leftOutWhenQuick: readonly string[];
  run(options: BenchOptions): Promise<Measurement[]>;
  /** After the run: subjects and metrics that could not be measured, and why. */
  notMeasured?(): Readonly<Record<string, string>>;
}

interface Goal {
  readonly goal: string;
  /** `<metric> vs <peer>`. */
  readonly ratio?: string;
  /** Or a metric by itself, the median of `subject`'s. */
  readonly metric?: string;
  readonly subject?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly skipped?: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function medianOf(measurements: readonly Measurement[], subject: string, metric: string): number | undefined {
  const values = measurements.filter((each) => each.subject === subject && each.metric === metric);
  return values.length > 0 ? median(values.map((each) => each.value)) : undefined;
}

/** Ratios of the medians, keyed `<metric> vs <peer>`. */
export function ratiosOf(bench: Bench, measurements: readonly Measurement[]): Record<string, number> {
  const ratios: Record<string, number> = {};
  for (const [metric, better] of Object.entries(bench.compared)) {
    const own = medianOf(measurements, bench.subject, metric);
    const rivals: number[] = [];
    for (const peer of bench.peers) {
      const other = medianOf(measurements, peer, metric);
      if (own === undefined || other === undefined) continue;
      const ratio = Number((better === "lower" ? other / own : own / other).toFixed(2));
      ratios[`${metric} vs ${peer}`] = ratio;
      if (bench.rivals?.includes(peer)) rivals.push(ratio);
    }
    if (rivals.length > 0) ratios[`${metric} vs the fastest peer`] = Math.min(...rivals);
  }
  return ratios;
}

/** One benchmark as part of a run. */
export interface Part {
  readonly name: string;
  readonly bench: Bench;
  /** Undefined: it was left out of this run. */
  readonly measurements: readonly Measurement[] | undefined;
}

/**
 * The last line of a run: the ratios of its parts (but for the first, after the part's name and a colon), and each goal of goals.json as
 * true, false, or null where it was not measured. A null is complete only with its reason: one of goals.json, or one that the run found.
 */
export function verdict(name: string, parts: readonly Part[]): { line: string; isComplete: boolean } {
  const all = JSON.parse(readFileSync(new URL("goals.json", import.meta.url), "utf8")) as Record<string, Goal[]>;
  const ratios: Record<string, number> = {};
  const goals: Record<string, boolean | null> = {};
  const skipped: Record<string, string> = {};
  const notMeasured: Record<string, string> = {};
  for (const part of parts) {
    const own = part.measurements === undefined ? {} : ratiosOf(part.bench, part.measurements);
    for (const [key, ratio] of Object.entries(own)) ratios[part === parts[0] ? key : `${part.name}: ${key}`] = ratio;
    Object.assign(notMeasured, part.bench.notMeasured?.());
    for (const each of all[part.name] ?? []) {
      const isReached = reached(each, part, own);
      goals[each.goal] = isReached ?? null;
      const { metric = "", subject = part.bench.subject, ratio, skipped: known } = each;
      const why = notMeasured[metric] ?? notMeasured[ratio?.split(" vs ")[1] ?? subject] ?? known;
      if (isReached === undefined && why !== undefined) skipped[each.goal] = why;
    }
  }
  const isComplete = Object.entries(goals).every(([goal, isReached]) => isReached !== null || goal in skipped);
  return { line: JSON.stringify({ bench: name, ratios, goals, skipped, notMeasured }), isComplete };
}

/** Undefined: not measured. */
function reached(goal: Goal, part: Part, ratios: Readonly<Record<string, number>>): boolean | undefined {
  const { ratio, metric = "", subject = part.bench.subject, atLeast, atMost } = goal;
  const value = ratio === undefined ? medianOf(part.measurements ?? [], subject, metric) : ratios[ratio];
  if (value === undefined || (atLeast === undefined && atMost === undefined)) return undefined;
  return (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);
}
