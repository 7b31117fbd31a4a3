import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { appTimes } from "./app-limits.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { NodeTimeline } from "./node-timeline.ts";
import { RecentMap } from "./recent-map.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface RefusedEnrolmentsOptions {
  readonly timeline: NodeTimeline;
  readonly audit: AuditTrail;
  readonly writer: StorageWriter;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RefusedDevice {
  readonly batch: string;
  readonly hardware: string;
  readonly node: string;
  readonly from: string;
}

interface Refusal extends Omit<RefusedDevice, "from"> {
  readonly from?: string;
  readonly count: number;
  readonly why: string;
}

/** Nodes and batches whose last recorded refusal is remembered. */
const capacity = 10_000;

/** Records that a device with a batch's key was refused, once a minute for each node or full batch, so that nobody fills the disk with it. */
export class RefusedEnrolments {
  readonly #options: RefusedEnrolmentsOptions;
  readonly #last = new RecentMap<{ atMs: number; unrecorded: number }>({ capacity });

  constructor(options: RefusedEnrolmentsOptions) {
    this.#options = options;
  }

  /** Its node has credentials: it enrolled before, or somebody wants to be that node. */
  taken({ batch, hardware, node, from }: RefusedDevice): void {
    const count = this.#count(`node/${node}`);
    if (count === 0) return;
    this.#options.timeline.note(node, "enrolment-refused", { batch, from, count });
    this.#record(`node/${node}`, { batch, hardware, node, from, count, why: "taken" });
  }

  batchFull({ batch, hardware, node, from }: RefusedDevice): void {
    const count = this.#count(`batch/${batch}`);
    if (count !== 0) this.#record(`batch/${batch}`, { batch, hardware, node, from, count, why: "batch-full" });
  }

  /** A device that the manager has no room to answer: more names than the batch has devices. */
  tooManyNames({ batch, hardware, node }: Omit<RefusedDevice, "from">): void {
    const count = this.#count(`names/${batch}`);
    if (count !== 0) this.#record(`batch/${batch}`, { batch, hardware, node, count, why: "too-many-names" });
  }

  /** How many there were, this one too; 0: it is too early to record another. */
  #count(subject: string): number {
    const nowMs = this.#options.clock.monotonicMs();
    const last = this.#last.get(subject);
    if (last !== undefined && nowMs - last.atMs < appTimes.identityRecordMs) {
      last.unrecorded++;
      return 0;
    }
    this.#last.set(subject, { atMs: nowMs, unrecorded: 0 });
    return 1 + (last?.unrecorded ?? 0);
  }

  #record(subject: string, { from, ...after }: Refusal): void {
    const { audit, writer, log } = this.#options;
    log.warn("enrolment-refused", { ...after, ...(from !== undefined && { from }) });
    const actor = { kind: "node", id: `batch/${after.batch}`, from } as const;
    writer.behind("enrolment-refused", audit.record({ what: "enrolment-refused", actor, subject, after }));
  }
}
