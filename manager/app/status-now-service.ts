import type { Clock } from "../../kernel/clock.ts";
import type { StatusReport } from "../../schemas/generated/types.ts";
import { decode } from "../../schemas/wire/codec.ts";
import { nodePath } from "../../schemas/wire/paths.ts";
import type { NodeCaller } from "../ports/node-caller.ts";
import type { StatusNow, StatusNowResult } from "./api/steering.ts";
import { appTimes } from "./app-limits.ts";
import type { CallLimiter } from "./call-limiter.ts";
import type { NodeReach } from "./node-reach.ts";

export interface StatusNowServiceOptions {
  readonly reach: NodeReach;
  readonly caller: NodeCaller;
  readonly calls: CallLimiter;
  readonly clock: Clock;
  reported(node: string, report: StatusReport): void;
}

type Silent = StatusNowResult["silent"][number];
type Answered = StatusNowResult["answered"][number];

const content = 0x45;

/** Asks any set of nodes for their status now, a limited number at once, and says who did not answer and why. */
export class StatusNowService implements StatusNow {
  readonly #options: StatusNowServiceOptions;

  constructor(options: StatusNowServiceOptions) {
    this.#options = options;
  }

  async ask(
    nodes: readonly string[],
    { deadlineMs = appTimes.statusNowMs, signal }: { readonly deadlineMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<StatusNowResult> {
    const abort = new AbortController();
    const stop = (): void => abort.abort(new Error("The deadline of status-now is over."));
    const timer = this.#options.clock.after(deadlineMs, stop);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted === true) stop();
    try {
      const results = await Promise.all([...new Set(nodes)].map((node) => this.#askOne(node, abort.signal)));
      return {
        answered: results.filter((result): result is Answered => "report" in result),
        silent: results.filter((result): result is Silent => "why" in result),
      };
    } finally {
      timer.cancel();
      signal?.removeEventListener("abort", stop);
    }
  }

  async #askOne(node: string, signal: AbortSignal): Promise<Answered | Silent> {
    const { calls } = this.#options;
    // Who still waits for its turn at the deadline is told so then, whatever the others do.
    const late = new Promise<Silent>((resolve) => {
      const give = (): void => resolve({ node, why: "deadline" });
      if (signal.aborted) give();
      else signal.addEventListener("abort", give, { once: true });
    });
    const asked = calls
      .run(() => this.#call(node, signal))
      .then((result) => result ?? { node, why: "deadline" as const });
    return await Promise.race([asked, late]);
  }

  async #call(node: string, signal: AbortSignal): Promise<Answered | Silent> {
    const { reach, caller, clock } = this.#options;
    if (signal.aborted) return { node, why: "deadline" };
    const way = await reach.to(node);
    if (typeof way === "string") return { node, why: way };
    const startedMs = clock.monotonicMs();
    try {
      const answer = await caller.request({
        node,
        to: way.to,
        credential: way.credential,
        method: "GET",
        path: [...way.prefix, ...nodePath("health")],
        accept: way.contentFormat,
        signal,
      });
      const format = answer.contentFormat ?? way.contentFormat;
      const decoded = answer.code === content ? decode("status-report", answer.payload, format) : undefined;
      if (decoded?.ok !== true) return { node, why: "bad-answer" };
      // Its address is somebody else's now.
      if (decoded.value.id !== undefined && decoded.value.id !== node) return { node, why: "unreachable" };
      this.#options.reported(node, decoded.value);
      return { node, report: decoded.value, tookMs: clock.monotonicMs() - startedMs };
    } catch {
      return { node, why: signal.aborted ? "deadline" : "unreachable" };
    }
  }
}
