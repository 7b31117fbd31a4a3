import type { Action } from "../../schemas/generated/types.ts";
import { queryNames } from "../../schemas/wire/paths.ts";

/** The action as it is handed out: links of HTTP get a token that is new each time, since a stored one would be too old for a node that comes late. */
export function linkedAction(action: Action, token: (attempt: string) => string): Action {
  if (action.kind !== "update") return action;
  const query = `&${queryNames.token}=${token(action.attempt)}`;
  return { ...action, uris: action.uris.map((uri) => (uri.startsWith("http") ? `${uri}${query}` : uri)) };
}
