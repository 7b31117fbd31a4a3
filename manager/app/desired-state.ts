import type { Clock } from "../../kernel/clock.ts";
import type { Action, Environment } from "../../schemas/generated/types.ts";
import {
  type ActionBody,
  actionOf,
  enqueue,
  isOpen,
  markOffered,
  markTaken,
  nextOffer,
  type Offer,
  type QueueEntry,
} from "../domain/action-queue.ts";
import type { Change, ChangeResult } from "../ports/storage.ts";
import type { ActionQueues } from "./action-queues.ts";
import type { Actor } from "./api/registry.ts";
import type { DesiredState, QueuedAction } from "./api/steering.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { linkedAction } from "./linked-action.ts";
import type { LiveEventBus } from "./live-event-bus.ts";
import type { NodeTimeline } from "./node-timeline.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface DesiredStateServiceOptions {
  readonly queues: ActionQueues;
  readonly writer: StorageWriter;
  readonly timeline: NodeTimeline;
  readonly bus: LiveEventBus;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  isRegistered(node: string): boolean;
  /** The node's environment as far as memory has it. */
  /** For the link of an attempt. */
  token(this: void, attempt: string): string;
  environment(node: string): Environment | undefined;
  /** Makes it, so that memory has it. */
  buildEnvironment(node: string): Promise<unknown>;
  /** Something new waits for the node. */
  waits(node: string): void;
  /** An update that was never sent was replaced by a newer one, or an entry was cancelled. */
  abandoned(node: string, entry: QueueEntry, why: "superseded" | "cancelled"): void;
}

export interface EnqueueOptions {
  /** Wall time. */
  readonly expiresAtMs?: number;
  /** The node is told by other means, which counts as an offer; no nudge. */
  readonly isQuiet?: boolean;
  /** Written in the same commit, given the rev. */
  also?(rev: number): readonly Change[];
  /** The receipt, synchronously with memory: results of the queue, its timeline entry, then of `also`. */
  written?(results: readonly ChangeResult[]): void;
}

/** Puts actions into queues and takes out what a node shall do next. */
export class DesiredStateService implements DesiredState {
  readonly #options: DesiredStateServiceOptions;

  constructor(options: DesiredStateServiceOptions) {
    this.#options = options;
  }

  /** Undefined when the queue is full. */
  async enqueue(
    node: string,
    body: ActionBody,
    by: Actor,
    options: EnqueueOptions = {},
  ): Promise<QueueEntry | undefined> {
    const { clock, queues, timeline, audit, bus } = this.#options;
    const meta = {
      nowMs: clock.wallMs(),
      by: by.id,
      ...(options.expiresAtMs !== undefined && { expiresAtMs: options.expiresAtMs }),
    };
    // Updates and environments are audited as what they come from, once and not for each node.
    const isAudited = by.kind === "operator" && (body.kind === "command" || body.kind === "config");
    const audited = (rev: number): Change =>
      audit.change({ what: "action-queued", actor: by, subject: `node/${node}`, after: { rev, ...body } });
    const done = await queues.change(node, (queue) => {
      const enqueued = enqueue(queue, body, meta);
      if (enqueued === undefined) return { queue, result: undefined };
      const { rev } = enqueued.entry;
      const noted = timeline.change(node, "action-queued", { rev, what: whatOf(body), by: by.id });
      return {
        queue: options.isQuiet === true ? markOffered(enqueued.queue, rev) : enqueued.queue,
        result: enqueued,
        also: [noted, ...(options.also?.(rev) ?? []), ...(isAudited ? [audited(rev)] : [])],
        written: (results) => options.written?.(results),
      };
    });
    if (done === undefined) return undefined;
    bus.emit({ kind: "action", node, rev: done.entry.rev, what: whatOf(body), state: "waiting" });
    for (const entry of done.replaced) this.#options.abandoned(node, entry, "superseded");
    if (options.isQuiet !== true) this.#options.waits(node);
    return done.entry;
  }

