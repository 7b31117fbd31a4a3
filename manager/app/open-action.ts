import type { Action } from "../../schemas/generated/types.ts";

/** The action as it may be read by anybody on the way: without the environment, which the node then reads where that is safe. */
export function openAction(action: Action): Action {
  if (action.kind !== "environment") return action;
  const { environment: _, ...open } = action;
  return open;
}
