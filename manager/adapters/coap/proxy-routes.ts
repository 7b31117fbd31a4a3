import type { CoapResponse } from "../../../coap/client-types.ts";
import { type Method, OptionNumber } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import { Fault } from "../../../kernel/fault.ts";
import type { CoapContext } from "./coap-context.ts";
import { refusal } from "./refusal.ts";
import { pathPart } from "./request-input.ts";

const methods: readonly Method[] = ["GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"];
const defaultHopLimit = 16;
/** Segments before the node's own path: nodes, ID, proxy. */
const prefixLength = 3;
/** Query of ours that the node doesn't get. */
const ownQueries = new Set(["as", "ep"]);

/**
 * /nodes/{id}/proxy/...: passes the request to the node on the path its registration came from. Security ends at the manager on both
 * sides. Hop-Limit (RFC 8768) ends loops through managers that are each other's nodes.
 */
export function proxyRoutes(context: CoapContext): Route[] {
  return methods.map((method) => ({
    method,
    path: "/nodes/:node/proxy/*",
    replay: method === "GET" || method === "FETCH" || method === "PUT" || method === "DELETE" ? "again" : "once",
    later: (request, signal) => pass(context, request, signal),
  }));
}

async function pass(context: CoapContext, request: CoapRequest, signal: AbortSignal): Promise<CoapReplyFields> {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const isForward =
    request.option(OptionNumber.proxyScheme) !== undefined || request.option(OptionNumber.proxyUri) !== undefined;
  if (isForward) return refusal("end-to-end-proxy");
  const hopLimit = (request.option(OptionNumber.hopLimit)?.[0] ?? defaultHopLimit) - 1;
  if (hopLimit <= 0) return refusal("hop-limit");
  const node = await context.app.registry.find(pathPart(request, "node"));
  if (node === undefined) return refusal("unknown-node");
  if (node.manifest.sleepy === true) return refusal("sleepy");
  // A child is served by its gateway, under its own name there.
  const { parent } = node.manifest;
  const gateway = parent === undefined ? undefined : await context.app.registry.find(parent);
  if (parent !== undefined && gateway === undefined) return refusal("unknown-gateway");
  const own = request.path.slice(prefixLength);
  try {
    const response = await context.endpoint.request({
      to: gateway?.path ?? node.path,
      method: request.method,
      path: gateway === undefined ? own : ["nodes", node.id, ...own],
      queries: request.queries.filter((each) => !ownQueries.has(each.split("=", 1)[0] ?? "")),
      payload: request.payload.length === 0 ? undefined : request.payload,
      contentFormat: request.contentFormat,
      accept: request.accept,
      options: [{ number: OptionNumber.hopLimit, value: Uint8Array.of(hopLimit) }],
      signal,
    });
    return passedBack(response, pathPart(request, "node"));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return error.code === "coap.bad-response" ? refusal("bad-gateway") : refusal("no-answer", error.code);
  }
}

/** The node's answer; a Location of its own is below the proxy from here. */
function passedBack(response: CoapResponse, node: string): CoapReplyFields {
  const { code, payload, contentFormat, maxAge, etag, locationPath, locationQuery } = response;
  return {
    ...{ code, payload, contentFormat, maxAge, etag },
    ...(locationPath.length === 0 ? {} : { locationPath: ["nodes", node, "proxy", ...locationPath] }),
    ...(locationQuery.length === 0 ? {} : { locationQuery }),
  };
}
