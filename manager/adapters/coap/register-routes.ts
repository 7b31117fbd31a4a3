import { Code } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { NodeManifest } from "../../../schemas/generated/types.ts";
import type { RegisterInput, RegisterOutcome } from "../../app/api/registry.ts";
import type { AskingNode, NotServed } from "./asker.ts";
import type { CoapContext } from "./coap-context.ts";
import { refusal } from "./refusal.ts";
import { bodyFormats, bodyOf, message, messageFormats } from "./representation.ts";
import { queryInteger } from "./request-input.ts";

const maxManifestBytes = 8_192;
const maxLifetimeSeconds = 0xffff_ffff;

/** POST /register: the node manifest in, 2.01 or 2.04 with `{id, lifetime, poll, rev}` out, after the commit. */
export function registerRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "POST",
      path: "/register",
      replay: "again",
      maxBody: maxManifestBytes,
      accepts: bodyFormats,
      attributes: { rt: "coxswain.manager", ct: messageFormats, title: "registration of nodes" },
      later: (request) => register(context, request),
    },
  ];
}

async function register(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const body = bodyOf(request, "node-manifest");
  if (!body.ok) return body.answer;
  const manifest = body.value;
  const asker = manifestAsker(context, request, manifest);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const lifetimeSeconds = queryInteger(request, "lt", 1, maxLifetimeSeconds);
  if (lifetimeSeconds === "bad") return refusal("bad-query", "lt must be a number of seconds from 1");

  const { address, port, family } = request.peer;
  const input: RegisterInput = {
    manifest,
    lifetimeSeconds,
    path: { address, port, family },
    identity: asker.how,
    contentFormat: request.contentFormat,
    face: "register",
    gateway: manifest.parent === undefined ? undefined : asker.node,
  };
  const outcome = await context.app.registry.register(input);
  if (outcome.kind === "refused") return refusedRegistration(outcome);
  const isNew = outcome.kind === "created";
  return message(request, "registration-answer", outcome.answer, {
    code: isNew ? Code.created : Code.changed,
    ...(isNew ? { locationPath: ["nodes", outcome.node] } : {}),
  });
}

/** A child's manifest is sent by its gateway, so the id in the body is not the asker's; everybody else speaks for themselves. */
function manifestAsker(context: CoapContext, request: CoapRequest, manifest: NodeManifest): AskingNode | NotServed {
  if (manifest.parent === undefined) return context.askers.node(request, manifest.id);
  return context.askers.node(request, manifest.parent);
}

export function refusedRegistration(outcome: RegisterOutcome & { kind: "refused" }): CoapReplyFields {
  return refusal(outcome.reason, outcome.message);
}
