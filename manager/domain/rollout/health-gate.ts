import type { Entropy } from "../../../kernel/entropy.ts";
import { binomialUpperTail } from "./binomial-tail.ts";
import type { GateFinding } from "./gate-verdict.ts";
import { medianDifferenceAbove, medianOf } from "./median-difference.ts";
import type { HealthMetric } from "./rollout-plan.ts";

/** One node over the soak: what it did since the wave was through. */
export interface NodeSample {
  /** For how long it was watched. */
  readonly hours: number;
  readonly resets: number;
  /** Failed readings of sensors; undefined: it doesn't tell. */
  readonly errors?: number | undefined;
  /** It was there when the soak began, and isn't now. */
  readonly isLost: boolean;
  /** It says that it is unhealthy or degraded; undefined: it says nothing of that. */
  readonly isUnhealthy?: boolean | undefined;
  readonly freeHeap?: number | undefined;
  /** Seconds since it was last heard. */
  readonly gapSeconds?: number | undefined;
}

/** Undefined in a list: a node that can't be read. */
export interface HealthSamples {
  readonly updated: readonly (NodeSample | undefined)[];
  /** Nodes of the rollout that don't run the update yet, over the same time. */
  readonly others: readonly (NodeSample | undefined)[];
  /** Of a canary of one: itself, over the 24 hours before. */
  readonly before?: NodeSample | undefined;
}

export const healthRules = {
  /** From so many nodes on each side the sides are compared. */
  minNodes: 20,
  /** The chance to close a gate on an image that is no worse, shared by the metrics that are looked at. */
  alpha: 0.004,
  /** A significant difference that is smaller than this is none that people care about. */
  atLeastTimes: 1.5,
  /** Of what the other side has. */
  heapTolerance: 0.1,
  gapTolerance: 0.5,
  /** So many events of one node count: a node in a loop of resets is one bad node, not fifty. */
  maxEventsPerNode: 5,
  /** Fewer readable nodes than this share can't be judged, nor a metric that so many fewer of the updated nodes tell than of the others. */
  readableShare: 0.8,
  /** Free memory of a canary of one against its own before. */
  ownHeapShare: 0.75,
} as const;

/** What the health of updated nodes says, one finding for each metric. The entropy decides the resamples of the bootstrap, nothing else. */
export function healthFindings(
  { updated, others, before }: HealthSamples,
  metrics: readonly HealthMetric[],
  entropy: Entropy,
): readonly GateFinding[] {
  const { minNodes, readableShare } = healthRules;
  const own = updated.filter((each) => each !== undefined);
  const rest = others.filter((each) => each !== undefined);
  if (own.length === 0 || own.length < readableShare * updated.length) {
    const text = `readable: ${own.length} of ${updated.length} updated nodes told how they are`;
    return [{ what: "readable", kind: "unreadable", text }];
  }
  const alpha = healthRules.alpha / Math.max(metrics.length, 1);
  const [only] = own;
  if (updated.length === 1 && only !== undefined) {
    const ofIts = ofItself(only, before, metrics);
    if (before !== undefined) return [...againstItself(only, before, metrics, alpha), ...ofIts];
    if (rest.length >= minNodes) return [...againstOthers(only, rest, metrics, alpha), ...ofIts];
    const text = `readable: nothing is known of the canary's 24 hours before the update, and ${rest.length} others are too few to compare it with`;
    return [{ what: "readable", kind: "unreadable", text }, ...ofIts];
  }
  if (own.length < minNodes) return [notCompared(`${own.length} updated nodes`)];
  if (others.length >= minNodes && rest.length < minNodes) {
    const text = `readable: ${rest.length} of ${others.length} nodes without the update told how they are`;
    return [{ what: "readable", kind: "unreadable", text }];
  }
  if (rest.length < minNodes) return [notCompared(`${rest.length} nodes without the update`)];
  return metrics.map((metric) => fellSilent(metric, own, rest) ?? compared(metric, own, rest, alpha, entropy));
}

