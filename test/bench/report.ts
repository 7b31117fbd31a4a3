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
}

/** A benchmark measures its subjects interleaved in one run. `peers` are compared with `subject` metric by metric. */
export interface Bench {
  readonly subject: string;
  readonly peers: readonly string[];
  /** Metrics to compare; a ratio is how many times better the subject is, so `lower` ones are peer / subject. */
  readonly compared: Readonly<Record<string, "lower" | "higher">>;
  /** What `--quick` leaves out, in a sentence each. */
  readonly leftOutWhenQuick: readonly string[];
  run(options: BenchOptions): Promise<Measurement[]>;
}

interface Goal {
  readonly goal: string;
  readonly ratio?: string;
  readonly atLeast?: number;
  readonly skipped?: string;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Ratios of the medians, keyed `<metric> vs <peer>`. */
export function ratiosOf(bench: Bench, measurements: readonly Measurement[]): Record<string, number> {
  const medianOf = (subject: string, metric: string): number | undefined => {
    const values = measurements
      .filter((each) => each.subject === subject && each.metric === metric)
      .map((each) => each.value);
    return values.length > 0 ? median(values) : undefined;
  };
  const ratios: Record<string, number> = {};
  for (const [metric, better] of Object.entries(bench.compared)) {
    const own = medianOf(bench.subject, metric);
    for (const peer of bench.peers) {
      const other = medianOf(peer, metric);
      if (own === undefined || other === undefined) continue;
      ratios[`${metric} vs ${peer}`] = Number((better === "lower" ? other / own : own / other).toFixed(2));
    }
  }
  return ratios;
}

/** The last line of a benchmark: its ratios, and each goal of goals.json as true, false, or null where it was not measured. */
export function verdict(name: string, ratios: Readonly<Record<string, number>>): { line: string; isComplete: boolean } {
  const all = JSON.parse(readFileSync(new URL("goals.json", import.meta.url), "utf8")) as Record<string, Goal[]>;
  const goals: Record<string, boolean | null> = {};
  const skipped: Record<string, string> = {};
  let isComplete = true;
  for (const each of all[name] ?? []) {
    const ratio = each.ratio === undefined ? undefined : ratios[each.ratio];
    if (ratio !== undefined && each.atLeast !== undefined) goals[each.goal] = ratio >= each.atLeast;
    else {
      goals[each.goal] = null;
      if (each.skipped === undefined) isComplete = false;
      else skipped[each.goal] = each.skipped;
    }
  }
  return { line: JSON.stringify({ bench: name, ratios, goals, skipped }), isComplete };
}
