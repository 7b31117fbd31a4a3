import { Code, ContentFormat, type Method, noContentFormat } from "../coap/message.ts";
import type { CoapReply, CoapReplyFields, CoapRequest, LinkAttributes, Route } from "../coap/route.ts";
import type { MessageKind, Messages } from "../schemas/generated/types.ts";
import { cborFormat, decode, encode, jsonFormat, type Sendable } from "../schemas/wire/codec.ts";
import { type NodeResource, nodePaths } from "../schemas/wire/paths.ts";
import type { ActionEnd } from "./node-host.ts";
import type { NodeSpeaker } from "./node-speaker.ts";

export interface NodeRoutesOptions {
  /** The speaker of the node itself where `child` is undefined. */
  speaker(child: string | undefined): NodeSpeaker | undefined;
  /** Whether the manager asks. */
  isManager(request: CoapRequest): boolean;
}

const encoder = new TextEncoder();
const textPlain = 0;
const bodyFormats: readonly number[] = [noContentFormat, jsonFormat, cborFormat];
const links: { readonly [R in NodeResource]?: LinkAttributes } = {
  health: { rt: "coxswain.health", ct: [jsonFormat, cborFormat] },
  metrics: { rt: "coxswain.metrics", ct: [jsonFormat, cborFormat] },
  update: { rt: "coxswain.update", ct: [jsonFormat, cborFormat] },
};

/**
 * What a node serves to its manager, and a gateway once more under `/nodes/<child>` for each child (device protocol, section 3). Who isn't the
 * manager is 4.01; a child that isn't there 4.04, one that fell silent 5.04.
 */
export function nodeRoutes(options: NodeRoutesOptions): Route[] {
  return [...routesUnder("", options), ...routesUnder("/nodes/:child", options)];
}

function routesUnder(prefix: string, options: NodeRoutesOptions): Route[] {
  const read = (
    resource: NodeResource,
    answer: (speaker: NodeSpeaker, request: CoapRequest) => CoapReplyFields,
    observable = false,
  ): Route => ({
    method: "GET",
    path: prefix + nodePaths[resource],
    replay: "again",
    ...(observable && { observable: true as const }),
    ...(prefix === "" && links[resource] !== undefined && { attributes: links[resource] }),
    answer: (request, reply) =>
      fill(
        reply,
        asked(options, request, (speaker) => answer(speaker, request)),
      ),
  });
  const write = (
    method: Method,
    resource: NodeResource,
    answer: (speaker: NodeSpeaker, request: CoapRequest) => CoapReplyFields | Promise<CoapReplyFields>,
  ): Route => ({
    method,
    path: prefix + nodePaths[resource],
    replay: method === "POST" ? "once" : "again",
    accepts: bodyFormats,
    later: (request) => Promise.resolve(asked(options, request, (speaker) => answer(speaker, request))),
  });
  return [
    read(
      "health",
      (speaker, request) => message(request, "status-report", speaker.report(), speaker.reportSeconds),
      true,
    ),
    read(
      "metrics",
      ({ host, reportSeconds }, request) => message(request, "metrics", host.metrics?.(), reportSeconds),
      true,
    ),
    read("services", ({ host }, request) => {
      const services = host.services?.();
      return message(request, "service-list", services && { services: [...services] });
    }),
    read("logs", ({ host }) => {
      const payload = host.logs?.();
      return payload === undefined ? notThere : { payload, contentFormat: textPlain };
    }),
    read("mode", ({ host }, request) => message(request, "mode", host.mode?.())),
    write("PUT", "mode", ({ host }, request) => taking(request, "mode", (mode) => host.setMode?.(mode))),
    read(
      "update",
      ({ desk }, request) => (desk.attempt === undefined ? {} : message(request, "attempt-report", desk.attempt)),
      true,
    ),
    write("PUT", "update", ({ desk }, request) =>
      taking(request, "action", (action) => Promise.resolve(desk.take(action) === "taken" ? done : busy)),
    ),
    write("PUT", "environment", ({ host }, request) =>
      taking(request, "environment", (environment) => host.environment?.(environment)),
    ),
    read("systemConfig", ({ host }, request) => message(request, "configuration", host.configuration?.())),
    write("PUT", "systemConfig", ({ host }, request) =>
      taking(request, "configuration", (configuration) => host.configure?.(configuration)),
    ),
    write("POST", "systemRestart", async ({ host }) => answerOf(await host.command?.("restart", "coap"))),
    write("POST", "systemShutdown", async ({ host }) => answerOf(await host.command?.("terminate", "coap"))),
  ];
}

const done: ActionEnd = { outcome: "done" };
const busy: ActionEnd = { outcome: "refused", reason: "not now" };
const notThere: CoapReplyFields = { code: Code.notFound };

function asked<Answer>(
  { speaker, isManager }: NodeRoutesOptions,
  request: CoapRequest,
  answer: (speaker: NodeSpeaker) => Answer,
): Answer | CoapReplyFields {
  if (!isManager(request)) return says(Code.unauthorized, "for the manager only");
  const child = request.params["child"];
  const found = speaker(child);
  if (found === undefined) return says(Code.notFound, "there is no such child");
  if (found.host.isGone?.() === true) return says(Code.gatewayTimeout, "the device is silent");
  return answer(found);
}

async function taking<K extends MessageKind>(
  request: CoapRequest,
  kind: K,
  take: (value: Messages[K]) => Promise<ActionEnd> | undefined,
): Promise<CoapReplyFields> {
  const decoded = decode(kind, request.payload, formatOf(request));
  if (!decoded.ok) return says(Code.badRequest, `${decoded.fault.path} ${decoded.fault.rule}`.trim());
  return answerOf(await take(decoded.value));
}

/** Without the method the node can't do it at all. */
function answerOf(end: ActionEnd | undefined): CoapReplyFields {
  if (end === undefined) return says(Code.methodNotAllowed, "not supported here");
  if (end.outcome === "done") return { code: Code.changed };
  if (end === busy) return { ...says(Code.serviceUnavailable, "not now"), maxAge: 10 };
  return says(end.outcome === "refused" ? Code.conflict : Code.internalServerError, end.reason ?? end.outcome);
}

function message<K extends MessageKind>(
  request: CoapRequest,
  kind: K,
  value: Sendable<Messages[K]> | undefined,
  maxAge?: number,
): CoapReplyFields {
  if (value === undefined) return notThere;
  const contentFormat = request.accept ?? ContentFormat.json;
  if (contentFormat !== jsonFormat && contentFormat !== cborFormat) return says(Code.notAcceptable, "JSON or CBOR");
  return { payload: encode(kind, value, contentFormat), contentFormat, maxAge };
}

function formatOf({ contentFormat, payload }: CoapRequest): number {
  return contentFormat ?? (payload[0] === 0x7b ? jsonFormat : cborFormat);
}

function says(code: number, text: string): CoapReplyFields {
  return { code, payload: encoder.encode(text.slice(0, 160)) };
}

function fill(reply: CoapReply, { code, payload, contentFormat, maxAge }: CoapReplyFields): void {
  if (code !== undefined) reply.code = code;
  if (payload !== undefined) reply.payload = payload;
  reply.contentFormat = contentFormat;
  reply.maxAge = maxAge;
  if (code !== undefined && code >> 5 !== 2) reply.observable = false;
}
