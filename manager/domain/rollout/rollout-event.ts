import type { AttemptState } from "../../../schemas/generated/types.ts";
import type { GateVerdict } from "./gate-verdict.ts";
import type { RolloutPlan } from "./rollout-plan.ts";

/** The image of a rollout's update, as it was when the rollout was made. An update never changes, so it stays true. */
export interface RolloutImage {
  readonly digest: string;
  readonly size: number;
  readonly version: string;
  readonly model?: string;
  readonly sequence?: number;
}

export interface JoinedNode {
  readonly node: string;
  /** Tries it had with this image before, in other rollouts. */
  readonly tries?: number;
}

export interface OfferedNode {
  readonly node: string;
  readonly site?: string;
  /** Until it must have said that it has the update. */
  readonly leaseMs: number;
  /** It comes by itself, now and then: until then it takes a slot of those for sleepers. */
  readonly isSleeper?: true;
}

/**
 * What happened to a rollout, in the order in which it is stored. The log is the truth: the state is what `rolloutTransition` makes of it, and an
 * event that is stored is never decided anew. Times are wall milliseconds.
 */
export type RolloutEvent = { readonly atMs: number } & (
  | {
      readonly kind: "created";
      readonly plan: RolloutPlan;
      readonly image: RolloutImage;
      readonly by: string;
      /** Part of the names of its attempts, since a rollout of the same id may have been there and be forgotten. Absent in logs of before. */
      readonly salt?: string;
    }
  | { readonly kind: "started"; readonly by: string }
  | { readonly kind: "approved"; readonly by: string }
  | { readonly kind: "joined"; readonly nodes: readonly JoinedNode[] }
  /** Gone from the fleet, or outside of the query before anything was offered. */
  | { readonly kind: "left"; readonly nodes: readonly string[] }
  /** They run the image although this rollout didn't bring it. */
  | { readonly kind: "had"; readonly nodes: readonly string[] }
  | { readonly kind: "offered"; readonly nodes: readonly OfferedNode[] }
  | {
      readonly kind: "moved";
      readonly node: string;
      readonly attempt: string;
      readonly to: "under-way" | "committed" | "deferred";
    }
  | {
      readonly kind: "ended";
      readonly node: string;
      readonly attempt: string;
      readonly state: Extract<AttemptState, "succeeded" | "failed" | "rolled-back" | "cancelled" | "expired">;
      readonly reason?: string;
      /** We were away while it was on trial, so that it couldn't register says nothing. */
      readonly wasManagerAway?: true;
    }
  /** They moved since: the lease counts from `atMs` again. */
  | { readonly kind: "renewed"; readonly nodes: readonly string[] }
  | { readonly kind: "leases-expired"; readonly nodes: readonly string[] }
  /** Nobody of the open wave is at it or could be: the soak begins. */
  | { readonly kind: "settled"; readonly wave: number }
  | { readonly kind: "gate-passed"; readonly wave: number; readonly verdict: GateVerdict }
  | { readonly kind: "gate-closed"; readonly wave: number; readonly verdict: GateVerdict }
  | { readonly kind: "paused"; readonly by: string; readonly why: string }
  /** `opensGate`: whoever it is takes the closed gate on himself. */
  | { readonly kind: "resumed"; readonly by: string; readonly opensGate?: true }
  | { readonly kind: "aborted"; readonly by: string; readonly cancelsUnderWay: boolean }
  | { readonly kind: "revert-begun"; readonly by: string; readonly why: string }
  | { readonly kind: "revert-ended"; readonly isWhole: boolean }
  /** Undefined: all that failed or were cancelled. */
  | { readonly kind: "retried"; readonly by: string; readonly nodes?: readonly string[] }
  | { readonly kind: "completed" }
  /** The manager didn't run for so long, or its clock was set by so much: nobody's time was counted meanwhile. */
  | { readonly kind: "downtime"; readonly ms: number }
);

/** What is to be done when the event is stored. Each may be done again after a crash: an attempt has one name for ever. */
export type RolloutEffect =
  | { readonly kind: "offer"; readonly node: string; readonly attempt: string }
  | { readonly kind: "cancel"; readonly node: string; readonly attempt: string; readonly why: string }
  | { readonly kind: "begin-revert"; readonly update: string }
  | { readonly kind: "ignored"; readonly why: RolloutRefusal };

export type RolloutRefusal =
  | "not-created"
  | "exists"
  | "already-started"
  | "not-awaiting-approval"
  | "same-person"
  | "not-running"
  | "not-paused"
  | "not-closed-by-a-gate"
  | "over"
  | "no-revert"
  | "nothing-to-retry"
  | "stale";
