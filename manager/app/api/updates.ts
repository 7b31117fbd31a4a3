import type { Action, Attempt, AttemptReport, Update } from "../../../schemas/generated/types.ts";
import type { SignedUpdate } from "../../domain/update-record.ts";
import type { EnvelopeVerdict, UploadWarning } from "../envelope-check.ts";
import type { Actor } from "./registry.ts";

/** Updates, and starting them on nodes. Rollouts come later. */
export interface Updates {
  /** Updates that nobody signed are taken and offered too. */
  readonly takesUnsigned: boolean;
  /** The same body again is "same"; another body under the same id is "conflict". */
  /**
   * With an envelope it is created signed, or not at all. Without one only where unsigned updates are offered, or where it `follows` by `setManifest`: a
   * request by CoAP has no room for both, and until then the update is offered to nobody.
   */
  create(body: Update, by: Actor, envelope?: Uint8Array | "follows"): Promise<CreateUpdateOutcome>;
  find(update: string): UpdateView | undefined;
  list(): readonly UpdateView[];
  /** Those that are for this node: it is named in `targetNodes`, or has an attempt of it. Not withdrawn ones. */
  listFor(node: string): readonly UpdateView[];
  /** The same of one, withdrawn or not. */
  isFor(update: string, node: string): boolean;
  withdraw(update: string, by: Actor): Promise<"withdrawn" | "unknown-update">;
  /** The signed envelope as it was uploaded, and as nodes are sent it: without its text. */
  manifest(update: string, form?: "whole" | "for-nodes"): Promise<Uint8Array | undefined>;
  /** Checks it as docs/reference/update-manifest.md says, and makes the update ready. Another one than it has only while no node was offered it. */
  setManifest(update: string, envelope: Uint8Array, by: Actor): Promise<SetManifestOutcome>;
  /** An operator starts it on nodes: one attempt each, queued and nudged; `by: "mqtt"` triggers by ota/start instead. */
  start(update: string, nodes: readonly string[], by: Actor, trigger?: "action" | "mqtt"): Promise<StartOutcome>;
  /** A node asks to install now. Idempotent: an open attempt is answered again. */
  install(update: string, node: string): Promise<InstallOutcome>;
  /** Counts of attempts by state. */
  counts(update: string): UpdateCounts | undefined;
  /** As `counts`, of any update, of attempts of these nodes alone that are still in memory: looks at each once, whatever it is asked for then. */
  countsWithin(within: (node: string) => boolean): (update: string) => UpdateCounts;
}

export interface UpdateView {
  readonly update: Update;
  /** `ready`: its envelope is there and its signature was checked. */
  readonly state: "unsigned" | "ready" | "withdrawn";
  readonly signed?: SignedUpdate;
  readonly createdAtMs: number;
  readonly createdBy: string;
}

export type CreateUpdateOutcome =
  | { readonly kind: "created"; readonly update: UpdateView; readonly warnings: readonly UploadWarning[] }
  | { readonly kind: "same" | "conflict"; readonly update: UpdateView }
  /** It needs a signed envelope. */
  | { readonly kind: "unsigned" }
  | { readonly kind: "unknown-artifact"; readonly digest: string }
  | { readonly kind: "wrong-size"; readonly stored: number }
  | { readonly kind: "full" }
  | EnvelopeRefusal;

/** `where`: what of the envelope, the update or the fleet it is about, for people. */
export type EnvelopeRefusal = Extract<EnvelopeVerdict, { kind: "refused" }>;

export type SetManifestOutcome =
  | { readonly kind: "stored"; readonly update: UpdateView }
  | { readonly kind: "unknown-update" | "withdrawn" | "in-use" }
  | EnvelopeRefusal;

export type StartOutcome =
  | { readonly kind: "unknown-update" | "withdrawn" | "unsigned" }
  | { readonly kind: "started"; readonly nodes: readonly StartedNode[] };

export interface StartedNode {
  readonly node: string;
  readonly outcome:
    | { readonly kind: "offered"; readonly attempt: string; readonly rev: number }
    /** An attempt of this update is open already. */
    | { readonly kind: "open"; readonly attempt: string }
    | { readonly kind: "refused"; readonly reason: StartRefusal };
}

export type StartRefusal =
  | "unknown-node"
  | "already-running"
  | "budget-spent"
  | "queue-full"
  | "wrong-model"
  /** The image rolled back on too many nodes, and no person has lifted that yet. */
  | "quarantined";

export type InstallOutcome =
  | { readonly kind: "go"; readonly action: Action }
  | { readonly kind: "wait"; readonly retryAfterSeconds: number; readonly reason: string }
  /** 4.03 */
  | { readonly kind: "refused"; readonly reason: "withdrawn" | "not-a-target" | "unsigned" | StartRefusal }
  | { readonly kind: "unknown-update" };

export interface UpdateCounts {
  readonly update: string;
  readonly total: number;
  readonly states: Readonly<Record<string, number>>;
  readonly resumed: number;
}

/** Who may fetch an artifact by HTTP, where nodes show no credential. */
export interface ArtifactAccess {
  check(digest: string, attempt: string, token: string): ArtifactVerdict;
}

/** `expired`: it was good, or its attempt is over; the node asks for its action again. */
export type ArtifactVerdict =
  | { readonly kind: "good"; readonly node: string }
  | { readonly kind: "expired" }
  | { readonly kind: "wrong" };

/** One node's tries. Reports by CoAP PUT, observed /update and MQTT all end in `report`. */
export interface Attempts {
  /** Idempotent; takes the node's word for progress, never for success. */
  report(node: string, report: AttemptReport, way: "coap" | "observed" | "mqtt"): Promise<ReportOutcome>;
  /** The newest attempt of this node at this update; undefined too when it ended so long ago that only `list` knows it. */
  find(update: string, node: string): AttemptView | undefined;
  list(query: {
    readonly update?: string;
    readonly node?: string;
    readonly limit?: number;
  }): Promise<readonly AttemptView[]>;
  cancel(node: string, by: Actor): Promise<"cancelled" | "nothing-open" | "unknown-node">;
}

export type ReportOutcome = "taken" | "unchanged" | "backward" | "ended" | "unknown-attempt";

export interface AttemptView {
  readonly attempt: Attempt;
  readonly node: string;
  readonly rev: number;
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  /** Bytes the manager served, by way. */
  readonly bytesByWay: Readonly<Record<string, number>>;
  readonly resumes: number;
}
