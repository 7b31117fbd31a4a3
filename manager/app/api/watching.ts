import type { AlertKind, Severity } from "../../domain/alert-rules.ts";
import type { PresenceCounts, PresenceState, RegisterInput } from "./registry.ts";

/** Active alerts, de-duplicated by kind and node. */
export interface Alerts {
  active(): readonly AlertView[];
}

export interface AlertView {
  readonly id: string;
  readonly kind: AlertKind;
  readonly severity: Severity;
  readonly node: string;
  readonly text: string;
  readonly raisedAtMs: number;
  /** How often the rule said so since it was raised. */
  readonly count: number;
}

/** Everything live: not stored, for SSE, observers and the console. A throwing listener never hurts the emitter. */
export interface LiveEvents {
  subscribe(listener: (event: LiveEvent) => void): () => void;
}

export type LiveEvent =
  | {
      readonly kind: "registered";
      readonly node: string;
      readonly isNew: boolean;
      /** How it is known who it is. */
      readonly identity: RegisterInput["identity"];
    }
  | { readonly kind: "removed"; readonly node: string }
  | { readonly kind: "presence"; readonly node: string; readonly from: PresenceState; readonly to: PresenceState }
  /** Many at once, as one event. */
  | {
      readonly kind: "presence-many";
      readonly to: PresenceState;
      readonly count: number;
      readonly counts: PresenceCounts;
    }
  | { readonly kind: "health"; readonly node: string; readonly status: string }
  | { readonly kind: "observing"; readonly node: string; readonly isObserving: boolean }
  | { readonly kind: "metrics" | "services" | "logs" | "mode"; readonly node: string }
  | { readonly kind: "update"; readonly update: string; readonly nodes: readonly string[] }
  | {
      readonly kind: "attempt";
      readonly node: string;
      readonly update: string;
      readonly attempt: string;
      readonly state: string;
      readonly percent?: number;
      readonly bytes?: number;
      readonly total?: number;
      readonly reason?: string;
    }
  | {
      readonly kind: "fetch";
      readonly node: string;
      readonly attempt: string;
      readonly way: FetchWay;
      readonly offset: number;
      readonly isResume: boolean;
    }
  /** `told`: a heartbeat was answered with it; `taken`: a call of the node was answered 2.04. */
  | {
      readonly kind: "action";
      readonly node: string;
      readonly rev: number;
      readonly what: string;
      readonly state: string;
      readonly reason?: string;
    }
  /** A rollout moved on; counts of its members by phase. */
  | {
      readonly kind: "rollout";
      readonly rollout: string;
      readonly update: string;
      readonly status: string;
      /** From 1; 0 before the start. */
      readonly wave: number;
      readonly waves: number;
      readonly members: number;
      readonly counts: Readonly<Record<string, number>>;
      readonly reason?: string;
    }
  | { readonly kind: "alert"; readonly alert: AlertView; readonly state: "raised" | "cleared" }
  | { readonly kind: "telemetry"; readonly node: string; readonly points: number }
  | { readonly kind: "broker"; readonly node: string; readonly state: "connected" | "disconnected" | "lost" }
  | { readonly kind: "artifact"; readonly digest: string; readonly size: number };

export type FetchWay = "http" | "coap";

/** What happened to one node, bounded and stored. */
export interface Timeline {
  list(
    node: string,
    options?: { readonly beforeSequence?: number; readonly limit?: number },
  ): Promise<readonly TimelineEntry[]>;
}

export interface TimelineEntry {
  readonly sequence: number;
  readonly wallMs: number;
  readonly what: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Who fetched which bytes by which way, so that bytes and resumes are counted from what the manager served. */
export interface Fetches {
  /**
   * Call once per served range (an HTTP request, a CoAP block): `length` bytes from `offset` went out. `connection` tells
   * connections apart (remote address and port). Synchronous. Unknown nodes and attempts are ignored.
   */
  served(fetch: {
    readonly node: string;
    readonly attempt: string;
    readonly digest: string;
    readonly way: FetchWay;
    readonly connection: string;
    readonly offset: number;
    readonly length: number;
  }): void;
}

/** Where CoAP's socket says what it hears, so that presence can tell a silent node from a deaf manager. */
export interface Hearing {
  /** The socket went down or came back. */
  socket(isUp: boolean): void;
}

export interface SystemStatus {
  readonly startedAtMs: number;
  readonly counts: PresenceCounts;
  readonly counters: Readonly<Record<string, number>>;
}
