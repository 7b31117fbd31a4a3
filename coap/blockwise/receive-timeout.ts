import type { CoapLimits } from "../limits.ts";

/**
 * How long to wait for missing blocks before they are asked for, again after `asks` times without anything (RFC 9177 section 7.2):
 * NON_RECEIVE_TIMEOUT, doubled each time, and more than NON_TIMEOUT_RANDOM by a second at least, so that the sender has begun its next
 * set. What was asked in vain, `askBytes` long, counts by PROBING_RATE, up to NON_PROBING_WAIT.
 */
export function receiveTimeoutMs(limits: CoapLimits, asks: number, askBytes: number): number {
  const longestRandomMs = (limits.nonTimeoutMs * limits.ackRandomPercent) / 100;
  const first = Math.max(limits.nonReceiveTimeoutMs, longestRandomMs + 1_000);
  return Math.max(first * 2 ** asks, asks === 0 ? 0 : probingWaitMs(limits, askBytes));
}

/** How long a peer that doesn't answer is left alone after so many bytes (RFC 7252 section 4.7, RFC 9177 section 7.2). */
export function probingWaitMs(limits: CoapLimits, bytes: number): number {
  return Math.min((bytes * 1_000) / limits.probingRate, limits.nonProbingWaitMs);
}
