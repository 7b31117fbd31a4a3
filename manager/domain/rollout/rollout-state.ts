import type { GateVerdict } from "./gate-verdict.ts";
import type { RolloutEvent, RolloutImage } from "./rollout-event.ts";
import { type MemberRow, memberFlags, RolloutMembers } from "./rollout-members.ts";
import type { RolloutPlan } from "./rollout-plan.ts";

/**
 *     created -> awaiting-approval -> running <-> paused -> completed
 *     any of these -> aborted | reverting -> reverted
 */
export type RolloutStatus =
  | "created"
  | "awaiting-approval"
  | "running"
  | "paused"
  | "completed"
  | "aborted"
  | "reverting"
  | "reverted";

export interface WaveState {
  readonly openedAtMs: number;
  /** Members that were first offered the update in this wave, and ended so. */
  succeeded: number;
  failed: number;
  /** Failures that a person took on himself by resuming. */
  acceptedFailures: number;
  settledAtMs: number | undefined;
  verdict: GateVerdict | undefined;
}

export interface RolloutPause {
  readonly why: string;
  readonly by: string;
  readonly atMs: number;
  /** The gate that closed. */
  readonly verdict?: GateVerdict;
}

/**
 * All that a rollout's log comes to. It belongs to whoever holds it: `rolloutTransition` uses it up and gives it back changed, since a copy of
 * 100 000 members for each event would be the whole cost of an event.
 */
export class RolloutState {
  readonly plan: RolloutPlan;
  readonly image: RolloutImage;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly members: RolloutMembers;
  readonly waves: WaveState[] = [];
  status: RolloutStatus = "created";
  startedBy: string | undefined;
  approvedBy: string | undefined;
  startedAtMs: number | undefined;
  endedAtMs: number | undefined;
  pause: RolloutPause | undefined;
  /** Why it is being reverted. */
  revertWhy: string | undefined;
  isRevertWhole: boolean | undefined;
  /** Of the newest event. */
  atMs: number;
  /** Nodes at it, those that sleep and haven't come yet apart. */
  active = 0;
  sleepers = 0;
  /** No lease is over before: a bound that only saves looking at every member each second. */
  leaseCheckMs = Number.POSITIVE_INFINITY;
  /** Images' worth of bytes that were offered are sent by then. */
  bytesUntilMs = 0;
  readonly activeBySite = new Map<string, number>();
  /** When the newest offers were made, as a ring. */
  readonly #offers: Float64Array;
  #offered = 0;

  constructor({ plan, image, by, atMs, salt = "" }: Extract<RolloutEvent, { kind: "created" }>) {
    this.plan = plan;
    this.image = image;
    this.createdBy = by;
    this.createdAtMs = atMs;
    this.atMs = atMs;
    this.members = new RolloutMembers(plan, salt);
    this.#offers = new Float64Array(plan.limits.ratePerMinute ?? 0).fill(Number.NEGATIVE_INFINITY);
  }

  /** Index of the newest open wave; -1 before the start. */
  get wave(): number {
    return this.waves.length - 1;
  }

  get isOver(): boolean {
    return this.status === "completed" || this.status === "aborted" || this.status === "reverted";
  }

  /** How long one image takes at the rate of the rollout. */
  get imageMs(): number {
    const { bytesPerSecond } = this.plan.limits;
    return bytesPerSecond === undefined ? 0 : (this.image.size / bytesPerSecond) * 1000;
  }

  noteOffer(atMs: number): void {
    if (this.#offers.length > 0) this.#offers[this.#offered++ % this.#offers.length] = atMs;
    if (this.plan.limits.bytesPerSecond !== undefined) {
      this.bytesUntilMs = Math.max(this.bytesUntilMs, atMs) + this.imageMs;
    }
  }

  /** Rate per minute: when the offer after `ahead` others may be made; the past when it may now. */
  rateFreeAtMs(ahead: number = 0): number {
    if (this.#offers.length === 0) return Number.NEGATIVE_INFINITY;
    if (ahead >= this.#offers.length) return Number.POSITIVE_INFINITY;
    return this.#offers[(this.#offered + ahead) % this.#offers.length]! + 60_000;
  }

  /** A slot is taken or given back. */
  holdSlot(row: MemberRow, by: 1 | -1): void {
    const { members } = this;
    if ((members.columns.flags[row]! & memberFlags.isSleeper) !== 0) this.sleepers += by;
    else this.active += by;
    const site = members.site(row);
    if (site === undefined) return;
    const count = (this.activeBySite.get(site) ?? 0) + by;
    if (count === 0) this.activeBySite.delete(site);
    else this.activeBySite.set(site, count);
  }

  /** The sleeper came: from now on it takes a slot like everybody. */
  wakeSlot(row: MemberRow): void {
    const { flags } = this.members.columns;
    if ((flags[row]! & memberFlags.isSleeper) === 0) return;
    flags[row] = flags[row]! & ~memberFlags.isSleeper;
    this.sleepers--;
    this.active++;
  }
}
