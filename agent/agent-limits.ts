import { defineLimits } from "../kernel/limits.ts";

/** What an agent holds at most. */
export const agentLimits = defineLimits({
  children: {
    default: 64,
    min: 0,
    max: 1024,
    unit: "nodes",
    full: "Another child is refused (agent.too-many-children).",
  },
  requests: {
    default: 4,
    min: 1,
    max: 64,
    unit: "requests",
    full: "Requests to the manager of other nodes wait, oldest first: all share one association.",
  },
  rememberedCommands: {
    default: 8,
    min: 1,
    max: 64,
    unit: "ids",
    full: "The oldest id is forgotten: a command that the manager offered so long ago would be done again.",
  },
  manifestBytes: {
    default: 65_536,
    min: 1024,
    max: 65_536,
    unit: "bytes",
    full: "A longer update manifest is refused.",
  },
});

export type AgentLimits = typeof agentLimits.defaults;

/** Times of the device protocol, milliseconds. */
export const agentTimes = {
  /** The first pause after a failed registration; doubled up to the longest. */
  retryMs: 1_000,
  longestRetryMs: 300_000,
  /** After a 4.04 a node waits a random part of it, so that a fleet doesn't come back at once. */
  forgottenMs: 10_000,
  /** Share of the poll interval that is random. */
  pollJitter: 0.1,
  missedBeats: 3,
  /** A registration, and any other request but a heartbeat. */
  requestMs: 45_000,
  /** Two reports of an attempt in the same state are so far apart, unless five percent lie between them. */
  progressMs: 1_000,
  defaultPollSeconds: 60,
  defaultReportSeconds: 30,
} as const;
