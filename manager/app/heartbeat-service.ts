import type { Action, StatusReport } from "../../schemas/generated/types.ts";
import type { NodePath } from "../ports/node-caller.ts";
import type { ActionQueues } from "./action-queues.ts";
import type { BeatOutcome, Heartbeats } from "./api/heartbeats.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface HeartbeatServiceOptions {
  heard(node: string, path: NodePath | undefined): boolean;
  readonly queues: ActionQueues;
  readonly writer: StorageWriter;
  next(node: string, rev: number): Action | undefined;
  reported(node: string, report: StatusReport): void;
}

const unknownNode: BeatOutcome = { kind: "unknown-node" };
const nothing: BeatOutcome = { kind: "nothing" };

export class HeartbeatService implements Heartbeats {
  readonly #options: HeartbeatServiceOptions;

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
    return action === undefined ? nothing : { kind: "action", action };
  }
}
