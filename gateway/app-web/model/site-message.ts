import {
  validateSiteAck,
  validateSiteAggregate,
  validateSiteAlarm,
  validateSiteGateway,
  validateSiteHistory,
  validateSiteIdentity,
  validateSiteMaster,
  validateSiteRules,
  validateSiteRulesStatus,
  validateSiteSocket,
  validateSiteTelemetry,
  validateSiteUpdateStatus,
} from "../../../schemas/generated/raw-validators.ts";
import type { Messages } from "../../../schemas/generated/types.ts";
import type { SiteTopic, SiteTopics } from "../../../schemas/wire/site-topics.ts";

/** What the gateway says, checked. */
export type SiteMessage =
  | { readonly kind: "telemetry"; readonly node: string; readonly value: Messages["site-telemetry"] }
  | { readonly kind: "identity"; readonly node: string; readonly value: Messages["site-identity"] }
  | { readonly kind: "alarm"; readonly node: string; readonly value: Messages["site-alarm"] }
  | { readonly kind: "socket"; readonly socket: string; readonly value: Messages["site-socket"] }
  | { readonly kind: "aggregate"; readonly value: Messages["site-aggregate"] }
  | { readonly kind: "master"; readonly value: Messages["site-master"] }
  | { readonly kind: "gateway"; readonly value: Messages["site-gateway"] }
  | { readonly kind: "update-status"; readonly value: Messages["site-update-status"] }
  | { readonly kind: "rules"; readonly value: Messages["site-rules"] }
  | { readonly kind: "rules-status"; readonly value: Messages["site-rules-status"] }
  | { readonly kind: "history"; readonly value: Messages["site-history"] }
  | { readonly kind: "ack"; readonly name: string; readonly value: Messages["site-ack"] };

/** A retained topic was emptied. */
export type Forgotten = { readonly kind: "forgotten"; readonly topic: SiteTopic };

type Spoken = SiteMessage["kind"];

// One by one and not through `validators`, so that the bundle holds these alone.
const checks: { readonly [K in Spoken]: (value: unknown) => boolean } = {
  telemetry: validateSiteTelemetry,
  identity: validateSiteIdentity,
  alarm: validateSiteAlarm,
  socket: validateSiteSocket,
  aggregate: validateSiteAggregate,
  master: validateSiteMaster,
  gateway: validateSiteGateway,
  "update-status": validateSiteUpdateStatus,
  rules: validateSiteRules,
  "rules-status": validateSiteRulesStatus,
  history: validateSiteHistory,
  ack: validateSiteAck,
};

/** Longer payloads are no household's. */
export const payloadMax = 32_768;

/** A message of this site as it came; undefined: another site's, no topic of the gateway's, or a payload that breaks its schema. */
export function readMessage(
  topics: SiteTopics,
  site: string,
  topic: string,
  payload: Uint8Array,
): SiteMessage | Forgotten | undefined {
  const parsed = topics.parse(topic);
  if (parsed === undefined || parsed.site !== site || payload.length > payloadMax) return undefined;
  if (!isSpoken(parsed.kind)) return undefined;
  if (payload.length === 0) return { kind: "forgotten", topic: parsed };
  const value = jsonOf(payload);
  if (value === undefined || !checks[parsed.kind](value)) return undefined;
  // The schema's validator said that the value is of this kind's type.
  return { ...parsed, value } as unknown as SiteMessage;
}

function isSpoken(kind: SiteTopic["kind"]): kind is Spoken {
  return Object.hasOwn(checks, kind);
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

function jsonOf(payload: Uint8Array): unknown {
  try {
    return JSON.parse(strictUtf8.decode(payload));
  } catch {
    return undefined;
  }
}
