import { blockExponent } from "../blockwise/block-option.ts";
import { Code, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import type { ReplyBuffer } from "./reply-buffer.ts";
import type { RequestView } from "./request-view.ts";
import { isOption } from "./responder.ts";
import type { Router } from "./router.ts";

/**
 * What can be said of a request before its route runs. False: the reply holds the refusal. In this order: 5.05, 4.04, 4.05,
 * what the route's `allows` says, 4.00 for a reserved block size, 4.15, 4.06, 4.02 for conditions that the route doesn't know, 4.12.
 */
export function admission(request: RequestView, reply: ReplyBuffer, router: Router): boolean {
  const { view } = request;
  if (view.find(OptionNumber.proxyUri) >= 0 || view.find(OptionNumber.proxyScheme) >= 0) {
    return refuse(reply, Code.proxyingNotSupported);
  }
  const entry = router.match(view);
  if (entry === "no-path") return refuse(reply, Code.notFound);
  if (entry === "no-method") return refuse(reply, Code.methodNotAllowed);
  request.routed(entry, router);
  const refusal = entry.route.allows?.(request);
  if (refusal !== undefined) return refuse(reply, refusal);
  const { accepts, produces, etagOf } = entry.route;
  if (isReservedBlock(view.uint(OptionNumber.block1)) || isReservedBlock(view.uint(OptionNumber.block2))) {
    return refuse(reply, Code.badRequest);
  }
  if (accepts !== undefined) {
    const format = view.uint(OptionNumber.contentFormat);
    const hasBody = view.payloadStart < view.end;
    if ((format >= 0 || hasBody) && !accepts.includes(format)) return refuse(reply, Code.unsupportedContentFormat);
  }
  if (produces !== undefined) {
    const accept = view.uint(OptionNumber.accept);
    if (accept >= 0 && !produces.includes(accept)) return refuse(reply, Code.notAcceptable);
  }
  const hasIfMatch = view.find(OptionNumber.ifMatch) >= 0;
  const hasIfNoneMatch = view.find(OptionNumber.ifNoneMatch) >= 0;
  if ((!hasIfMatch && !hasIfNoneMatch) || entry.route.forwards === true) return true;
  // A further block of an answer that was given: what the conditions spoke of is over.
  if (!request.isSafe && view.uint(OptionNumber.block2) >= 16) return true;
  if (etagOf === undefined) return refuse(reply, Code.badOption);
  const present = etagOf(request);
  if (hasIfNoneMatch && present !== undefined) return refuse(reply, Code.preconditionFailed);
  if (hasIfMatch && !isMatched(view, present)) return refuse(reply, Code.preconditionFailed);
  return true;
}

function refuse(reply: ReplyBuffer, code: number): false {
  reply.refuse(code);
  return false;
}

function isReservedBlock(value: number): boolean {
  return value >= 0 && blockExponent(value) === 7;
}

/** RFC 7252 section 5.10.8.1: one of the ETags, or the empty one for "there is something". */
function isMatched(view: MessageView, present: Uint8Array | undefined): boolean {
  if (present === undefined) return false;
  for (let i = 0; i < view.optionCount; i++) {
    if (view.optionNumbers[i] !== OptionNumber.ifMatch) continue;
    if (view.optionLengths[i] === 0 || isOption(view, i, present)) return true;
  }
  return false;
}
