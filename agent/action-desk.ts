import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import type {
  Action,
  ActionResult,
  AttemptReport,
  Command,
  CommandAction,
  CommandName,
  Environment,
  UpdateAction,
} from "../schemas/generated/types.ts";
import { instantToMs } from "../schemas/wire/instant.ts";
import { AttemptReporter, type AttemptReporterOptions } from "./attempt-reporter.ts";
import { type ActionUnderWay, judgeAction } from "./judge-action.ts";
import type { ActionEnd, Envelope, JobEnd, NodeHost, UpdateJob } from "./node-host.ts";
import { emptyMemory, type NodeMemories, type NodeMemory } from "./node-memory.ts";

export interface ActionDeskOptions {
  readonly host: NodeHost;
  readonly memories: NodeMemories;
  readonly clock: Clock;
  readonly log: Log;
  readonly rememberedCommands: number;
  /** Something is to be said with a heartbeat. */
  beat(): void;
  /** New settings of heartbeats and reports. */
  paced(pace: { readonly poll?: number | undefined; readonly report?: number | undefined }): void;
  /** The environment, where the action has only its digest. Undefined: nobody told. */
  fetchEnvironment(): Promise<Environment | undefined>;
  fetchEnvelope(update: string, signal: AbortSignal): Promise<Envelope>;
  sendReport: AttemptReporterOptions["send"];
  /** The newest report of the attempt is another one. */
  progressed(): void;
}

interface Job extends ActionUnderWay {
  readonly abort: AbortController;
  readonly reporter: AttemptReporter;
  action: UpdateAction;
  readonly renewals: Set<(action: UpdateAction) => void>;
}

const endsWith = (outcome: ActionEnd["outcome"], reason?: string): ActionEnd => ({
  outcome,
  ...(reason !== undefined && { reason }),
});
const unsupported = endsWith("refused", "unsupported");

/** Takes what the manager wants of one node: each action once, and its outcome is durable before it is told. */
export class ActionDesk {
  readonly #options: ActionDeskOptions;
  #memory: NodeMemory = emptyMemory;
  #underWay: ActionUnderWay | undefined;
  #job: Job | undefined;
  /** The job that ended last: what `/update` shows. */
  #ended: AttemptReport | undefined;
  #stores: Promise<void> = Promise.resolve();
  #isStopped: boolean = false;

  constructor(options: ActionDeskOptions) {
    this.#options = options;
  }

  get lastRev(): number {
    return this.#memory.lastRev;
  }

  /** To be said until it was heard. */
  get result(): ActionResult | undefined {
    return this.#memory.result;
  }

  get attempt(): AttemptReport | undefined {
    return this.#job?.reporter.newest ?? this.#ended;
  }

