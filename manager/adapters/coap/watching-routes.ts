import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { CoapContext } from "./coap-context.ts";
import { fill, refusal } from "./refusal.ts";
import { messageFormats, view } from "./representation.ts";

/** GET /alerts, observable: what is wrong now. */
export function watchingRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "GET",
      path: "/alerts",
      replay: "again",
      observable: true,
      attributes: { rt: "coxswain.alerts", ct: messageFormats },
      answer: (request, reply) => fill(reply, alerts(context, request)),
    },
  ];
}

function alerts(context: CoapContext, request: CoapRequest): CoapReplyFields {
  const asker = context.askers.operator(request);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const { principal } = asker;
  const { alerts: all, authoriser } = context.app;
  return view(
    request,
    all.active().filter((each) => authoriser.sees(principal, each.node)),
  );
}
