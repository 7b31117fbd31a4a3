import type { Clock } from "../../kernel/clock.ts";
import type { Action, StatusReport } from "../../schemas/generated/types.ts";
import type { NodePath } from "../ports/node-caller.ts";
import type { ActionQueues } from "./action-queues.ts";
import type { BeatOutcome, Heartbeats } from "./api/heartbeats.ts";
import type { LiveEventBus } from "./live-event-bus.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface HeartbeatServiceOptions {
  readonly clock: Pick<Clock, "monotonicMs">;
  heard(node: string, path: NodePath | undefined, nowMs: number): boolean;
  readonly queues: ActionQueues;
  readonly writer: StorageWriter;
  readonly bus: LiveEventBus;
  next(node: string, rev: number): Action | undefined;
  reported(node: string, report: StatusReport): void;
  /** Whether the report in `bytes[start, end)` says nothing new, and what then is left to do. */
  isSteady(node: string, bytes: Uint8Array, start: number, end: number, nowMs: number): boolean;
  tookSteady(node: string, nowMs: number): void;
  remember(node: string, bytes: Uint8Array): void;
  /** The node says how an action ended; undefined when no attempt is waiting for that. */
  resulted(node: string, result: NonNullable<StatusReport["result"]>): Promise<unknown> | undefined;
}

const unknownNode: BeatOutcome = { kind: "unknown-node" };
const nothing: BeatOutcome = { kind: "nothing" };
/** Nodes of which is kept what their heartbeats were last answered with; full: forgotten, so that an event may come twice. */
const toldNodes = 10_000;

export class HeartbeatService implements Heartbeats {
  readonly #options: HeartbeatServiceOptions;

  /** The rev last told at a heartbeat: a node that is at it is answered the same at each, which is news once. */
  readonly #told = new Map<string, number>();

  /** What is being written of what nodes finished; empty but for milliseconds. */
  readonly #unstored = new Map<string, Promise<unknown>>();

  constructor(options: HeartbeatServiceOptions) {
    this.#options = options;
  }

  /** Without a report and with nothing new in `rev` this allocates nothing. */
  beat(node: string, rev: number, report: StatusReport | undefined, path: NodePath | undefined): BeatOutcome {
    const { queues, writer } = this.#options;
    if (!this.#options.heard(node, path, this.#options.clock.monotonicMs())) return unknownNode;
    const acknowledged = queues.acknowledge(node, rev, report?.result);
    if (acknowledged !== undefined) writer.behind("acknowledge", acknowledged);
    if (report !== undefined) this.#options.reported(node, report);
    const applied = report?.result && this.#options.resulted(node, report.result);
    if (applied !== undefined) writer.behind("result", applied);
    if (acknowledged !== undefined || applied !== undefined) this.#keep(node, Promise.all([acknowledged, applied]));
    const action = this.#options.next(node, rev);
    if (action === undefined) return nothing;
    if (action.kind !== "none") this.#tell(node, action);
    return { kind: "action", action };
  }

  steadyBeat(node: string, rev: number, bytes: Uint8Array, start: number, end: number, path: NodePath): boolean {
    const options = this.#options;
    if (this.#unstored.size > 0 && this.#unstored.has(node)) return false;
    // Looked at once: the clock is a good part of what a steady heartbeat costs.
    const nowMs = options.clock.monotonicMs();
    if (!options.queues.isQuiet(node, rev) || !options.isSteady(node, bytes, start, end, nowMs)) return false;
    if (!options.heard(node, path, nowMs)) return false;
    options.tookSteady(node, nowMs);
    return true;
  }

  remember(node: string, bytes: Uint8Array): void {
    this.#options.remember(node, bytes);
  }

  unstored(node: string): Promise<unknown> | undefined {
    return this.#unstored.size === 0 ? undefined : this.#unstored.get(node);
  }

  /** Writes about one node are in order, so the newest stands for all of them: also for those of a repeated heartbeat. */
  #keep(node: string, written: Promise<unknown>): void {
    const before = this.#unstored.get(node);
    const all = before === undefined ? written : Promise.all([before, written]);
    this.#unstored.set(node, all);
    const forget = (): void => {
      if (this.#unstored.get(node) === all) this.#unstored.delete(node);
    };
    all.then(forget, forget);
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
