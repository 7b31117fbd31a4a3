import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { MessageKind, Messages } from "../../../schemas/generated/types.ts";
import type { Sendable } from "../../../schemas/wire/codec.ts";
import type { CoapContext } from "./coap-context.ts";
import { fill, refusal } from "./refusal.ts";
import { agedMessage, bodyFormats, bodyOf } from "./representation.ts";
import { pathPart } from "./request-input.ts";

const maxReportBytes = 4_096;
const maxServicesBytes = 16_384;
const maxLogBytes = 16_384;
const textPlain = 0;

/** What a node (or its gateway) says of itself and others read with its age: health, metrics, services, logs. */
export function nodeDataRoutes(context: CoapContext): Route[] {
  const { app } = context;
  return [
    reading(context, "health", "status-report", (node) => app.health.latest(node)),
    writing(context, "health", "status-report", maxReportBytes, (node, report) =>
      app.health.report(node, report, "put"),
    ),
    reading(context, "metrics", "metrics", (node) => app.metrics.latest(node)),
    writing(context, "metrics", "metrics", maxReportBytes, (node, metrics) => app.metrics.report(node, metrics)),
    reading(context, "services", "service-list", (node) => {
      const latest = app.services.latest(node);
      return latest && { value: { services: latest.value }, ageMs: latest.ageMs };
    }),
    writing(context, "services", "service-list", maxServicesBytes, (node, { services }) =>
      app.services.report(node, services),
    ),
    {
      method: "GET",
      path: "/nodes/:node/logs",
      replay: "again",
      produces: [textPlain],
      answer: (request, reply) => fill(reply, logTail(context, request)),
    },
    appending(context, "PUT"),
    appending(context, "POST"),
  ];
}

function reading<K extends MessageKind>(
  context: CoapContext,
  name: "health" | "metrics" | "services",
  kind: K,
  latest: (node: string) => { readonly value: Sendable<Messages[K]>; readonly ageMs: number } | undefined,
): Route {
  const read = (request: CoapRequest): CoapReplyFields => {
    const node = pathPart(request, "node");
    const asker = context.askers.reader(request, node);
    if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
    if (!context.app.registry.isRegistered(node)) return refusal("unknown-node");
    const found = latest(node);
    return found === undefined ? refusal("nothing-yet") : agedMessage(request, kind, found);
  };
  return {
    method: "GET",
    path: `/nodes/:node/${name}`,
    replay: "again",
    observable: true,
    answer: (request, reply) => fill(reply, read(request)),
  };
}

function writing<K extends "status-report" | "metrics" | "service-list">(
  context: CoapContext,
  name: "health" | "metrics" | "services",
  kind: K,
  maxBody: number,
  take: (node: string, value: Messages[K]) => boolean,
): Route {
  const write = (request: CoapRequest): CoapReplyFields => {
    const body = bodyOf(request, kind);
    if (!body.ok) return body.answer;
    const claimed = "id" in body.value ? body.value.id : undefined;
    return asWriter(context, request, claimed, (node) => take(node, body.value));
  };
  return {
    method: "PUT",
    path: `/nodes/:node/${name}`,
    replay: "again",
    maxBody,
    accepts: bodyFormats,
    answer: (request, reply) => fill(reply, write(request)),
  };
}

/** Appending is not idempotent, whichever method early device code takes for it. */
function appending(context: CoapContext, method: "PUT" | "POST"): Route {
  return {
    method,
    path: "/nodes/:node/logs",
    replay: "once",
    maxBody: maxLogBytes,
    answer: (request, reply) => {
      fill(
        reply,
        asWriter(context, request, undefined, (node) => context.app.logs.append(node, request.payload)),
      );
    },
  };
}

function asWriter(
  context: CoapContext,
  request: CoapRequest,
  claimed: string | undefined,
  take: (node: string) => boolean,
): CoapReplyFields {
  const node = pathPart(request, "node");
  const asker = context.askers.writer(request, node, claimed);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  context.app.registry.heard(asker.node);
  return take(node) ? {} : refusal("unknown-node");
}

function logTail(context: CoapContext, request: CoapRequest): CoapReplyFields {
  const node = pathPart(request, "node");
  const asker = context.askers.reader(request, node);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  const payload = context.app.logs.tail(node);
  return payload === undefined ? refusal("unknown-node") : { payload, contentFormat: textPlain };
}
