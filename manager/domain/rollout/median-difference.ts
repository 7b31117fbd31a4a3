import type { Entropy } from "../../../kernel/entropy.ts";

const resamples = 2000;

/**
 * Lower end of a one-sided bootstrap interval for median(a) - median(b): with probability `1 - alpha` the difference is above it. By percentile, from
 * resamples that the entropy decides: the same seed gives the same end.
 */
export function medianDifferenceAbove(
  a: readonly number[],
  b: readonly number[],
  alpha: number,
  entropy: Entropy,
): number {
  const first = Float64Array.from(a).sort();
  const second = Float64Array.from(b).sort();
  const differences = new Float64Array(resamples);
  for (let at = 0; at < resamples; at++) {
    differences[at] = resampledMedian(first, entropy) - resampledMedian(second, entropy);
  }
  differences.sort();
  return differences[Math.min(Math.floor(alpha * resamples), resamples - 1)]!;
}

export function medianOf(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/**
 * The median of as many values drawn with replacement from sorted ones. Nothing need be drawn for it but the place of the middle one: places are
 * uniform draws, the k-th smallest of n of them is Beta(k, n + 1 - k), and the one after it follows from it. So a fleet of any size costs the same.
 */
function resampledMedian(sorted: Float64Array, entropy: Entropy): number {
  const size = sorted.length;
  const k = (size + 1) >> 1;
  const low = beta(k, size + 1 - k, entropy);
  const lower = sorted[place(low, size)]!;
  if (size % 2 === 1) return lower;
  const high = low + (1 - low) * (1 - (1 - entropy.fraction()) ** (1 / (size - k)));
  return (lower + sorted[place(high, size)]!) / 2;
}

function place(fraction: number, size: number): number {
  return Math.min(Math.floor(fraction * size), size - 1);
}

function beta(a: number, b: number, entropy: Entropy): number {
  const first = gamma(a, entropy);
  return first / (first + gamma(b, entropy));
}

/** Marsaglia and Tsang (2000), for shapes from 1 on. */
function gamma(shape: number, entropy: Entropy): number {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(entropy);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - entropy.fraction()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}

function normal(entropy: Entropy): number {
  return Math.sqrt(-2 * Math.log(1 - entropy.fraction())) * Math.cos(2 * Math.PI * entropy.fraction());
}
