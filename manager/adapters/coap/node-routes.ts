import { Code } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { NodeQuery, NodeView } from "../../app/api/registry.ts";
import type { CoapContext } from "./coap-context.ts";
import { refusal } from "./refusal.ts";
import { messageFormats, view } from "./representation.ts";
import { pathPart, queryInteger } from "./request-input.ts";

const defaultCount = 50;
const maxCount = 500;
const filters = ["model", "tag", "phase", "presence", "site", "parent"] as const;

/** GET /nodes, GET and DELETE /nodes/{id}. */
export function nodeRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "GET",
      path: "/nodes",
      replay: "again",
      attributes: { rt: "coxswain.nodes", ct: messageFormats },
      later: (request) => list(context, request),
    },
    { method: "GET", path: "/nodes/:node", replay: "again", later: (request) => one(context, request) },
    { method: "DELETE", path: "/nodes/:node", replay: "once", later: (request) => remove(context, request) },
  ];
}

async function list(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const page = queryInteger(request, "page", 0, 1_000_000);
  const count = queryInteger(request, "count", 1, maxCount);
  if (page === "bad" || count === "bad") return refusal("bad-query", `page from 0, count from 1 to ${maxCount}`);
  const query: { -readonly [K in keyof NodeQuery]: NodeQuery[K] } = { page: page ?? 0, count: count ?? defaultCount };
  for (const name of filters) {
    const value = request.query(name);
    if (value !== undefined) query[name] = value;
  }
  const { principal } = asker;
  const within = (node: string): boolean => context.app.authoriser.sees(principal, node);
  const found = await context.app.registry.list({ ...query, within });
  return view(request, { ...found, nodes: found.nodes.map(summary) });
}

async function one(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const node = pathPart(request, "node");
  const asker = context.askers.reader(request, node);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  if (asker.kind === "node") context.app.registry.heard(asker.node);
  const found = await context.app.registry.find(node);
  return found === undefined ? refusal("unknown-node") : view(request, found);
}

async function remove(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const outcome = await context.app.registry.remove(pathPart(request, "node"), asker.actor);
  return outcome === "unknown-node" ? refusal("unknown-node") : { code: Code.deleted };
}

/** What a list shows of each; the whole is at /nodes/{id}. */
function summary(node: NodeView): unknown {
  const { id, presence, health, phase, manifest, mode, attempt } = node;
  return {
    id,
    presence: presence.state,
    ...(presence.heardAgoMs === undefined ? {} : { heardAgoMs: presence.heardAgoMs }),
    ...(health === undefined ? {} : { health: health.status }),
    ...(phase === undefined ? {} : { phase }),
    ...(manifest.model === undefined ? {} : { model: manifest.model }),
    ...(manifest.version === undefined ? {} : { version: manifest.version }),
    mode,
    ...(attempt === undefined ? {} : { attempt }),
  };
}
