import type { Clock } from "../../kernel/clock.ts";
import type { CommandAnswer, NodeManifest, StatusReport } from "../../schemas/generated/types.ts";
import type { Finish, QueueEntry } from "../domain/action-queue.ts";
import { alertThresholds, type NodeFacts } from "../domain/alert-rules.ts";
import { isEnded } from "../domain/attempt-machine.ts";
import { reconcile } from "../domain/reconciliation.ts";
import type { ActionQueues } from "./action-queues.ts";
import type { AlertService } from "./alert-service.ts";
import type { AttemptBook } from "./attempt-book.ts";
import type { AttemptRecord } from "./attempt-record.ts";
import type { AttemptService } from "./attempt-service.ts";
import type { CommandService } from "./command-service.ts";
import { whatOf } from "./desired-state.ts";
import { type FleetTable, nodeFlags } from "./fleet-table.ts";
import type { HealthBook } from "./health-book.ts";
import type { IntentBook } from "./intent-book.ts";
import type { LiveEventBus } from "./live-event-bus.ts";
import type { ModeService } from "./mode-service.ts";
import type { MqttBridge } from "./mqtt-bridge.ts";
import type { NodeTimeline } from "./node-timeline.ts";
import type { Nudger } from "./nudger.ts";
import type { StorageWriter } from "./storage-writer.ts";
import type { UpdateService } from "./update-service.ts";

export interface NodeReactionsOptions {
  readonly fleet: FleetTable;
  readonly clock: Clock;
  readonly writer: StorageWriter;
  readonly timeline: NodeTimeline;
  readonly bus: LiveEventBus;
  readonly health: HealthBook;
  readonly queues: ActionQueues;
  readonly book: AttemptBook;
  readonly attempts: AttemptService;
  readonly updates: UpdateService;
  readonly commands: CommandService;
  readonly modes: ModeService;
  readonly intents: IntentBook;
  readonly alerts: AlertService;
  readonly nudger: Nudger;
  readonly bridge: MqttBridge;
  readonly attemptBudget: number;
  pollSeconds(): number;
  /** A report was kept that isn't steady: the first of a node since the start is one. */
  kept(node: string): void;
  /** It says which image it went back from, in each registration. */
  toldRollBack(node: string, lastRev: number, rolledBack: NonNullable<NodeManifest["rolledBack"]>): void;
  /** The node said in which phase it is. */
  phased(node: string, phase: string): void;
  /** What it said of its phase asks for nothing. */
  isPhaseSettled(node: string): boolean;
  attemptOver(node: string, attempt: string): void;
}

/** What one event about a node sets off in several services. */
export class NodeReactions {
  readonly #options: NodeReactionsOptions;
  readonly #disagreements = new Map<string, string>();
  readonly #brokerLostAtMs = new Map<string, number>();

  constructor(options: NodeReactionsOptions) {
    this.#options = options;
  }

  /** Nodes that are alive without a broker connection. */
  brokerLost(): Iterable<string> {
    return this.#brokerLostAtMs.keys();
  }

  /** Desired digest against running digest. Rejects when storage failed: the node registers again then. */
  async registered(node: string, manifest: NodeManifest): Promise<void> {
    const { attempts, book, intents, updates, clock, alerts, attemptBudget } = this.#options;
    const open = book.openOf(node);
    if (open !== undefined) {
      await attempts.apply(open.record.id, {
        kind: "running",
        digest: manifest.digest,
        isConfirmed: manifest.confirmed === true,
        rolledBack: manifest.rolledBack,
        lastRev: manifest.lastRev,
        nowMs: clock.wallMs(),
      });
    }
    if (manifest.rolledBack !== undefined) this.#options.toldRollBack(node, manifest.lastRev ?? 0, manifest.rolledBack);
    const { desired } = intents.of(node);
    const last = desired && book.get(desired.attempt)?.record;
    const verdict = reconcile(
      desired,
      last && { state: last.progress.state, tries: book.tries(node, last.progress.digest) },
      {
        digest: manifest.digest,
        isConfirmed: manifest.confirmed === true,
        lastRev: manifest.lastRev ?? 0,
        rolledBackDigest: manifest.rolledBack?.digest,
      },
      attemptBudget,
    );
    if (verdict.kind === "disagrees") this.#disagreements.set(node, verdict.why);
    else this.#disagreements.delete(node);
    if (verdict.kind === "offer-again" && desired !== undefined) await updates.offerAgain(desired.update, node);
    alerts.refresh(node);
  }

