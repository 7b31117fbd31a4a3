import type { Action, StatusReport } from "../../schemas/generated/types.ts";
import type { NodePath } from "../ports/node-caller.ts";
import type { ActionQueues } from "./action-queues.ts";
import type { BeatOutcome, Heartbeats } from "./api/heartbeats.ts";
import type { LiveEventBus } from "./live-event-bus.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface HeartbeatServiceOptions {
  heard(node: string, path: NodePath | undefined): boolean;
  readonly queues: ActionQueues;
  readonly writer: StorageWriter;
  readonly bus: LiveEventBus;
  next(node: string, rev: number): Action | undefined;
  reported(node: string, report: StatusReport): void;
}

const unknownNode: BeatOutcome = { kind: "unknown-node" };
const nothing: BeatOutcome = { kind: "nothing" };
/** Nodes of which is kept what their heartbeats were last answered with; full: forgotten, so that an event may come twice. */
const toldNodes = 10_000;

export class HeartbeatService implements Heartbeats {
  readonly #options: HeartbeatServiceOptions;

  /** The rev last told at a heartbeat: a node that is at it is answered the same at each, which is news once. */
  readonly #told = new Map<string, number>();

  constructor(options: HeartbeatServiceOptions) {
    this.#options = options;
  }

  /** Without a report and with nothing new in `rev` this allocates nothing. */
  beat(node: string, rev: number, report: StatusReport | undefined, path: NodePath | undefined): BeatOutcome {
    const { queues, writer } = this.#options;
    if (!this.#options.heard(node, path)) return unknownNode;
    const acknowledged = queues.acknowledge(node, rev, report?.result);
    if (acknowledged !== undefined) writer.behind("acknowledge", acknowledged);
    if (report !== undefined) this.#options.reported(node, report);
    const action = this.#options.next(node, rev);
    if (action === undefined) return nothing;
    if (action.kind !== "none") this.#tell(node, action);
    return { kind: "action", action };
  }

  #tell(node: string, action: Exclude<Action, { kind: "none" }>): void {
    const { rev } = action;
    if (this.#told.get(node) === rev) return;
    if (this.#told.size >= toldNodes) this.#told.clear();
    this.#told.set(node, rev);
    const what = action.kind === "command" ? action.command : action.kind;
    this.#options.bus.emit({ kind: "action", node, rev, what, state: "told" });
  }
}
