import { parseNodeId } from "../../../schemas/wire/node-id.ts";
import { isLabel } from "../node-labels.ts";
import type { Scope } from "../scope.ts";
import { isTimeZone, type MaintenanceWindow, parseWindow, windowRule } from "./maintenance-window.ts";
import {
  type GateRules,
  type HealthMetric,
  healthMetrics,
  type RetryRules,
  type RolloutLimits,
  type RolloutPlan,
  rolloutDefaults,
  type WaveReach,
} from "./rollout-plan.ts";
import type { RolloutTargets, TargetQuery } from "./rollout-targets.ts";

export type PlanResult =
  | { readonly ok: true; readonly plan: RolloutPlan }
  | { readonly ok: false; readonly path: string; readonly rule: string };

export const planLimits = {
  bytes: 1_048_576,
  nodes: 10_000,
  canaries: 1000,
  waves: 32,
  windows: 64,
  sites: 1000,
} as const;

const idPattern = /^[a-z0-9._-]{1,48}$/;
const idRule = "1 to 48 of a-z, 0-9, dot, underscore and hyphen";
const day = 86_400;

type Body = Readonly<Record<string, unknown>>;

/** What breaks which rule where. */
class PlanError extends Error {
  readonly path: string;
  readonly rule: string;

  constructor(path: string, rule: string) {
    super(`${path} ${rule}`);
    this.path = path;
    this.rule = rule;
  }
}

/**
 * A plan as people write it: `{id, update, targets: {query} or {nodes}, waves: ["1", "5%", "100%"], windows: ["daily 02:00-04:00"], gate: {soakSeconds},
 * ...}`, by who may reach `scopes`. What isn't said has its default, what isn't known is refused: a limit with a slip in its name must not be no limit.
 */
export function parseRolloutPlan(body: Body, scopes: readonly Scope[] = []): PlanResult {
  try {
    return { ok: true, plan: planOf(body, scopes) };
  } catch (error) {
    if (error instanceof PlanError) return { ok: false, path: error.path, rule: error.rule };
    throw error;
  }
}

function planOf(body: Body, scopes: readonly Scope[]): RolloutPlan {
  const known = ["id", "update", "title", "targets", "waves", "canaries", "limits", "windows", "timeZone"];
  only(body, "", [...known, "siteTimeZones", "power", "gate", "retry", "revert", "needsApproval", "staysOpen"]);
  const { title } = body;
  if (title !== undefined && (typeof title !== "string" || title.length > 96))
    throw new PlanError("title", "must be a text of at most 96 characters");
  const revert = revertOf(body["revert"]);
  const waves = wavesOf(body["waves"]);
  const canaries = nodeList(body["canaries"] ?? [], "canaries", planLimits.canaries);
  // The first wave is theirs, whatever it says: as the last one it would leave everybody else out for ever.
  if (canaries.length > 0 && waves.length === 1)
    throw new PlanError("waves", 'must have a wave behind that of the canaries: ["1", "100%"]');
  return {
    id: name(body["id"], "id"),
    update: name(body["update"], "update"),
    ...(title !== undefined && { title }),
    targets: targetsOf(body["targets"]),
    ...{ waves, canaries },
    limits: limitsOf(object(body["limits"], "limits")),
    windows: windowsOf(body["windows"]),
    timeZone: zone(body["timeZone"] ?? rolloutDefaults.timeZone, "timeZone"),
    siteTimeZones: siteZonesOf(object(body["siteTimeZones"], "siteTimeZones")),
    power: powerOf(object(body["power"], "power")),
    gate: gateOf(object(body["gate"], "gate")),
    retry: retryOf(object(body["retry"], "retry")),
    ...(revert !== undefined && { revert }),
    needsApproval: truth(body["needsApproval"], "needsApproval"),
    staysOpen: truth(body["staysOpen"], "staysOpen"),
    scopes,
  };
}

function targetsOf(value: unknown): RolloutTargets {
  const body = object(value, "targets");
  only(body, "targets", ["nodes", "query"]);
  const { nodes, query } = body;
  if (nodes !== undefined && query !== undefined) throw new PlanError("targets", "has either nodes or a query");
  if (nodes === undefined) return { kind: "query", query: queryOf(object(query, "targets.query")) };
  const list = nodeList(nodes, "targets.nodes", planLimits.nodes);
  if (list.length === 0) throw new PlanError("targets.nodes", "must name a node");
  return { kind: "nodes", nodes: list };
}

