import type { CoapResponse } from "../coap/client-types.ts";
import { Code, codeText } from "../coap/message.ts";
import type { Clock, Timer } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import type { Log } from "../kernel/log.ts";
import { StateMachine } from "../kernel/state-machine.ts";
import type { Action, AttemptReport, Environment, StatusReport } from "../schemas/generated/types.ts";
import { cborFormat, decode, encode } from "../schemas/wire/codec.ts";
import type { NodeId } from "../schemas/wire/node-id.ts";
import { managerPath, queryNames } from "../schemas/wire/paths.ts";
import { senmlJsonFormat } from "../schemas/wire/senml.ts";
import { ActionDesk } from "./action-desk.ts";
import { type AgentLimits, agentTimes } from "./agent-limits.ts";
import type { ManagerLink } from "./manager-link.ts";
import type { Envelope, NodeHost } from "./node-host.ts";
import { type NodeLife, type NodeLifeEffect, type NodeLifeEvent, nodeLife, nodeLifeOff } from "./node-life.ts";
import type { NodeMemories } from "./node-memory.ts";

export interface NodeSpeakerOptions {
  readonly host: NodeHost;
  /** The gateway, of a child. */
  readonly parent?: NodeId | undefined;
  readonly link: ManagerLink;
  readonly memories: NodeMemories;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly limits: AgentLimits;
  /** Health, metrics or the attempt changed: who observes them is told. */
  changed(what: "health" | "update"): void;
}

/** What the manager says to a wish for an update: `wait` says that it may be asked again. */
export interface InstallAnswer {
  readonly kind: "begun" | "wait" | "refused";
  /** In the manager's words; empty where it began. */
  readonly reason?: string;
}

const seconds = (maxAge: number | undefined): number => (maxAge ?? 0) * 1000;

/** Speaks for one node: registers it, sends its heartbeats, takes its actions. */
export class NodeSpeaker {
  readonly desk: ActionDesk;
  readonly #options: NodeSpeakerOptions;
  readonly #life: StateMachine<NodeLife, NodeLifeEvent, NodeLifeEffect>;
  #timer: Timer | undefined;
  #era = new AbortController();
  #needsEnvironment: boolean = true;
  #saidUnreachable: boolean = false;
  reportSeconds: number = agentTimes.defaultReportSeconds;

