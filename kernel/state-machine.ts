/** A machine's one decision: what comes next and what is to be done. Pure; every pair of state and event is decided. */
export type Transition<State, Event, Effect> = (state: State, event: Event) => Next<State, Effect>;

export interface Next<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

export interface StateMachineOptions<State, Event, Effect> {
  transition: Transition<State, Event, Effect>;
  initial: State;
  /** Does what the machine decided. Events it dispatches come after those that wait already. */
  perform(effect: Effect, dispatch: (event: Event) => void): void;
  /** An exception from `perform`. The effects after it still run. */
  failed(error: unknown, effect: Effect): void;
  /** How many events may wait at once; one more throws, since a machine that feeds itself for ever is a defect. Default 1024. */
  maxQueued?: number;
}

/** Runs a transition to completion: one event at a time, in the order in which they came, also from within effects. */
export class StateMachine<State, Event, Effect> {
  readonly #options: StateMachineOptions<State, Event, Effect>;
  readonly #maxQueued: number;
  readonly #queue: Event[] = [];
  #isRunning: boolean = false;
  #state: State;

  constructor(options: StateMachineOptions<State, Event, Effect>) {
    this.#options = options;
    this.#maxQueued = options.maxQueued ?? 1024;
    this.#state = options.initial;
  }

  get state(): State {
    return this.#state;
  }

  readonly dispatch = (event: Event): void => {
    if (this.#queue.length >= this.#maxQueued) {
      throw new RangeError(`More than ${this.#maxQueued} events wait in a state machine: it feeds itself.`);
    }
    this.#queue.push(event);
    if (!this.#isRunning) this.#drain();
  };

  #drain(): void {
    this.#isRunning = true;
    try {
      for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
        const next = this.#options.transition(this.#state, event);
        this.#state = next.state;
        for (const effect of next.effects) this.#perform(effect);
      }
    } finally {
      this.#isRunning = false;
      // Left behind only when the transition threw: a defect that the caller sees.
      this.#queue.length = 0;
    }
  }

  #perform(effect: Effect): void {
    try {
      this.#options.perform(effect, this.dispatch);
    } catch (error) {
      this.#options.failed(error, effect);
    }
  }
}
