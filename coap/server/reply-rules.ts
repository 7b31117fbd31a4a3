import { Code } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import type { ReplyBuffer } from "./reply-buffer.ts";

const nothing = new Uint8Array(0);
const defaultMaxAge = 60;

/**
 * What RFC 7252 lets a response of that code carry: options that aren't defined for it are left out (5.4), and so is a default value
 * (5.4.4). Throws a RangeError on what no response may carry: the route is wrong then.
 */
export function applyReplyRules(reply: ReplyBuffer): void {
  const { etag, maxAge, contentFormat, locationPath, locationQuery } = reply;
  if (etag !== undefined && (etag.length === 0 || etag.length > 8)) throw new RangeError("An ETag has 1 to 8 bytes.");
  if (contentFormat !== undefined && !isUint(contentFormat, 0xffff)) throw new RangeError("No such Content-Format.");
  if (maxAge !== undefined && !isUint(maxAge, 0xffff_ffff)) throw new RangeError("Max-Age is a number of seconds.");
  if (maxAge === defaultMaxAge) reply.maxAge = undefined;
  if (reply.code === Code.valid) {
    if (etag === undefined) throw new RangeError("2.03 names the ETag that is valid.");
    reply.payload = nothing;
    reply.body = undefined;
  }
  if (locationPath === undefined && locationQuery === undefined) return;
  if (reply.code !== Code.created) {
    reply.locationPath = undefined;
    reply.locationQuery = undefined;
    return;
  }
  for (const segment of locationPath ?? []) {
    if (segment === "." || segment === "..") throw new RangeError("A Location-Path has no dot segments.");
  }
}

/**
 * 4.06: the answer is in another Content-Format than the one asked for, or names none where the route declares none either (RFC 7252
 * section 5.10.4).
 */
export function isUnacceptable(reply: ReplyBuffer, accept: number, produces: readonly number[] = []): boolean {
  if (accept < 0 || reply.code !== Code.content || reply.contentFormat === accept) return false;
  if (reply.contentFormat !== undefined) return true;
  return !produces.includes(accept) && (reply.payload.length > 0 || reply.body !== undefined);
}

/** ETag is a request option of GET and FETCH alone (RFC 7252 section 5.10.6.2, RFC 8132 section 2). */
export function mayValidate(view: MessageView): boolean {
  return view.code === Code.get || view.code === Code.fetch;
}

function isUint(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}
