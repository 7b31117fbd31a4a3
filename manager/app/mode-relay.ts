import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { encode } from "../../schemas/wire/codec.ts";
import { nodePath } from "../../schemas/wire/paths.ts";
import type { NodeCaller } from "../ports/node-caller.ts";
import { appTimes } from "./app-limits.ts";
import type { CallLimiter } from "./call-limiter.ts";
import type { IntentBook } from "./intent-book.ts";
import type { NodeReach } from "./node-reach.ts";
import type { NodeTimeline } from "./node-timeline.ts";
import { RecentMap } from "./recent-map.ts";

export interface ModeRelayOptions {
  readonly intents: IntentBook;
  readonly reach: NodeReach;
  readonly caller: NodeCaller;
  readonly calls: CallLimiter;
  readonly timeline: NodeTimeline;
  readonly clock: Clock;
  readonly log: Log;
}

interface Told {
  readonly mode: "operational" | "maintenance";
  readonly atMs: number;
}

const changed = 0x44;
const maxTold = 10_000;

/**
 * Tells a node the mode that an operator wants without an update (an update brings its own maintenance): PUT /mode. A node may say
 * "not now", or be away; whenever it reports another phase than is wanted it is told again, at most twice a minute.
 */
export class ModeRelay {
  readonly #options: ModeRelayOptions;
  readonly #told = new RecentMap<Told>({ capacity: maxTold });

  constructor(options: ModeRelayOptions) {
    this.#options = options;
  }

  /** The node came: what it may have missed it is told. */
  came(node: string): void {
    if (!this.#wasToldLately(node)) this.wish(node);
  }

  /** The operator's wish changed. */
  wish(node: string): void {
    const { mode } = this.#options.intents.of(node);
    if (mode !== undefined && mode.update === undefined) this.#tell(node, "maintenance");
    else if (mode === undefined && this.#told.get(node)?.mode === "maintenance") this.#tell(node, "operational");
  }

  /** The node said in which phase it is. */
  reported(node: string, phase: string): void {
    const { mode } = this.#options.intents.of(node);
    if (mode === undefined && !this.#told.has(node)) return;
    const wanted = mode === undefined ? "operational" : "maintenance";
    if (mode?.update !== undefined || (phase !== "operational" && phase !== "maintenance")) return;
    if (phase === wanted) {
      if (wanted === "operational") this.#told.delete(node);
      return;
    }
    this.came(node);
  }

  /** Nobody told it anything that its phase would answer. */
  isSettled(node: string): boolean {
    return this.#told.size === 0 || !this.#told.has(node);
  }

  forget(node: string): void {
    this.#told.delete(node);
  }

  #wasToldLately(node: string): boolean {
    const told = this.#told.get(node);
    return told !== undefined && this.#options.clock.monotonicMs() - told.atMs < appTimes.modeRelayMs;
  }

  #tell(node: string, mode: Told["mode"]): void {
    const { clock, log } = this.#options;
    this.#told.set(node, { mode, atMs: clock.monotonicMs() });
    this.#send(node, mode).catch((error: unknown) => log.debug("mode-not-told", { node, mode, error }));
  }

  async #send(node: string, mode: Told["mode"]): Promise<void> {
    const { reach, caller, calls, clock, intents, timeline } = this.#options;
    await calls.run(async () => {
      const way = await reach.to(node);
      if (typeof way === "string") return;
      const { to, credential, prefix, contentFormat } = way;
      const reason = mode === "maintenance" ? intents.of(node).mode?.reason : undefined;
      const payload = encode("mode", { mode, ...(reason !== undefined && { reason }) }, contentFormat);
      const abort = new AbortController();
      const timer = clock.after(appTimes.nudgeMs, () => abort.abort(new Error("The node didn't answer in time.")));
      try {
        const path = [...prefix, ...nodePath("mode")];
        const answer = await caller.request({
          ...{ node, to, credential, path, payload, contentFormat },
          method: "PUT",
          signal: abort.signal,
        });
        if (answer.code !== changed) return;
        this.#told.set(node, { mode, atMs: clock.monotonicMs() });
        timeline.note(node, `told-${mode}`);
      } finally {
        timer.cancel();
      }
    });
  }
}