  /** Reads what is kept, and goes on with a job of an earlier life. Rejects when it can't be read. */
  async start(): Promise<void> {
    const { host, memories } = this.#options;
    this.#isStopped = false;
    this.#underWay = undefined;
    this.#job = undefined;
    this.#memory = (await memories.load(host.id)) ?? emptyMemory;
    const { job } = this.#memory;
    if (job !== undefined && job.rev > this.#memory.lastRev) this.#begin(job, true);
  }

  stop(): void {
    this.#isStopped = true;
    this.#job?.abort.abort("stopping" satisfies JobEnd);
  }

  /** A command that came another way than the queue, such as MQTT: done once as well, by its id. */
  async takeCommand({ command, id = "", expires }: Command): Promise<ActionEnd> {
    const { clock, host, log } = this.#options;
    if (id === "") return endsWith("refused", "no-id");
    if (this.#memory.commands.includes(id)) return endsWith("done");
    const expiresAtMs = expires === undefined ? undefined : instantToMs(expires);
    if (expiresAtMs !== undefined && expiresAtMs <= clock.wallMs()) return endsWith("refused", "expired");
    try {
      return await this.#perform(command, id, {});
    } catch (error) {
      log.error("command-failed", { node: host.id, command, error });
      return endsWith("failed", "internal");
    }
  }

  /** Somebody here wants the update under way to end. */
  cancelUpdate(): void {
    this.#job?.abort.abort("cancelled" satisfies JobEnd);
  }

  /** A heartbeat with this result was answered. */
  heard(result: ActionResult): void {
    if (this.#memory.result !== result) return;
    const { result: _, ...rest } = this.#memory;
    // Not worth a write of its own: said twice it is taken once.
    this.#memory = rest;
  }

  /** `later`: not now; the manager offers it again. */
  take(action: Action): "taken" | "later" {
    const { clock, log, beat, host } = this.#options;
    const verdict = judgeAction(this.#memory, this.#underWay, action, clock.wallMs());
    switch (verdict) {
      case "nothing":
        return "taken";
      case "later":
        return "later";
      case "repeat":
        this.#repeat(action.rev);
        beat();
        return "taken";
      case "skip":
        this.#run(action, () => Promise.resolve(undefined));
        return "taken";
      case "cancel":
        this.#job?.abort.abort("cancelled" satisfies JobEnd);
        return "taken";
      case "replace":
        this.#job?.abort.abort("replaced" satisfies JobEnd);
        return "later";
      case "renew":
        this.#renewed(action as UpdateAction);
        return "taken";
      case "known":
        this.#run(action, () => Promise.resolve(endsWith("done")));
        return "taken";
      case "expired":
        this.#run(action, () => Promise.resolve(endsWith("refused", "expired")));
        return "taken";
      case "act":
        log.info("action", { node: host.id, rev: action.rev, kind: action.kind });
        if (action.kind === "update") this.#accept(action);
        else this.#run(action, () => this.#act(action));
        return "taken";
    }
  }

  /** The outcome of the last one is known, those of earlier ones were said long ago. */
  #repeat(rev: number): void {
    const { lastRev, result } = this.#memory;
    if (rev === lastRev && result === undefined) this.#memory = { ...this.#memory, result: { rev, outcome: "done" } };
  }

  #run(action: Action, perform: () => Promise<ActionEnd | undefined>): void {
    this.#underWay = { rev: action.rev, kind: action.kind };
    this.#ending(action.rev, perform());
  }

  #ending(rev: number, end: Promise<ActionEnd | undefined>): void {
    const { host, log } = this.#options;
    end
      .catch((error: unknown) => {
        log.error("action-failed", { node: host.id, rev, error });
        return endsWith("failed", "internal");
      })
      .then(async (how) => {
        // Also when the next life has begun already: then it goes on there.
        if (how === stopping) return;
        await this.#finish(rev, how);
      })
      .catch((error: unknown) => log.error("action-not-stored", { node: host.id, rev, error }));
  }

  /** An outcome that couldn't be stored is told all the same: the manager then knows more than this node after its next start. */
  async #finish(rev: number, how: ActionEnd | undefined): Promise<void> {
    const { job: _, ...rest } = this.#memory;
    this.#memory = {
      ...rest,
      lastRev: Math.max(rev, rest.lastRev),
      ...(how !== undefined && { result: { rev, ...how } }),
    };
    try {
      await this.#store();
    } finally {
      this.#underWay = undefined;
      this.#ended = this.#job?.reporter.newest ?? this.#ended;
      this.#job = undefined;
      if (!this.#isStopped) this.#options.beat();
    }
  }

