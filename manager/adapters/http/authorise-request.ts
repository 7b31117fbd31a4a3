import type { FastifyRequest } from "fastify";
import { parseNodeId } from "../../../schemas/wire/node-id.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import { permissionOf } from "../../domain/permissions.ts";
import { ApiError } from "./api-error.ts";
import { lesserRole } from "./lesser-role.ts";
import { maybeAdmitted } from "./request-actor.ts";
import { actionOf } from "./route-actions.ts";

/**
 * Asks the table of permissions before a route sees the request: whether the operator's role reaches what the route does, and whether the node of
 * its path is in his scope. What a route says of many nodes it filters itself, by `seenBy`.
 */
export function authoriseRequest(app: Pick<ManagerApp, "authoriser">, request: FastifyRequest): void {
  const route = request.routeOptions.url;
  // No such path: the answer to that is 404.
  if (route === undefined) return;
  const action = actionOf(request.method, route);
  if (action === undefined) throw new ApiError("no-permission-row", { method: request.method, path: route });
  const permission = permissionOf(action);
  const who = maybeAdmitted(request);
  if (who === undefined) {
    if (!permission.strangers) throw new ApiError("not-authorised");
    return;
  }
  const { node } = request.params as { readonly node?: string };
  const { principal } = who;
  const verdict = app.authoriser.operator(principal, permission, node);
  if (verdict === "role") throw lesserRole(who, permission);
  const operator = principal.id;
  // The same for a node that there isn't: who may not see it doesn't learn that either.
  if (verdict === "scope" && permission.scope === "node" && node !== undefined && parseNodeId(node).ok)
    throw new ApiError("out-of-scope", { operator, node });
  if (verdict === "scope") throw new ApiError("whole-fleet-only", { operator, what: permission.words });
}

/** Which nodes the asker may see; undefined: all of them. */
export function seenBy(
  app: Pick<ManagerApp, "authoriser">,
  request: FastifyRequest,
): ((node: string) => boolean) | undefined {
  const principal = maybeAdmitted(request)?.principal;
  if (principal === undefined || principal.scopes.length === 0) return undefined;
  return (node) => app.authoriser.sees(principal, node);
}

/** Throws `out-of-scope` for the first of these nodes that the asker may not see. */
export function requireSeen(
  app: Pick<ManagerApp, "authoriser">,
  request: FastifyRequest,
  nodes: readonly string[],
): void {
  const sees = seenBy(app, request);
  const hidden = sees === undefined ? undefined : nodes.find((each) => !sees(each));
  if (hidden !== undefined) {
    throw new ApiError("out-of-scope", { operator: maybeAdmitted(request)?.principal.id ?? "", node: hidden });
  }
}