  /** What the node does next, synchronously; undefined when that is nothing, or not known before storage was asked. */
  next(node: string, nodeRev: number): Action | undefined {
    const { queues, writer, clock } = this.#options;
    if (!queues.mayWait(node, nodeRev)) return undefined;
    const queue = queues.known(node);
    if (queue === undefined) {
      writer.behind("queue-read", queues.read(node));
      return undefined;
    }
    const offer = nextOffer(queue, nodeRev, clock.wallMs());
    return offer && this.#action(node, offer);
  }

  /** What a node that didn't ask is told to do next; undefined when that is nothing, or it has taken it and is busy with it. */
  async nextUnasked(node: string): Promise<Action | undefined> {
    const { queues, clock } = this.#options;
    const queue = await queues.read(node);
    const offer = nextOffer(queue, queue.lastRev, clock.wallMs());
    if (offer === undefined || (offer.entry.state === "taken" && !offer.isVoid)) return undefined;
    if (offer.entry.body.kind === "environment") await this.#options.buildEnvironment(node);
    return this.next(node, queue.lastRev);
  }

  /** The node came: what was never sent is; what was, its heartbeat brings. */
  wake(node: string): void {
    const queue = this.#options.queues.known(node);
    if (queue?.entries.some(({ state }) => state === "waiting") === true) this.#options.waits(node);
  }

  /** The node has it: a nudge was answered 2.04. */
  async taken(node: string, rev: number): Promise<void> {
    const entry = await this.#options.queues.change(node, (queue) => {
      const next = markTaken(queue, rev);
      return { queue: next, result: next === queue ? undefined : next.entries.find((each) => each.rev === rev) };
    });
    if (entry !== undefined) this.#tell(node, entry, "taken");
  }

  waiting(node: string): readonly QueuedAction[] {
    const queue = this.#options.queues.known(node);
    return (queue?.entries ?? []).filter(isOpen).map((entry) => ({
      rev: entry.rev,
      action: actionOf({ entry, isVoid: false, hasMore: false }),
      state: entry.state as QueuedAction["state"],
      createdAtMs: entry.createdAtMs,
      ...(entry.expiresAtMs !== undefined && { expiresAtMs: entry.expiresAtMs }),
      by: entry.by,
    }));
  }

  async cancel(node: string, rev: number, by: Actor): Promise<"cancelled" | "not-open" | "unknown-node"> {
    if (!this.#options.isRegistered(node)) return "unknown-node";
    const entry = await this.#options.queues.cancel(node, (each) => each.rev === rev);
    if (entry === undefined) return "not-open";
    const { timeline, audit } = this.#options;
    timeline.note(node, "action-cancelled", { rev, what: whatOf(entry.body), by: by.id });
    this.#tell(node, entry, "cancelled");
    this.#options.abandoned(node, entry, "cancelled");
    this.#options.waits(node);
    const before = { rev, what: whatOf(entry.body) };
    await audit.record({ what: "action-cancelled", actor: by, subject: `node/${node}`, before });
    return "cancelled";
  }

  #action(node: string, offer: Offer): Action | undefined {
    const { entry } = offer;
    const environment = entry.body.kind === "environment" ? this.#options.environment(node) : undefined;
    if (entry.body.kind === "environment" && environment === undefined && !offer.isVoid) return undefined;
    if (entry.state === "waiting" && !offer.isVoid) this.#markOffered(node, entry);
    return linkedAction(actionOf(offer, environment && { ...environment, rev: entry.rev }), this.#options.token);
  }

  /** Behind: an answer that got lost is offered again anyway, and a mark that got lost only lets a newer one replace it. */
  #markOffered(node: string, entry: QueueEntry): void {
    const { queues, writer } = this.#options;
    const marked = queues.change(node, (queue) => {
      const next = markOffered(queue, entry.rev);
      return { queue: next, result: next !== queue };
    });
    writer.behind(
      "offered",
      marked.then((isNew) => {
        if (isNew) this.#tell(node, entry, "offered");
      }),
    );
  }

  #tell(node: string, { rev, body }: QueueEntry, state: string): void {
    this.#options.bus.emit({ kind: "action", node, rev, what: whatOf(body), state });
  }
}

export function whatOf(body: ActionBody): string {
  return body.kind === "command" ? body.command : body.kind;
}
