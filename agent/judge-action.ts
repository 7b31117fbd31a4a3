import type { Action } from "../schemas/generated/types.ts";
import { instantToMs } from "../schemas/wire/instant.ts";
import type { NodeMemory } from "./node-memory.ts";

/** The action under way. */
export interface ActionUnderWay {
  readonly rev: number;
  readonly kind: Action["kind"];
}

/**
 * What to do with an action that was offered (device protocol, section 2).
 *
 * - `repeat`: it is finished; only its outcome is said again.
 * - `renew`: it is the update under way, with newer links.
 * - `cancel`, `replace`: the update under way ends, because of a void rev, or of a newer update, which is offered again then.
 * - `later`: something else is under way. Finishing this one would say that that one is finished too; it is offered again.
 * - `skip`: a void rev that began nothing.
 * - `known`: a command that was done already, under another rev.
 * - `nothing`: it is under way.
 */
export type ActionVerdict =
  | "act"
  | "repeat"
  | "renew"
  | "cancel"
  | "replace"
  | "later"
  | "skip"
  | "known"
  | "expired"
  | "nothing";

export function judgeAction(
  memory: NodeMemory,
  underWay: ActionUnderWay | undefined,
  action: Action,
  wallMs: number,
): ActionVerdict {
  const { rev, kind } = action;
  if (kind === "none") {
    if (underWay?.kind === "update" && rev >= underWay.rev) return "cancel";
    return underWay === undefined && rev > memory.lastRev ? "skip" : "nothing";
  }
  if (rev <= memory.lastRev) return "repeat";
  if (underWay !== undefined) {
    if (rev === underWay.rev) return kind === "update" && underWay.kind === "update" ? "renew" : "nothing";
    return kind === "update" && underWay.kind === "update" && rev > underWay.rev ? "replace" : "later";
  }
  if (kind !== "command") return "act";
  if (memory.commands.includes(action.id)) return "known";
  const expiresAtMs = action.expires === undefined ? undefined : instantToMs(action.expires);
  return expiresAtMs !== undefined && expiresAtMs <= wallMs ? "expired" : "act";
}
