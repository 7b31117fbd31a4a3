import { formatLinks, type Link, matchesLinkQuery } from "../../../coap/link-format.ts";
import { ContentFormat, OptionNumber } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { NodeView, NodeWalk } from "../../app/api/registry.ts";
import type { CoapContext } from "./coap-context.ts";
import { scopeOf } from "./link-scope.ts";
import { type CoapScheme, endpointLink, hasBase, resourceLinks, scopeOfNode } from "./rd-links.ts";
import { refusal } from "./refusal.ts";
import { queryInteger } from "./request-input.ts";

const { linkFormat } = ContentFormat;
const pageSize = 500;
const maxPaging = 0xffff_ffff;
/** Characters of one answer. All links or none: a part of them would look like all. */
const maxAnswerLength = 4_194_304;
const notSearched = new Set(["page", "count", "as"]);

/** GET /rd-lookup/ep and /rd-lookup/res (RFC 9176 section 6): filters by attribute, and `page` with `count`. */
export function rdLookupRoutes(context: CoapContext): Route[] {
  const lookup = (path: string, rt: string, isForEndpoints: boolean): Route => ({
    method: "GET",
    path,
    replay: "again",
    produces: [linkFormat],
    attributes: { rt, ct: linkFormat },
    later: (request, signal) => find(context, request, isForEndpoints, signal),
  });
  return [lookup("/rd-lookup/ep", "core.rd-lookup-ep", true), lookup("/rd-lookup/res", "core.rd-lookup-res", false)];
}

async function find(
  context: CoapContext,
  request: CoapRequest,
  isForEndpoints: boolean,
  signal: AbortSignal,
): Promise<CoapReplyFields> {
  const asker = context.askers.lookup(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const page = queryInteger(request, "page", 0, maxPaging);
  const count = queryInteger(request, "count", 0, maxPaging);
  if (page === "bad" || count === "bad") return refusal("bad-query", "page and count are numbers from 0");
  if (page !== undefined && count === undefined) return refusal("bad-query", "page needs count");
  const first = (page ?? 0) * (count ?? 0);
  const end = count === undefined ? Number.POSITIVE_INFINITY : first + count;

  const criteria = request.queries
    .filter((query) => !notSearched.has(nameOf(query)))
    .map((query) => criterion(query, request, context));
  const askerScope = scopeOf(request.peer.address);
  const texts: string[] = [];
  let [found, length] = [0, 0];
  for await (const node of candidates(context.app, request.queries)) {
    if (found >= end || signal.aborted) break;
    if (asker.kind === "operator" && !context.app.authoriser.sees(asker.principal, node.id)) continue;
    if (isOver(node, context.clock.wallMs()) || !hasBase(node)) continue;
    const scope = scopeOfNode(node);
    if (scope !== undefined && scope !== askerScope) continue;
    const scheme = context.doors.secured?.sessions.has(node.id, node.path) === true ? "coaps" : "coap";
    for (const link of matching(node, scheme, criteria, isForEndpoints)) {
      if (found >= first && found < end) {
        const text = formatLinks([link]);
        length += text.length + 1;
        if (length > maxAnswerLength) return refusal("too-many-links");
        texts.push(text);
      }
      found++;
    }
  }
  return { payload: new TextEncoder().encode(texts.join(",")), contentFormat: linkFormat };
}

/** One condition of a lookup; `forEndpoints` is what a link to a registration may match as well. */
interface Criterion {
  readonly query: string;
  readonly forEndpoints: string;
}

/** RFC 9176 section 6.2: the link to a registration is found by its path and by the URI that this makes here. */
function criterion(query: string, request: CoapRequest, { doors, httpBase }: CoapContext): Criterion {
  const [, isSecured = "", authority = "", path = ""] = /^href=coap(s?):\/\/([^/]+)(\/.*)?$/i.exec(query) ?? [];
  if (path === "") return { query, forEndpoints: query };
  const [, host = "", port] = /^(.*?)(?::([0-9]+))?$/.exec(authority) ?? [];
  const door = isSecured === "" ? doors.open : doors.secured?.endpoint;
  const here = door?.address();
  const named = request.option(OptionNumber.uriHost);
  const names = [
    named === undefined ? undefined : new TextDecoder().decode(named),
    here?.family === 6 ? `[${here.address}]` : here?.address,
    new URL(httpBase()).hostname,
  ];
  const isHere = names.includes(host.toLowerCase()) && Number(port ?? (isSecured === "" ? 5683 : 5684)) === here?.port;
  return { query, forEndpoints: isHere ? `href=${path}` : query };
}

/**
 * Links of the node that meet every criterion. A resource meets one also by its endpoint, an endpoint also by any of its resources
 * (RFC 9176 section 6.2).
 */
function matching(node: NodeView, scheme: CoapScheme, criteria: readonly Criterion[], isForEndpoints: boolean): Link[] {
  const endpoint = endpointLink(node, scheme);
  const resources = resourceLinks(node, scheme);
  const open = criteria.filter(
    ({ query, forEndpoints }) => !matchesLinkQuery(endpoint, query) && !matchesLinkQuery(endpoint, forEndpoints),
  );
  if (!isForEndpoints) return resources.filter((link) => open.every(({ query }) => matchesLinkQuery(link, query)));
  return open.every(({ query }) => resources.some((link) => matchesLinkQuery(link, query))) ? [endpoint] : [];
}

/** RFC 9176 section 5.3: a registration whose lifetime is over isn't shown. It counts from the last that was heard. */
function isOver({ presence, renewedAtMs, lifetimeSeconds }: NodeView, nowMs: number): boolean {
  return (presence.heardAgoMs ?? nowMs - renewedAtMs) > lifetimeSeconds * 1_000;
}

/** The node that an exact `ep` names; else every node in the order of their ids. */
async function* candidates(app: ManagerApp, queries: readonly string[]): AsyncGenerator<NodeView> {
  const ep = queries.find((query) => query.startsWith("ep="))?.slice(3);
  if (ep !== undefined && !ep.endsWith("*")) {
    const node = await app.registry.find(ep);
    if (node !== undefined) yield node;
    return;
  }
  const idPrefix = ep?.slice(0, -1);
  for (let after: string | undefined = ""; after !== undefined; ) {
    const step: NodeWalk = await app.registry.walk({ after, limit: pageSize, ...(idPrefix && { idPrefix }) });
    yield* step.nodes;
    after = step.next;
  }
}

function nameOf(query: string): string {
  return query.split("=", 1)[0] as string;
}
