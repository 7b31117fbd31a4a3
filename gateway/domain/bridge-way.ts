import type { SiteTopic, SiteTopics } from "../../schemas/wire/site-topics.ts";

/**
 * Which way a household's topic goes over the bridge to the server broker, and how a message waits while there is none: `stream`, of which the
 * oldest make room; `latest`, of which the newest value counts; `kept`, which is never dropped for others.
 */
export type BridgeWay =
  | { readonly way: "out"; readonly keeping: "stream" | "latest" | "kept" }
  | { readonly way: "in" };

const stream: BridgeWay = { way: "out", keeping: "stream" };
const latest: BridgeWay = { way: "out", keeping: "latest" };
const kept: BridgeWay = { way: "out", keeping: "kept" };
const inward: BridgeWay = { way: "in" };

/** The one table of the bridge: each kind of topic has one row, so that none goes both ways. */
export const bridgeWays: { readonly [K in SiteTopic["kind"]]: BridgeWay } = {
  telemetry: stream,
  aggregate: stream,
  identity: latest,
  master: latest,
  gateway: latest,
  socket: latest,
  rules: latest,
  "rules-status": latest,
  history: latest,
  "update-status": latest,
  alarm: kept,
  ack: kept,
  command: inward,
  "socket-command": inward,
  "rules-command": inward,
  "update-trigger": inward,
};

/** Undefined: it is no topic of this site, and stays where it is. */
export function bridgeWay(topics: SiteTopics, site: string, topic: string): BridgeWay | undefined {
  const parsed = topics.parse(topic);
  return parsed?.site === site ? bridgeWays[parsed.kind] : undefined;
}
