import type { Log } from "../../kernel/log.ts";
import type { Actor } from "./api/registry.ts";
import type { DesiredStateService } from "./desired-state.ts";
import type { EnvironmentService } from "./environment-service.ts";
import type { FleetTable } from "./fleet-table.ts";

export interface EnvironmentBroadcastOptions {
  readonly fleet: FleetTable;
  readonly environments: Pick<EnvironmentService, "build">;
  readonly desiredState: Pick<DesiredStateService, "enqueue">;
  readonly isStopping: () => boolean;
  readonly log: Log;
}

/** A change of the settings is every node's: each gets an action for its new environment. */
export class EnvironmentBroadcast {
  readonly #options: EnvironmentBroadcastOptions;

  constructor(options: EnvironmentBroadcastOptions) {
    this.#options = options;
  }

  /** One after another: a fleet-wide change may take its time, and must not take everybody else's. */
  async tellAll(by: Actor): Promise<void> {
    const { fleet, environments, desiredState, isStopping, log } = this.#options;
    for (let row = fleet.rows.nextRow(0); row !== -1; row = fleet.rows.nextRow(row + 1)) {
      const node = fleet.rows.keyOf(row);
      if (node === undefined || isStopping()) return;
      // A node that never asked for its environment has none yet, and nothing could be offered behind an action without content.
      await environments.build(node);
      const entry = await desiredState.enqueue(node, { kind: "environment" }, by);
      if (entry === undefined) log.warn("environment-not-queued", { node });
    }
  }
}
