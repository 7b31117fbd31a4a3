import { defineLimits } from "../../kernel/limits.ts";

/** Every limit of the manager's use cases. */
export const appLimits = defineLimits({
  nodes: {
    default: 131_072,
    min: 1,
    max: 4_194_304,
    unit: "nodes",
    full: "A new node's registration is refused (5.03); those known go on.",
  },
  observedNodes: {
    default: 10_000,
    min: 0,
    max: 4_194_304,
    unit: "nodes",
    full: "Nodes that register from here on show that they live by heartbeats alone.",
  },
  observedAttempts: {
    default: 1000,
    min: 0,
    max: 1_000_000,
    unit: "nodes",
    full: "The progress of further updates comes by the nodes' own reports alone.",
  },
  queuesInMemory: {
    default: 100_000,
    min: 16,
    max: 4_194_304,
    unit: "nodes",
    full: "Queues that weren't used lately are read from storage when they are next needed.",
  },
  operators: { default: 1000, min: 1, max: 100_000, unit: "operators", full: "A new operator is refused." },
  claims: {
    default: 1000,
    min: 1,
    max: 100_000,
    unit: "claim codes",
    full: "A new claim code is refused; those that ended make room when their time is over, or when they are revoked.",
  },
  batches: {
    default: 1000,
    min: 1,
    max: 10_000,
    unit: "batches",
    full: "A new batch is refused; those that are revoked make room.",
  },
  batchContexts: {
    default: 1024,
    min: 2,
    max: 65_536,
    unit: "security contexts of devices that enrol by a batch's key",
    full: "The oldest makes room, first of those that proved nothing: its device is asked for an Echo again.",
  },
  enrolmentsPerSecond: {
    default: 20,
    min: 1,
    max: 10_000,
    unit: "enrolments a second",
    full: "A device that enrols is told to wait (5.03 with Max-Age).",
  },
  tokensPerOperator: {
    default: 100,
    min: 1,
    max: 100_000,
    unit: "tokens per operator",
    full: "Those that expired make room; without any, a new token of that operator is refused.",
  },
  operatorTokens: { default: 10_000, min: 1, max: 100_000, unit: "tokens", full: "A new API token is refused." },
  updates: { default: 10_000, min: 1, max: 100_000, unit: "updates", full: "A new update is refused." },
  rollouts: {
    default: 100,
    min: 1,
    max: 10_000,
    unit: "rollouts",
    full: "The one that has been over for longest is forgotten with its log; with none over, a new one is refused.",
  },
  watchedNodes: {
    default: 100_000,
    min: 0,
    max: 4_194_304,
    unit: "nodes",
    full: "Of further nodes the last day isn't kept: such a canary is judged without a comparison with itself.",
  },
  attemptsInMemory: {
    default: 100_000,
    min: 16,
    max: 4_194_304,
    unit: "attempts",
    full: "The attempt that ended first is found in storage only; with none ended, a new one is refused.",
  },
  attemptBudget: {
    default: 3,
    min: 1,
    max: 1000,
    unit: "attempts",
    full: "A node gets the same image again only when an operator starts it.",
  },
  attemptsPerNode: {
    default: 50,
    min: 1,
    max: 10_000,
    unit: "attempts per node",
    full: "The oldest ended attempt of the node is forgotten, and no longer counted.",
  },
  lostNodeDays: {
    default: 30,
    min: 1,
    max: 36_500,
    unit: "days after the end of its lifetime",
    full: "A node that wasn't heard for so long is removed.",
  },
  concurrentInstalls: {
    default: 1000,
    min: 1,
    max: 1_000_000,
    unit: "attempts",
    full: "A node that asks to install is told to wait (5.03 with Max-Age).",
  },
  reportsInMemory: {
    default: 100_000,
    min: 16,
    max: 4_194_304,
    unit: "nodes",
    full: "Reports older than those of the newest half are forgotten; such a node's health is unknown until its next report.",
  },
  logBytesPerNode: { default: 65_536, min: 1024, max: 1_048_576, unit: "bytes", full: "The oldest text is cut off." },
  logBytes: {
    default: 67_108_864,
    min: 65_536,
    max: 1_073_741_824,
    unit: "bytes",
    full: "The log that wasn't written for longest is forgotten.",
  },
  timelineEntries: {
    default: 500,
    min: 10,
    max: 100_000,
    unit: "entries per node",
    full: "The oldest entries are forgotten.",
  },
  serverCertificates: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: "certificates",
    full: "The CA makes no further certificates for servers.",
  },
  commandHistory: { default: 50, min: 1, max: 1000, unit: "commands per node", full: "The oldest is forgotten." },
  activeAlerts: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: "alerts",
    full: "A new alert isn't raised; it is counted, and raised when its rule says so again and there is room.",
  },
  liveListeners: { default: 1000, min: 1, max: 100_000, unit: "listeners", full: "A new listener is refused." },
  presenceBurst: {
    default: 20,
    min: 1,
    max: 10_000,
    unit: "nodes",
    full: "Changes of presence that come together become one event with a count, and no timeline entries.",
  },
  telemetryBatch: {
    default: 20_000,
    min: 100,
    max: 1_000_000,
    unit: "points",
    full: "Points are dropped and counted until the batch is written.",
  },
  telemetryPoints: {
    default: 2_000_000,
    min: 1000,
    max: 1_000_000_000,
    unit: "points",
    full: "The oldest points are forgotten.",
  },
  telemetryDays: { default: 7, min: 1, max: 3650, unit: "days", full: "Older points are forgotten." },
  callsAtOnce: {
    default: 64,
    min: 1,
    max: 10_000,
    unit: "requests",
    full: "Further nudges and status requests wait their turn.",
  },
  waitingCalls: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: "requests",
    full: "A nudge isn't sent; the node learns at its next heartbeat.",
  },
  credentialHistory: {
    default: 50,
    min: 0,
    max: 500,
    unit: "revoked credentials per node",
    full: "The one that was revoked longest ago is forgotten; the audit keeps what was done.",
  },
  issuesAtOnce: {
    default: 32,
    min: 1,
    max: 1000,
    unit: "credentials being issued",
    full: "Further ones wait their turn.",
  },
  waitingIssues: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    unit: "credentials to issue",
    full: "Nothing is issued, and who asked is told to ask again.",
  },
  bridgedMessages: {
    default: 1000,
    min: 1,
    max: 100_000,
    unit: "messages",
    full: "A progress message for MQTT is dropped; the next one says more.",
  },
});

