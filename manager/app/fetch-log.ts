import type { Clock } from "../../kernel/clock.ts";
import { isEnded } from "../domain/attempt-machine.ts";
import type { Fetches, FetchWay } from "./api/watching.ts";
import { appTimes } from "./app-limits.ts";
import type { AttemptBook } from "./attempt-book.ts";
import type { LiveEventBus } from "./live-event-bus.ts";

export interface FetchLogOptions {
  readonly book: AttemptBook;
  readonly bus: LiveEventBus;
  readonly clock: Clock;
  /** Whether these bytes are the update's. */
  isOf(update: string, digest: string): boolean;
  /** An attempt's bytes or resumes changed; must be cheap. */
  resumed(node: string, attempt: string, offset: number): void;
}

interface Run {
  connection: string;
  way: FetchWay;
  lastMs: number;
}

/**
 * Counts what the manager served, by attempt and way. A *run* is what one connection fetches without a long pause; an attempt
 * resumes when a run begins above offset 0. Runs are in memory: after a restart of the manager a fetch that goes on above 0
 * begins a run, and is a resume indeed.
 */
export class FetchLog implements Fetches {
  readonly #options: FetchLogOptions;
  readonly #runs = new Map<string, Run>();

  constructor(options: FetchLogOptions) {
    this.#options = options;
  }

  served({ node, attempt, digest, way, connection, offset, length }: Parameters<Fetches["served"]>[0]): void {
    const { book, clock, bus } = this.#options;
    const record = book.get(attempt)?.record;
    if (record === undefined || record.node !== node) return;
    if (record.progress.digest !== digest && !this.#options.isOf(record.update, digest)) return;
    if (isEnded(record.progress.state)) return;
    const nowMs = clock.monotonicMs();
    const run = this.#runs.get(attempt);
    const goesOn =
      run !== undefined &&
      run.connection === connection &&
      run.way === way &&
      nowMs - run.lastMs <= appTimes.resumeGapMs;
    const isResume = !goesOn && offset > 0;
    if (goesOn) run.lastMs = nowMs;
    else this.#runs.set(attempt, { connection, way, lastMs: nowMs });
    book.replace({
      ...record,
      bytesByWay: { ...record.bytesByWay, [way]: (record.bytesByWay[way] ?? 0) + length },
      resumes: record.resumes + (isResume ? 1 : 0),
    });
    if (goesOn) return;
    bus.emit({ kind: "fetch", node, attempt, way, offset, isResume });
    if (isResume) this.#options.resumed(node, attempt, offset);
  }

  /** The attempt is over. */
  forget(attempt: string): void {
    this.#runs.delete(attempt);
  }
}
