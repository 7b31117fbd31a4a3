import { Code } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { Update } from "../../../schemas/generated/types.ts";
import type { UpdateView } from "../../app/api/updates.ts";
import { permissionOf } from "../../domain/permissions.ts";
import { seenUpdate } from "../../domain/seen-update.ts";
import type { AskingNode, AskingOperator } from "./asker.ts";
import type { CoapContext } from "./coap-context.ts";
import { fill, refusal } from "./refusal.ts";
import { bodyFormats, bodyOf, message, messageFormats, messages } from "./representation.ts";
import { pathPart } from "./request-input.ts";

const maxUpdateBytes = 80_000;
const maxManifestBytes = 65_536;
const octetStream = 42;
const reading = permissionOf("update.read");
const readingNodes = permissionOf("node.read");

/** Updates themselves: list, create, look at, withdraw, and their signed manifests. */
export function updateRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "GET",
      path: "/updates",
      replay: "again",
      observable: true,
      attributes: { rt: "coxswain.updates", ct: messageFormats },
      answer: (request, reply) => fill(reply, list(context, request)),
    },
    {
      method: "POST",
      path: "/updates",
      replay: "once",
      maxBody: maxUpdateBytes,
      accepts: bodyFormats,
      later: (request) => create(context, request),
    },
    {
      method: "GET",
      path: "/updates/:update",
      replay: "again",
      answer: (request, reply) => fill(reply, one(context, request)),
    },
    { method: "DELETE", path: "/updates/:update", replay: "once", later: (request) => withdraw(context, request) },
    {
      method: "GET",
      path: "/updates/:update/manifest",
      replay: "again",
      later: (request) => manifest(context, request),
    },
    {
      method: "PUT",
      path: "/updates/:update/manifest",
      replay: "again",
      maxBody: maxManifestBytes,
      later: (request) => setManifest(context, request),
    },
  ];
}

/** A node sees those that are for it; operators see all, with the targets of their scope. */
function list(context: CoapContext, request: CoapRequest): CoapReplyFields {
  const asker = context.askers.eitherByName(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  if (asker.kind === "node" && !context.app.registry.heard(asker.node)) return refusal("unknown-node");
  const views = asker.kind === "node" ? context.app.updates.listFor(asker.node) : context.app.updates.list();
  const registered = asker.kind === "node" ? context.app.registry.contentFormat(asker.node) : undefined;
  return messages(
    request,
    "update",
    views.map((each) => seenMessage(context, asker, each)),
    registered,
  );
}

async function create(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const body = bodyOf(request, "update");
  if (!body.ok) return body.answer;
  const outcome = await context.app.updates.create(body.value, asker.actor, "follows");
  switch (outcome.kind) {
    case "created":
      return { code: Code.created, locationPath: ["updates", body.value.id] };
    case "same":
      return { code: Code.changed };
    case "conflict":
      return refusal("update-conflict");
    case "unknown-artifact":
      return refusal("unknown-artifact", outcome.digest);
    case "wrong-size":
      return refusal("wrong-size", `${outcome.stored} bytes`);
    case "full":
    case "unsigned":
      return refusal(outcome.kind);
    case "refused":
      return refusal("bad-manifest", `${outcome.reason}, ${outcome.where}`);
  }
}

function one(context: CoapContext, request: CoapRequest): CoapReplyFields {
  const asker = context.askers.eitherOrChild(request, reading);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const found = context.app.updates.find(pathPart(request, "update"));
  if (found === undefined) return refusal("unknown-update");
  // A withdrawn one is shown to operators alone.
  const isShown =
    asker.kind === "operator" ||
    (found.state !== "withdrawn" && context.app.updates.isFor(found.update.id, asker.node));
  return isShown ? message(request, "update", seenMessage(context, asker, found)) : refusal("not-a-target");
}

async function withdraw(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const outcome = await context.app.updates.withdraw(pathPart(request, "update"), asker.actor);
  return outcome === "unknown-update" ? refusal("unknown-update") : { code: Code.deleted };
}

async function manifest(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.eitherOrChild(request, reading);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const update = pathPart(request, "update");
  if (context.app.updates.find(update) === undefined) return refusal("unknown-update");
  if (asker.kind === "node" && !context.app.updates.isFor(update, asker.node)) return refusal("not-a-target");
  const payload = await context.app.updates.manifest(update, asker.kind === "node" ? "for-nodes" : "whole");
  return payload === undefined ? refusal("no-manifest") : { payload, contentFormat: octetStream };
}

async function setManifest(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const outcome = await context.app.updates.setManifest(pathPart(request, "update"), request.payload, asker.actor);
  switch (outcome.kind) {
    case "stored":
      return { code: Code.changed };
    case "unknown-update":
    case "withdrawn":
      return refusal(outcome.kind);
    case "in-use":
      return refusal("manifest-in-use");
    case "refused":
      return refusal("bad-manifest", `${outcome.reason}, ${outcome.where}`);
  }
}

/** With the targets that the asker may know of: a node itself and its children, an operator those in his scope. */
function seenMessage(
  { app: { authoriser } }: CoapContext,
  asker: AskingNode | AskingOperator,
  view: UpdateView,
): Update {
  return seenUpdate(asMessage(view), (node) =>
    asker.kind === "node" ? authoriser.node(readingNodes, asker.node, node) : authoriser.sees(asker.principal, node),
  );
}

/** As it goes over the wire, with what the manager says of it. */
function asMessage({ update, state, createdAtMs }: UpdateView): Update {
  return { ...update, state, created: new Date(createdAtMs).toISOString() };
}
