import type { RuleState } from "../../../schemas/generated/types.ts";
import { type ParsedRule, type Quantity, quantities, type Term } from "./parsed-rule.ts";

/** What is known of the site now, in a rule's units; what is missing or stale is absent. */
export type SiteValues = { readonly [K in Quantity]?: number };

/** One rule of a household, read. */
export interface HouseRule {
  readonly name: string;
  readonly isOff: boolean;
  readonly rule: ParsedRule;
}

/** How far a rule is. `isTold`: its socket was told since the condition began to hold. */
export interface RuleStanding {
  readonly state: RuleState["state"];
  readonly reason?: string;
  readonly sinceMs?: number;
  readonly isTold: boolean;
  readonly firedAtMs?: number;
}

/** What the machine wants done. */
export interface SwitchSocket {
  readonly rule: string;
  readonly socket: string;
  readonly isOn: boolean;
}

export interface RulesMoment {
  readonly values: SiteValues;
  /** undefined: there is no such socket. */
  readonly isSocketOnline: (socket: string) => boolean | undefined;
  /** By a clock that never jumps. */
  readonly nowMs: number;
}

export const firstStanding: RuleStanding = { state: "unknown", isTold: false };

/**
 * One look at all rules. A rule tells its socket once when its condition has held for its time, so that a person who
 * switches it afterwards isn't overruled; it may tell again after the condition failed. Where two rules want different things of one
 * socket the one that stands first has its way. A value that is missing or stale holds nothing up and nothing on: the time begins anew.
 */
export function stepRules(
  rules: readonly HouseRule[],
  before: readonly RuleStanding[],
  moment: RulesMoment,
): { readonly standings: RuleStanding[]; readonly switches: SwitchSocket[] } {
  const wanted = new Map<string, { readonly rule: string; readonly isOn: boolean }>();
  const switches: SwitchSocket[] = [];
  const standings = rules.map((each, index) => {
    const { standing, fires } = stepRule(each, before[index] ?? firstStanding, moment, wanted);
    if (fires) switches.push(fires);
    return standing;
  });
  return { standings, switches };
}

type Wanted = Map<string, { readonly rule: string; readonly isOn: boolean }>;

function stepRule(
  { name, isOff, rule }: HouseRule,
  before: RuleStanding,
  { values, isSocketOnline, nowMs }: RulesMoment,
  wanted: Wanted,
): { standing: RuleStanding; fires?: SwitchSocket } {
  const fired = before.firedAtMs === undefined ? {} : { firedAtMs: before.firedAtMs };
  const rest = (state: RuleState["state"], reason?: string) => ({
    standing: { state, isTold: false, ...(reason !== undefined && { reason }), ...fired },
  });
  if (isOff) return rest("off");
  const isOnline = isSocketOnline(rule.socket);
  if (isOnline === undefined) return rest("unknown", `there is no socket ${rule.socket}`);
  if (rule.kind === "allow-packs")
    return { standing: { state: "true", isTold: false, reason: "packs may ask", ...fired } };
  const missing = missingValue(rule, values);
  if (missing !== undefined) return rest("unknown", `${missing} is missing or old`);
  if (
    !rule.comparisons.every(({ left, operator, right }) => holds(worth(left, values), operator, worth(right, values)))
  ) {
    return rest("false");
  }
  const sinceMs = before.sinceMs ?? nowMs;
  const holding = (reason?: string): { standing: RuleStanding } => ({
    standing: { state: "holding", sinceMs, isTold: false, ...(reason !== undefined && { reason }), ...fired },
  });
  if (nowMs - sinceMs < rule.holdMs) return holding();
  const first = wanted.get(rule.socket);
  if (first !== undefined && first.isOn !== rule.isOn) return holding(`the rule ${first.rule} stands before it`);
  wanted.set(rule.socket, { rule: name, isOn: rule.isOn });
  if (before.isTold) return { standing: { ...before, state: "true" } };
  if (!isOnline) return holding(`the socket ${rule.socket} is offline`);
  return {
    standing: { state: "true", sinceMs, isTold: true, firedAtMs: nowMs },
    fires: { rule: name, socket: rule.socket, isOn: rule.isOn },
  };
}

/** Whether a rule allows packs to ask for a socket. */
export function arePacksAllowed(rules: readonly HouseRule[], socket: string): boolean {
  return rules.some(({ isOff, rule }) => !isOff && rule.kind === "allow-packs" && rule.socket === socket);
}

function missingValue(rule: Extract<ParsedRule, { kind: "switch" }>, values: SiteValues): Quantity | undefined {
  return rule.comparisons
    .flatMap(({ left, right }) => [left.quantity, right.quantity])
    .find((quantity) => quantity !== undefined && values[quantity] === undefined);
}

function worth({ quantity, constant }: Term, values: SiteValues): number {
  const sum = (quantity === undefined ? 0 : (values[quantity] ?? 0)) + constant;
  const isTime = quantity !== undefined && quantities[quantity] === "time";
  return isTime ? ((sum % 1440) + 1440) % 1440 : sum;
}

function holds(left: number, operator: string, right: number): boolean {
  if (operator === ">") return left > right;
  if (operator === ">=") return left >= right;
  return operator === "<" ? left < right : left <= right;
}
