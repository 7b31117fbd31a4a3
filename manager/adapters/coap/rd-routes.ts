import { Code } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { NodeView, RdLink, RdPart, RegisterOutcome } from "../../app/api/registry.ts";
import type { AskingNode } from "./asker.ts";
import type { CoapContext } from "./coap-context.ts";
import { parseLinks } from "./link-format.ts";
import { refusal } from "./refusal.ts";
import { refusedRegistration } from "./register-routes.ts";
import { pathPart, queryInteger } from "./request-input.ts";

const linkFormat = 40;
const maxLinkBytes = 16_384;
const lifetimeLimits = { min: 1, max: 0xffff_ffff } as const;
const defaultLifetimeSeconds = 90_000;
const maxNameLength = 63;

/**
 * The resource directory face of the registry (RFC 9176): another way to register the same nodes. `{reg}` is the node id, so
 * the same `ep` has the same Location, and an `ep` must be a node id.
 */
export function rdRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "POST",
      path: "/rd",
      replay: "again",
      maxBody: maxLinkBytes,
      accepts: [linkFormat],
      attributes: { rt: "core.rd", ct: linkFormat },
      later: (request) => create(context, request),
    },
    {
      method: "POST",
      path: "/rd/:registration",
      replay: "again",
      maxBody: maxLinkBytes,
      later: (request) => renew(context, request),
    },
    { method: "DELETE", path: "/rd/:registration", replay: "once", later: (request) => remove(context, request) },
    {
      method: "POST",
      path: "/.well-known/rd",
      replay: "once",
      later: (request, signal) => simple(context, request, signal),
    },
  ];
}

async function create(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const parsed = parseLinks(new TextDecoder().decode(request.payload));
  return parsed.ok ? await register(context, request, parsed.links) : refusal("bad-body", parsed.rule);
}

async function register(
  context: CoapContext,
  request: CoapRequest,
  links: readonly RdLink[],
): Promise<CoapReplyFields> {
  const asker = context.askers.node(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const input = registration(request, links);
  if (typeof input === "string") return refusal("bad-query", input);
  const outcome = await commit(context, request, asker, input);
  if (outcome.kind === "refused") return refusedRegistration(outcome);
  return { code: Code.created, locationPath: ["rd", outcome.node] };
}

/** RFC 9176 section 5.3.1: renews the lifetime and may change `lt`, `base` and the links. */
async function renew(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const found = await ownRegistration(context, request);
  if ("refused" in found) return found.refused;
  const parsed = parseLinks(new TextDecoder().decode(request.payload));
  if (!parsed.ok) return refusal("bad-body", parsed.rule);
  const input = registration(request, parsed.links);
  if (typeof input === "string") return refusal("bad-query", input);
  const { known, asker } = found;
  const kept = request.payload.length === 0 ? (known.rd?.links ?? []) : parsed.links;
  const outcome = await commit(context, request, asker, {
    lifetimeSeconds: request.query("lt") === undefined ? known.lifetimeSeconds : input.lifetimeSeconds,
    rd: { ...known.rd, ...input.rd, links: kept },
  });
  return outcome.kind === "refused" ? refusedRegistration(outcome) : { code: Code.changed };
}

async function remove(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const found = await ownRegistration(context, request);
  if ("refused" in found) return found.refused;
  await context.app.registry.remove(found.known.id, { kind: "node", id: found.asker.node });
  return { code: Code.deleted };
}

/** RFC 9176 section 5.1: the directory fetches the links itself, from where the request came. */
async function simple(context: CoapContext, request: CoapRequest, signal: AbortSignal): Promise<CoapReplyFields> {
  const asker = context.askers.node(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const answer = await context.doors
    .of(request.peer.identity)
    .request({ to: request.peer, method: "GET", path: [".well-known", "core"], accept: linkFormat, signal })
    .catch(() => undefined);
  if (answer?.code !== Code.content) return refusal("no-answer", "GET /.well-known/core");
  const parsed = parseLinks(new TextDecoder().decode(answer.payload));
  if (!parsed.ok) return refusal("bad-body", parsed.rule);
  const registered = await register(context, request, parsed.links);
  return registered.code === Code.created ? { code: Code.changed } : registered;
}

type Own = { readonly known: NodeView; readonly asker: AskingNode } | { readonly refused: CoapReplyFields };

async function ownRegistration(context: CoapContext, request: CoapRequest): Promise<Own> {
  const name = pathPart(request, "registration");
  const asker = context.askers.writer(request, name);
  if (asker.kind === "refused") return { refused: refusal(asker.refusal, asker.detail) };
  const known = await context.app.registry.find(name);
  return known === undefined ? { refused: refusal("unknown-registration") } : { known, asker };
}

interface RdInput {
  readonly lifetimeSeconds: number;
  readonly rd: RdPart;
}

/** The query of a registration, or the rule that it breaks. */
function registration(request: CoapRequest, links: readonly RdLink[]): RdInput | string {
  const lifetime = queryInteger(request, "lt", lifetimeLimits.min, lifetimeLimits.max);
  if (lifetime === "bad") return "lt is a number of seconds from 1";
  const base = request.query("base");
  if (base !== undefined && !(URL.canParse(base) && base.length <= 255)) return "base is a URI of at most 255 bytes";
  const sector = request.query("d");
  const endpointType = request.query("et");
  if ((sector?.length ?? 0) > maxNameLength || (endpointType?.length ?? 0) > maxNameLength) {
    return `d and et have at most ${maxNameLength} bytes`;
  }
  const rd: RdPart = {
    links,
    ...(base === undefined ? {} : { base }),
    ...(sector === undefined ? {} : { sector }),
    ...(endpointType === undefined ? {} : { endpointType }),
  };
  return { lifetimeSeconds: lifetime ?? defaultLifetimeSeconds, rd };
}

async function commit(
  context: CoapContext,
  request: CoapRequest,
  asker: AskingNode,
  { lifetimeSeconds, rd }: RdInput,
): Promise<RegisterOutcome> {
  const { address, port, family } = request.peer;
  // What a richer registration said of the node stays: a directory entry knows only its name.
  const known = await context.app.registry.find(asker.node);
  return await context.app.registry.register({
    manifest: known?.manifest ?? { id: asker.node },
    lifetimeSeconds,
    path: { address, port, family },
    identity: asker.how,
    face: "rd",
    rd,
  });
}
