import type { Action, Command, Mode, StatusReport } from "../../../schemas/generated/types.ts";
import type { Actor } from "./registry.ts";

/** What the manager wants of one node: one ordered queue of actions. */
export interface DesiredState {
  /** Everything waiting, in order, for display. */
  waiting(node: string): readonly QueuedAction[];
  /** Answers `none` for that rev from now on. */
  cancel(node: string, rev: number, by: Actor): Promise<"cancelled" | "not-open" | "unknown-node">;
}

export interface QueuedAction {
  readonly rev: number;
  readonly action: Action;
  readonly state: "waiting" | "offered" | "taken";
  readonly createdAtMs: number;
  readonly expiresAtMs?: number;
  readonly by: string;
}

export interface Commands {
  send(node: string, command: Command, by: Actor): Promise<SendOutcome>;
  cancel(node: string, commandId: string, by: Actor): Promise<"cancelled" | "unknown-command" | "ended">;
  /** Newest first, bounded. */
  list(node: string): Promise<readonly CommandView[]>;
}

export type SendOutcome =
  | { readonly kind: "queued"; readonly id: string; readonly rev: number; readonly expiresAtMs: number }
  | { readonly kind: "unknown-node" }
  | { readonly kind: "queue-full" }
  /** boot-previous needs a signed authorisation, which doesn't exist yet. */
  | { readonly kind: "forbidden"; readonly reason: string };

export interface CommandView {
  readonly id: string;
  readonly rev: number;
  readonly command: string;
  /** unreported: the node finished it and didn't say how. */
  readonly state:
    | "waiting"
    | "offered"
    | "taken"
    | "done"
    | "unreported"
    | "failed"
    | "refused"
    | "cancelled"
    | "expired";
  readonly reason?: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly by: string;
}

export interface Modes {
  get(
    node: string,
  ): { readonly mode: "operational" | "maintenance"; readonly reason?: string; readonly update?: string } | undefined;
  /** `maintenance` with an update id starts that update; with a reason alone it is noted and silences alerts; `operational` cancels. */
  set(node: string, mode: Mode, by: Actor): Promise<SetModeOutcome>;
}

export type SetModeOutcome =
  | { readonly kind: "set" }
  | { readonly kind: "unknown-node" | "unknown-update" }
  | { readonly kind: "refused"; readonly reason: string };

/** "Status now" of any set of nodes. */
export interface StatusNow {
  ask(
    nodes: readonly string[],
    options?: { readonly deadlineMs?: number; readonly signal?: AbortSignal },
  ): Promise<StatusNowResult>;
}

export interface StatusNowResult {
  readonly answered: readonly { readonly node: string; readonly report: StatusReport; readonly tookMs: number }[];
  readonly silent: readonly {
    readonly node: string;
    readonly why: "unknown-node" | "sleepy" | "unreachable" | "bad-answer" | "deadline";
  }[];
}
