import type {
  SiteAggregate,
  SiteAlarm,
  SiteGateway,
  SiteIdentity,
  SiteMaster,
  SiteRules,
  SiteRulesStatus,
  SiteSocket,
  SiteTelemetry,
  SiteUpdateStatus,
} from "../../../schemas/generated/types.ts";

/** A value with the moment it held, milliseconds since 1970 by the phone's clock; undefined where nobody knows. */
export interface Stamped<T> {
  readonly value: T;
  readonly at: number | undefined;
}

export interface PackState {
  readonly telemetry?: Stamped<SiteTelemetry>;
  readonly identity?: SiteIdentity;
  readonly alarm?: SiteAlarm;
}

/** All that the phone knows of its household: what topics said last. It is data alone, so that it can be kept over a restart. */
export interface SiteState {
  /** By hardware number. */
  readonly packs: Readonly<Record<string, PackState>>;
  readonly sockets: Readonly<Record<string, Stamped<SiteSocket>>>;
  readonly aggregate?: Stamped<SiteAggregate>;
  readonly master?: SiteMaster;
  readonly gateway?: Stamped<SiteGateway>;
  readonly update?: Stamped<SiteUpdateStatus>;
  readonly rules?: SiteRules;
  readonly rulesStatus?: SiteRulesStatus;
  /** The answer of the last test of rules. */
  readonly rulesTest?: SiteRulesStatus;
  /** The phone's clock less the gateway's, milliseconds: the least that a fresh message showed, since delays only add to it. */
  readonly skewMs: number;
  /** When that message came; undefined: none did. */
  readonly skewAt?: number;
  /** Messages that broke their schema or were none of ours. */
  readonly garbage: number;
}

export const emptySite: SiteState = { packs: {}, sockets: {}, skewMs: 0, garbage: 0 };

/** Packs and sockets beyond these are counted as garbage: a bus has 32 packs, replaced ones stay for a while. */
export const siteLimits = { maxPacks: 64, maxSockets: 128 } as const;
