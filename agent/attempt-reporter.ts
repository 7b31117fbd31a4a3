import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import type { AttemptReport } from "../schemas/generated/types.ts";
import { agentTimes } from "./agent-limits.ts";

export interface AttemptReporterOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly update: string;
  readonly attempt: string;
  /** `refused`: the manager won't have it: the attempt is over, or further than that. */
  send(report: AttemptReport): Promise<"taken" | "refused" | "unanswered">;
  /** The newest report is another one. */
  changed(): void;
}

const percentStep = 5;

/**
 * Tells the manager where an attempt is: each state, and inside one at most once a second or at every 5 %. A report that was not
 * answered is said again with the next one, and after a while by itself when it was of another state.
 */
export class AttemptReporter {
  readonly #options: AttemptReporterOptions;
  #newest: AttemptReport | undefined;
  #said: AttemptReport | undefined;
  #saidAtMs = 0;
  #isSending: boolean = false;
  #isOver: boolean = false;

  constructor(options: AttemptReporterOptions) {
    this.#options = options;
  }

  get newest(): AttemptReport | undefined {
    return this.#newest;
  }

  report(progress: Omit<AttemptReport, "attempt" | "update">): void {
    const { update, attempt } = this.#options;
    this.#newest = { ...progress, update, attempt };
    this.#options.changed();
    this.#pump();
  }

  /** From now on nothing is said. */
  stop(): void {
    this.#isOver = true;
  }

  #pump(): void {
    const { log } = this.#options;
    const report = this.#newest;
    if (this.#isSending || this.#isOver || report === undefined || !this.#isWorthSaying(report)) return;
    this.#isSending = true;
    this.#options.send(report).then(
      (verdict) => this.#sent(report, verdict),
      (error: unknown) => {
        log.warn("attempt-report-failed", { attempt: report.attempt, error });
        this.#sent(report, "unanswered");
      },
    );
  }

  #sent(report: AttemptReport, verdict: "taken" | "refused" | "unanswered"): void {
    const { clock, log } = this.#options;
    this.#isSending = false;
    if (verdict === "unanswered") {
      clock.after(agentTimes.progressMs, () => this.#pump());
    } else {
      // What the manager won't hear, such as a step back, it won't hear a second time; later ones it may.
      if (verdict === "refused") log.info("attempt-report-refused", { attempt: report.attempt, state: report.state });
      this.#said = report;
      this.#saidAtMs = clock.monotonicMs();
      this.#pump();
    }
  }

  #isWorthSaying(report: AttemptReport): boolean {
    const said = this.#said;
    if (said === undefined || said.state !== report.state || said.reason !== report.reason) return true;
    if (said === report) return false;
    if ((report.percent ?? 0) - (said.percent ?? 0) >= percentStep || (report.percent === 100 && said.percent !== 100))
      return true;
    return this.#options.clock.monotonicMs() - this.#saidAtMs >= agentTimes.progressMs;
  }
}
