/**
 * Presence: what we heard of a node. The last authenticated datagram *received* counts, nothing else, except that a lost
 * broker connection makes us suspect a node before its time is over.
 *
 *     online --1.5 x poll + 30 s--> late --3 x poll + 100 s, or lifetime over--> offline
 *
 * Silence says something about a node only while we could hear. `unknown` means that we couldn't: our socket was down, we
 * heard nobody at all, or we started after the node's last word. It ends when the node is heard, or when the node has had its
 * whole time to speak while we listened.
 */
export type Presence = "online" | "late" | "offline" | "unknown";

export interface PresenceRules {
  readonly lateFactor: number;
  readonly lateExtraMs: number;
  readonly offlineFactor: number;
  readonly offlineExtraMs: number;
  /** Silence of everybody for this long means that we are deaf... */
  readonly deafAfterMs: number;
  /** ...or for this many of the shortest poll intervals, if that is longer: a slow fleet is silent by nature... */
  readonly deafFactor: number;
  /** ...but only when at least so many should have been heard: one silent node is just a silent node. */
  readonly deafMinimumNodes: number;
}

export const presenceRules: PresenceRules = {
  lateFactor: 1.5,
  lateExtraMs: 30_000,
  offlineFactor: 3,
  offlineExtraMs: 100_000,
  deafAfterMs: 60_000,
  deafFactor: 1.5,
  deafMinimumNodes: 2,
};

/** What is known of one node. All instants are milliseconds on the monotonic clock of this process. */
export interface Sighting {
  /** When it was last heard; undefined: not by this process. */
  readonly heardAtMs: number | undefined;
  readonly pollSeconds: number;
  readonly lifetimeSeconds: number;
  /** Its broker connection broke after it was last heard. */
  readonly isSuspect: boolean;
}

/** Since when we can hear; undefined: we can't now. */
export type HearingSinceMs = number | undefined;

export function presenceOf(
  sighting: Sighting,
  hearingSinceMs: HearingSinceMs,
  nowMs: number,
  rules: PresenceRules = presenceRules,
): Presence {
  if (hearingSinceMs === undefined) return "unknown";
  const { heardAtMs } = sighting;
  const offlineAfterMs = offlineDelayMs(sighting, rules);
  if (heardAtMs === undefined || heardAtMs < hearingSinceMs) {
    return nowMs - hearingSinceMs >= offlineAfterMs ? "offline" : "unknown";
  }
  const silentMs = nowMs - heardAtMs;
  if (silentMs >= offlineAfterMs) return "offline";
  return silentMs >= lateDelayMs(sighting, rules) || sighting.isSuspect ? "late" : "online";
}

/** A child speaks through its gateway: what we don't hear while the gateway is silent says nothing about the child. */
export function childPresence(own: Presence, gateway: Presence): Presence {
  return own === "offline" && (gateway === "offline" || gateway === "unknown") ? "unknown" : own;
}

/** How long from now until `presenceOf` may answer otherwise if nothing happens; infinite when it never does. */
export function presenceHoldsMs(
  sighting: Sighting,
  hearingSinceMs: HearingSinceMs,
  nowMs: number,
  rules: PresenceRules = presenceRules,
): number {
  const presence = presenceOf(sighting, hearingSinceMs, nowMs, rules);
  if (hearingSinceMs === undefined || presence === "offline") return Number.POSITIVE_INFINITY;
  const sinceMs = presence === "unknown" ? hearingSinceMs : (sighting.heardAtMs ?? nowMs);
  const delayMs = presence === "online" ? lateDelayMs(sighting, rules) : offlineDelayMs(sighting, rules);
  return sinceMs + delayMs - nowMs;
}

/** How long nobody at all may be silent before we take ourselves for deaf. */
export function deafDelayMs(shortestPollSeconds: number, rules: PresenceRules = presenceRules): number {
  return Math.max(rules.deafAfterMs, rules.deafFactor * shortestPollSeconds * 1000);
}

/** A lifetime shorter than the time to be late ends a node without it ever being late. */
function lateDelayMs(sighting: Sighting, rules: PresenceRules): number {
  const delayMs = rules.lateFactor * sighting.pollSeconds * 1000 + rules.lateExtraMs;
  return Math.min(delayMs, offlineDelayMs(sighting, rules));
}

function offlineDelayMs({ pollSeconds, lifetimeSeconds }: Sighting, rules: PresenceRules): number {
  return Math.min(rules.offlineFactor * pollSeconds * 1000 + rules.offlineExtraMs, lifetimeSeconds * 1000);
}