  removed(node: string): void {
    this.#disagreements.delete(node);
    this.#brokerLostAtMs.delete(node);
  }

  /** A status report, on whatever way it came. */
  reported(node: string, report: StatusReport, way: "put" | "beat" | "observed" | "mqtt"): void {
    const { health, alerts, bus, bridge, timeline, queues, writer } = this.#options;
    const before = health.latest(node)?.value;
    // Early code says a part in each report; what it doesn't say again is kept no longer than the report.
    health.put(node, report, way);
    this.#options.kept(node);
    if (report.bootCount !== undefined) alerts.booted(node, report.bootCount, report.resetReason);
    this.#checkRunning(node, report);
    // Only a report can carry a result; a heartbeat has acknowledged its own already.
    if (way !== "beat" && report.lastRev !== undefined) {
      const acknowledged = queues.acknowledge(node, report.lastRev, report.result);
      if (acknowledged !== undefined) writer.behind("acknowledge", acknowledged);
      const applied = report.result && this.resulted(node, report.result);
      if (applied !== undefined) writer.behind("result", applied);
    }
    if (report.status !== undefined) {
      bus.emit({ kind: "health", node, status: report.status });
      // The first word after a start is no change, unless it is a bad one.
      const last = before?.status ?? "healthy";
      if (last !== report.status) timeline.note(node, "health", { status: report.status });
    }
    if (report.phase !== undefined) this.#options.phased(node, report.phase);
    alerts.refresh(node);
    if (way !== "mqtt") bridge.reported(node, report);
  }

