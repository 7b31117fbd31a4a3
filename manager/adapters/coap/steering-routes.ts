import { Code } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { CoapContext } from "./coap-context.ts";
import { fill, refusal } from "./refusal.ts";
import { bodyFormats, bodyOf, message, view } from "./representation.ts";
import { pathPart } from "./request-input.ts";

const maxBody = 1_024;

/** What operators want of a node: /nodes/{id}/mode and /nodes/{id}/commands. */
export function steeringRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "GET",
      path: "/nodes/:node/mode",
      replay: "again",
      answer: (request, reply) => fill(reply, mode(context, request)),
    },
    {
      method: "PUT",
      path: "/nodes/:node/mode",
      // It may start an update: a late copy must not start it anew after it was cancelled.
      replay: "once",
      maxBody,
      accepts: bodyFormats,
      later: (request) => setMode(context, request),
    },
    {
      method: "POST",
      path: "/nodes/:node/commands",
      replay: "once",
      maxBody,
      accepts: bodyFormats,
      later: (request) => command(context, request),
    },
    {
      method: "GET",
      path: "/nodes/:node/commands",
      replay: "again",
      later: (request) => commands(context, request),
    },
    {
      method: "DELETE",
      path: "/nodes/:node/commands/:command",
      replay: "once",
      later: (request) => cancelCommand(context, request),
    },
  ];
}

function mode(context: CoapContext, request: CoapRequest): CoapReplyFields {
  const node = pathPart(request, "node");
  const asker = context.askers.reader(request, node);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const found = context.app.modes.get(node);
  return found === undefined ? refusal("unknown-node") : message(request, "mode", found);
}

async function setMode(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const body = bodyOf(request, "mode");
  if (!body.ok) return body.answer;
  const outcome = await context.app.modes.set(pathPart(request, "node"), body.value, asker.actor);
  switch (outcome.kind) {
    case "set":
      return { code: Code.changed };
    case "refused":
      return refusal("not-now", outcome.reason);
    case "unknown-node":
    case "unknown-update":
      return refusal(outcome.kind);
  }
}

async function command(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const body = bodyOf(request, "command");
  if (!body.ok) return body.answer;
  const node = pathPart(request, "node");
  const outcome = await context.app.commands.send(node, body.value, asker.actor);
  switch (outcome.kind) {
    case "queued": {
      const { id, rev, expiresAtMs } = outcome;
      const expires = new Date(expiresAtMs).toISOString();
      return view(request, { id, rev, expires }, { code: Code.created, locationPath: ["nodes", node, "commands", id] });
    }
    case "forbidden":
      return refusal("forbidden", outcome.reason);
    case "unknown-node":
    case "queue-full":
      return refusal(outcome.kind);
  }
}

async function commands(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const node = pathPart(request, "node");
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  if (!context.app.registry.isRegistered(node)) return refusal("unknown-node");
  return view(request, await context.app.commands.list(node));
}

async function cancelCommand(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const node = pathPart(request, "node");
  const id = pathPart(request, "command");
  const outcome = await context.app.commands.cancel(node, id, asker.actor);
  if (outcome === "cancelled") return { code: Code.deleted };
  return outcome === "ended"
    ? refusal("not-now", "the command has ended")
    : refusal("unknown-node", "or no such command");
}
