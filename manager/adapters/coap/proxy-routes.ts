import type { CoapResponse } from "../../../coap/client-types.ts";
import { Code, type Method, OptionNumber } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import { Fault } from "../../../kernel/fault.ts";
import { toHex } from "../../../schemas/wire/hex.ts";
import type { CoapContext } from "./coap-context.ts";
import { refusal } from "./refusal.ts";
import { pathPart } from "./request-input.ts";

const methods: readonly Method[] = ["GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"];
const defaultHopLimit = 16;
/** Segments before the node's own path: nodes, ID, proxy. */
const prefixLength = 3;
/** Query of ours that the node doesn't get. */
const ownQueries = new Set(["as", "ep"]);

/** Options that are between the asker and the node, and that the engine leaves to the route. */
const passedOptions = [OptionNumber.ifMatch, OptionNumber.eTag, OptionNumber.ifNoneMatch];
/** What a 5.08 says at most: it has to fit one message. */
const maxTrailBytes = 1_024;

/** The proxy at work: `name` stands for it in the trail of a 5.08 (RFC 8768 section 4): no space in it, and when it began tells it from others. */
interface Proxy {
  readonly context: CoapContext;
  readonly name: string;
}

/**
 * /nodes/{id}/proxy/...: passes the request to the node on the path its registration came from. Security ends at the manager on both
 * sides. Hop-Limit (RFC 8768) ends loops through managers that are each other's nodes.
 */
export function proxyRoutes(context: CoapContext): Route[] {
  const proxy: Proxy = { context, name: `coxswain-${toHex(context.entropy.bytes(4))}` };
  return methods.map((method) => ({
    method,
    path: "/nodes/:node/proxy/*",
    replay: method === "GET" || method === "FETCH" || method === "PUT" || method === "DELETE" ? "again" : "once",
    forwards: true,
    later: (request, signal) => pass(proxy, request, signal),
  }));
}

async function pass(proxy: Proxy, request: CoapRequest, signal: AbortSignal): Promise<CoapReplyFields> {
  const { context } = proxy;
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const isForward =
    request.option(OptionNumber.proxyScheme) !== undefined || request.option(OptionNumber.proxyUri) !== undefined;
  if (isForward) return refusal("end-to-end-proxy");
  const hopLimit = (request.option(OptionNumber.hopLimit)?.[0] ?? defaultHopLimit) - 1;
  if (hopLimit <= 0) {
    context.log.warn("coap-hop-limit-reached", { node: pathPart(request, "node") });
    return { code: Code.hopLimitReached, payload: new TextEncoder().encode(proxy.name) };
  }
  const node = await context.app.registry.find(pathPart(request, "node"));
  if (node === undefined) return refusal("unknown-node");
  if (node.manifest.sleepy === true) return refusal("sleepy");
  // A child is served by its gateway, under its own name there.
  const { parent } = node.manifest;
  const gateway = parent === undefined ? undefined : await context.app.registry.find(parent);
  if (parent !== undefined && gateway === undefined) return refusal("unknown-gateway");
  const speaker = gateway ?? node;
  const credential = speaker.identity === "credential" ? speaker.id : undefined;
  const own = request.path.slice(prefixLength);
  try {
    const { endpoint, to } = context.caller.way({ node: node.id, to: speaker.path, credential });
    const response = await endpoint.request({
      to,
      method: request.method,
      path: gateway === undefined ? own : ["nodes", node.id, ...own],
      queries: request.queries.filter((each) => !ownQueries.has(each.split("=", 1)[0] ?? "")),
      payload: request.payload.length === 0 ? undefined : request.payload,
      contentFormat: request.contentFormat,
      accept: request.accept,
      // Not understood here and Safe-to-Forward, both ways (RFC 7252 section 5.7.1).
      forwards: true,
      options: [
        ...passedOptions.flatMap((number) => request.values(number).map((value) => ({ number, value }))),
        { number: OptionNumber.hopLimit, value: Uint8Array.of(hopLimit) },
        ...request.unrecognized,
      ],
      signal,
    });
    return passedBack(proxy, response, pathPart(request, "node"));
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.code === "coap.back-off") {
      return { code: Code.tooManyRequests, maxAge: Number(error.data["seconds"]) };
    }
    return error.code === "coap.bad-response" ? refusal("bad-gateway") : refusal("no-answer", error.code);
  }
}

/** The node's answer; a Location of its own is below the proxy from here. */
function passedBack(proxy: Proxy, response: CoapResponse, node: string): CoapReplyFields {
  const { code, payload, contentFormat, maxAge, etag, locationPath, locationQuery, unrecognized } = response;
  if (code === Code.hopLimitReached) return hopsBack(proxy, payload);
  if (code === Code.valid && etag === undefined) return refusal("bad-gateway", "2.03 without an ETag");
  return {
    ...(unrecognized.length === 0 ? {} : { options: unrecognized }),
    ...{ code, payload, contentFormat, maxAge, etag },
    ...(locationPath.length === 0 ? {} : { locationPath: ["nodes", node, "proxy", ...locationPath] }),
    ...(locationQuery.length === 0 ? {} : { locationQuery }),
  };
}

/** A 5.08 from further on carries the names of the proxies it came through; one that came through here before goes round. */
function hopsBack({ context, name }: Proxy, trail: Uint8Array): CoapReplyFields {
  const names = new TextDecoder().decode(trail);
  if (names.split(" ").includes(name)) {
    context.log.warn("coap-hop-limit-loop", { trail: names });
    return refusal("bad-gateway", "the answer goes round");
  }
  const longer = new TextEncoder().encode(names === "" ? name : `${name} ${names}`);
  return { code: Code.hopLimitReached, payload: longer.length > maxTrailBytes ? trail : longer };
}