function queryOf(body: Body): TargetQuery {
  const texts = ["model", "site", "phase", "presence", "version", "digest"] as const;
  only(body, "targets.query", [...texts, "tags"]);
  const { tags = [] } = body;
  if (!Array.isArray(tags) || tags.length > 16 || !tags.every((tag) => typeof tag === "string" && tag.length <= 63))
    throw new PlanError("targets.query.tags", "must be at most 16 tags");
  const found = texts.flatMap((each) => {
    const text = body[each];
    if (text === undefined) return [];
    if (typeof text !== "string" || text === "" || text.length > 80)
      throw new PlanError(`targets.query.${each}`, "must be a text of 1 to 80 characters");
    return [[each, text] as const];
  });
  return { ...Object.fromEntries(found), ...(tags.length > 0 && { tags: tags as string[] }) };
}

function wavesOf(value: unknown): readonly WaveReach[] {
  if (value === undefined) return rolloutDefaults.waves;
  const rule = `must be up to ${planLimits.waves} of N or N%, ascending, with 100% at the end: ["1", "5%", "20%", "100%"]`;
  if (!Array.isArray(value) || value.length === 0 || value.length > planLimits.waves)
    throw new PlanError("waves", rule);
  const waves = value.map((each: unknown): WaveReach => {
    const match = /^(\d{1,7}(?:\.\d{1,3})?)(%?)$/.exec(String(each));
    const figure = Number(match?.[1]);
    const isGood = match?.[2] === "%" ? figure > 0 && figure <= 100 : Number.isInteger(figure) && figure > 0;
    if (match === null || !isGood) throw new PlanError("waves", rule);
    return match[2] === "%" ? { percent: figure } : { count: figure };
  });
  const last = waves.at(-1)!;
  const isAscending = waves.every((wave, at) => {
    const before = waves[at - 1];
    if (before === undefined) return true;
    if ("percent" in before) return "percent" in wave && wave.percent > before.percent;
    return "percent" in wave || wave.count > before.count;
  });
  if (!isAscending || !("percent" in last) || last.percent !== 100) throw new PlanError("waves", rule);
  return waves;
}

function limitsOf(body: Body): RolloutLimits {
  const { limits } = rolloutDefaults;
  const names = [
    "concurrency",
    "perSite",
    "ratePerMinute",
    "bytesPerSecond",
    "offerLeaseSeconds",
    "silentLeaseSeconds",
  ];
  only(body, "limits", names);
  return {
    concurrency: number(body, "limits.concurrency", 1, 100_000) ?? limits.concurrency,
    ...optional("perSite", number(body, "limits.perSite", 1, 100_000)),
    ...optional("ratePerMinute", number(body, "limits.ratePerMinute", 1, 100_000)),
    ...optional("bytesPerSecond", number(body, "limits.bytesPerSecond", 1, 1e12)),
    offerLeaseMs: milliseconds(body, "limits.offerLeaseSeconds", 1, 30 * day) ?? limits.offerLeaseMs,
    silentLeaseMs: milliseconds(body, "limits.silentLeaseSeconds", 1, 30 * day) ?? limits.silentLeaseMs,
  };
}

function windowsOf(value: unknown): readonly MaintenanceWindow[] {
  if (value === undefined) return [];
  const rule = `must be at most ${planLimits.windows} of ${windowRule}`;
  if (!Array.isArray(value) || value.length > planLimits.windows) throw new PlanError("windows", rule);
  return value.map((text: unknown, at) => {
    const window = typeof text === "string" ? parseWindow(text) : undefined;
    if (window === undefined) throw new PlanError(`windows[${at}]`, rule);
    return window;
  });
}

function siteZonesOf(body: Body): Readonly<Record<string, string>> {
  const entries = Object.entries(body);
  if (entries.length > planLimits.sites || !entries.every(([site]) => isLabel(site)))
    throw new PlanError("siteTimeZones", `must have at most ${planLimits.sites} names of sites`);
  return Object.fromEntries(entries.map(([site, value]) => [site, zone(value, `siteTimeZones.${site}`)]));
}

function powerOf(body: Body): RolloutPlan["power"] {
  only(body, "power", ["minBatteryPercent", "mainsOnly"]);
  return {
    ...optional("minBatteryPercent", number(body, "power.minBatteryPercent", 0, 100)),
    mainsOnly: truth(body["mainsOnly"], "power.mainsOnly"),
  };
}