/** How long things take; milliseconds. */
export const appTimes = {
  /** Between two entries that one node acted as another. */
  identityRecordMs: 60_000,
  /** A nudge that isn't answered within this time is given up. */
  nudgeMs: 10_000,
  statusNowMs: 15_000,
  /** Changes of presence are gathered for so long before they are told. */
  presenceGatherMs: 100,
  hearingCheckMs: 5_000,
  lastSeenSnapshotMs: 300_000,
  /** Revocations are gathered for so long before a new list is made. */
  revocationListMs: 200,
  /** A list is good for a week, and made anew after a day. */
  revocationListRenewMs: 86_400_000,
  revocationListMaxMs: 604_800_000,
  /** The heads of the audit are copied so long after an entry. */
  auditCopyMs: 1_000,
  telemetryFlushMs: 50,
  telemetryPruneMs: 3_600_000,
  /** Deadlines of attempts, expiry of commands and age of broker loss are looked at so often. */
  sweepMs: 10_000,
  /** A fetch that goes on after such a silence is a resume even on the same connection. */
  resumeGapMs: 10_000,
  /** A link to an artifact is good for so long. */
  artifactTokenMs: 86_400_000,
  commandExpiresMs: 3_600_000,
  bridgeProgressMs: 1_000,
  /** A node that isn't in the mode it should be in is told again after this long. */
  modeRelayMs: 30_000,
  /** Nodes that are gone for good are looked for so often. */
  forgetMs: 3_600_000,
  /** Failures of writing behind are logged at most so often, with their number. */
  failureLogMs: 10_000,
} as const;
