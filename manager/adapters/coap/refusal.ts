import { Code } from "../../../coap/message.ts";
import type { CoapReply, CoapReplyFields } from "../../../coap/route.ts";

/**
 * Every way in which the manager says no on CoAP: the code, and the diagnostic text for people (RFC 7252 section 5.5.2). Outcomes of
 * the app have their name here, so that one place decides what a device sees.
 */
export const refusals = {
  "no-identity": { code: Code.unauthorized, text: "prove an identity: this needs a secure association" },
  "operator-elsewhere": { code: Code.unauthorized, text: "operators without a credential are served on loopback only" },
  "environment-in-the-open": {
    code: Code.unauthorized,
    text: "the environment holds secrets: it goes over a secure association, or on loopback under --insecure",
  },
  "no-node-id": { code: Code.badRequest, text: "say which node asks: ?ep=ID, or ?as=operator" },
  "bad-node-id": { code: Code.badRequest, text: "bad node id" },
  "other-identity": { code: Code.forbidden, text: "the request names another node than its credential" },
  "not-your-resource": { code: Code.forbidden, text: "a node reads and writes its own resources only" },
  "operators-only": { code: Code.forbidden, text: "for operators only" },
  "nodes-only": { code: Code.forbidden, text: "for nodes only" },
  "enrolment-only": { code: Code.forbidden, text: "this key is good for POST /enrol alone" },
  "enrolment-ended": { code: Code.forbidden, text: "this key was used, revoked or is too old: ask for another" },
  "enrolment-taken": {
    code: Code.forbidden,
    text: "this node has credentials: its operator must let it enrol once more",
  },
  "batch-full": { code: Code.forbidden, text: "as many devices of this batch enrolled as may" },
  "enrolment-busy": { code: Code.serviceUnavailable, text: "too many enrol at once", maxAge: 5 },
  "not-enrolling": { code: Code.forbidden, text: "for who comes with a claim code or a batch's key" },
  "lesser-role": { code: Code.forbidden, text: "your role may not do this" },
  "out-of-scope": { code: Code.forbidden, text: "this is outside of your scope" },
  "bad-query": { code: Code.badRequest, text: "bad query" },
  "bad-body": { code: Code.badRequest, text: "bad body" },
  "unsupported-format": { code: Code.unsupportedContentFormat, text: "send JSON (50) or CBOR (60)" },
  "not-acceptable": { code: Code.notAcceptable, text: "there is JSON (50) and CBOR (60)" },
  "unknown-node": { code: Code.notFound, text: "no such node; register it first" },
  "unknown-update": { code: Code.notFound, text: "no such update" },
  "unknown-artifact": { code: Code.notFound, text: "no such artifact is stored" },
  "unknown-attempt": { code: Code.notFound, text: "the node has no such attempt" },
  "unknown-registration": { code: Code.notFound, text: "no such registration" },
  "nothing-yet": { code: Code.notFound, text: "nothing was reported yet" },
  "no-manifest": { code: Code.notFound, text: "the update has no signed manifest yet" },
  full: { code: Code.serviceUnavailable, text: "no room for another", maxAge: 60 },
  "queue-full": { code: Code.serviceUnavailable, text: "the node's queue is full", maxAge: 60 },
  "telemetry-full": { code: Code.serviceUnavailable, text: "too much at once", maxAge: 2 },
  "storage-failed": { code: Code.serviceUnavailable, text: "the manager can't write to its storage", maxAge: 10 },
  wait: { code: Code.serviceUnavailable, text: "not yet" },
  "child-id": { code: Code.forbidden, text: "a child's id is its gateway's id, a dot and its hardware number" },
  "unknown-gateway": { code: Code.forbidden, text: "the gateway isn't registered" },
  "other-sector": { code: Code.conflict, text: "a node is registered once" },
  "too-many-links": {
    code: Code.notImplemented,
    text: "more links than one answer holds: ask for pages with count and page",
  },
  "update-conflict": { code: Code.conflict, text: "this update exists with another content" },
  "wrong-size": { code: Code.conflict, text: "the stored artifact has another size" },
  "bad-manifest": { code: Code.badRequest, text: "the envelope is refused" },
  "manifest-in-use": { code: Code.conflict, text: "the update was offered with the envelope that it has" },
  withdrawn: { code: Code.forbidden, text: "the update was withdrawn" },
  unsigned: { code: Code.forbidden, text: "the update isn't signed" },
  "not-a-target": { code: Code.forbidden, text: "the update isn't for this node" },
  "not-now": { code: Code.forbidden, text: "refused" },
  "attempt-backward": { code: Code.conflict, text: "an attempt never moves backward" },
  "attempt-ended": { code: Code.conflict, text: "the attempt has ended" },
  forbidden: { code: Code.forbidden, text: "not allowed" },
  "too-large": { code: Code.requestEntityTooLarge, text: "too large" },
  "no-answer": { code: Code.gatewayTimeout, text: "the node didn't answer" },
  "bad-gateway": { code: Code.badGateway, text: "the node's answer was no proper CoAP" },
  sleepy: { code: Code.gatewayTimeout, text: "the node sleeps and is never called" },
  "end-to-end-proxy": { code: Code.proxyingNotSupported, text: "no forward proxy: use /nodes/ID/proxy/..." },
  "not-offered": { code: Code.notImplemented, text: "not offered by this manager" },
} as const satisfies Readonly<Record<string, { code: number; text: string; maxAge?: number }>>;

export type Refusal = keyof typeof refusals;

/** Longest diagnostic text; a device's datagram must hold it. */
const maxTextBytes = 160;
const encoder = new TextEncoder();

/** The answer of a `later` route. `detail` says what exactly, such as the rule that was broken. */
export function refusal(name: Refusal, detail = "", maxAge?: number): CoapReplyFields {
  const entry: { code: number; text: string; maxAge?: number } = refusals[name];
  const text = detail === "" ? entry.text : `${entry.text}: ${detail}`;
  const payload = encoder.encode(text).subarray(0, maxTextBytes);
  return { code: entry.code, payload, maxAge: maxAge ?? entry.maxAge };
}

/** The same for an `answer` route. */
export function refuse(reply: CoapReply, name: Refusal, detail = ""): void {
  fill(reply, refusal(name, detail));
}

/** Writes fields of a `later` answer into a reply. */
export function fill(reply: CoapReply, fields: CoapReplyFields): void {
  if (fields.code !== undefined) reply.code = fields.code;
  if (fields.payload !== undefined) reply.payload = fields.payload;
  reply.contentFormat = fields.contentFormat;
  reply.maxAge = fields.maxAge;
  reply.etag = fields.etag;
  reply.locationPath = fields.locationPath;
  reply.body = fields.body;
  if (fields.code !== undefined && fields.code >> 5 !== 2) reply.observable = false;
}
