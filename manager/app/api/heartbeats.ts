import type { Action, StatusReport } from "../../../schemas/generated/types.ts";
import type { NodePath } from "../../ports/node-caller.ts";

/** POST and GET /status. */
export interface Heartbeats {
  /**
   * One synchronous turn: renews presence, takes the report and the last finished `rev`, and says what the node shall do
   * next. Idempotent. What it learns is written behind; nothing here waits for storage, but see `unstored`.
   */
  beat(node: string, rev: number, report: StatusReport | undefined, path: NodePath | undefined): BeatOutcome;

  /**
   * Right after `beat`: undefined, as nearly always, or the writing of what the node said it finished. A node forgets a result when it
   * is answered, so it is answered after this resolved, and not with 2.04 when it rejects.
   */
  unstored(node: string): Promise<unknown> | undefined;
}

export type BeatOutcome =
  /** 4.04 */
  | { readonly kind: "unknown-node" }
  /** 2.04 without payload. */
  | { readonly kind: "nothing" }
  /** 2.04 with the action. */
  | { readonly kind: "action"; readonly action: Action };
