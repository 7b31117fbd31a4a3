import { instantToMs } from "../../../schemas/wire/instant.ts";
import type { SiteTopic } from "../../../schemas/wire/site-topics.ts";
import type { SiteMessage } from "./site-message.ts";
import { emptySite, type SiteState, type Stamped, siteLimits } from "./site-state.ts";

export interface Reception {
  /** Milliseconds since 1970 by the phone's clock. */
  readonly at: number;
  /** The broker had kept it: it says nothing of now. */
  readonly isRetained: boolean;
}

/** The household after one message; the same object where the message changes nothing. */
export function takeMessage(site: SiteState, message: SiteMessage, reception: Reception): SiteState {
  const skewed = withSkew(site, message, reception);
  switch (message.kind) {
    case "telemetry":
      return withPack(skewed, message.node, { telemetry: stamped(message.value, skewed, reception) });
    case "identity":
      return withPack(skewed, message.node, { identity: message.value });
    case "alarm":
      return withPack(skewed, message.node, { alarm: message.value });
    case "socket":
      return withSocket(skewed, message.socket, stamped(message.value, skewed, reception));
    case "aggregate":
      return { ...skewed, aggregate: stamped(message.value, skewed, reception) };
    case "master":
      return { ...skewed, master: message.value };
    case "gateway":
      return { ...skewed, gateway: stamped(message.value, skewed, reception) };
    case "update-status":
      return { ...skewed, update: stamped(message.value, skewed, reception) };
    case "rules":
      return { ...skewed, rules: message.value };
    case "rules-status":
      return message.value.test === true
        ? { ...skewed, rulesTest: message.value }
        : { ...skewed, rulesStatus: message.value };
    case "ack":
    case "history":
      return skewed;
  }
}

/** What isn't a message of this household, or breaks its schema, is counted and not shown. */
export function countGarbage(site: SiteState): SiteState {
  return { ...site, garbage: site.garbage + 1 };
}

/** A retained topic was emptied: what it said is forgotten; a pack without telemetry and a socket without state are gone. */
export function forget(site: SiteState, topic: SiteTopic): SiteState {
  switch (topic.kind) {
    case "telemetry": {
      const { [topic.node]: _pack, ...packs } = site.packs;
      return { ...site, packs };
    }
    case "socket": {
      const { [topic.socket]: _socket, ...sockets } = site.sockets;
      return { ...site, sockets };
    }
    case "identity":
    case "alarm": {
      const { [topic.kind]: _gone, ...pack } = site.packs[topic.node] ?? {};
      return site.packs[topic.node] === undefined ? site : { ...site, packs: { ...site.packs, [topic.node]: pack } };
    }
    case "aggregate":
    case "master":
    case "gateway":
    case "rules": {
      const { [topic.kind]: _gone, ...rest } = site;
      return rest;
    }
    case "update-status": {
      const { update: _gone, ...rest } = site;
      return rest;
    }
    case "rules-status": {
      const { rulesStatus: _gone, ...rest } = site;
      return rest;
    }
    default:
      return site;
  }
}

/** Seconds: an age of a day may be any longer one. */
const oldestAge = 86_400;

interface Timed {
  readonly time?: string;
  readonly age?: number;
}

/** After this a larger difference is believed too: the phone's clock may have been set. */
const skewKeptMs = 60_000;

/**
 * What is fresh by its own words left the gateway just now, its age after its time; so the clocks' difference is known from it. Of a server broker
 * that keeps nothing, also old messages come as live ones, said again: they tell nothing of clocks.
 */
function withSkew(site: SiteState, message: SiteMessage, { at, isRetained }: Reception): SiteState {
  if (isRetained || (message.kind !== "telemetry" && message.kind !== "aggregate") || message.value.stale) return site;
  const { time, age = 0 } = message.value;
  const heard = time === undefined ? undefined : instantToMs(time);
  if (heard === undefined || age >= oldestAge) return site;
  const skewMs = at - heard - age * 1000;
  const isOver = site.skewAt === undefined || at - site.skewAt > skewKeptMs || at < site.skewAt;
  return isOver || skewMs <= site.skewMs ? { ...site, skewMs, skewAt: at } : site;
}

/** When a value held: by the gateway's time; a live one without a time when it came, less the age that it had. Never in the future. */
function stamped<T extends Timed>(value: T, site: SiteState, { at, isRetained }: Reception): Stamped<T> {
  const heard = value.time === undefined ? undefined : instantToMs(value.time);
  const came = at - (value.age ?? 0) * 1000;
  if (heard === undefined) return { value, at: isRetained ? undefined : came };
  return { value, at: Math.min(heard + site.skewMs, isRetained ? at : came) };
}

function withPack(site: SiteState, node: string, change: Partial<SiteState["packs"][string]>): SiteState {
  const known = site.packs[node];
  if (known === undefined && Object.keys(site.packs).length >= siteLimits.maxPacks) return countGarbage(site);
  return { ...site, packs: { ...site.packs, [node]: { ...known, ...change } } };
}

function withSocket(site: SiteState, socket: string, state: SiteState["sockets"][string]): SiteState {
  const isNew = site.sockets[socket] === undefined;
  if (isNew && Object.keys(site.sockets).length >= siteLimits.maxSockets) return countGarbage(site);
  return { ...site, sockets: { ...site.sockets, [socket]: state } };
}

/** What was kept on the phone, if it has the form of a household; ages go on where they were. */
export function restoreSite(kept: unknown): SiteState {
  if (typeof kept !== "object" || kept === null) return emptySite;
  const { packs, sockets } = kept as Partial<SiteState>;
  if (typeof packs !== "object" || packs === null || typeof sockets !== "object" || sockets === null) return emptySite;
  const { rulesTest: _test, skewAt: _skewAt, ...site } = kept as SiteState;
  return { ...site, garbage: 0 };
}