function gateOf(body: Body): GateRules {
  const { gate } = rolloutDefaults;
  only(body, "gate", ["soakSeconds", "minSample", "successRatio", "failureRatio", "health", "readableWithinSeconds"]);
  const { health = gate.health } = body;
  if (!Array.isArray(health) || !health.every((each) => (healthMetrics as readonly unknown[]).includes(each)))
    throw new PlanError("gate.health", `must be a list of ${healthMetrics.join(", ")}`);
  return {
    soakMs: milliseconds(body, "gate.soakSeconds", 0, 30 * day) ?? gate.soakMs,
    minSample: number(body, "gate.minSample", 1, 100_000) ?? gate.minSample,
    successRatio: fraction(body, "gate.successRatio") ?? gate.successRatio,
    failureRatio: fraction(body, "gate.failureRatio") ?? gate.failureRatio,
    health: [...new Set(health as HealthMetric[])],
    readableWithinMs: milliseconds(body, "gate.readableWithinSeconds", 0, 30 * day) ?? gate.readableWithinMs,
  };
}

function retryOf(body: Body): RetryRules {
  const { retry } = rolloutDefaults;
  only(body, "retry", ["attempts", "backoffSeconds", "maxBackoffSeconds"]);
  const backoffMs = milliseconds(body, "retry.backoffSeconds", 1, 7 * day) ?? retry.backoffMs;
  const maxBackoffMs = milliseconds(body, "retry.maxBackoffSeconds", 1, 7 * day) ?? retry.maxBackoffMs;
  const attempts = number(body, "retry.attempts", 1, 100) ?? retry.attempts;
  return { attempts, backoffMs, maxBackoffMs: Math.max(maxBackoffMs, backoffMs) };
}

function revertOf(value: unknown): RolloutPlan["revert"] {
  if (value === undefined) return undefined;
  const body = object(value, "revert");
  only(body, "revert", ["update", "automatic"]);
  return { update: name(body["update"], "revert.update"), isAutomatic: truth(body["automatic"], "revert.automatic") };
}

function only(body: Body, path: string, known: readonly string[]): void {
  const unknown = Object.keys(body).find((each) => !known.includes(each));
  if (unknown === undefined) return;
  throw new PlanError(path === "" ? unknown : `${path}.${unknown}`, `isn't one of ${known.join(", ")}`);
}

function object(value: unknown, path: string): Body {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new PlanError(path, "must be an object");
  return value as Body;
}

function name(value: unknown, path: string): string {
  if (typeof value !== "string" || !idPattern.test(value)) throw new PlanError(path, `must be ${idRule}`);
  return value;
}

function nodeList(value: unknown, path: string, max: number): readonly string[] {
  if (!Array.isArray(value) || value.length > max)
    throw new PlanError(path, `must be a list of at most ${max} node ids`);
  const wrong = value.find((each) => typeof each !== "string" || !parseNodeId(each).ok);
  if (wrong !== undefined) throw new PlanError(path, `has ${JSON.stringify(wrong).slice(0, 80)}, which is no node id`);
  return [...new Set(value as string[])];
}

function zone(value: unknown, path: string): string {
  if (typeof value !== "string" || !isTimeZone(value))
    throw new PlanError(path, "must be an IANA time zone: Europe/Berlin, UTC");
  return value;
}

function truth(value: unknown, path: string): boolean {
  if (value !== undefined && typeof value !== "boolean") throw new PlanError(path, "must be true or false");
  return value === true;
}

function number(body: Body, path: string, min: number, max: number): number | undefined {
  const value = body[path.slice(path.indexOf(".") + 1)];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max)
    throw new PlanError(path, `must be a whole number from ${min} to ${max}`);
  return value;
}

function milliseconds(body: Body, path: string, min: number, max: number): number | undefined {
  const seconds = number(body, path, min, max);
  return seconds === undefined ? undefined : seconds * 1000;
}

function fraction(body: Body, path: string): number | undefined {
  const value = body[path.slice(path.indexOf(".") + 1)];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !(value >= 0 && value <= 1))
    throw new PlanError(path, "must be a number from 0 to 1");
  return value;
}

function optional<Name extends string>(name: Name, value: number | undefined): { readonly [N in Name]?: number } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [N in Name]?: number });
}
