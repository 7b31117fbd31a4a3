import type { Clock } from "../../kernel/clock.ts";
import type { Aged } from "./api/node-data.ts";
import { RecentMap } from "./recent-map.ts";

/** The last report of one kind of each node, in memory. */
export class ReportBook<Report> {
  readonly #clock: Clock;
  readonly #reports: RecentMap<{ readonly value: Report; readonly atMs: number; readonly way: string }>;

  constructor({ clock, capacity }: { clock: Clock; capacity: number }) {
    this.#clock = clock;
    this.#reports = new RecentMap({ capacity });
  }

  put(node: string, value: Report, way: string): void {
    this.#reports.set(node, { value, atMs: this.#clock.monotonicMs(), way });
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
