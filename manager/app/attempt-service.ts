import type { Clock } from "../../kernel/clock.ts";
import type { AttemptReport } from "../../schemas/generated/types.ts";
import { type AttemptEvent, attemptDeadlineMs, attemptTransition, isEnded } from "../domain/attempt-machine.ts";
import type { Storage } from "../ports/storage.ts";
import type { Actor } from "./api/registry.ts";
import type { Attempts, AttemptView, ReportOutcome } from "./api/updates.ts";
import type { AttemptBook } from "./attempt-book.ts";
import { type AttemptRecord, attemptKey, attemptTable, attemptView } from "./attempt-record.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { LiveEventBus } from "./live-event-bus.ts";
import type { NodeTimeline } from "./node-timeline.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface AttemptServiceOptions {
  readonly book: AttemptBook;
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly timeline: NodeTimeline;
  readonly bus: LiveEventBus;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  /** Ended attempts kept of each node. */
  readonly keptPerNode: number;
  isRegistered(node: string): boolean;
  /** A new attempt is in the book. */
  started(record: AttemptRecord): void;
  /** After the receipt of an end. `byManager`: the node may still be at it. */
  ended(record: AttemptRecord, byManager: boolean): void;
  /** Every movement and progress, for the bridge to MQTT. */
  moved(record: AttemptRecord, way: "coap" | "observed" | "mqtt" | undefined): void;
}

const maxRaces = 5;
const wallJumpMs = 60_000;

/** Runs attempt machines over storage: a movement counts once its receipt is there, progress in between is memory's. */
export class AttemptService implements Attempts {
  readonly #options: AttemptServiceOptions;
  /** Reports that were about the past, for the counters. */
  backwardReports = 0;
  /** Wall time minus monotonic time, to notice jumps. */
  #wallOffsetMs: number;

  constructor(options: AttemptServiceOptions) {
    this.#options = options;
    this.#wallOffsetMs = options.clock.wallMs() - options.clock.monotonicMs();
  }

  async report(node: string, report: AttemptReport, way: "coap" | "observed" | "mqtt"): Promise<ReportOutcome> {
    const { book, clock } = this.#options;
    const open = book.openOf(node)?.record;
    const named = report.attempt === undefined ? undefined : book.get(report.attempt)?.record;
    const unnamed = report.update === undefined ? open : book.newestOf(report.update, node)?.record;
    const record = report.attempt === undefined ? unnamed : named;
    if (record === undefined || record.node !== node) return "unknown-attempt";
    if (report.update !== undefined && report.update !== record.update) return "unknown-attempt";
    const { state, percent, bytes, total, reason } = report;
    const event: AttemptEvent = {
      kind: "reported",
      state,
      percent,
      bytes,
      total,
      reason,
      way: report.way,
      nowMs: clock.wallMs(),
    };
    return await this.apply(record.id, event, way);
  }

  /** A new attempt is in the book. */
  offered(record: AttemptRecord): void {
    this.#tell(record, undefined);
    this.#options.started(record);
  }

  find(update: string, node: string): AttemptView | undefined {
    const kept = this.#options.book.newestOf(update, node);
    return kept && attemptView(kept.record);
  }

  async list({
    update,
    node,
    limit = 100,
  }: {
    readonly update?: string;
    readonly node?: string;
    readonly limit?: number;
  }): Promise<readonly AttemptView[]> {
    const { storage, book } = this.#options;
    const prefix = update === undefined ? "" : `${update}/${node === undefined ? "" : `${node}/`}`;
    const found: AttemptRecord[] = [];
    for (let after = ""; ; ) {
      const page = await storage.list(attemptTable, { prefix, after });
      for (const { value } of page) {
        const stored = value as AttemptRecord;
        if (node !== undefined && stored.node !== node) continue;
        // Memory has progress that isn't stored.
        found.push(book.get(stored.id)?.record ?? stored);
      }
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.key;
    }
    found.sort((a, b) => b.startedAtMs - a.startedAtMs);
    return found.slice(0, Math.min(limit, 1000)).map(attemptView);
  }

