import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import { type Permission, permissionOf } from "../../domain/permissions.ts";
import type { CoapContext } from "./coap-context.ts";
import { fill, refusal } from "./refusal.ts";
import { routeActions } from "./route-actions.ts";

/**
 * The route, behind the table of permissions: an operator without the role, or for whom the node of the path is out of scope, and a node on
 * what no node may do, are refused before the route sees them. Whose resource it is the route itself asks, since ids are in bodies too.
 */
export function authorised<R extends Route>(context: CoapContext, route: R): R {
  const action = routeActions[`${route.method} ${route.path}`];
  const permission = action === undefined ? undefined : permissionOf(action);
  if (permission === undefined) return refusedToAll(route);
  if ("later" in route) {
    return {
      ...route,
      later: (request, signal) => {
        const no = refusalOf(context, permission, request);
        return no === undefined ? route.later(request, signal) : Promise.resolve(no);
      },
    };
  }
  return {
    ...route,
    answer: (request, reply) => {
      const no = refusalOf(context, permission, request);
      if (no === undefined) route.answer(request, reply);
      else fill(reply, no);
    },
  };
}

/** A resource that nobody put into the table: nobody has been asked who may use it. */
function refusedToAll<R extends Route>(route: R): R {
  const no = refusal("forbidden", "this resource has no row in the table of permissions");
  return "later" in route
    ? { ...route, later: () => Promise.resolve(no) }
    : { ...route, answer: (_request, reply) => fill(reply, no) };
}

function refusalOf(
  { app, askers }: CoapContext,
  permission: Permission,
  request: CoapRequest,
): CoapReplyFields | undefined {
  const { identity } = request.peer;
  if (identity.kind === "node") {
    return app.authoriser.node(permission, identity.id, identity.id) ? undefined : refusal("operators-only");
  }
  if (identity.kind === "enrolment") {
    return app.authoriser.enrolment(permission) ? undefined : refusal("enrolment-only");
  }
  // Under --insecure whoever proves nothing is what he says; without, he didn't come this far.
  if (identity.kind === "none") return undefined;
  if (permission.operators === "none") return refusal("nodes-only");
  const asker = askers.lookup(request);
  if (asker.kind !== "operator") return refusal("no-identity");
  switch (app.authoriser.operator(asker.principal, permission, request.params["node"])) {
    case "allowed":
      return undefined;
    case "role":
      return refusal("lesser-role", `it needs ${permission.operators}`);
    case "scope":
      return refusal("out-of-scope");
  }
}
