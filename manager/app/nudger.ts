import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Action } from "../../schemas/generated/types.ts";
import { encode } from "../../schemas/wire/codec.ts";
import { nodePath } from "../../schemas/wire/paths.ts";
import type { NodeCaller } from "../ports/node-caller.ts";
import { appTimes } from "./app-limits.ts";
import type { CallLimiter } from "./call-limiter.ts";
import type { FleetTable } from "./fleet-table.ts";
import type { NodeReach } from "./node-reach.ts";
import { openAction } from "./open-action.ts";

export interface NudgerOptions {
  readonly fleet: FleetTable;
  readonly reach: NodeReach;
  readonly caller: NodeCaller;
  readonly calls: CallLimiter;
  readonly clock: Clock;
  readonly log: Log;
  next(node: string): Promise<Action | undefined>;
  taken(node: string, action: Action): Promise<void>;
}

const changed = 0x44;

/**
 * Tells a node that is online what it shall do, without waiting for its heartbeat: one PUT /update with the action. Only a
 * convenience: whatever goes wrong here, the heartbeat brings the action.
 */
export class Nudger {
  readonly #options: NudgerOptions;
  readonly #underWay = new Set<string>();
  readonly #again = new Set<string>();
  #isStopped: boolean = false;

  constructor(options: NudgerOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** One nudge a node at a time; what comes meanwhile is one more. */
  nudge(node: string): void {
    const { fleet, log } = this.#options;
    const row = fleet.find(node);
    if (this.#isStopped || row === -1 || fleet.presence(row) !== "online") return;
    if (this.#underWay.has(node)) {
      this.#again.add(node);
      return;
    }
    this.#underWay.add(node);
    this.#send(node)
      .catch((error: unknown) => log.debug("nudge-failed", { node, error }))
      .finally(() => {
        this.#underWay.delete(node);
        if (this.#again.delete(node)) this.nudge(node);
      });
  }

  async #send(node: string): Promise<void> {
    const { reach, calls, caller, clock } = this.#options;
    await calls.run(async () => {
      const way = await reach.to(node);
      if (typeof way === "string" || this.#isStopped) return;
      const action = await this.#options.next(node);
      if (action === undefined) return;
      const { to, credential, prefix, contentFormat } = way;
      const abort = new AbortController();
      const timer = clock.after(appTimes.nudgeMs, () => abort.abort(new Error("The nudge wasn't answered in time.")));
      try {
        const answer = await caller.request({
          node,
          to,
          credential,
          method: "PUT",
          path: [...prefix, ...nodePath("update")],
          payload: encode("action", way.isPrivate ? action : openAction(action), contentFormat),
          contentFormat,
          signal: abort.signal,
        });
        if (answer.code === changed && action.kind !== "none") await this.#options.taken(node, action);
      } finally {
        timer.cancel();
      }
    });
  }
}
