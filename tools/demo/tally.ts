import type { LiveEvent } from "../../manager/app/api/watching.ts";

/** What the demo prints as its last line. */
export interface Counts {
  readonly registered: number;
  readonly observed: number;
  readonly telemetry: number;
  readonly updated: number;
  readonly rolledBack: number;
  readonly resumed: number;
}

/**
 * Counts the main job from the manager's live events alone: what the manager and its broker saw, never what a node's own output
 * says. A node counts once for each thing, however often it happens.
 */
export class Tally {
  readonly #registered = new Set<string>();
  readonly #observed = new Set<string>();
  readonly #succeeded = new Set<string>();
  readonly #rolledBack = new Map<string, string>();
  readonly #resumed = new Set<string>();
  #telemetry = 0;

  take(event: LiveEvent): void {
    if (event.kind === "registered") this.#registered.add(event.node);
    else if (event.kind === "observing" && event.isObserving) this.#observed.add(event.node);
    else if (event.kind === "telemetry") this.#telemetry += event.points;
    else if (event.kind === "fetch" && event.isResume) this.#resumed.add(event.node);
    else if (event.kind === "attempt" && event.state === "succeeded") this.#succeeded.add(event.node);
    else if (event.kind === "attempt" && event.state === "rolled-back") {
      this.#rolledBack.set(event.node, event.reason ?? "no reason given");
    }
  }

  get succeeded(): ReadonlySet<string> {
    return this.#succeeded;
  }

  get resumed(): ReadonlySet<string> {
    return this.#resumed;
  }

  /** Why each node went back, as the manager knows it. */
  get rolledBack(): ReadonlyMap<string, string> {
    return this.#rolledBack;
  }

  counts(): Counts {
    return {
      registered: this.#registered.size,
      observed: this.#observed.size,
      telemetry: this.#telemetry,
      updated: this.#succeeded.size,
      rolledBack: this.#rolledBack.size,
      resumed: this.#resumed.size,
    };
  }
}
