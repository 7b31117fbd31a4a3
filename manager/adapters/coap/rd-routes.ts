import { Code, ContentFormat } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { RdLink, RdPart, RegisterOutcome } from "../../app/api/registry.ts";
import { RecentMap } from "../../app/recent-map.ts";
import type { AskingNode } from "./asker.ts";
import type { CoapContext } from "./coap-context.ts";
import { rdParameters } from "./rd-parameters.ts";
import { refusal } from "./refusal.ts";
import { refusedRegistration } from "./register-routes.ts";
import { registeredLinks } from "./registered-links.ts";
import { pathPart } from "./request-input.ts";
import { SimpleRegistration } from "./simple-registration.ts";

const { linkFormat } = ContentFormat;
const maxLinkBytes = 16_384;
const cachedDocuments = 4_096;

/**
 * The resource directory face of the registry (RFC 9176): another way to register the same nodes. `{reg}` is the node id, so
 * the same `ep` has the same Location, and an `ep` must be a node id. With identities every request that changes something shows by Echo
 * that it is new (section 5.3.4) and that who sent it receives at its address (section 5.1).
 */
export function rdRoutes(context: CoapContext): Route[] {
  const fresh = !context.isInsecure;
  const simple = new SimpleRegistration(context, new RecentMap({ capacity: cachedDocuments }));
  return [
    {
      ...{ method: "POST", path: "/rd", replay: "again", fresh, maxBody: maxLinkBytes, accepts: [linkFormat] },
      attributes: { rt: "core.rd", ct: linkFormat },
      later: (request) => create(context, request),
    },
    {
      ...{ method: "POST", path: "/rd/:registration", replay: "again", fresh, maxBody: 0 },
      later: (request) => update(context, request),
    },
    {
      ...{ method: "DELETE", path: "/rd/:registration", replay: "once", fresh },
      later: (request) => remove(context, request),
    },
    {
      ...{ method: "POST", path: "/.well-known/rd", replay: "once", fresh, maxBody: 0 },
      later: (request, signal) => simply(context, simple, request, signal),
    },
  ];
}

async function create(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.node(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const body = registeredLinks(request.payload);
  if (!body.ok) return refusal("bad-body", body.rule);
  const outcome = await register(context, request, asker, { links: body.links, isSimple: false });
  if ("code" in outcome) return outcome;
  if (outcome.kind === "refused") return refusedRegistration(outcome);
  return { code: Code.created, locationPath: ["rd", outcome.node] };
}

/** RFC 9176 section 5.3.1: renews the lifetime, and may change it, the base and further attributes. */
async function update(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const own = await ownRegistration(context, request);
  if ("refused" in own) return own.refused;
  const parameters = rdParameters(request, { base: true, d: false });
  if (typeof parameters === "string") return refusal("bad-query", parameters);
  const outcome = await commit(context, request, own.asker, { ...parameters, isRdUpdate: true });
  return outcome.kind === "refused" ? refusedRegistration(outcome) : { code: Code.changed };
}

async function remove(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const own = await ownRegistration(context, request);
  if ("refused" in own) return own.refused;
  const outcome = await context.app.registry.remove(own.name, { kind: "node", id: own.asker.node });
  return outcome === "removed" ? { code: Code.deleted } : refusal("unknown-registration");
}

/** RFC 9176 section 5.1: the directory fetches the links itself, from where the request came. */
async function simply(
  context: CoapContext,
  simple: SimpleRegistration,
  request: CoapRequest,
  signal: AbortSignal,
): Promise<CoapReplyFields> {
  const asker = context.askers.node(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const fetched = await simple.links(request.peer, asker.node, signal);
  if (!fetched.ok) return fetched.refusal;
  const outcome = await register(context, request, asker, { links: fetched.links, isSimple: true });
  if ("code" in outcome) return outcome;
  return outcome.kind === "refused" ? refusedRegistration(outcome) : { code: Code.changed };
}

async function register(
  context: CoapContext,
  request: CoapRequest,
  asker: AskingNode,
  { links, isSimple }: { readonly links: readonly RdLink[]; readonly isSimple: boolean },
): Promise<RegisterOutcome | (CoapReplyFields & { code: number })> {
  const parameters = rdParameters(request, { base: !isSimple, d: true });
  if (typeof parameters === "string") return { ...refusal("bad-query", parameters), code: Code.badRequest };
  const rd: RdPart = { ...parameters.rd, links, ...(isSimple ? { isSimple } : {}) };
  return await commit(context, request, asker, { ...parameters, rd });
}

async function commit(
  context: CoapContext,
  request: CoapRequest,
  asker: AskingNode,
  change: { readonly lifetimeSeconds: number | undefined; readonly rd: RdPart; readonly isRdUpdate?: boolean },
): Promise<RegisterOutcome> {
  const { address, port, family, identity } = request.peer;
  const scheme = identity.kind === "none" || identity.scheme === "oscore" ? "coap" : "coaps";
  return await context.app.registry.register({
    ...change,
    rd: { ...change.rd, scheme },
    manifest: { id: asker.node },
    path: { address, port, family },
    identity: asker.how,
    face: "rd",
  });
}

type Own = { readonly name: string; readonly asker: AskingNode } | { readonly refused: CoapReplyFields };

async function ownRegistration(context: CoapContext, request: CoapRequest): Promise<Own> {
  const name = pathPart(request, "registration");
  const asker = context.askers.writer(request, name);
  if (asker.kind === "refused") return { refused: refusal(asker.refusal, asker.detail) };
  if (!context.app.registry.isRegistered(name)) return { refused: refusal("unknown-registration") };
  return { name, asker };
}