/** A metric that nodes without the update still tell and too few of the updated ones do: what it would say isn't known, which isn't that it is good. */
function fellSilent(
  metric: HealthMetric,
  own: readonly NodeSample[],
  rest: readonly NodeSample[],
): GateFinding | undefined {
  const [told, all] = tellers(own, metric);
  const [otherTold, otherAll] = tellers(rest, metric);
  if (otherTold < healthRules.minNodes || told * otherAll >= healthRules.readableShare * otherTold * all)
    return undefined;
  const text = `${metric}: told by ${told} of ${all} nodes with the update, by ${otherTold} of ${otherAll} without`;
  return { what: metric, kind: "unreadable", text, numbers: { told, all, otherTold, otherAll } };
}

/** How many of those that are there tell it. */
function tellers(samples: readonly NodeSample[], metric: HealthMetric): readonly [told: number, all: number] {
  const there = samples.filter(({ isLost }) => !isLost);
  return [there.filter((each) => tells(each, metric)).length, there.length];
}

function tells(sample: NodeSample, metric: HealthMetric): boolean {
  switch (metric) {
    case "resets":
    case "lost":
      return true;
    case "errors":
      return sample.errors !== undefined;
    case "unhealthy":
      return sample.isUnhealthy !== undefined;
    case "heap":
      return sample.freeHeap !== undefined;
    case "gap":
      return sample.gapSeconds !== undefined;
  }
}

function notCompared(what: string): GateFinding {
  const text = `readable: only ${what}, fewer than ${healthRules.minNodes}: the success ratio alone decides`;
  return { what: "readable", kind: "not-compared", text };
}

function compared(
  metric: HealthMetric,
  own: readonly NodeSample[],
  rest: readonly NodeSample[],
  alpha: number,
  entropy: Entropy,
): GateFinding {
  switch (metric) {
    case "resets":
    case "errors":
      return eventFinding(metric, sideOf(own, metric), sideOf(rest, metric), alpha);
    case "lost":
    case "unhealthy":
      return eventFinding(metric, shareOf(own, metric), shareOf(rest, metric), alpha);
    case "heap":
      return medianFinding(metric, valuesOf(rest, "freeHeap"), valuesOf(own, "freeHeap"), alpha, entropy);
    case "gap":
      return medianFinding(metric, valuesOf(own, "gapSeconds"), valuesOf(rest, "gapSeconds"), alpha, entropy);
  }
}

interface Side {
  readonly nodes: number;
  readonly events: number;
  /** Hours, or nodes. */
  readonly exposure: number;
  readonly unit: "h" | "nodes";
}

function sideOf(samples: readonly NodeSample[], metric: "resets" | "errors"): Side {
  let events = 0;
  let exposure = 0;
  let nodes = 0;
  for (const each of samples) {
    const count = each[metric];
    if (count === undefined) continue;
    nodes++;
    events += Math.min(count, healthRules.maxEventsPerNode);
    exposure += each.hours;
  }
  return { nodes, events, exposure, unit: "h" };
}

function shareOf(samples: readonly NodeSample[], metric: "lost" | "unhealthy"): Side {
  const told = samples.filter((each) => tells(each, metric));
  const events = told.filter((each) => (metric === "lost" ? each.isLost : each.isUnhealthy)).length;
  return { nodes: told.length, events, exposure: told.length, unit: "nodes" };
}

/** One-sided: more of it on the updated side than its share of the exposure explains. */
function eventFinding(metric: HealthMetric, own: Side, rest: Side, alpha: number): GateFinding {
  if (own.nodes === 0 || rest.nodes === 0) return tooFewTell(metric);
  const share = own.exposure / (own.exposure + rest.exposure);
  const p = binomialUpperTail(own.events, own.events + rest.events, share);
  const times = own.events / own.exposure / (rest.events / rest.exposure);
  // Without any on the other side it is infinitely many times as much.
  const isBad = p < alpha && !(times < healthRules.atLeastTimes);
  const side = ({ nodes, events, exposure, unit }: Side): string =>
    unit === "h" ? `${events} on ${nodes} nodes in ${Number(exposure.toFixed(1))} h` : `${events} of ${nodes} nodes`;
  return {
    ...{ what: metric, kind: isBad ? "bad" : "good" },
    text: `${metric}: ${side(own)} with the update, ${side(rest)} without; p = ${p.toPrecision(2)}, ${alpha.toPrecision(2)} closes`,
    numbers: {
      updated: own.events,
      others: rest.events,
      updatedExposure: own.exposure,
      othersExposure: rest.exposure,
      p,
    },
  };
}