  #store(): Promise<void> {
    const { host, memories } = this.#options;
    const memory = this.#memory;
    const stored = this.#stores.then(() => memories.store(host.id, memory));
    this.#stores = stored.catch(() => undefined);
    return stored;
  }

  async #act(action: Exclude<Action, UpdateAction>): Promise<ActionEnd | undefined> {
    const { host, paced } = this.#options;
    switch (action.kind) {
      case "none":
        return undefined;
      case "environment": {
        const environment = action.environment ?? (await this.#options.fetchEnvironment());
        if (environment === undefined) return endsWith("failed", "no-environment");
        paced(environment);
        return (await host.environment?.(environment)) ?? endsWith("done");
      }
      case "config": {
        paced(action.config);
        const { poll: _, report: __, ...rest } = action.config;
        if (Object.keys(rest).length === 0) return endsWith("done");
        return (await host.configure?.(action.config)) ?? unsupported;
      }
      case "command":
        return await this.#command(action);
    }
  }

  async #command({ rev, command, id }: CommandAction): Promise<ActionEnd> {
    const isEnding = command === "restart" || command === "terminate";
    const isDone = isEnding && this.#options.host.command !== undefined;
    return await this.#perform(command, id, isDone ? { lastRev: rev, result: { rev, outcome: "done" } } : {});
  }

  /** Stored before it acts, with what else is true by then: whatever power does in between, it isn't done twice. */
  async #perform(
    command: CommandName,
    id: string,
    also: Pick<NodeMemory, "result"> | Pick<NodeMemory, "lastRev" | "result">,
  ): Promise<ActionEnd> {
    const { host, rememberedCommands } = this.#options;
    const before = this.#memory;
    this.#memory = { ...before, commands: [...before.commands, id].slice(-rememberedCommands), ...also };
    try {
      await this.#store();
    } catch {
      this.#memory = before;
      return endsWith("failed", "not-stored");
    }
    if (command === "query-status") {
      this.#options.beat();
      if (host.command === undefined) return endsWith("done");
    }
    if (command === "boot-previous") return endsWith("refused", "needs-a-signed-authorisation");
    return (await host.command?.(command, id)) ?? unsupported;
  }

  #accept(action: UpdateAction): void {
    if (this.#options.host.update === undefined) {
      this.#run(action, () => Promise.resolve(unsupported));
      return;
    }
    this.#memory = { ...this.#memory, job: action };
    this.#begin(action, false);
  }

  #begin(action: UpdateAction, isResumed: boolean): void {
    const { host, clock, log, progressed, sendReport } = this.#options;
    const { update, attempt, rev } = action;
    const job: Job = {
      rev,
      kind: "update",
      action,
      abort: new AbortController(),
      renewals: new Set(),
      reporter: new AttemptReporter({ clock, log, update, attempt, send: sendReport, changed: progressed }),
    };
    this.#job = job;
    this.#underWay = job;
    const work = async (): Promise<ActionEnd> => {
      // Before the first report: a manager that hears of it must find it again after a restart.
      if (!isResumed) await this.#store();
      const end = (await host.update?.(this.#asked(job, isResumed))) ?? unsupported;
      job.reporter.stop();
      const why = job.abort.signal.aborted ? (job.abort.signal.reason as JobEnd) : undefined;
      if (why === "stopping" && end.outcome === "cancelled") return stopping;
      return why !== undefined && end.outcome === "cancelled" ? endsWith("cancelled", why) : end;
    };
    this.#ending(rev, work());
  }

  #asked(job: Job, isResumed: boolean): UpdateJob {
    const { signal } = job.abort;
    return {
      get action() {
        return job.action;
      },
      signal,
      isResumed,
      report: (progress) => job.reporter.report(progress),
      envelope: () => this.#options.fetchEnvelope(job.action.update, signal),
      renew: () =>
        new Promise((resolve, reject) => {
          const onAbort = (): void => {
            job.renewals.delete(renewed);
            reject(new Error(`The attempt is ${String(signal.reason)}.`));
          };
          const renewed = (action: UpdateAction): void => {
            signal.removeEventListener("abort", onAbort);
            resolve(action);
          };
          if (signal.aborted) {
            onAbort();
            return;
          }
          signal.addEventListener("abort", onAbort, { once: true });
          job.renewals.add(renewed);
          this.#options.beat();
        }),
    };
  }

  #renewed(action: UpdateAction): void {
    const job = this.#job;
    if (job === undefined) return;
    job.action = action;
    for (const renewed of job.renewals) renewed(action);
    job.renewals.clear();
  }
}

/** Told apart from an end of the attempt: the job goes on with the next start. */
const stopping: ActionEnd = { outcome: "cancelled", reason: "stopping" };
