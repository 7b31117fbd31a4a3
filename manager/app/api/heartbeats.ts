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
   * `beat` for a report in CBOR, `bytes[start, end)`, that brings nothing new: it says the same as the last but for figures, and nothing
   * waits for the node. True: done, without an object made of it, and the node has nothing to do. False: nothing was done, `beat` must be asked.
   */
  steadyBeat(node: string, rev: number, bytes: Uint8Array, start: number, end: number, path: NodePath): boolean;

  /** Right after `beat` took a report: these are its bytes, in CBOR, for the steady ones after it. */
  remember(node: string, bytes: Uint8Array): void;

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
