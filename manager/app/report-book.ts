import type { Clock } from "../../kernel/clock.ts";
import type { Aged } from "./api/node-data.ts";

/** The last report of one kind of each node, in memory, in the order in which they came. */
export class ReportBook<Report> {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #reports = new Map<string, { value: Report; atMs: number; way: string }>();

  constructor({ clock, capacity }: { clock: Clock; capacity: number }) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  put(node: string, value: Report, way: string): void {
    this.#reports.delete(node);
    this.#reports.set(node, { value, atMs: this.#clock.monotonicMs(), way });
    if (this.#reports.size <= this.#capacity) return;
    const [oldest] = this.#reports.keys();
    if (oldest !== undefined) this.#reports.delete(oldest);
  }

  latest(node: string): Aged<Report> | undefined {
    const report = this.#reports.get(node);
    if (report === undefined) return undefined;
    return { value: report.value, ageMs: this.#clock.monotonicMs() - report.atMs, way: report.way };
  }

  forget(node: string): void {
    this.#reports.delete(node);
  }
}
