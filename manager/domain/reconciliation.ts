import type { AttemptState } from "../../schemas/generated/types.ts";
import { isEnded } from "./attempt-machine.ts";

/** What a node should run, as far as the manager ever said so. */
export interface DesiredImage {
  readonly update: string;
  readonly attempt: string;
  readonly digest: string;
  readonly rev: number;
}

export interface RunningImage {
  readonly digest: string | undefined;
  readonly isConfirmed: boolean;
  readonly lastRev: number;
  readonly rolledBackDigest: string | undefined;
}

export type Reconciliation =
  /** Nothing was ever asked, or the node runs it. */
  | { readonly kind: "agrees" }
  /** The attempt is open; its action is still in the queue and is offered again. */
  | { readonly kind: "under-way" }
  /** The node lost its memory (its rev is below the finished one) and runs something else: a new attempt, within the budget. */
  | { readonly kind: "offer-again" }
  /** It runs something else although the attempt is over: people are told. */
  | { readonly kind: "disagrees"; readonly why: "rolled-back" | "not-installed" | "budget-spent" | "changed-by-hand" };

/** At every registration: desired digest against running digest. Pure. */
export function reconcile(
  desired: DesiredImage | undefined,
  attempt: { readonly state: AttemptState; readonly tries: number } | undefined,
  running: RunningImage,
  attemptBudget: number,
): Reconciliation {
  if (desired === undefined || running.digest === undefined) return { kind: "agrees" };
  if (running.digest === desired.digest) return { kind: "agrees" };
  if (attempt !== undefined && !isEnded(attempt.state)) return { kind: "under-way" };
  if (running.rolledBackDigest === desired.digest || attempt?.state === "rolled-back") {
    return { kind: "disagrees", why: "rolled-back" };
  }
  if (attempt?.state === "cancelled") return { kind: "agrees" };
  if (attempt?.state !== "succeeded") return { kind: "disagrees", why: "not-installed" };
  // It ran the image once and doesn't now. With its memory intact somebody flashed it on purpose: that is theirs to decide.
  if (running.lastRev >= desired.rev) return { kind: "disagrees", why: "changed-by-hand" };
  return attempt.tries < attemptBudget ? { kind: "offer-again" } : { kind: "disagrees", why: "budget-spent" };
}
