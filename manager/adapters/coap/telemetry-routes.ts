import { ContentFormat } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import { type Measurement, readSenml, senmlLimits } from "../../../schemas/wire/senml.ts";
import type { TelemetryPoint } from "../../ports/telemetry-store.ts";
import type { CoapContext } from "./coap-context.ts";
import { fill, refusal } from "./refusal.ts";
import { pathPart } from "./request-input.ts";

/** POST /nodes/{id}/telemetry: SenML from nodes without MQTT. A pack with one bad record is refused whole. */
export function telemetryRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "POST",
      path: "/nodes/:node/telemetry",
      replay: "once",
      maxBody: senmlLimits.bytes,
      accepts: [ContentFormat.senmlJson, ContentFormat.senmlCbor],
      answer: (request, reply) => fill(reply, take(context, request)),
    },
  ];
}

function take(context: CoapContext, request: CoapRequest): CoapReplyFields {
  const { app, clock } = context;
  const node = pathPart(request, "node");
  const asker = context.askers.writer(request, node);
  if (asker.kind === "refused") return refusal(asker.refusal, asker.detail);
  app.registry.heard(asker.node);
  if (!app.registry.isRegistered(node)) return refusal("unknown-node");
  const receivedMs = clock.wallMs();
  const format = request.contentFormat ?? ContentFormat.senmlJson;
  const read = readSenml(request.payload, format, receivedMs);
  if (!read.ok) {
    app.telemetry.refused(node, read.fault.rule);
    return refusal("bad-body", `record ${read.fault.record}: ${read.fault.rule}`);
  }
  const points = read.measurements.flatMap((each) => asPoint(each, node, receivedMs));
  switch (app.telemetry.ingest(node, points)) {
    case "taken":
      return {};
    case "unknown-node":
      return refusal("unknown-node");
    case "full":
      return refusal("telemetry-full");
  }
}

/** Sums without a value and raw bytes have no place in the history yet; they are left out. */
function asPoint({ name, unit, timeMs, value }: Measurement, node: string, receivedMs: number): TelemetryPoint[] {
  if (value === undefined || value instanceof Uint8Array) return [];
  return [{ node, series: seriesName(name, node), timeMs, receivedMs, value, ...(unit === undefined ? {} : { unit }) }];
}

/** A base name that repeats whose pack it is (`urn:...:` or `<id>/`) is no part of the series' name. */
function seriesName(name: string, node: string): string {
  return name.startsWith(`${node}/`) || name.startsWith(`${node}:`) ? name.slice(node.length + 1) : name;
}
