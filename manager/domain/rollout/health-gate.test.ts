import { describe, expect, it } from "vitest";
import type { Entropy } from "../../../kernel/entropy.ts";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { binomialUpperTail } from "./binomial-tail.ts";
import { gateVerdict } from "./gate-verdict.ts";
import { type HealthSamples, healthFindings, type NodeSample } from "./health-gate.ts";
import { medianDifferenceAbove } from "./median-difference.ts";
import { healthMetrics } from "./rollout-plan.ts";

const verdictOf = (samples: HealthSamples, seed: number | string = 1) =>
  gateVerdict(healthFindings(samples, healthMetrics, seededEntropy(seed)));
const calm: NodeSample = {
  hours: 1,
  resets: 0,
  errors: 0,
  isLost: false,
  isUnhealthy: false,
  freeHeap: 40_000,
  gapSeconds: 30,
};
const many = (count: number, over: Partial<NodeSample> = {}): NodeSample[] =>
  Array.from({ length: count }, () => ({ ...calm, ...over }));

describe("the tail of the binomial distribution", () => {
  it("is exact where it can be counted by hand", () => {
    expect(binomialUpperTail(0, 10, 0.3)).toBe(1);
    expect(binomialUpperTail(11, 10, 0.3)).toBe(0);
    expect(binomialUpperTail(2, 2, 0.5)).toBeCloseTo(0.25, 15);
    expect(binomialUpperTail(1, 3, 0.5)).toBeCloseTo(0.875, 15);
    // Of 10 at 0.3: 1 - sum of the first five terms.
    expect(binomialUpperTail(5, 10, 0.3)).toBeCloseTo(0.1502683326, 10);
  });

  it("agrees with the sum of its terms from the other side, also for many trials", () => {
    for (const [trials, share] of [
      [300, 0.05],
      [1000, 0.5],
      [20_000, 0.01],
    ] as const) {
      const hits = Math.round(trials * share);
      const above = binomialUpperTail(hits, trials, share);
      const below = binomialUpperTail(trials - hits + 1, trials, 1 - share);
      expect(above + below).toBeCloseTo(1, 9);
    }
  });
});

