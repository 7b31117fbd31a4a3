import { formatUriPath } from "../coap-uri.ts";
import { formatLinks, type Link, matchesLinkQuery } from "../link-format.ts";
import { Code, ContentFormat } from "../message.ts";
import type { AnswerRoute, LinkAttributes, Route } from "../route.ts";

const utf8 = new TextEncoder();

/** `/.well-known/core` of RFC 6690: the routes that have attributes, filtered by the query. */
export function wellKnownCore(routes: () => readonly Route[]): AnswerRoute {
  return {
    method: "GET",
    path: "/.well-known/core",
    replay: "again",
    multicast: true,
    produces: [ContentFormat.linkFormat],
    answer(request, reply) {
      let links = linksOf(routes());
      for (const query of request.queries) links = links.filter((link) => matchesLinkQuery(link, query));
      reply.code = Code.content;
      reply.contentFormat = ContentFormat.linkFormat;
      reply.payload = utf8.encode(formatLinks(links));
    },
  };
}

function linksOf(routes: readonly Route[]): Link[] {
  const byPath = new Map<string, [string, string | true][]>();
  for (const route of routes) {
    // A pattern is no resource: it has no link.
    if (route.attributes === undefined || /\/[:*]/.test(route.path)) continue;
    const attributes = byPath.get(route.path) ?? [];
    byPath.set(route.path, attributes);
    for (const [name, value] of pairs(route.attributes, route.observable)) {
      if (!attributes.some(([at]) => at === name)) attributes.push([name, value]);
    }
  }
  return [...byPath].map(([path, attributes]) => ({ target: formatUriPath(path.split("/").slice(1)), attributes }));
}

function* pairs(attributes: LinkAttributes, observable: Route["observable"]): Generator<[string, string | true]> {
  if (attributes.rt !== undefined) yield ["rt", attributes.rt];
  if (attributes.if !== undefined) yield ["if", attributes.if];
  if (attributes.ct !== undefined) yield ["ct", [attributes.ct].flat().join(" ")];
  if (attributes.sz !== undefined) yield ["sz", String(attributes.sz)];
  if (attributes.title !== undefined) yield ["title", attributes.title];
  if (observable !== undefined && observable !== false) yield ["obs", true];
  if (attributes.osc === true) yield ["osc", true];
}
