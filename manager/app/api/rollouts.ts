import type { GateVerdict } from "../../domain/rollout/gate-verdict.ts";
import type { QuarantineRecord } from "../../domain/rollout/quarantine.ts";
import type { RolloutImage, RolloutRefusal } from "../../domain/rollout/rollout-event.ts";
import type { MemberPhase } from "../../domain/rollout/rollout-members.ts";
import type { RolloutPlan } from "../../domain/rollout/rollout-plan.ts";
import type { RolloutPause, RolloutStatus } from "../../domain/rollout/rollout-state.ts";
import type { Exclusion } from "../../domain/rollout/rollout-targets.ts";
import type { WhyNot } from "../../domain/rollout/why-not-yet.ts";
import type { Actor } from "./registry.ts";

/** Plans that move nodes to an update in waves. */
export interface Rollouts {
  /** Who would be in and who wouldn't, and why, before there is a rollout. */
  preview(plan: RolloutPlan): Promise<RolloutPreview | PlanRefusal>;
  /** Nobody is offered anything before `start`. */
  create(
    plan: RolloutPlan,
    by: Actor,
  ): Promise<{ readonly kind: "created"; readonly rollout: RolloutView } | PlanRefusal>;
  /** What a person does to it: audited, durable when it resolves. */
  steer(rollout: string, step: RolloutStep, by: Actor): Promise<SteerOutcome>;
  find(rollout: string): RolloutView | undefined;
  /** Newest first. */
  list(): readonly RolloutView[];
  /** Members after a node id, in the order of ids. */
  members(rollout: string, query?: MemberQuery): readonly MemberView[] | undefined;
  /** Why the node wasn't offered the update yet, in order; empty: it was, or is next. */
  why(rollout: string, node: string): Promise<WhyAnswer | "unknown-rollout" | "unknown-node">;
  /** The same of each rollout that isn't over. */
  whyOf(node: string): Promise<readonly WhyAnswer[] | "unknown-node">;
  /** The plan on virtual time against what is known of the fleet. */
  /** `progress` is told now and then which share of the members has ended. */
  forecast(plan: RolloutPlan, seed: number, progress?: (share: number) => void): Promise<RolloutForecast | PlanRefusal>;
  quarantined(): readonly QuarantineRecord[];
  lift(model: string, digest: string, by: Actor): Promise<"lifted" | "not-quarantined">;
}

export interface MemberQuery {
  readonly phase?: MemberPhase;
  readonly after?: string;
  readonly limit?: number;
  /** Others are left out: what the asker may see now, whatever the rollout's scopes were at its making. */
  readonly within?: ((node: string) => boolean) | undefined;
}

export type RolloutStep =
  | { readonly kind: "start" | "approve" }
  | { readonly kind: "pause"; readonly why: string }
  | { readonly kind: "resume"; readonly opensGate: boolean }
  | { readonly kind: "abort"; readonly cancelsUnderWay: boolean }
  | { readonly kind: "revert"; readonly why: string }
  /** Undefined: all that failed. */
  | { readonly kind: "retry"; readonly nodes?: readonly string[] };

export type SteerOutcome =
  | { readonly kind: "done"; readonly rollout: RolloutView }
  | { readonly kind: "refused"; readonly why: RolloutRefusal }
  | { readonly kind: "unknown-rollout" };

export interface PlanRefusal {
  readonly kind: "refused";
  readonly why:
    | "exists"
    | "full"
    | "unknown-update"
    | "withdrawn"
    | "unsigned"
    | "other-model"
    | "canary-not-a-member"
    /** A plan that reverts needs the previous image, signed beforehand under a higher sequence number. */
    | "unknown-revert"
    | "revert-unsigned"
    | "revert-of-other-model"
    | "revert-sequence-too-low"
    | "revert-is-the-same-image";
  readonly about: string;
}

export interface RolloutPreview {
  readonly kind: "preview";
  readonly members: number;
  /** How many members are reached up to each wave. */
  readonly waves: readonly number[];
  readonly out: Readonly<Partial<Record<Exclusion | "out-of-scope", number>>>;
  /** The first of each, by id. */
  readonly in: readonly string[];
  readonly outNodes: readonly { readonly node: string; readonly why: Exclusion | "out-of-scope" }[];
}

export interface RolloutView {
  readonly id: string;
  readonly update: string;
  readonly status: RolloutStatus;
  readonly plan: RolloutPlan;
  readonly image: RolloutImage;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  readonly pause?: RolloutPause;
  readonly members: number;
  readonly counts: Readonly<Partial<Record<MemberPhase, number>>>;
  /** Those that are open, oldest first. */
  readonly waves: readonly WaveView[];
  /** What the open wave waits for, for people. */
  readonly waitsFor?: string;
  readonly revertWhy?: string;
  /** False: the revert ended before everybody was back, or couldn't begin. */
  readonly isRevertWhole?: boolean;
  /** Its revert, once that began. */
  readonly revertedBy?: string;
}

export interface WaveView {
  readonly reaches: number;
  readonly openedAtMs: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly settledAtMs?: number;
  readonly verdict?: GateVerdict;
}

export interface MemberView {
  readonly node: string;
  readonly phase: MemberPhase;
  /** From 1; undefined before its first offer. */
  readonly wave?: number;
  readonly tries: number;
  readonly reason?: string;
  readonly attempt?: string;
  readonly endedAtMs?: number;
}

export interface WhyAnswer {
  readonly rollout: string;
  readonly node: string;
  readonly phase: MemberPhase | "not-a-member";
  readonly reasons: readonly (
    | WhyNot
    | { readonly why: "outside-the-query"; readonly because: Exclusion | "out-of-scope" }
  )[];
}

export interface RolloutForecast {
  readonly kind: "forecast";
  readonly seed: number;
  readonly members: number;
  readonly status: RolloutStatus;
  readonly pause?: string;
  /** Until nobody waited but those who can't be reached; undefined: not within the time that was simulated. */
  readonly durationMs?: number;
  readonly simulatedMs: number;
  readonly bytes: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Tries that ended in a roll-back. */
  readonly rollBacks: number;
  /** The chance by which a gate closed for health, and the gates of this fleet that it was learned from. */
  readonly healthGates: { readonly closeChance: number; readonly seen: number };
  /** Not reached within that time. */
  readonly notReached: number;
  readonly waves: readonly { readonly openedAfterMs: number; readonly members: number }[];
}