/** `more` ought not to be above `less` by more than the tolerance. */
function medianFinding(
  metric: "heap" | "gap",
  more: readonly number[],
  less: readonly number[],
  alpha: number,
  entropy: Entropy,
): GateFinding {
  const { minNodes, readableShare, heapTolerance, gapTolerance } = healthRules;
  if (Math.min(more.length, less.length) < readableShare * minNodes) return tooFewTell(metric);
  const above = medianDifferenceAbove(more, less, alpha, entropy);
  const [own, rest] = metric === "heap" ? [less, more] : [more, less];
  const tolerance = medianOf(rest) * (metric === "heap" ? heapTolerance : gapTolerance);
  const unit = metric === "heap" ? "bytes" : "s";
  const round = (value: number): number => Number(value.toPrecision(6));
  return {
    ...{ what: metric, kind: above > tolerance ? "bad" : "good" },
    text:
      `${metric}: median ${round(medianOf(own))} ${unit} with the update, ${round(medianOf(rest))} without; ` +
      `${metric === "heap" ? "less" : "more"} by at least ${round(Math.max(above, 0))}, ${round(tolerance)} may`,
    numbers: { updated: medianOf(own), others: medianOf(rest), above, tolerance },
  };
}

function tooFewTell(metric: HealthMetric): GateFinding {
  return { what: metric, kind: "not-compared", text: `${metric}: too few nodes tell it` };
}

/** A canary of which nothing is known from before: its resets and errors against those of nodes without the update. */
function againstOthers(
  now: NodeSample,
  rest: readonly NodeSample[],
  metrics: readonly HealthMetric[],
  alpha: number,
): readonly GateFinding[] {
  return metrics.flatMap((metric) => {
    if (metric !== "resets" && metric !== "errors") return [];
    return fellSilent(metric, [now], rest) ?? eventFinding(metric, sideOf([now], metric), sideOf(rest, metric), alpha);
  });
}

/** A canary of one against its own 24 hours before: the same test, with hours for exposure. */
function againstItself(
  now: NodeSample,
  before: NodeSample,
  metrics: readonly HealthMetric[],
  alpha: number,
): readonly GateFinding[] {
  const findings: GateFinding[] = [];
  for (const metric of metrics) {
    if (!now.isLost && !before.isLost && tells(before, metric) && !tells(now, metric)) {
      const text = `${metric}: the canary told it before the update, and doesn't any more`;
      findings.push({ what: metric, kind: "unreadable", text });
      continue;
    }
    if (metric === "resets" || metric === "errors") {
      findings.push(eventFinding(metric, sideOfOne(now, metric), sideOfOne(before, metric), alpha));
    }
    if (metric === "heap" && now.freeHeap !== undefined && before.freeHeap !== undefined) {
      const least = before.freeHeap * healthRules.ownHeapShare;
      findings.push({
        ...{ what: "heap", kind: now.freeHeap < least ? "bad" : "good" },
        text: `heap: ${now.freeHeap} bytes with the update, ${before.freeHeap} on the same node before; ${Math.round(least)} is the least`,
        numbers: { updated: now.freeHeap, before: before.freeHeap },
      });
    }
  }
  return findings;
}

/** Nothing of one node is capped: it is all there is. */
function sideOfOne(sample: NodeSample, metric: "resets" | "errors"): Side {
  const events = sample[metric];
  const hours = Math.max(sample.hours, 1 / 3600);
  return { nodes: events === undefined ? 0 : 1, events: events ?? 0, exposure: hours, unit: "h" };
}

/** What a single node says of itself needs no comparison, unless it said the same before. */
function ofItself(
  now: NodeSample,
  before: NodeSample | undefined,
  metrics: readonly HealthMetric[],
): readonly GateFinding[] {
  const findings: GateFinding[] = [];
  if (metrics.includes("unhealthy") && now.isUnhealthy === true && before?.isUnhealthy !== true)
    findings.push({ what: "unhealthy", kind: "bad", text: "unhealthy: the canary says that it isn't healthy" });
  if (now.isLost) {
    const kind = metrics.includes("lost") ? "bad" : "unreadable";
    findings.push({ what: "lost", kind, text: "lost: the canary isn't heard any more" });
  }
  return findings;
}

function valuesOf(samples: readonly NodeSample[], what: "freeHeap" | "gapSeconds"): number[] {
  return samples.flatMap((each) => each[what] ?? []);
}
