import type { Action, StatusReport } from "../../../schemas/generated/types.ts";
import type { NodePath } from "../../ports/node-caller.ts";

/** POST and GET /status. */
export interface Heartbeats {
  /**
   * One synchronous turn: renews presence, takes the report and the last finished `rev`, and says what the node shall do
   * next. Idempotent. What it learns is written behind; nothing here waits for storage.
   */
  beat(node: string, rev: number, report: StatusReport | undefined, path: NodePath | undefined): BeatOutcome;
}

export type BeatOutcome =
  /** 4.04 */
  | { readonly kind: "unknown-node" }
  /** 2.04 without payload. */
  | { readonly kind: "nothing" }
  /** 2.04 with the action. */
  | { readonly kind: "action"; readonly action: Action };
