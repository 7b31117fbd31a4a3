import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { NodeView, NodeWalk, RdLink } from "../../app/api/registry.ts";
import type { CoapContext } from "./coap-context.ts";
import { formatLinks, passesFilter } from "./link-format.ts";
import { refusal } from "./refusal.ts";
import { queryInteger } from "./request-input.ts";

const linkFormat = 40;
const pageSize = 500;
const defaultCount = 50;
const maxCount = 500;
/** Nodes that one lookup looks at; a filter that matches none of them ends there. */
const maxLookedAt = 100_000;
const paging = new Set(["page", "count", "as"]);

/** GET /rd-lookup/ep and /rd-lookup/res (RFC 9176 section 6): filters by attribute, and `page` with `count`. */
export function rdLookupRoutes(context: CoapContext): Route[] {
  const lookup = (path: string, rt: string, linksOf: LinksOf, relatedTo: LinksOf): Route => ({
    method: "GET",
    path,
    replay: "again",
    produces: [linkFormat],
    attributes: { rt, ct: linkFormat },
    later: (request) => find(context, request, linksOf, relatedTo),
  });
  return [
    lookup("/rd-lookup/ep", "core.rd-lookup-ep", endpointLinks, resourceLinks),
    lookup("/rd-lookup/res", "core.rd-lookup-res", resourceLinks, endpointLinks),
  ];
}

type LinksOf = (node: NodeView) => readonly RdLink[];

async function find(
  context: CoapContext,
  request: CoapRequest,
  linksOf: LinksOf,
  relatedTo: LinksOf,
): Promise<CoapReplyFields> {
  const page = queryInteger(request, "page", 0, 1_000_000) ?? 0;
  const count = queryInteger(request, "count", 1, maxCount) ?? defaultCount;
  if (page === "bad" || count === "bad") return refusal("bad-query", `page from 0, count from 1 to ${maxCount}`);
  const asker = context.askers.lookup(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);

  const filters = request.queries
    .map((each) => [each.split("=", 1)[0] ?? "", each.includes("=") ? each.slice(each.indexOf("=") + 1) : ""] as const)
    .filter(([name]) => !paging.has(name));
  const wanted: RdLink[] = [];
  const needed = (page + 1) * count;
  for await (const node of candidates(context.app, filters)) {
    // A resource may be found by its endpoint, and an endpoint by a resource that it has (RFC 9176 section 6.2).
    const related = relatedTo(node);
    for (const link of linksOf(node)) {
      const passes = filters.every(([name, value]) =>
        [link, ...related].some((each) => passesFilter(each, name, value)),
      );
      if (passes) wanted.push(link);
    }
    if (wanted.length >= needed) break;
  }
  const payload = new TextEncoder().encode(formatLinks(wanted.slice(page * count, needed)));
  return { payload, contentFormat: linkFormat };
}

/** The node that an exact `ep` names; else every node, as far as one lookup looks. */
async function* candidates(
  app: ManagerApp,
  filters: readonly (readonly [name: string, value: string])[],
): AsyncGenerator<NodeView> {
  const ep = filters.find(([name, value]) => name === "ep" && !value.endsWith("*"))?.[1];
  if (ep !== undefined) {
    const node = await app.registry.find(ep);
    if (node !== undefined) yield node;
    return;
  }
  const idPrefix = filters.find(([name]) => name === "ep")?.[1].slice(0, -1);
  let after: string | undefined = "";
  for (let looked = 0; after !== undefined && looked < maxLookedAt; looked += pageSize) {
    const step: NodeWalk = await app.registry.walk({ after, limit: pageSize, ...(idPrefix && { idPrefix }) });
    yield* step.nodes;
    after = step.next;
  }
}

function endpointLinks(node: NodeView): readonly RdLink[] {
  const { rd } = node;
  const attributes: (readonly [string, string])[] = [
    ["ep", node.id],
    ["base", baseOf(node)],
    ["rt", "core.rd-ep"],
  ];
  if (rd?.sector !== undefined) attributes.push(["d", rd.sector]);
  if (rd?.endpointType !== undefined) attributes.push(["et", rd.endpointType]);
  attributes.push(["lt", String(node.lifetimeSeconds)]);
  return [{ href: `/rd/${node.id}`, attributes }];
}

/** The node's links with absolute targets, so that a client needs nothing else. */
function resourceLinks(node: NodeView): readonly RdLink[] {
  const base = baseOf(node);
  return (node.rd?.links ?? []).map(({ href, attributes }) => ({
    href: URL.canParse(href) ? href : `${base}${href.startsWith("/") ? "" : "/"}${href}`,
    attributes,
  }));
}

function baseOf({ rd, path }: NodeView): string {
  const host = path.family === 6 ? `[${path.address}]` : path.address;
  return rd?.base ?? `coap://${host}:${path.port}`;
}
