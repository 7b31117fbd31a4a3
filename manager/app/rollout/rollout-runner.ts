import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import { closingEvent, offerEvents, offerScan, type ReadHealth, timeEvents } from "../../domain/rollout/rollout-due.ts";
import type { RolloutEffect, RolloutEvent } from "../../domain/rollout/rollout-event.ts";
import { rolloutRefusal, rolloutTransition } from "../../domain/rollout/rollout-machine.ts";
import type { RolloutState } from "../../domain/rollout/rollout-state.ts";
import type { RolloutWorld } from "../../domain/rollout/why-not-yet.ts";
import type { Change } from "../../ports/storage.ts";
import type { RolloutLog } from "./rollout-log.ts";

export interface RolloutRunnerOptions {
  readonly log: RolloutLog;
  readonly clock: Clock;
  readonly errors: Log;
  readonly world: (state: RolloutState) => RolloutWorld;
  readonly readHealth: ReadHealth;
  /** Does what the machine decided; what comes of it is submitted as further events. Must not throw. */
  perform(state: RolloutState, effect: RolloutEffect): void;
  /** Events are in storage and in the state. */
  applied(state: RolloutState, events: readonly RolloutEvent[]): void;
}

interface Submitted {
  readonly event: RolloutEvent;
  readonly also: readonly Change[];
  readonly resolve?: (effects: readonly RolloutEffect[]) => void;
  readonly reject?: (error: unknown) => void;
}

const maxBatch = 256;

/**
 * Runs one rollout: events are stored, then put through the machine, then what it decided is done. So a manager that dies in between finds the
 * event in the log and does the rest again, under the same names. One batch at a time, in the order in which they came.
 */
export class RolloutRunner {
  readonly state: RolloutState;
  readonly #options: RolloutRunnerOptions;
  readonly #scan = offerScan();
  #pending: Submitted[] = [];
  #running: Promise<void> | undefined;
  #isTick: boolean = false;
  #isStopped: boolean = false;
  #hasFailed: boolean = false;

  constructor(state: RolloutState, options: RolloutRunnerOptions) {
    this.state = state;
    this.#options = options;
  }

  /** Resolves with the effects once the event is stored and applied; rejects when storage failed. */
  submit(event: RolloutEvent, also: readonly Change[] = []): Promise<readonly RolloutEffect[]> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ event, also, resolve, reject });
      this.#run();
    });
  }

  /** As `submit`, where nobody waits: what storage doesn't take now is tried again at the next tick. */
  note(event: RolloutEvent): void {
    this.#pending.push({ event, also: [] });
    this.#run();
  }

  /** Time passed. */
  tick(): void {
    this.#isTick = true;
    this.#run();
  }

  /** Until nothing is left to do now. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  stop(): Promise<void> {
    this.#isStopped = true;
    return this.settled();
  }

  #run(): void {
    if (this.#isStopped || this.#running !== undefined) return;
    this.#running = this.#drain().finally(() => {
      this.#running = undefined;
      // What came while the last batch was being looked at. Where storage failed, the next tick tries again.
      if (!this.#hasFailed && (this.#pending.length > 0 || this.#isTick)) this.#run();
    });
  }

  async #drain(): Promise<void> {
    while (!this.#isStopped) {
      const batch = this.#next();
      if (batch.length === 0) return;
      this.#hasFailed = !(await this.#take(batch));
      if (this.#hasFailed) return;
    }
  }

  /** What somebody asks for comes alone: whether it can be done is decided by all that came before it. */
  #next(): readonly Submitted[] {
    for (let first = this.#pending[0]; first?.resolve !== undefined; first = this.#pending[0]) {
      this.#pending.shift();
      const why = rolloutRefusal(this.state, first.event);
      if (why === undefined) return [first];
      first.resolve([{ kind: "ignored", why }]);
    }
    const asked = this.#pending.findIndex(({ resolve }) => resolve !== undefined);
    const noted = this.#pending.splice(0, Math.min(asked === -1 ? maxBatch : asked, maxBatch));
    return noted.length > 0 ? noted : this.#due();
  }

  /** False: storage failed. */
  async #take(batch: readonly Submitted[]): Promise<boolean> {
    const { log, errors, perform, applied } = this.#options;
    const events = batch.map(({ event }) => event);
    try {
      await log.append(
        this.state.plan.id,
        events,
        batch.flatMap(({ also }) => also),
      );
    } catch (error) {
      errors.error("rollout-not-written", { rollout: this.state.plan.id, events: events.length, error });
      for (const each of batch) each.reject?.(error);
      // What a node did happened; what time brings comes by itself again, and whoever waited was told.
      this.#pending.unshift(...batch.filter(({ event, reject }) => reject === undefined && isOfNode(event)));
      return false;
    }
    const effects = batch.map(({ event }) => rolloutTransition(this.state, event).effects);
    applied(this.state, events);
    for (const [at, { resolve }] of batch.entries()) {
      for (const effect of effects[at]!) if (effect.kind !== "ignored") perform(this.state, effect);
      resolve?.(effects[at]!);
    }
    return true;
  }

  #due(): readonly Submitted[] {
    const { clock, world, readHealth } = this.#options;
    const nowMs = clock.wallMs();
    const seen = world(this.state);
    const isTick = this.#isTick;
    this.#isTick = false;
    const closing = closingEvent(this.state, seen, nowMs);
    const timed = isTick ? timeEvents(this.state, seen, readHealth, nowMs) : closing === undefined ? [] : [closing];
    // An end or a wave first: what is offered depends on it.
    const due = timed.length > 0 ? timed : offerEvents(this.state, seen, nowMs, this.#scan, isTick);
    if (timed.length > 0) this.#isTick = true;
    return due.map((event) => ({ event, also: [] }));
  }
}

function isOfNode({ kind }: RolloutEvent): boolean {
  return kind === "moved" || kind === "ended" || kind === "had" || kind === "joined" || kind === "left";
}
