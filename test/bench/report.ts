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
  /** Length of the run that looks at memory; 0 leaves it out. */
  readonly minutes: number;
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

/**
 * The last line of a benchmark: its ratios, and each goal of goals.json as true, false, or null where it was not measured. A null is
 * complete only with its reason: one of goals.json, or one that the run found.
 */
export function verdict(
  name: string,
  bench: Bench,
  measurements: readonly Measurement[],
): { line: string; isComplete: boolean } {
  const all = JSON.parse(readFileSync(new URL("goals.json", import.meta.url), "utf8")) as Record<string, Goal[]>;
  const ratios = ratiosOf(bench, measurements);
  const notMeasured = bench.notMeasured?.() ?? {};
  const goals: Record<string, boolean | null> = {};
  const skipped: Record<string, string> = {};
  let isComplete = true;
  for (const each of all[name] ?? []) {
    const { metric, subject = bench.subject, atLeast, atMost } = each;
    const value =
      each.ratio !== undefined
        ? ratios[each.ratio]
        : metric === undefined
          ? undefined
          : medianOf(measurements, subject, metric);
    if (value !== undefined && (atLeast !== undefined || atMost !== undefined)) {
      goals[each.goal] = (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);
      continue;
    }
    goals[each.goal] = null;
    const peer = each.ratio?.split(" vs ")[1] ?? subject;
    const why = notMeasured[metric ?? ""] ?? notMeasured[peer] ?? each.skipped;
    if (why === undefined) isComplete = false;
    else skipped[each.goal] = why;
  }
  return { line: JSON.stringify({ bench: name, ratios, goals, skipped, notMeasured }), isComplete };
}