  constructor(options: NodeSpeakerOptions) {
    this.#options = options;
    const { host, log } = options;
    this.#life = new StateMachine({
      transition: nodeLife,
      initial: nodeLifeOff,
      perform: (effect) => this.#perform(effect),
      failed: (error, effect) => log.error("agent-effect-failed", { node: host.id, effect: effect.kind, error }),
    });
    this.desk = new ActionDesk({
      ...options,
      rememberedCommands: options.limits.rememberedCommands,
      beat: () => this.#life.dispatch({ kind: "beat-wanted" }),
      paced: (pace) => this.#pace(pace),
      fetchEnvironment: () => this.#fetchEnvironment(),
      fetchEnvelope: (update, signal) => this.#fetchEnvelope(update, signal),
      sendReport: (report) => this.#sendReport(report),
      progressed: () => options.changed("update"),
    });
  }

  get host(): NodeHost {
    return this.#options.host;
  }

  get isRegistered(): boolean {
    return this.#life.state.kind === "registered";
  }

  async start(): Promise<void> {
    this.#era = new AbortController();
    await this.desk.start();
    this.#life.dispatch({ kind: "start" });
  }

  stop(): void {
    this.desk.stop();
    this.#life.dispatch({ kind: "stop" });
  }

  /** What the registration says changed: version, digest, capabilities. */
  registerAgain(): void {
    this.#life.dispatch({ kind: "changed" });
  }

  /** Its health changed: said now, not at the next heartbeat. */
  beat(): void {
    this.#life.dispatch({ kind: "beat-wanted" });
    this.#options.changed("health");
  }

  /** The report with what the agent knows. */
  report(): StatusReport {
    const { host } = this.#options;
    const { lastRev, result } = this.desk;
    return { ...host.report(), lastRev, ...(result !== undefined && { result }) };
  }

  /** Asks the manager for an update that nobody offered. Never rejects. */
  async install(update: string): Promise<InstallAnswer> {
    const { link, log, host } = this.#options;
    try {
      const response = await link.ask({
        method: "POST",
        path: managerPath("updateInstall", { update }),
        child: this.#child,
        accept: cborFormat,
        timeoutMs: agentTimes.requestMs,
        signal: this.#era.signal,
      });
      if (response.code === Code.changed) {
        // Without an action it runs that already.
        if (response.payload.length > 0) this.#offered(response);
        return { kind: "begun" };
      }
      const reason = textOf(response) || codeText(response.code);
      return { kind: response.code === Code.serviceUnavailable ? "wait" : "refused", reason };
    } catch (error) {
      log.debug("install-unanswered", { node: host.id, error });
      return { kind: "wait", reason: "the manager doesn't answer" };
    }
  }

  /** Telemetry without MQTT: a pack of SenML JSON. False: the manager didn't take it. Never rejects. */
  async telemetry(senml: Uint8Array): Promise<boolean> {
    const { link, log, host } = this.#options;
    if (!this.isRegistered) return false;
    try {
      const response = await link.ask({
        method: "POST",
        path: managerPath("nodeTelemetry", { node: host.id }),
        payload: senml,
        contentFormat: senmlJsonFormat,
        timeoutMs: agentTimes.requestMs,
        signal: this.#era.signal,
      });
      return response.code >> 5 === 2;
    } catch (error) {
      log.debug("telemetry-unanswered", { node: host.id, error });
      return false;
    }
  }

  #perform(effect: NodeLifeEffect): void {
    const { clock, entropy, host } = this.#options;
    if (effect.kind === "lost") {
      host.lost?.();
      return;
    }
    this.#timer?.cancel();
    switch (effect.kind) {
      case "register":
        this.#needsEnvironment = true;
        this.#following(this.#register(), { kind: "not-registered" });
        return;
      case "beat":
        this.#following(this.#beat(), { kind: "beat-missed" });
        return;
      case "wait": {
        const delayMs = effect.ms * (1 - effect.jitter * entropy.fraction());
        this.#timer = clock.after(delayMs, () => this.#life.dispatch({ kind: "due" }));
        return;
      }
      case "end":
        this.#era.abort(new Error("The agent stops."));
    }
  }

  /** What comes of a request, unless the life that asked for it is over. */
  #following(work: Promise<NodeLifeEvent>, failure: NodeLifeEvent): void {
    const { host, log } = this.#options;
    const { signal } = this.#era;
    work.then(
      (event) => {
        this.#saidUnreachable = false;
        if (!signal.aborted) this.#life.dispatch(event);
      },
      (error: unknown) => {
        if (signal.aborted) return;
        // What the host says breaks its schema: that is ours to mend, and no fault of the way.
        if (error instanceof TypeError) log.error("report-invalid", { node: host.id, error });
        else this.#unreachable(error);
        this.#life.dispatch(failure);
      },
    );
  }

  /** Said aloud once, until it answers: a gateway that never reaches its manager must not look as if all were well. */
  #unreachable(error: unknown): void {
    const { host, parent, log } = this.#options;
    const about = { node: host.id, error: error instanceof Error ? error.message : String(error) };
    if (this.#saidUnreachable || parent !== undefined) log.debug("manager-unreachable", about);
    else
      log.warn("manager-unreachable", {
        ...about,
        next: "check the manager's address, and that it runs; it is asked again by itself",
      });
    this.#saidUnreachable = true;
  }

  async #register(): Promise<NodeLifeEvent> {
    const { host, parent, link, log } = this.#options;
    const manifest = {
      ...host.manifest(),
      id: host.id,
      lastRev: this.desk.lastRev,
      ...(parent !== undefined && { parent }),
    };
    const response = await link.ask({
      method: "POST",
      path: managerPath("register"),
      payload: encode("node-manifest", manifest, cborFormat),
      contentFormat: cborFormat,
      accept: cborFormat,
      timeoutMs: agentTimes.requestMs,
      signal: this.#era.signal,
    });
    if (response.code === Code.created || response.code === Code.changed) {
      const answer = decode("registration-answer", response.payload, response.contentFormat ?? cborFormat);
      const pollSeconds = answer.ok ? answer.value.poll : agentTimes.defaultPollSeconds;
      log.info("registered", { node: host.id, poll: pollSeconds });
      host.registered?.();
      return { kind: "registered", pollSeconds };
    }
    log.warn("registration-refused", { node: host.id, code: codeText(response.code), text: textOf(response) });
    return { kind: "not-registered", afterMs: seconds(response.maxAge) };
  }

  async #beat(): Promise<NodeLifeEvent> {
    const { host, link, log } = this.#options;
    const { lastRev } = this.desk;
    const report = this.report();
    const response = await link.ask({
      method: "POST",
      path: managerPath("status"),
      queries: [`${queryNames.rev}=${lastRev}`],
      child: this.#child,
      payload: encode("status-report", report, cborFormat),
      contentFormat: cborFormat,
      accept: cborFormat,
      timeoutMs: agentTimes.requestMs,
      signal: this.#era.signal,
    });
    if (response.code === Code.notFound) return { kind: "forgotten" };
    if (response.code >> 5 !== 2) {
      log.warn("heartbeat-refused", { node: host.id, code: codeText(response.code), text: textOf(response) });
      // It answered, so it is there: what it can't do now it says the time of.
      const isBusy = response.code === Code.serviceUnavailable || response.code === Code.tooManyRequests;
      return isBusy ? { kind: "beat-answered", afterMs: seconds(response.maxAge) } : { kind: "beat-missed" };
    }
    if (report.result !== undefined) this.desk.heard(report.result);
    if (response.payload.length > 0) this.#offered(response);
    if (this.#needsEnvironment) this.#adoptEnvironment();
    return { kind: "beat-answered" };
  }

  #offered(response: CoapResponse): void {
    const { host, log } = this.#options;
    const action = decode("action", response.payload, response.contentFormat ?? cborFormat);
    if (action.ok) this.desk.take(action.value as Action);
    else log.warn("action-unreadable", { node: host.id, ...action.fault });
  }

  /** A child has none of its own: its gateway's broker, topics and times are its too. */
  #adoptEnvironment(): void {
    const { host, parent, log } = this.#options;
    if (parent !== undefined) {
      this.#needsEnvironment = false;
      return;
    }
    this.#fetchEnvironment()
      .then(async (environment) => {
        if (environment === undefined) return;
        this.#needsEnvironment = false;
        this.#pace(environment);
        await host.environment?.(environment);
      })
      .catch((error: unknown) => log.warn("environment-unread", { node: host.id, error }));
  }

  async #fetchEnvironment(): Promise<Environment | undefined> {
    const { host, parent, link, log } = this.#options;
    if (parent !== undefined) return undefined;
    const response = await link.ask({
      method: "GET",
      path: managerPath("environment"),
      accept: cborFormat,
      timeoutMs: agentTimes.requestMs,
      signal: this.#era.signal,
    });
    if (response.code !== Code.content) {
      log.warn("environment-refused", { node: host.id, code: codeText(response.code), text: textOf(response) });
      return undefined;
    }
    const decoded = decode("environment", response.payload, response.contentFormat ?? cborFormat);
    if (decoded.ok) return decoded.value;
    log.warn("environment-unreadable", { node: host.id, ...decoded.fault });
    return undefined;
  }

  async #fetchEnvelope(update: string, signal: AbortSignal): Promise<Envelope> {
    try {
      const response = await this.#options.link.ask({
        method: "GET",
        path: managerPath("updateManifest", { update }),
        child: this.#child,
        timeoutMs: agentTimes.requestMs,
        signal,
        maxResponseBody: this.#options.limits.manifestBytes,
      });
      if (response.code === Code.content) return { kind: "envelope", bytes: response.payload };
      const kind = response.code >> 5 === 4 && response.code !== Code.tooManyRequests ? "refused" : "unreachable";
      return { kind, reason: `coap-${codeText(response.code)}` };
    } catch (error) {
      signal.throwIfAborted();
      this.#options.log.debug("manifest-unreachable", { update, error });
      return { kind: "unreachable", reason: "no-answer" };
    }
  }

  async #sendReport(report: AttemptReport): Promise<"taken" | "refused" | "unanswered"> {
    const { link, log, host } = this.#options;
    try {
      const response = await link.ask({
        method: "PUT",
        path: managerPath("updateStatus", { update: report.update ?? "" }),
        child: this.#child,
        payload: encode("attempt-report", report, cborFormat),
        contentFormat: cborFormat,
        timeoutMs: agentTimes.requestMs,
        signal: this.#era.signal,
      });
      if (response.code >> 5 === 2) return "taken";
      // Before a new life of the manager knows the node again nothing can be said of its attempt.
      if (response.code === Code.notFound && !this.isRegistered) return "unanswered";
      return response.code >> 5 === 4 ? "refused" : "unanswered";
    } catch (error) {
      log.debug("attempt-report-unanswered", { node: host.id, error });
      return "unanswered";
    }
  }

  get #child(): NodeId | undefined {
    return this.#options.parent === undefined ? undefined : this.#options.host.id;
  }

  #pace({ poll, report }: { readonly poll?: number | undefined; readonly report?: number | undefined }): void {
    if (report !== undefined) this.reportSeconds = report;
    if (poll !== undefined) this.#life.dispatch({ kind: "poll", seconds: poll });
  }
}

function textOf({ payload }: CoapResponse): string {
  return new TextDecoder().decode(payload.subarray(0, 160));
}
