/**
 * P(X >= hits) for X ~ Binomial(trials, share), summed exactly from the log of its first term. Of two Poisson counts with the same rate, the one
 * side's count given their sum is binomial with the side's share of the exposure: the conditional test of Przyborowski and Wilenski (1940).
 */
export function binomialUpperTail(hits: number, trials: number, share: number): number {
  if (hits <= 0) return 1;
  if (hits > trials || share <= 0) return 0;
  if (share >= 1) return 1;
  let term = Math.exp(
    logFactorial(trials) -
      logFactorial(hits) -
      logFactorial(trials - hits) +
      hits * Math.log(share) +
      (trials - hits) * Math.log1p(-share),
  );
  const odds = share / (1 - share);
  let sum = 0;
  for (let at = hits; at <= trials; at++) {
    sum += term;
    term *= ((trials - at) / (at + 1)) * odds;
    // Past the mean the terms fall faster than a geometric series; what is left is below rounding.
    if (at > trials * share && term < sum * 1e-17) break;
  }
  return Math.min(sum, 1);
}

const small: number[] = [0];
for (let n = 1; n < 256; n++) small.push(small[n - 1]! + Math.log(n));

/** Stirling's series; exact to rounding from 256 on. */
function logFactorial(n: number): number {
  if (n < 256) return small[n]!;
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + 1 / (12 * n) - 1 / (360 * n ** 3);
}
