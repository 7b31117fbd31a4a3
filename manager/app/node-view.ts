import type { Clock } from "../../kernel/clock.ts";
import { isOpen } from "../domain/action-queue.ts";
import type { ActionQueues } from "./action-queues.ts";
import type { Labels } from "./api/operators.ts";
import type { NodeView, PresenceView } from "./api/registry.ts";
import type { AttemptBook } from "./attempt-book.ts";
import { type FleetTable, type NodeRow, nodeFlags } from "./fleet-table.ts";
import type { HealthBook } from "./health-book.ts";
import type { IntentBook } from "./intent-book.ts";
import type { NodeRecord } from "./node-record.ts";

export interface NodeViewOptions {
  readonly fleet: FleetTable;
  readonly clock: Clock;
  readonly health: HealthBook;
  readonly queues: ActionQueues;
  readonly book: AttemptBook;
  readonly intents: IntentBook;
  readonly labels: Pick<Labels, "of">;
}

/** One node as people see it, put together from what each service knows. */
export function nodeView(node: string, record: NodeRecord, row: NodeRow, options: NodeViewOptions): NodeView {
  const { fleet, health, queues, book, intents } = options;
  const report = health.latest(node);
  const queue = queues.known(node);
  const open = book.openOf(node)?.record;
  const status = report?.value.status;
  return {
    id: node,
    presence: presenceView(row, options),
    ...(report && status !== undefined && { health: { status, ageMs: report.ageMs } }),
    ...(report?.value.phase !== undefined && { phase: report.value.phase }),
    manifest: record.manifest,
    labels: options.labels.of(node),
    identity: record.identity,
    face: record.face,
    path: fleet.path(row),
    registeredAtMs: record.registeredAtMs,
    renewedAtMs: record.renewedAtMs,
    lifetimeSeconds: record.lifetimeSeconds,
    pollSeconds: fleet.rows.columns.pollSeconds[row]!,
    liveness: record.livesByObservation ? "observe" : "beat",
    rev: queue?.rev ?? 0,
    lastRev: queue?.lastRev ?? 0,
    waitingActions: queue?.entries.filter(isOpen).length ?? 0,
    ...(open && {
      attempt: {
        update: open.update,
        attempt: open.id,
        state: open.progress.state,
        ...(open.progress.percent !== undefined && { percent: open.progress.percent }),
      },
    }),
    mode: intents.of(node).mode === undefined ? "operational" : "maintenance",
    isConnectedToBroker: fleet.has(row, nodeFlags.onBroker),
    ...(record.rd && { rd: record.rd }),
  };
}

function presenceView(row: NodeRow, { fleet, clock }: NodeViewOptions): PresenceView {
  const state = fleet.presence(row);
  if (!fleet.has(row, nodeFlags.heard) && !fleet.has(row, nodeFlags.heardBefore)) return { state };
  return { state, heardAgoMs: Math.max(0, clock.monotonicMs() - fleet.rows.columns.heardAtMs[row]!) };
}
