import type { Log } from "../../kernel/log.ts";
import type { AttemptReport } from "../../schemas/generated/types.ts";
import { decode } from "../../schemas/wire/codec.ts";
import { nodePath } from "../../schemas/wire/paths.ts";
import type { NodeCaller, NodeObservation } from "../ports/node-caller.ts";
import type { NodeReach } from "./node-reach.ts";

export interface AttemptObserverOptions {
  readonly reach: NodeReach;
  readonly caller: NodeCaller;
  readonly log: Log;
  /** Observations at once; 0: none. */
  readonly capacity: number;
  sighted(node: string): void;
  progressed(node: string, report: AttemptReport): void;
}

interface Watch {
  readonly attempt: string;
  observation: NodeObservation | undefined;
}

const content = 0x45;

/**
 * Observes /update of nodes that took an update by a nudge, until the attempt ends. One of the ways in which progress comes;
 * a node that ends the observation, as its reboot does, reports by the others.
 */
export class AttemptObserver {
  readonly #options: AttemptObserverOptions;
  readonly #watches = new Map<string, Watch>();

  constructor(options: AttemptObserverOptions) {
    this.#options = options;
  }

  watch(node: string, attempt: string): void {
    const { capacity, log } = this.#options;
    if (this.#watches.get(node)?.attempt === attempt) return;
    this.forget(node);
    if (this.#watches.size >= capacity) return;
    const watch: Watch = { attempt, observation: undefined };
    this.#watches.set(node, watch);
    this.#observe(node, watch).catch((error: unknown) => {
      log.debug("observe-update-failed", { node, error });
      this.#end(node, watch);
    });
  }

  forget(node: string): void {
    this.#watches.get(node)?.observation?.cancel();
    this.#watches.delete(node);
  }

  stop(): void {
    for (const node of [...this.#watches.keys()]) this.forget(node);
  }

  async #observe(node: string, watch: Watch): Promise<void> {
    const { reach, caller, sighted, progressed, log } = this.#options;
    const way = await reach.to(node);
    const isCurrent = (): boolean => this.#watches.get(node) === watch;
    if (!isCurrent()) return;
    if (typeof way === "string") {
      this.#end(node, watch);
      return;
    }
    const { to, credential, prefix, contentFormat } = way;
    const observation = caller.observe(
      { node, to, credential, path: [...prefix, ...nodePath("update")], accept: contentFormat },
      {
        notification: ({ code, payload, contentFormat: format }) => {
          if (!isCurrent()) return;
          if (code !== content) {
            this.#end(node, watch);
            return;
          }
          sighted(node);
          if (payload.length === 0) return;
          const decoded = decode("attempt-report", payload, format ?? contentFormat);
          if (!decoded.ok) log.debug("progress-unreadable", { node, ...decoded.fault });
          // A report that names no attempt may be of an earlier one.
          else if (decoded.value.attempt === watch.attempt) progressed(node, decoded.value);
        },
        ended: () => this.#end(node, watch),
      },
    );
    if (isCurrent()) watch.observation = observation;
    else observation.cancel();
  }

  #end(node: string, watch: Watch): void {
    if (this.#watches.get(node) === watch) this.forget(node);
  }
}
