import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { CoapContext } from "./coap-context.ts";
import { refusal } from "./refusal.ts";
import { message, messageFormats } from "./representation.ts";

/** GET /environment: what a node needs to work here. It holds secrets, so it never crosses a network in the open. */
export function environmentRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "GET",
      path: "/environment",
      replay: "again",
      attributes: { rt: "coxswain.environment", ct: messageFormats },
      later: (request) => environment(context, request),
    },
  ];
}

async function environment(context: CoapContext, request: CoapRequest): Promise<CoapReplyFields> {
  const { app, askers } = context;
  if (!askers.mayHearSecrets(request)) return refusal("environment-in-the-open");
  const asker = askers.node(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  if (!app.registry.heard(asker.node)) return refusal("unknown-node");
  const built = await app.environments.build(asker.node);
  // It carries the time of now, so no cache may keep it.
  return built === undefined
    ? refusal("unknown-node")
    : message(request, "environment", built, { maxAge: 0 }, app.registry.contentFormat(asker.node));
}