  async cancel(node: string, by: Actor): Promise<"cancelled" | "nothing-open" | "unknown-node"> {
    if (!this.#options.isRegistered(node)) return "unknown-node";
    const open = this.#options.book.openOf(node);
    if (open === undefined) return "nothing-open";
    const event: AttemptEvent = {
      kind: "cancelled",
      reason: `by ${by.id}`.slice(0, 96),
      nowMs: this.#options.clock.wallMs(),
    };
    const { update, id, progress } = open.record;
    const before = { update, attempt: id, state: progress.state };
    await this.#options.audit.record({ what: "attempt-cancelled", actor: by, subject: `node/${node}`, before });
    return (await this.apply(open.record.id, event)) === "ended" ? "nothing-open" : "cancelled";
  }

  /** Applies one event. Rejects, with the attempt unmoved, when storage failed. */
  apply(attempt: string, event: AttemptEvent, way?: "coap" | "observed" | "mqtt"): Promise<ReportOutcome> {
    const { book, serial } = this.#options;
    return serial.run(`attempt/${attempt}`, async () => {
      for (let race = 0; race < maxRaces; race++) {
        const kept = book.get(attempt);
        if (kept === undefined) return "unknown-attempt";
        const { record } = kept;
        const { state: progress, effects } = attemptTransition(record.progress, event);
        const [effect] = effects;
        if (effect === undefined || effect.kind === "ignored") {
          if (effect?.why === "backward") this.backwardReports++;
          return effect?.why ?? "unchanged";
        }
        const next = { ...record, progress };
        if (effect.kind === "progressed") {
          book.replace(next);
          this.#tell(next, way);
          return "taken";
        }
        const revision = await this.#store(next, kept.revision);
        if (revision === undefined) continue;
        // Bytes may have been counted while this was written.
        const { bytesByWay, resumes } = book.get(attempt)?.record ?? next;
        const stored = { ...next, bytesByWay, resumes };
        book.replace(stored, revision);
        this.#tell(stored, way);
        const isByManager = event.kind === "cancelled" || event.kind === "deadline";
        if (isEnded(progress.state)) {
          this.#options.ended(stored, isByManager);
          this.#options.writer.behind("attempts-trimmed", this.#forgetExcess(record.node, this.#options.keptPerNode));
        }
        return "taken";
      }
      throw new Error(`Attempt ${attempt} lost ${maxRaces} races in storage.`);
    });
  }

  /** The node is gone, and its attempts with it. */
  async forgetNode(node: string): Promise<void> {
    await this.#forgetExcess(node, 0);
  }

  async #forgetExcess(node: string, keep: number): Promise<void> {
    const { book, writer } = this.#options;
    for (const record of book.excess(node, keep)) {
      const key = attemptKey(record);
      await writer.commit(node, [{ kind: "delete", table: attemptTable, key, expectedRevision: "any" }]);
      book.remove(record.id);
    }
  }

  /** The manager didn't run for so long: what couldn't be heard isn't held against anybody. */
  credit(downtimeMs: number): void {
    const { book, clock } = this.#options;
    for (const { record } of [...book.allOpen()]) {
      // It ran when the attempt last moved: no more than since then was lost, whatever the last mark says.
      const sinceMs = Math.max(clock.wallMs() - record.progress.changedAtMs, 0);
      const changedAtMs = record.progress.changedAtMs + Math.min(downtimeMs, sinceMs);
      book.replace({ ...record, progress: { ...record.progress, changedAtMs } });
    }
  }

  /** Ends attempts that didn't move for too long. A jump of the wall clock, as a board without one makes, ends nothing. */
  sweep(): void {
    const { clock } = this.#options;
    const nowMs = clock.wallMs();
    const offsetMs = nowMs - clock.monotonicMs();
    const jumpMs = offsetMs - this.#wallOffsetMs;
    if (Math.abs(jumpMs) > wallJumpMs) {
      this.#wallOffsetMs = offsetMs;
      for (const { record } of [...this.#options.book.allOpen()]) {
        const changedAtMs = record.progress.changedAtMs + jumpMs;
        this.#options.book.replace({ ...record, progress: { ...record.progress, changedAtMs } });
      }
    }
    for (const { record } of this.#options.book.allOpen()) {
      if (attemptDeadlineMs(record.progress) > nowMs) continue;
      const event: AttemptEvent = { kind: "deadline", reason: `silent in ${record.progress.state}`, nowMs };
      this.#options.writer.behind("attempt-deadline", this.apply(record.id, event));
    }
  }

  async #store(record: AttemptRecord, revision: number): Promise<number | undefined> {
    const { writer, timeline, storage, book } = this.#options;
    const { state, reason } = record.progress;
    const key = attemptKey(record);
    const [written] = await writer.commit(record.node, [
      { kind: "put", table: attemptTable, key, expectedRevision: revision, value: record },
      timeline.change(record.node, `attempt-${state}`, { update: record.update, attempt: record.id, reason }, 0),
    ]);
    if (written?.kind === "written") return written.revision;
    // Another writer was faster: theirs is the truth.
    const row = await storage.get(attemptTable, key);
    if (row !== undefined) book.replace(row.value as AttemptRecord, row.revision);
    return undefined;
  }

  #tell(record: AttemptRecord, way: "coap" | "observed" | "mqtt" | undefined): void {
    const { state, percent, bytes, total, reason } = record.progress;
    this.#options.bus.emit({
      kind: "attempt",
      node: record.node,
      update: record.update,
      attempt: record.id,
      state,
      ...(percent !== undefined && { percent }),
      ...(bytes !== undefined && { bytes }),
      ...(total !== undefined && { total }),
      ...(reason !== undefined && { reason }),
    });
    this.#options.moved(record, way);
  }
}