describe("the health of updated nodes", () => {
  it("that can't be read is unreadable, not good", () => {
    expect(verdictOf({ updated: [], others: many(50) }).kind).toBe("unreadable");
    const dumb = [...many(15), ...Array.from({ length: 15 }, () => undefined)];
    expect(verdictOf({ updated: dumb, others: many(50) }).kind).toBe("unreadable");
    // Nor where the others fell silent: there were enough to compare with.
    const silent = [...many(19), ...Array.from({ length: 31 }, () => undefined)];
    expect(verdictOf({ updated: many(50, { resets: 9 }), others: silent }).kind).toBe("unreadable");
  });

  it("closes the gate on each metric alone, with the numbers", () => {
    const others = many(200);
    const bad: readonly (readonly [string, Partial<NodeSample>])[] = [
      ["resets", { resets: 1 }],
      ["errors", { errors: 1 }],
      ["lost", { isLost: true }],
      ["unhealthy", { isUnhealthy: true }],
      ["heap", { freeHeap: 30_000 }],
      ["gap", { gapSeconds: 90 }],
    ];
    for (const [what, over] of bad) {
      const verdict = verdictOf({ updated: many(20, over), others });
      expect(verdict.kind, what).toBe("closed");
      expect(verdict.findings[0], what).toMatchObject({ what, kind: "bad" });
      expect(verdict.findings[0]!.text).toMatch(/\d/);
    }
    expect(verdictOf({ updated: many(20), others }).kind).toBe("open");
  });

  it("below 20 nodes on either side isn't compared: the success ratio alone decides", () => {
    expect(verdictOf({ updated: many(19, { resets: 9 }), others: many(100) })).toMatchObject({
      kind: "open",
      findings: [{ what: "readable", kind: "not-compared" }],
    });
    expect(verdictOf({ updated: many(100, { resets: 9 }), others: many(19) }).kind).toBe("open");
  });

  it("of one node in a loop of resets doesn't stop a fleet of others", () => {
    const updated = [...many(39), { ...calm, resets: 50 }];
    expect(
      verdictOf({ updated, others: many(400).map((each, i) => (i % 8 === 0 ? { ...each, resets: 1 } : each)) }).kind,
    ).toBe("open");
  });

  it("of a canary of one is compared with its own 24 hours before", () => {
    const before = { ...calm, hours: 24, resets: 1, errors: 10 };
    const one = (over: Partial<NodeSample>) =>
      verdictOf({ updated: [{ ...calm, hours: 0.5, ...over }], others: many(99), before });
    expect(one({}).kind).toBe("open");
    expect(one({ resets: 1 }).kind).toBe("open");
    expect(one({ resets: 4 }).kind).toBe("closed");
    expect(one({ errors: 10 }).kind).toBe("closed");
    expect(one({ freeHeap: 20_000 }).kind).toBe("closed");
    expect(one({ isUnhealthy: true }).kind).toBe("closed");
    // A broken sensor that was broken before says nothing of the update.
    const broken = { ...before, isUnhealthy: true };
    const stays = { updated: [{ ...calm, isUnhealthy: true }], others: many(99), before: broken };
    expect(verdictOf(stays).kind).toBe("open");
    expect(verdictOf({ updated: [{ ...calm, isUnhealthy: true }], others: many(99) }).kind).toBe("closed");
  });

  it("of a canary of which nothing is known from before is compared with the others, and without enough of them can't be read", () => {
    const one = (over: Partial<NodeSample>, others: number) =>
      verdictOf({ updated: [{ ...calm, ...over }], others: many(others) }).kind;
    expect(one({}, 99)).toBe("open");
    expect(one({ resets: 4 }, 99)).toBe("closed");
    expect(one({ errors: 4 }, 99)).toBe("closed");
    expect(one({ errors: undefined }, 99)).toBe("unreadable");
    expect(one({}, 19)).toBe("unreadable");
    expect(one({ isUnhealthy: true }, 19)).toBe("closed");
    expect(one({ isLost: true }, 19)).toBe("closed");
  });

  it("in which a metric is missing that the others tell can't be read; one that nobody tells isn't compared", () => {
    for (const what of ["errors", "isUnhealthy", "freeHeap", "gapSeconds"] as const) {
      const without = { [what]: undefined };
      expect(verdictOf({ updated: many(50, without), others: many(50) }).kind, what).toBe("unreadable");
      const some = [...many(39), ...many(11, without)];
      expect(verdictOf({ updated: some, others: many(50) }).kind, what).toBe("unreadable");
      expect(verdictOf({ updated: [...many(41), ...many(9, without)], others: many(50) }).kind, what).toBe("open");
      expect(verdictOf({ updated: many(50, without), others: many(50, without) }).kind, what).toBe("open");
      if (what === "gapSeconds") continue;
      const before = { ...calm, hours: 24 };
      expect(verdictOf({ updated: many(1, without), others: many(99), before }).kind, what).toBe("unreadable");
      const never = { ...before, ...without };
      expect(verdictOf({ updated: many(1, without), others: many(99), before: never }).kind, what).toBe("open");
    }
    // Who is lost tells nothing either, and counts as lost.
    const lost = { hours: 1, resets: 0, isLost: true };
    const few = [...many(48), lost, lost];
    expect(verdictOf({ updated: few, others: many(400).map((each, at) => (at % 20 === 0 ? lost : each)) }).kind).toBe(
      "open",
    );
  });

  it("has a bootstrap whose interval covers the truth as often as it says", () => {
    let missed = 0;
    for (let seed = 0; seed < 400; seed++) {
      const entropy = seededEntropy(`cover ${seed}`);
      const values = (count: number) => Array.from({ length: count }, () => entropy.fraction());
      if (medianDifferenceAbove(values(40), values(61), 0.05, entropy) > 0) missed++;
    }
    // 5 % of 400, with room for chance: three standard deviations.
    expect(missed).toBeGreaterThan(7);
    expect(missed).toBeLessThan(33);
  });

  it("is the same for the same seed", () => {
    const spread = (from: number) => Array.from({ length: 300 }, (_, i) => from + ((i * 7919) % 997));
    const once = (seed: number) => medianDifferenceAbove(spread(0), spread(10), 0.01, seededEntropy(seed));
    expect(once(3)).toBe(once(3));
  });
});

/** Nodes differ: each has a rate of its own, drawn once, by a gamma distribution of shape 2. */
function fleetOf(count: number, resetsPerNode: number, entropy: Entropy): NodeSample[] {
  const exponential = (): number => -Math.log(1 - entropy.fraction());
  return Array.from({ length: count }, () => {
    const mean = (resetsPerNode * (exponential() + exponential())) / 2;
    let resets = 0;
    for (let sum = exponential(); sum < mean; sum += exponential()) resets++;
    const heap = 40_000 + 4_000 * (entropy.fraction() + entropy.fraction() - 1);
    return {
      ...{ hours: 12, resets, errors: entropy.fraction() < 0.05 ? 1 : 0, isLost: entropy.fraction() < 0.01 },
      ...{ isUnhealthy: entropy.fraction() < 0.01, freeHeap: heap, gapSeconds: 60 * entropy.fraction() },
    };
  });
}

describe("the gate as a statistic, over 1 000 seeded runs of 50 updated nodes and 450 others that reset 0.5 times in a soak", () => {
  const closes = (times: number): number => {
    let closed = 0;
    for (let seed = 1; seed <= 1000; seed++) {
      const entropy = seededEntropy(`gate ${times} ${seed}`);
      const samples = { updated: fleetOf(50, 0.5 * times, entropy), others: fleetOf(450, 0.5, entropy) };
      if (gateVerdict(healthFindings(samples, healthMetrics, entropy)).kind === "closed") closed++;
    }
    return closed;
  };

  it("an image with three times the resets closes it in at least 950", () => {
    expect(closes(3)).toBeGreaterThanOrEqual(950);
  });

  it("an image that is the same closes it in fewer than 10", () => {
    expect(closes(1)).toBeLessThan(10);
  });
});
