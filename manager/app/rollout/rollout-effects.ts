import type { Clock } from "../../../kernel/clock.ts";
import { isEnded } from "../../domain/attempt-machine.ts";
import type { RolloutEffect, RolloutEvent } from "../../domain/rollout/rollout-event.ts";
import { hasLoneCanary } from "../../domain/rollout/rollout-plan.ts";
import type { RolloutState } from "../../domain/rollout/rollout-state.ts";
import type { Storage } from "../../ports/storage.ts";
import type { AttemptBook } from "../attempt-book.ts";
import { type AttemptRecord, attemptTable } from "../attempt-record.ts";
import type { AttemptService } from "../attempt-service.ts";
import type { StorageWriter } from "../storage-writer.ts";
import type { UpdateService } from "../update-service.ts";
import type { RolloutHealth } from "./rollout-health.ts";
import type { RolloutRunner } from "./rollout-runner.ts";

export interface RolloutEffectsOptions {
  readonly updates: Pick<UpdateService, "offer">;
  readonly attempts: Pick<AttemptService, "apply">;
  readonly book: AttemptBook;
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly clock: Clock;
  readonly health: RolloutHealth;
  runner(rollout: string): RolloutRunner | undefined;
  beginRevert(state: RolloutState): Promise<void>;
}

/** Does what a rollout decided, and tells it what became of that. Each effect may come twice: the second time changes nothing. */
export class RolloutEffects {
  readonly #options: RolloutEffectsOptions;
  readonly #startedMs: number;

  constructor(options: RolloutEffectsOptions) {
    this.#options = options;
    this.#startedMs = options.clock.wallMs();
  }

  perform(state: RolloutState, effect: RolloutEffect): void {
    const { writer } = this.#options;
    switch (effect.kind) {
      case "offer":
        writer.behind("rollout-offer", this.#offer(state, effect.node, effect.attempt));
        return;
      case "cancel":
        writer.behind("rollout-cancel", this.#cancel(effect.attempt, effect.why));
        return;
      case "begin-revert":
        writer.behind("rollout-revert", this.#options.beginRevert(state));
        return;
      case "ignored":
        return;
    }
  }

  /** An attempt moved, on whatever way. */
  attemptMoved(record: AttemptRecord): void {
    const runner = record.rollout === undefined ? undefined : this.#options.runner(record.rollout);
    const event = runner && this.#eventOf(runner.state, record);
    if (event !== undefined) runner?.note(event);
  }

  /** After a start: what was decided and not done is done, and what happened and wasn't stored is learned from the attempts. */
  async recover(runner: RolloutRunner): Promise<void> {
    const { state } = runner;
    const { members } = state;
    const own = new Set<string>();
    for (const row of members.rows()) {
      const phase = members.phase(row);
      const isOpen = phase === "offered" || phase === "under-way" || phase === "committed" || phase === "deferred";
      if (!isOpen) continue;
      const node = members.idOf(row);
      const attempt = members.attemptId(row);
      own.add(attempt);
      const record = await this.#find(state, node, attempt);
      if (record === undefined) this.perform(state, { kind: "offer", node, attempt });
      else {
        const event = this.#eventOf(state, record);
        if (event !== undefined) runner.note(event);
      }
    }
    // A cancellation that was decided and not done.
    for (const { record } of [...this.#options.book.allOpen()]) {
      if (record.rollout !== state.plan.id || own.has(record.id)) continue;
      this.perform(state, { kind: "cancel", node: record.node, attempt: record.id, why: "given-up" });
    }
    if (state.status === "reverting")
      this.perform(state, { kind: "begin-revert", update: state.plan.revert?.update ?? "" });
  }

  async #offer(state: RolloutState, node: string, attempt: string): Promise<void> {
    const { updates, clock, health } = this.#options;
    const { plan } = state;
    const runner = this.#options.runner(plan.id);
    if (state.wave === 0 && hasLoneCanary(plan, state.members.inTurn)) health.canaryOffered(state, node);
    const outcome = await updates.offer(plan.update, node, { attempt, rollout: plan.id });
    const atMs = clock.wallMs();
    const ended = (how: "failed" | "cancelled", reason: string): void =>
      runner?.note({ kind: "ended", node, attempt, state: how, reason, atMs });
    switch (outcome.kind) {
      case "offered":
      case "open":
        return;
      case "refused":
        if (outcome.reason === "already-running") runner?.note({ kind: "had", nodes: [node], atMs });
        else if (outcome.reason === "unknown-node") runner?.note({ kind: "left", nodes: [node], atMs });
        else ended(outcome.reason === "wrong-model" ? "failed" : "cancelled", outcome.reason);
        return;
      case "withdrawn":
      case "unsigned":
      case "unknown-update":
        ended("cancelled", outcome.kind);
        runner?.note({ kind: "paused", by: "manager", why: `the update ${plan.update} is ${outcome.kind}`, atMs });
    }
  }

  async #cancel(attempt: string, why: string): Promise<void> {
    const { attempts, clock } = this.#options;
    await attempts.apply(attempt, { kind: "cancelled", reason: why, nowMs: clock.wallMs() });
  }

  async #find(state: RolloutState, node: string, attempt: string): Promise<AttemptRecord | undefined> {
    const { book, storage } = this.#options;
    const kept = book.get(attempt)?.record;
    if (kept !== undefined) return kept;
    return (await storage.get(attemptTable, `${state.plan.update}/${node}/${attempt}`))?.value as
      | AttemptRecord
      | undefined;
  }

  /** What an attempt's state means to its rollout; undefined: nothing that it doesn't know. */
  #eventOf({ members }: RolloutState, { id, node, startedAtMs, progress }: AttemptRecord): RolloutEvent | undefined {
    const row = members.find(node);
    if (row === -1) return undefined;
    const atMs = this.#options.clock.wallMs();
    const { state, reason } = progress;
    if (isEnded(state)) {
      return {
        ...{
          kind: "ended",
          node,
          attempt: id,
          state: state as Extract<RolloutEvent, { kind: "ended" }>["state"],
          atMs,
        },
        ...(reason !== undefined && { reason }),
        // We weren't there for all of it.
        ...(startedAtMs < this.#startedMs && { wasManagerAway: true }),
      };
    }
    const to = phaseOf(state);
    return to === undefined || members.phase(row) === to ? undefined : { kind: "moved", node, attempt: id, to, atMs };
  }
}

function phaseOf(state: AttemptRecord["progress"]["state"]): "under-way" | "committed" | "deferred" | undefined {
  switch (state) {
    case "accepted":
    case "downloading":
    case "verifying":
      return "under-way";
    case "staged":
    case "trial":
      return "committed";
    case "deferred":
      return "deferred";
    default:
      return undefined;
  }
}