  /**
   * Whether a heartbeat's report says the same as the node's last one but for figures, and nothing is open about the node that a report
   * could move. Then `tookSteady` is all that `reported` would do. Changes nothing.
   */
  isSteady(node: string, bytes: Uint8Array, start: number, end: number, nowMs: number): boolean {
    const { health, alerts, book, intents, bridge } = this.#options;
    if (!health.findSteady(node, bytes, start, end)) return false;
    if (health.freeHeap >= 0 && health.freeHeap < alertThresholds.lowHeapClearBytes) return false;
    if (this.#disagreements.size > 0 && this.#disagreements.has(node)) return false;
    if (this.#brokerLostAtMs.size > 0 && this.#brokerLostAtMs.has(node)) return false;
    return (
      alerts.isCalm(node) &&
      book.openOf(node) === undefined &&
      intents.isOperational(node) &&
      this.#options.isPhaseSettled(node) &&
      !bridge.wantsReport(node, nowMs)
    );
  }

  /** The report that was found steady, in the same turn. */
  tookSteady(node: string, nowMs: number): void {
    const { health, bus } = this.#options;
    health.takeSteady(nowMs);
    if (health.status !== undefined) bus.emit({ kind: "health", node, status: health.status });
  }

  /**
   * How an update ended, told to its attempt by rev and not only through the queue: when the manager ends between its two writes,
   * the queue has forgotten the rev, and the node says the result again.
   */
  resulted(node: string, { rev, outcome, reason }: NonNullable<StatusReport["result"]>): Promise<unknown> | undefined {
    const { book, attempts, clock } = this.#options;
    const open = book.openOf(node)?.record;
    if (open === undefined || open.progress.rev !== rev) return undefined;
    return attempts.apply(open.id, { kind: "finished", outcome, reason, nowMs: clock.wallMs() });
  }

  /** Success means one thing, and any report may bring it: confirmed, and the digest runs. */
  #checkRunning(node: string, { digest, confirmed, lastRev }: StatusReport): void {
    const { book, attempts, intents, writer, clock } = this.#options;
    if (digest === undefined) return;
    if (intents.of(node).desired?.digest === digest) this.#disagreements.delete(node);
    const open = book.openOf(node)?.record;
    if (open === undefined || open.progress.digest !== digest) return;
    const event = {
      kind: "running",
      digest,
      isConfirmed: confirmed === true,
      lastRev,
      nowMs: clock.wallMs(),
    } as const;
    writer.behind("running", attempts.apply(open.id, event));
  }

  /** Entries of the queue that ended. */
  queueEnded(node: string, finishes: readonly Finish[], how: "finished" | "expired"): void {
    const { attempts, commands, timeline, bus, writer, clock, fleet } = this.#options;
    for (const finish of finishes) {
      const { entry, outcome, reason } = finish;
      const { rev, body } = entry;
      if (entry.state === "cancelled" || entry.state === "expired") {
        commands.ended(node);
        continue;
      }
      const state = how === "expired" ? "expired" : outcome;
      timeline.note(node, "action-ended", { rev, what: whatOf(body), state, reason });
      bus.emit({ kind: "action", node, rev, what: whatOf(body), state, ...(reason !== undefined && { reason }) });
      if (body.kind === "command") commands.ended(node);
      if (body.kind === "update") {
        const event = { kind: "finished", outcome, reason, nowMs: clock.wallMs() } as const;
        writer.behind("finished", attempts.apply(body.attempt, event));
      }
      if (body.kind === "environment" && outcome === "done") {
        const row = fleet.find(node);
        if (row !== -1) fleet.rows.columns.pollSeconds[row] = this.#options.pollSeconds();
      }
    }
  }

  /** An action was replaced unsent, or cancelled. */
  abandoned(node: string, entry: QueueEntry, why: "superseded" | "cancelled"): void {
    const { attempts, commands, writer, clock } = this.#options;
    if (entry.body.kind === "command") commands.ended(node);
    if (entry.body.kind !== "update") return;
    const event = { kind: "cancelled", reason: why, nowMs: clock.wallMs() } as const;
    writer.behind("abandoned", attempts.apply(entry.body.attempt, event));
  }

  attemptEnded(record: AttemptRecord, byManager: boolean): void {
    const { queues, writer, modes, alerts, bus, nudger } = this.#options;
    const { node, id, update, progress } = record;
    this.#options.attemptOver(node, id);
    // A node that is still at it hears `none` for that rev; one that ended it itself needs nothing.
    const isIts = ({ body }: QueueEntry): boolean => body.kind === "update" && body.attempt === id;
    const quiet = byManager ? queues.cancel(node, isIts).then(() => nudger.nudge(node)) : queues.drop(node, isIts);
    writer.behind("attempt-ended", quiet);
    writer.behind("leave-maintenance", modes.leave(node, update));
    if (progress.state === "succeeded") this.#disagreements.delete(node);
    alerts.refresh(node);
    bus.emit({ kind: "update", update, nodes: [node] });
  }

  /** A command was answered on MQTT. */
  answered(node: string, { id, result, reason }: CommandAnswer): void {
    const { queues, commands, timeline, bus, writer } = this.#options;
    const entry = queues.known(node)?.entries.find(({ body }) => body.kind === "command" && body.id === id);
    if (entry === undefined) return;
    const how = { outcome: result, ...(reason !== undefined && { reason }) };
    const dropped = queues.drop(node, ({ rev }) => rev === entry.rev, how);
    writer.behind(
      "command-answered",
      dropped.then(() => commands.ended(node)),
    );
    timeline.note(node, "action-ended", { rev: entry.rev, what: whatOf(entry.body), state: result, reason });
    bus.emit({ kind: "action", node, rev: entry.rev, what: whatOf(entry.body), state: result });
  }

  connection(node: string, state: "connected" | "disconnected" | "lost", suspect: (row: number) => void): void {
    const { fleet, clock, timeline, bus, alerts } = this.#options;
    const row = fleet.find(node);
    if (row === -1) return;
    const isConnected = state === "connected";
    fleet.set(row, nodeFlags.onBroker, isConnected);
    if (isConnected) {
      fleet.set(row, nodeFlags.usesBroker, true);
      this.#brokerLostAtMs.delete(node);
    } else if (!this.#brokerLostAtMs.has(node)) this.#brokerLostAtMs.set(node, clock.monotonicMs());
    if (state === "lost") suspect(row);
    timeline.note(node, `broker-${state}`);
    bus.emit({ kind: "broker", node, state });
    alerts.refresh(node);
  }

  facts(node: string): Omit<NodeFacts, "recentBoots"> | undefined {
    const { fleet, health, intents, book, clock } = this.#options;
    const row = fleet.find(node);
    if (row === -1) return undefined;
    const report = health.latest(node)?.value;
    const lostAtMs = this.#brokerLostAtMs.get(node);
    const newest = book.newestOfNode(node)?.record;
    const isOver = newest !== undefined && isEnded(newest.progress.state);
    return {
      presence: fleet.presence(row),
      isInMaintenance: intents.of(node).mode !== undefined || report?.phase === "maintenance",
      status: report?.status,
      freeHeap: report?.freeHeap,
      brokerLostMs: lostAtMs === undefined ? undefined : clock.monotonicMs() - lostAtMs,
      lastAttempt: isOver
        ? { state: newest.progress.state, reason: newest.progress.reason, update: newest.update }
        : undefined,
      disagreement: this.#disagreements.get(node),
    };
  }
}
