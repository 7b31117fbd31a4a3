import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { appTimes } from "./app-limits.ts";
import type { NodeTimeline } from "./node-timeline.ts";
import { RecentMap } from "./recent-map.ts";

export interface IdentityGuardOptions {
  readonly timeline: NodeTimeline;
  readonly clock: Clock;
  readonly log: Log;
}

/** Nodes whose last recorded claim is remembered. */
const capacity = 10_000;

/**
 * Records that a node with a proven identity acted as another: broken, badly configured, or in somebody else's hands. One entry a minute for
 * each node, with how many there were, so that nobody fills the disk with it.
 */
export class IdentityGuard {
  readonly #options: IdentityGuardOptions;
  readonly #last = new RecentMap<{ atMs: number; unrecorded: number }>({ capacity });
  otherIdentities = 0;

  constructor(options: IdentityGuardOptions) {
    this.#options = options;
  }

  /** `claimed`: the other node's id, as far as the request names one. */
  claimedAnother(node: string, claimed: string): void {
    const { timeline, clock, log } = this.#options;
    this.otherIdentities++;
    const nowMs = clock.monotonicMs();
    const last = this.#last.get(node);
    if (last !== undefined && nowMs - last.atMs < appTimes.identityRecordMs) {
      last.unrecorded++;
      return;
    }
    const count = 1 + (last?.unrecorded ?? 0);
    this.#last.set(node, { atMs: nowMs, unrecorded: 0 });
    timeline.note(node, "claimed-another", { claimed: claimed.slice(0, 80), count });
    log.warn("claimed-another", { node, claimed: claimed.slice(0, 80), count });
  }
}
