import { Code, ContentFormat } from "../../../coap/message.ts";
import type { CoapReply, CoapReplyFields, CoapRequest, Route } from "../../../coap/route.ts";
import type { StatusReport } from "../../../schemas/generated/types.ts";
import { type NodeId, parseNodeId } from "../../../schemas/wire/node-id.ts";
import type { BeatOutcome } from "../../app/api/heartbeats.ts";
import { openAction } from "../../app/open-action.ts";
import { permissionOf } from "../../domain/permissions.ts";
import type { CoapContext } from "./coap-context.ts";
import { fill, refusal, refuse } from "./refusal.ts";
import { bodyFormats, bodyOf, message, messageFormats } from "./representation.ts";
import { queryRev } from "./request-input.ts";

const maxReportBytes = 2_048;
const nothingToDo: CoapReplyFields = { code: Code.changed };
const nothingForEarlyCode: CoapReplyFields = { code: Code.content, maxAge: 0 };
const beatPermission = permissionOf("node.beat");
const anyRevision = "a number of the last finished action";

/**
 * The heartbeat. POST is our firmware's: 2.04 without payload when there is nothing to do, with an action otherwise. GET is the
 * same for early device code, which expects 2.05 with an empty body when there is nothing.
 * Synchronous, but when the node says that it finished something: this is the path that every node takes every minute.
 */
export function statusRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "POST",
      path: "/status",
      replay: "again",
      maxBody: maxReportBytes,
      accepts: bodyFormats,
      attributes: { rt: "coxswain.status", ct: messageFormats },
      answer: (request, reply) => beat(context, request, reply, Code.changed),
    },
    {
      method: "GET",
      path: "/status",
      replay: "again",
      answer: (request, reply) => beat(context, request, reply, Code.content),
    },
  ];
}

function beat(context: CoapContext, request: CoapRequest, reply: CoapReply, nothingCode: number): void {
  if (isSteadyBeat(context, request)) {
    reply.code = nothingCode;
    if (nothingCode === Code.content) reply.maxAge = 0;
    return;
  }
  let report: StatusReport | undefined;
  if (request.payload.length > 0) {
    const body = bodyOf(request, "status-report");
    if (!body.ok) {
      fill(reply, body.answer);
      return;
    }
    report = body.value;
  }
  const child = request.query("child");
  const asker = context.askers.node(request, child === undefined ? report?.id : undefined);
  if (asker.kind === "refused") {
    refuse(reply, asker.refusal, asker.detail);
    return;
  }
  const rev = queryRev(request);
  if (rev === "bad") {
    refuse(reply, "bad-query", `r must be ${anyRevision}`);
    return;
  }
  const node = child === undefined ? asker.node : childNode(context, child, asker.node);
  if (node === undefined) {
    refuse(reply, "child-id");
    return;
  }
  // A child is reached through its gateway, whose own path it is.
  if (child !== undefined) context.app.registry.heard(asker.node, request.peer);
  const outcome = context.app.heartbeats.beat(node, rev, report, child === undefined ? request.peer : undefined);
  if (outcome.kind === "unknown-node") {
    refuse(reply, "unknown-node");
    return;
  }
  if (report !== undefined && request.contentFormat === ContentFormat.cbor) {
    context.app.heartbeats.remember(node, request.payload);
  }
  const fields = answerOf(context, request, node, outcome, nothingCode);
  const unstored = context.app.heartbeats.unstored(node);
  if (unstored === undefined) fill(reply, fields);
  else
    reply.later = unstored.then(
      () => fields,
      () => refusal("storage-failed"),
    );
}

/**
 * The usual heartbeat: a report in CBOR that says nothing new, of a node that speaks for itself and has nothing to do. It was answered by
 * then, with no object made of it. Everything else, and everything that is wrong, is for the rules in `beat`.
 */
function isSteadyBeat(context: CoapContext, request: CoapRequest): boolean {
  if (request.payloadEnd <= request.payloadStart || request.contentFormat !== ContentFormat.cbor) return false;
  if (request.query("child") !== undefined) return false;
  const node = context.askers.steadyNode(request);
  const rev = node === undefined ? "bad" : queryRev(request);
  if (node === undefined || rev === "bad") return false;
  const { payloadBytes, payloadStart, payloadEnd, peer } = request;
  return context.app.heartbeats.steadyBeat(node, rev, payloadBytes, payloadStart, payloadEnd, peer);
}

function answerOf(
  context: CoapContext,
  request: CoapRequest,
  node: string,
  outcome: Exclude<BeatOutcome, { kind: "unknown-node" }>,
  nothingCode: number,
): CoapReplyFields {
  if (outcome.kind === "nothing") return nothingCode === Code.content ? nothingForEarlyCode : nothingToDo;
  // What only this machine can read may hold secrets. GET with 2.04 is a recorded deviation from RFC 7252, which early device
  // code relies on.
  const action = context.askers.mayHearSecrets(request) ? outcome.action : openAction(outcome.action);
  const fields = { code: Code.changed, maxAge: 0 };
  return message(request, "action", action, fields, context.app.registry.contentFormat(node));
}

function childNode({ app }: CoapContext, child: string, gateway: NodeId): NodeId | undefined {
  const parsed = parseNodeId(child);
  return parsed.ok && parsed.id !== gateway && app.authoriser.node(beatPermission, gateway, parsed.id)
    ? parsed.id
    : undefined;
}
