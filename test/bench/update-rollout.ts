import { parseRolloutPlan } from "../../manager/domain/rollout/parse-rollout-plan.ts";
import { closingEvent, offerEvents, offerScan, timeEvents } from "../../manager/domain/rollout/rollout-due.ts";
import type { RolloutEvent } from "../../manager/domain/rollout/rollout-event.ts";
import { rolloutTransition } from "../../manager/domain/rollout/rollout-machine.ts";
import type { RolloutState } from "../../manager/domain/rollout/rollout-state.ts";
import type { NodeFacts } from "../../manager/domain/rollout/why-not-yet.ts";
import type { Measurement } from "./report.ts";

const nodeCount = 100_000;
const digest = `sha256:${"b".repeat(64)}`;

/**
 * A rollout to 100 000 nodes as the manager runs it, without storage: each node takes the update, is on trial and succeeds, in batches of what comes
 * together; after each batch the machine is asked what is due. Then the same log is read again. CPU time of this process.
 */
export function rolloutEvents(): Measurement[] {
  const plan = parseRolloutPlan({
    id: "bench",
    update: "fw",
    limits: { concurrency: 1000 },
    gate: { soakSeconds: 1, health: [] },
  });
  if (!plan.ok) throw new Error(plan.rule);
  let nowMs = Date.parse("2026-01-01T00:00:00Z");
  const facts: NodeFacts = {
    ...{
      presence: "online",
      isSleepy: false,
      pollMs: 60_000,
      hasReport: true,
      historyMs: 86_400_000,
      isBusy: false,
      isDeferred: false,
    },
  };
  const world = { node: () => facts, isQuarantined: false };
  const image = { digest, size: 1_000_000, version: "2", model: "m", sequence: 2 };
  const log: RolloutEvent[] = [{ kind: "created", plan: plan.plan, image, by: "bench", atMs: nowMs }];
  const state: RolloutState = rolloutTransition(undefined, log[0]!).state!;
  const before = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  const scan = offerScan();
  const atIt: { readonly node: string; readonly attempt: string }[] = [];
  let nodeEvents = 0;
  const take = (event: RolloutEvent): void => {
    log.push(event);
    for (const effect of rolloutTransition(state, event).effects) if (effect.kind === "offer") atIt.push(effect);
  };
  const beganUs = cpuUs();
  for (let at = 0; at < nodeCount; at += 500) {
    const nodes = Array.from({ length: 500 }, (_, i) => ({ node: `node-${(at + i).toString(36)}` }));
    take({ kind: "joined", nodes, atMs: nowMs });
  }
  take({ kind: "started", by: "bench", atMs: nowMs });
  while (state.status === "running") {
    nowMs += 1000;
    for (let isTick = true; ; isTick = false) {
      const closing = closingEvent(state, world, nowMs);
      const timed = isTick ? timeEvents(state, world, () => [], nowMs) : closing === undefined ? [] : [closing];
      const due = timed.length > 0 ? timed : offerEvents(state, world, nowMs, scan, isTick);
      if (due.length === 0) break;
      for (const event of due) take(event);
    }
    // What comes together: a hundred nodes at a time, each further by one step.
    for (const { node, attempt } of atIt.splice(0, 100)) {
      take({ kind: "moved", node, attempt, to: "under-way", atMs: nowMs });
      take({ kind: "moved", node, attempt, to: "committed", atMs: nowMs });
      take({ kind: "ended", node, attempt, state: "succeeded", atMs: nowMs });
      nodeEvents += 3;
    }
  }
  const seconds = (cpuUs() - beganUs) / 1e6;
  const bytes = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers - before;
  if (state.members.countIn("succeeded") !== nodeCount) throw new Error(`The rollout ended ${state.status}.`);
  const readUs = cpuUs();
  let again: RolloutState | undefined;
  for (const event of log) again = rolloutTransition(again, event).state;
  const readSeconds = (cpuUs() - readUs) / 1e6;
  if (again?.status !== "completed") throw new Error("The log read again comes to something else.");
  return [
    { subject: "rollout", metric: "rollout_events", value: Math.round(nodeEvents / seconds), unit: "events/s" },
    {
      subject: "rollout",
      metric: "rollout_events_read_again",
      value: Math.round(nodeEvents / readSeconds),
      unit: "events/s",
    },
    // With the log in memory, which only this bench keeps.
    { subject: "rollout", metric: "rollout_memory_with_log", value: Math.round(bytes / 2 ** 20), unit: "MiB" },
  ];
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
