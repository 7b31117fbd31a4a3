import type {
  AttemptReport,
  CommandName,
  Configuration,
  Environment,
  Metrics,
  Mode,
  NodeManifest,
  Outcome,
  Service,
  StatusReport,
  UpdateAction,
} from "../schemas/generated/types.ts";
import type { NodeId } from "../schemas/wire/node-id.ts";

/** How an action ended; `reason` in one word, unless it is done. */
export interface ActionEnd {
  readonly outcome: Outcome;
  readonly reason?: string;
}

/**
 * What an agent speaks for: the program that it is part of, or a device behind it. Everything asked here is asked often and answered from
 * memory; what takes time is a promise. A rejection is a defect: the action counts as failed for `internal`.
 */
export interface NodeHost {
  readonly id: NodeId;
  /** Without what the agent knows itself: id, parent, the last finished action. */
  manifest(): Omit<NodeManifest, "id" | "parent" | "lastRev">;
  report(): Omit<StatusReport, "id" | "lastRev" | "result">;
  metrics?(): Metrics;
  services?(): readonly Service[];
  /** The tail of its log. */
  logs?(): Uint8Array;
  configuration?(): Configuration;
  mode?(): Mode;
  /** A device that doesn't answer any more: its resources are 5.04, and nothing is said in its name. */
  isGone?(): boolean;
  /** The registration stands. */
  registered?(): void;
  /** The manager doesn't answer. */
  lost?(): void;
  environment?(environment: Environment): Promise<ActionEnd>;
  configure?(configuration: Configuration): Promise<ActionEnd>;
  setMode?(mode: Mode): Promise<ActionEnd>;
  /** `restart` and `terminate` come after their end was stored. */
  command?(command: CommandName, id: string): Promise<ActionEnd>;
  /** Resolves when the node runs the image and confirmed it, or when it won't. */
  update?(job: UpdateJob): Promise<ActionEnd>;
}

/** Why a job was told to end: `stopping` says that the process does, and that the job goes on after its next start. */
export type JobEnd = "cancelled" | "replaced" | "stopping";

/** One attempt at an update, from the agent's side. */
export interface UpdateJob {
  /** As it was last offered: its links are the newest. */
  readonly action: UpdateAction;
  /** Its reason is a `JobEnd`. */
  readonly signal: AbortSignal;
  /** It was begun by an earlier life of this process. */
  readonly isResumed: boolean;
  /** Tells the manager, now and then: a newer report takes the place of one that wasn't sent. */
  report(progress: Omit<AttemptReport, "attempt" | "update">): void;
  /** Asks for the action once more, whose links are new. Rejects when the signal aborts. */
  renew(): Promise<UpdateAction>;
  /** The signed envelope, over the association with the manager. */
  envelope(): Promise<Envelope>;
}

export type Envelope =
  | { readonly kind: "envelope"; readonly bytes: Uint8Array }
  /** Asking again changes nothing. `coap-4.04`... */
  | { readonly kind: "refused"; readonly reason: string }
  /** Nobody answered, or with an error that passes. */
  | { readonly kind: "unreachable"; readonly reason: string };
