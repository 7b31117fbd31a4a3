import type { Clock } from "../../../kernel/clock.ts";
import type { RolloutState } from "../../domain/rollout/rollout-state.ts";
import type { NodeFacts, RolloutWorld } from "../../domain/rollout/why-not-yet.ts";
import type { Labels } from "../api/operators.ts";
import type { AttemptBook } from "../attempt-book.ts";
import { type FleetTable, type NodeRow, nodeFlags } from "../fleet-table.ts";
import type { HealthBook } from "../health-book.ts";
import type { IntentBook } from "../intent-book.ts";
import type { NodeWatch } from "./node-watch.ts";
import type { QuarantineBook } from "./quarantine-book.ts";

export interface RolloutWorldOptions {
  readonly fleet: FleetTable;
  readonly clock: Clock;
  readonly health: HealthBook;
  readonly book: AttemptBook;
  readonly intents: IntentBook;
  readonly labels: Pick<Labels, "of">;
  readonly quarantine: QuarantineBook;
  readonly watch: Pick<NodeWatch, "historyMs">;
}

/** What a rollout sees of the fleet, from memory alone. */
export function rolloutWorld(state: RolloutState, options: RolloutWorldOptions): RolloutWorld {
  const { fleet, quarantine } = options;
  const { model = "unknown", digest } = state.image;
  return {
    isQuarantined: quarantine.has(model, digest),
    node: (id) => {
      const row = fleet.find(id);
      return row === -1 ? undefined : new FleetNode(id, row, state.plan.id, options);
    },
  };
}

/** Each fact is looked up when it is asked for: of most nodes the first one decides. */
class FleetNode implements NodeFacts {
  readonly #id: string;
  readonly #row: NodeRow;
  readonly #rollout: string;
  readonly #options: RolloutWorldOptions;

  constructor(id: string, row: NodeRow, rollout: string, options: RolloutWorldOptions) {
    this.#id = id;
    this.#row = row;
    this.#rollout = rollout;
    this.#options = options;
  }

  get presence(): NodeFacts["presence"] {
    return this.#options.fleet.presence(this.#row);
  }

  get heardAtMs(): number | undefined {
    const { fleet, clock } = this.#options;
    if (!fleet.has(this.#row, nodeFlags.heard) && !fleet.has(this.#row, nodeFlags.heardBefore)) return undefined;
    return clock.wallMs() - (clock.monotonicMs() - fleet.rows.columns.heardAtMs[this.#row]!);
  }

  get isSleepy(): boolean {
    return this.#options.fleet.has(this.#row, nodeFlags.sleepy);
  }

  get pollMs(): number {
    return this.#options.fleet.rows.columns.pollSeconds[this.#row]! * 1000;
  }

  get hasReport(): boolean {
    return this.#options.health.latest(this.#id) !== undefined;
  }

  get battery(): number | undefined {
    return this.#options.health.latest(this.#id)?.value.battery;
  }

  /** What operators said: limits and windows of a site are theirs to decide. */
  get site(): string | undefined {
    return this.#options.labels.of(this.#id).site;
  }

  get digest(): string | undefined {
    return this.#options.health.latest(this.#id)?.value.digest;
  }

  get isBusy(): boolean {
    const open = this.#options.book.openOf(this.#id)?.record;
    return open !== undefined && open.rollout !== this.#rollout;
  }

  get isDeferred(): boolean {
    return !this.#options.intents.isOperational(this.#id);
  }

  get historyMs(): number {
    return this.#options.watch.historyMs(this.#id);
  }

  get attemptMovedAtMs(): number | undefined {
    return this.#options.book.openOf(this.#id)?.record.progress.changedAtMs;
  }
}
