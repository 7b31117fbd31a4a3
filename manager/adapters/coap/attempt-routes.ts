import { Code } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { InstallRequest } from "../../../schemas/generated/types.ts";
import type { InstallOutcome } from "../../app/api/updates.ts";
import { permissionOf } from "../../domain/permissions.ts";
import { heardOf } from "./asker.ts";
import type { CoapContext } from "./coap-context.ts";
import { fill, type Refusal, refusal } from "./refusal.ts";
import { type Body, bodyFormats, bodyOf, message, view } from "./representation.ts";
import { pathPart } from "./request-input.ts";

const starting = permissionOf("update.start");
const reading = permissionOf("update.read");
const reporting = permissionOf("attempt.report");
const maxInstallBytes = 80_000;
const maxReportBytes = 1_024;

/** What nodes do with updates: /updates/{id}/install and /updates/{id}/status. */
export function attemptRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "POST",
      path: "/updates/:update/install",
      replay: "once",
      maxBody: maxInstallBytes,
      accepts: bodyFormats,
      later: (request) => install(context, request),
    },
    {
      method: "GET",
      path: "/updates/:update/status",
      replay: "again",
      observable: true,
      answer: (request, reply) => fill(reply, status(context, request)),
    },
    {
      method: "PUT",
      path: "/updates/:update/status",
      replay: "again",
      maxBody: maxReportBytes,
      accepts: bodyFormats,
      later: (request) => report(context, request),
    },
  ];
}

/** A node asks to install now; an operator with `{nodes: [...]}` starts it on nodes. */
async function install(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.eitherOrChild(request, starting);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const update = pathPart(request, "update");
  const body: Body<InstallRequest> =
    request.payload.length === 0 ? { ok: true, value: {} } : bodyOf(request, "install-request");
  if (!body.ok) return body.answer;
  if (asker.kind === "operator") {
    const nodes = body.value.nodes ?? [];
    if (nodes.length === 0) return refusal("no-node-id", "an operator names the nodes: {nodes: [...]}");
    const { principal } = asker;
    const hidden = nodes.find((each) => !context.app.authoriser.sees(principal, each));
    if (hidden !== undefined) return refusal("out-of-scope", hidden);
    const outcome = await context.app.updates.start(update, nodes, asker.actor);
    return outcome.kind === "started" ? view(request, outcome.nodes) : refusal(outcome.kind);
  }
  if (!heardOf(context.app.registry, asker)) return refusal("unknown-node");
  const registered = context.app.registry.contentFormat(asker.node);
  return installAnswer(request, await context.app.updates.install(update, asker.node), registered);
}

function installAnswer(request: CoapRequest, outcome: InstallOutcome, registered: number | undefined): CoapReplyFields {
  switch (outcome.kind) {
    case "go":
      return message(request, "action", outcome.action, { code: Code.changed }, registered);
    case "wait":
      return refusal("wait", outcome.reason, outcome.retryAfterSeconds);
    case "unknown-update":
      return refusal("unknown-update");
    case "refused":
      switch (outcome.reason) {
        case "unknown-node":
        case "queue-full":
        case "withdrawn":
        case "unsigned":
        case "not-a-target":
          return refusal(outcome.reason);
        // It has what it asks for: nothing is left to do.
        case "already-running":
          return { code: Code.changed };
        default:
          return refusal("not-now", outcome.reason);
      }
  }
}

/** A node sees its own attempt, an operator the counts of those in his scope. */
function status(context: CoapContext, request: CoapRequest): CoapReplyFields {
  const asker = context.askers.eitherOrChild(request, reading);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const update = pathPart(request, "update");
  if (asker.kind === "operator") {
    const { updates, authoriser } = context.app;
    const { principal } = asker;
    const counts = updates.counts(update);
    if (counts === undefined) return refusal("unknown-update");
    if (principal.scopes.length === 0) return view(request, counts);
    return view(request, updates.countsWithin((node) => authoriser.sees(principal, node))(update));
  }
  if (!heardOf(context.app.registry, asker)) return refusal("unknown-node");
  const found = context.app.attempts.find(update, asker.node);
  return found === undefined
    ? refusal("unknown-attempt")
    : message(request, "attempt", found.attempt, {}, context.app.registry.contentFormat(asker.node));
}

const reportRefusals: Readonly<Record<string, Refusal>> = {
  backward: "attempt-backward",
  ended: "attempt-ended",
  "unknown-attempt": "unknown-attempt",
};

async function report(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const asker = context.askers.nodeOrChild(request, reporting);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  if (!heardOf(context.app.registry, asker)) return refusal("unknown-node");
  const body = bodyOf(request, "attempt-report");
  if (!body.ok) return body.answer;
  const update = pathPart(request, "update");
  if (body.value.update !== undefined && body.value.update !== update)
    return refusal("bad-body", "update isn't that of the path");
  const outcome = await context.app.attempts.report(asker.node, { ...body.value, update }, "coap");
  // A node that hears of its success after us says what we know already.
  const isKnown =
    outcome === "ended" && context.app.attempts.find(update, asker.node)?.attempt.state === body.value.state;
  const name = isKnown ? undefined : reportRefusals[outcome];
  return name === undefined ? { code: Code.changed } : refusal(name);
}
