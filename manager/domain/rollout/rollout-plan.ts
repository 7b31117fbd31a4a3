import type { Scope } from "../scope.ts";
import type { MaintenanceWindow } from "./maintenance-window.ts";
import type { RolloutTargets } from "./rollout-targets.ts";

/** How far a wave reaches: so many members, or so large a share of those that there are now. */
export type WaveReach = { readonly count: number } | { readonly percent: number };

/** What an operator wants of a rollout, complete: `parseRolloutPlan` fills in what wasn't said. Durations are milliseconds. */
export interface RolloutPlan {
  readonly id: string;
  readonly update: string;
  readonly title?: string;
  readonly targets: RolloutTargets;
  /** Ascending; the last one is everybody. */
  readonly waves: readonly WaveReach[];
  /** Who goes first; empty: the order decides. The first wave is these and nobody else. */
  readonly canaries: readonly string[];
  readonly limits: RolloutLimits;
  readonly windows: readonly MaintenanceWindow[];
  /** IANA names. A site without one of its own has `timeZone`. */
  readonly timeZone: string;
  readonly siteTimeZones: Readonly<Record<string, string>>;
  readonly power: { readonly minBatteryPercent?: number; readonly mainsOnly: boolean };
  readonly gate: GateRules;
  readonly retry: RetryRules;
  readonly revert?: { readonly update: string; readonly isAutomatic: boolean };
  /** Made by the manager: the rollout that this one takes back. Nobody joins whom that one offered nothing. */
  readonly reverts?: string;
  /** A second person must say yes before it begins. */
  readonly needsApproval: boolean;
  /** Goes on waiting for new nodes when everybody is done; ends only when a person aborts it. */
  readonly staysOpen: boolean;
  /** Of who made it: no other node ever joins. None: the whole fleet. */
  readonly scopes: readonly Scope[];
}

export interface RolloutLimits {
  /** Nodes that are at it at once. */
  readonly concurrency: number;
  readonly perSite?: number;
  readonly ratePerMinute?: number;
  /** Mean over the rollout: an image is offered no sooner than the ones before it would have been sent at this rate. */
  readonly bytesPerSecond?: number;
  /** How long a node that was offered the update may take to say that it has it. */
  readonly offerLeaseMs: number;
  /** How long a node that is at it may be silent. */
  readonly silentLeaseMs: number;
}

export interface GateRules {
  /** From the moment when the wave is through. */
  readonly soakMs: number;
  /** Ends that are needed for a judgement; a smaller wave needs all of its members. */
  readonly minSample: number;
  /** Of those that ended, this share has succeeded. */
  readonly successRatio: number;
  /** More failures than this share of the wave close the gate at once. */
  readonly failureRatio: number;
  /** What is compared of updated nodes with the others; empty: nothing. */
  readonly health: readonly HealthMetric[];
  /** After the soak: a gate that can't be read for so long is closed. */
  readonly readableWithinMs: number;
}

export type HealthMetric = "resets" | "errors" | "lost" | "unhealthy" | "heap" | "gap";
export const healthMetrics: readonly HealthMetric[] = ["resets", "errors", "lost", "unhealthy", "heap", "gap"];

export interface RetryRules {
  /** Tries of a node with one image, over all rollouts. */
  readonly attempts: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

const minute = 60_000;

export const rolloutDefaults = {
  waves: [{ count: 1 }, { percent: 5 }, { percent: 20 }, { percent: 100 }],
  limits: { concurrency: 100, offerLeaseMs: 15 * minute, silentLeaseMs: 60 * minute },
  timeZone: "UTC",
  gate: {
    soakMs: 30 * minute,
    minSample: 20,
    successRatio: 0.95,
    failureRatio: 0.05,
    health: healthMetrics,
    readableWithinMs: 30 * minute,
  },
  retry: { attempts: 3, backoffMs: 5 * minute, maxBackoffMs: 6 * 60 * minute },
} as const satisfies Partial<RolloutPlan>;

/** How many of `members` a wave reaches; at least one, and never fewer than the wave before it. */
export function waveLimit(plan: Pick<RolloutPlan, "waves" | "canaries">, wave: number, members: number): number {
  let limit = 0;
  for (let at = 0; at <= wave && at < plan.waves.length; at++) {
    const reach = plan.waves[at]!;
    const own = "count" in reach ? reach.count : Math.ceil((members * reach.percent) / 100);
    limit = Math.max(limit, at === 0 && plan.canaries.length > 0 ? plan.canaries.length : own, 1);
  }
  return Math.min(limit, members);
}

/** Whether the first wave is a single node whose gate looks at its health: then it is compared with its own day before. */
export function hasLoneCanary(plan: RolloutPlan, members: number): boolean {
  return plan.gate.health.length > 0 && waveLimit(plan, 0, members) === 1;
}

/** Of a canary's own day so much must be known before it is offered the update: with less, its gate could see nothing. */
export function neededHistoryMs({ gate: { soakMs } }: RolloutPlan): number {
  return Math.min(soakMs / 4, 24 * 60 * minute);
}
