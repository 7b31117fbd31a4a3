import type { HealthMetric } from "./rollout-plan.ts";

/** What a gate says, with the numbers that it says it by. */
export interface GateVerdict {
  readonly kind: "open" | "closed" | "unreadable";
  /** One for each thing that was looked at, what closes it first. */
  readonly findings: readonly GateFinding[];
}

export interface GateFinding {
  readonly what: "failures" | "success" | "sample" | "readable" | HealthMetric;
  readonly kind: "good" | "bad" | "unreadable" | "not-compared";
  /** For people, with the numbers: `resets: 9 on 20 updated nodes in 10 h, 4 on 380 others in 190 h; p = 0.00001`. */
  readonly text: string;
  readonly numbers?: Readonly<Record<string, number>>;
}

export function gateVerdict(findings: readonly GateFinding[]): GateVerdict {
  const rank = { bad: 0, unreadable: 1, "not-compared": 2, good: 3 };
  const sorted = findings.toSorted((a, b) => rank[a.kind] - rank[b.kind]);
  const worst = sorted[0]?.kind;
  return { kind: worst === "bad" ? "closed" : worst === "unreadable" ? "unreadable" : "open", findings: sorted };
}
