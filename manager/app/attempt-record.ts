import type { Attempt } from "../../schemas/generated/types.ts";
import { instantFromMs } from "../../schemas/wire/instant.ts";
import type { NodeId } from "../../schemas/wire/node-id.ts";
import { type AttemptProgress, isEnded } from "../domain/attempt-machine.ts";
import type { AttemptView } from "./api/updates.ts";
import type { FetchWay } from "./api/watching.ts";

/** An attempt as it is stored, in the table `attempt` under update/node/id. */
export interface AttemptRecord {
  readonly id: string;
  readonly update: string;
  readonly node: string;
  readonly startedAtMs: number;
  readonly by: string;
  /** That offered it; undefined: a person, the node itself or the manager's reconciliation. */
  readonly rollout?: string;
  readonly progress: AttemptProgress;
  /** Bytes that the manager served. */
  readonly bytesByWay: Readonly<Partial<Record<FetchWay, number>>>;
  readonly resumes: number;
}

export const attemptTable = "attempt";

export function attemptKey({ update, node, id }: AttemptRecord): string {
  return `${update}/${node}/${id}`;
}

export function attemptView(record: AttemptRecord): AttemptView {
  const { progress } = record;
  const attempt: Attempt = {
    id: record.id,
    update: record.update,
    node: record.node as NodeId,
    state: progress.state,
    ...(progress.percent !== undefined && { percent: progress.percent }),
    ...(progress.bytes !== undefined && { bytes: progress.bytes }),
    ...(progress.total !== undefined && { total: progress.total }),
    ...(progress.reason !== undefined && { reason: progress.reason }),
    ...(progress.way !== undefined && { way: progress.way }),
    started: instantFromMs(record.startedAtMs),
    changed: instantFromMs(progress.changedAtMs),
    resumes: record.resumes,
  };
  return {
    attempt,
    node: record.node,
    rev: progress.rev,
    startedAtMs: record.startedAtMs,
    ...(isEnded(progress.state) && { endedAtMs: progress.changedAtMs }),
    bytesByWay: { ...record.bytesByWay } as Record<string, number>,
    resumes: record.resumes,
  };
}
