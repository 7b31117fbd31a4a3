import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import type { ReadHealth } from "../../domain/rollout/rollout-due.ts";
import type { RolloutEffect, RolloutEvent } from "../../domain/rollout/rollout-event.ts";
import { rolloutTransition } from "../../domain/rollout/rollout-machine.ts";
import type { RolloutState } from "../../domain/rollout/rollout-state.ts";
import type { RolloutWorld } from "../../domain/rollout/why-not-yet.ts";
import type { Change } from "../../ports/storage.ts";
import type { RolloutLog } from "./rollout-log.ts";
import { RolloutRunner } from "./rollout-runner.ts";

export interface RolloutShelfOptions {
  readonly log: RolloutLog;
  readonly clock: Clock;
  readonly errors: Log;
  readonly world: (state: RolloutState) => RolloutWorld;
  readonly readHealth: ReadHealth;
  perform(state: RolloutState, effect: RolloutEffect): void;
  applied(state: RolloutState, events: readonly RolloutEvent[]): void;
}

/** Every rollout with its runner; those that are over stay until their room is needed. */
export class RolloutShelf {
  readonly #options: RolloutShelfOptions;
  readonly #runners = new Map<string, RolloutRunner>();

  constructor(options: RolloutShelfOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    const states = new Map<string, RolloutState>();
    for await (const { rollout, events } of this.#options.log.read()) {
      let state = states.get(rollout);
      for (const event of events) state = rolloutTransition(state, event).state;
      if (state !== undefined) states.set(rollout, state);
    }
    const byAge = [...states.values()].sort((a, b) => a.createdAtMs - b.createdAtMs);
    for (const state of byAge) this.#add(state);
  }

  get size(): number {
    return this.#runners.size;
  }

  get(rollout: string): RolloutRunner | undefined {
    return this.#runners.get(rollout);
  }

  all(): readonly RolloutRunner[] {
    return [...this.#runners.values()];
  }

  /** Those that still have something to do: nodes at it count too after an abort. */
  open(): readonly RolloutRunner[] {
    return this.all().filter(({ state }) => !state.isOver || state.active + state.sleepers > 0);
  }

  /** Durable when it resolves. */
  async create(event: Extract<RolloutEvent, { kind: "created" }>, also: readonly Change[]): Promise<RolloutRunner> {
    const { log } = this.#options;
    await log.append(event.plan.id, [event], also);
    const { state } = rolloutTransition(undefined, event);
    return this.#add(state!);
  }

  /** The one that has been over for longest is forgotten. False: none is over. */
  async forgetOldest(): Promise<RolloutState | undefined> {
    const over = this.open();
    const oldest = this.all().find((each) => !over.includes(each));
    if (oldest === undefined) return undefined;
    const { state } = oldest;
    this.#runners.delete(state.plan.id);
    await this.#options.log.forget(state.plan.id);
    return state;
  }

  async stop(): Promise<void> {
    await Promise.all(this.all().map((each) => each.stop()));
  }

  #add(state: RolloutState): RolloutRunner {
    const runner = new RolloutRunner(state, this.#options);
    this.#runners.set(state.plan.id, runner);
    return runner;
  }
}
