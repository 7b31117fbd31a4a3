import type { Presence } from "./presence.ts";

export type AlertKind =
  | "offline"
  | "unhealthy"
  | "low-heap"
  | "reset-loop"
  | "broker-lost"
  | "update-failed"
  | "disagreement";

export type Severity = "info" | "warning" | "critical";

/** What the rules look at, of one node. Undefined: nobody said. */
export interface NodeFacts {
  readonly presence: Presence;
  readonly isInMaintenance: boolean;
  readonly status?: "healthy" | "degraded" | "unhealthy" | undefined;
  readonly freeHeap?: number | undefined;
  /** How often its boot count rose within the window of the rule. */
  readonly recentBoots: number;
  /** How long its broker connection is gone; undefined: connected, or never was. */
  readonly brokerLostMs?: number | undefined;
  /** Its last ended attempt, unless a later one is open. */
  readonly lastAttempt?:
    | { readonly state: string; readonly reason?: string | undefined; readonly update: string }
    | undefined;
  /** Why the desired image isn't the running one. */
  readonly disagreement?: string | undefined;
}

export interface AlertThresholds {
  readonly lowHeapBytes: number;
  /** A raised low-heap alert clears only above this. */
  readonly lowHeapClearBytes: number;
  readonly resetLoopBoots: number;
  readonly resetLoopWindowMs: number;
  readonly brokerLostMs: number;
}

export const alertThresholds: AlertThresholds = {
  lowHeapBytes: 8192,
  lowHeapClearBytes: 10_240,
  resetLoopBoots: 3,
  resetLoopWindowMs: 600_000,
  brokerLostMs: 600_000,
};

export interface WantedAlert {
  readonly kind: AlertKind;
  readonly severity: Severity;
  readonly text: string;
}

/** The alerts a node deserves now. Pure; `active` are those it has, for rules that clear later than they raise. */
export function alertsFor(
  facts: NodeFacts,
  active: ReadonlySet<AlertKind>,
  thresholds: AlertThresholds = alertThresholds,
): WantedAlert[] {
  return rules.flatMap((rule) => rule(facts, active, thresholds) ?? []);
}

type Rule = (facts: NodeFacts, active: ReadonlySet<AlertKind>, thresholds: AlertThresholds) => WantedAlert | undefined;

const rules: readonly Rule[] = [
  ({ presence, isInMaintenance }, active) => {
    // While we couldn't hear we know nothing new: what was raised stays.
    if (presence === "unknown" ? !active.has("offline") : presence !== "offline") return undefined;
    const severity = isInMaintenance ? "info" : "critical";
    return { kind: "offline", severity, text: "Nothing was heard of it for more than its offline time." };
  },
  ({ status, isInMaintenance, presence }) => {
    if (status !== "unhealthy" && status !== "degraded") return undefined;
    // Its last word is stale once it is silent; "offline" says what matters then.
    if (presence === "offline") return undefined;
    const severity = isInMaintenance ? "info" : status === "unhealthy" ? "critical" : "warning";
    return { kind: "unhealthy", severity, text: `It says that it is ${status}.` };
  },
  ({ freeHeap }, active, { lowHeapBytes, lowHeapClearBytes }) => {
    if (freeHeap === undefined || freeHeap >= (active.has("low-heap") ? lowHeapClearBytes : lowHeapBytes))
      return undefined;
    return { kind: "low-heap", severity: "warning", text: `It has ${freeHeap} bytes of memory left.` };
  },
  ({ recentBoots }, _, { resetLoopBoots, resetLoopWindowMs }) => {
    if (recentBoots < resetLoopBoots) return undefined;
    const minutes = Math.round(resetLoopWindowMs / 60_000);
    return {
      kind: "reset-loop",
      severity: "critical",
      text: `It booted ${recentBoots} times within ${minutes} minutes.`,
    };
  },
  ({ brokerLostMs, presence, isInMaintenance }, _, thresholds) => {
    if (brokerLostMs === undefined || brokerLostMs < thresholds.brokerLostMs || isInMaintenance) return undefined;
    // An offline node has no broker connection either; one alert for one cause.
    if (presence === "offline" || presence === "unknown") return undefined;
    return { kind: "broker-lost", severity: "warning", text: "It is alive, but has no broker connection." };
  },
  ({ lastAttempt }) => {
    if (lastAttempt === undefined) return undefined;
    const { state, reason = "unknown", update } = lastAttempt;
    if (state !== "failed" && state !== "rolled-back" && state !== "expired") return undefined;
    const severity = state === "rolled-back" ? "critical" : "warning";
    return { kind: "update-failed", severity, text: `Update ${update} ${ending[state]} (${reason}).` };
  },
  ({ disagreement, lastAttempt }) => {
    // A failed attempt already says why.
    if (disagreement === undefined || disagreement === "rolled-back" || disagreement === "not-installed") {
      if (disagreement === undefined || lastAttempt !== undefined) return undefined;
    }
    return {
      kind: "disagreement",
      severity: "warning",
      text: `It doesn't run the image it should run (${disagreement}).`,
    };
  },
];

const ending = { failed: "failed", "rolled-back": "was rolled back", expired: "got no answer in time" } as const;
