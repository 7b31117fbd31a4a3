import { attemptReasons } from "../../../schemas/generated/attempt-reasons.ts";
import type { AttemptState } from "../../../schemas/generated/types.ts";
import type { RetryRules } from "./rollout-plan.ts";

/** Whether an end may be tried again by itself. */
export type RetryClass = "transient" | "permanent";

/**
 * Reasons that pass by themselves: somebody couldn't be reached, or was busy. Whatever isn't here is permanent, since an image that was refused
 * for a reason we don't know is refused again.
 */
const transientReasons: ReadonlySet<string> = new Set(
  Object.entries(attemptReasons).flatMap(([word, { isTransient }]) => (isTransient ? [word] : [])),
);

/** Answers of a server that pass: 5xx, 408, 429 of HTTP; 5.xx and 4.29 of CoAP, written 500 and 429. */
const passingAnswer = /^(?:http|coap)-(?:5\d\d|408|429)$/;

export function retryClass(state: AttemptState, reason: string | undefined): RetryClass {
  switch (state) {
    case "expired":
      return "transient";
    case "failed":
      return reason !== undefined && (transientReasons.has(reason) || passingAnswer.test(reason))
        ? "transient"
        : "permanent";
    case "rolled-back":
      // The image booted and didn't stay: it won't the next time. But where nobody could have heard it, that says nothing of the image.
      return "permanent";
    default:
      return "permanent";
  }
}

/** How long after the `tries`-th failure the next one comes, with up to a quarter taken off by `fraction` so that a fleet spreads out. */
export function retryDelayMs(
  { backoffMs, maxBackoffMs }: Pick<RetryRules, "backoffMs" | "maxBackoffMs">,
  tries: number,
  fraction: number,
): number {
  const delay = Math.min(backoffMs * 2 ** Math.max(0, tries - 1), maxBackoffMs);
  return Math.round(delay * (1 - fraction / 4));
}
