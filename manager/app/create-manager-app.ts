import type { UpdateAction } from "../../schemas/generated/types.ts";
import { suitLimits } from "../../schemas/wire/suit/suit-limits.ts";
import { Topics } from "../../schemas/wire/topics.ts";
import { ActionQueues } from "./action-queues.ts";
import { AlertService } from "./alert-service.ts";
import type { ManagerApp } from "./api/manager-app.ts";
import type { ManagerAppOptions } from "./api/manager-app-options.ts";
import { appCounters } from "./app-counters.ts";
import { AppLifecycle } from "./app-lifecycle.ts";
import { appLimits } from "./app-limits.ts";
import { ArtifactTokens } from "./artifact-tokens.ts";
import { AttemptBook } from "./attempt-book.ts";
import { AttemptObserver } from "./attempt-observer.ts";
import { AttemptService } from "./attempt-service.ts";
import { AuditTrail } from "./audit-trail.ts";
import { AuditWitness } from "./audit-witness.ts";
import { CallLimiter } from "./call-limiter.ts";
import { ChildBook } from "./child-book.ts";
import { CommandService } from "./command-service.ts";
import { createTrust } from "./create-trust.ts";
import { DataPlane } from "./data-plane.ts";
import { DesiredStateService } from "./desired-state.ts";
import { EnvelopeCheck } from "./envelope-check.ts";
import { EnvironmentBroadcast } from "./environment-broadcast.ts";
import { EnvironmentService } from "./environment-service.ts";
import { FetchLog } from "./fetch-log.ts";
import { FleetTable, nodeFlags } from "./fleet-table.ts";
import { HealthObserver } from "./health-observer.ts";
import { HeartbeatService } from "./heartbeat-service.ts";
import { imageOf } from "./image-of.ts";
import { IntentBook } from "./intent-book.ts";
import { KeyedSerial } from "./keyed-serial.ts";
import { LastSeenSnapshot } from "./last-seen-snapshot.ts";
import { LiveEventBus } from "./live-event-bus.ts";
import { LogTails } from "./log-tails.ts";
import { LostNodes } from "./lost-nodes.ts";
import { ModeRelay } from "./mode-relay.ts";
import { ModeService } from "./mode-service.ts";
import { modelFacts } from "./model-facts.ts";
import { MqttBridge } from "./mqtt-bridge.ts";
import { NodeEndings } from "./node-endings.ts";
import { NodeReach } from "./node-reach.ts";
import { NodeReactions } from "./node-reactions.ts";
import { NodeRegistry } from "./node-registry.ts";
import { NodeReports } from "./node-reports.ts";
import { NodeTimeline } from "./node-timeline.ts";
import { nodeView } from "./node-view.ts";
import { Nudger } from "./nudger.ts";
import { PresenceWatch } from "./presence-watch.ts";
import { RevokedCertificates } from "./revoked-certificates.ts";
import { RolloutPart } from "./rollout/create-rollouts.ts";
import { SiteService } from "./site-service.ts";
import { StatusNowService } from "./status-now-service.ts";
import { StorageWriter } from "./storage-writer.ts";
import { TelemetryService } from "./telemetry-service.ts";
import { TrustAnchorService } from "./trust-anchor-service.ts";
import { parseArtifactBase, usableBases } from "./update-action-body.ts";
import { UpdateService } from "./update-service.ts";

/** Wires the use cases together. What one calls on another is spelled out here and nowhere else. */
export function createManagerApp(options: ManagerAppOptions): ManagerApp {
  const { storage, artifacts, broker, clock, entropy, log } = options;
  const { nodeCaller: caller, secretBox: box } = options;
  const limits = appLimits.resolve(options.limits);
  const startedAtMs = clock.wallMs();
  const artifactBases = options.artifactBases.map(parseArtifactBase);

  const fleet = new FleetTable({ capacity: limits.nodes, hashSeed: entropy.uint32() });
  const serial = new KeyedSerial();
  const bus = new LiveEventBus({ log, maxListeners: limits.liveListeners });
  const writer = new StorageWriter({ storage, log, clock });
  const timeline = new NodeTimeline({ storage, writer, keep: limits.timelineEntries });
  const witness = new AuditWitness({ storage, clock, log, box, file: options.auditHeads });
  const audit = new AuditTrail({ storage, writer, witness });
  const revokedCertificates = new RevokedCertificates({ storage });
  const isRegistered = (node: string): boolean => fleet.find(node) !== -1;
  const reach = new NodeReach({ fleet, storage });
  const calls = new CallLimiter({ atOnce: limits.callsAtOnce, maxWaiting: limits.waitingCalls });
  const children = new ChildBook();
  const intents = new IntentBook();
  const book = new AttemptBook({ capacity: limits.attemptsInMemory });
  const reports = new NodeReports({
    clock,
    bus,
    capacity: limits.reportsInMemory,
    isRegistered,
    reported: (node, report, way) => reactions.reported(node, report, way),
  });
  const health = reports.healthBook;

  let topicsNow: Topics | undefined;
  const topics = (): Topics => {
    const { rootTopic } = environments.settings();
    if (topicsNow?.root !== rootTopic) topicsNow = new Topics(rootTopic);
    return topicsNow;
  };

  /** What nearly everybody needs; each takes what it declares. */
  const core = {
    ...{ storage, writer, serial, timeline, audit, revokedCertificates, bus, clock, log, entropy, fleet },
    ...{ broker, caller, reach, calls, book, intents, artifacts, isRegistered, box },
  };
  const trust = createTrust({
    ...{ ...core, children, limits },
    secrets: options.operatorSecrets,
    derive: options.keyDerivation,
    authority: options.authority,
    certifiesNodes: options.certifiesNodes !== false,
    file: options.revocationList,
    revoked: (node) => endings.revoked(node),
    accountRemoval: (node) => environments.removal(node),
    rotated: (node) => environments.renewPassword(node),
  });
  const { credentials, enrolments, certificates } = trust;

  const bridge = new MqttBridge({
    ...core,
    topics,
    capacity: limits.bridgedMessages,
    // A gateway says on its own connection what is to be said of its children.
    usesBroker: (node) => fleet.usesBroker(children.gatewayOf(node) ?? node),
  });

  const presence = new PresenceWatch({
    ...core,
    burst: limits.presenceBurst,
    changed: (node) => {
      alerts.refresh(node);
      for (const child of children.of(node)) {
        const row = fleet.find(child);
        if (row !== -1) presence.look(row);
      }
    },
    noted: (node, from, to) => {
      timeline.note(node, `presence-${to}`, { from });
      bridge.presence(node, to);
      // What waited while it was away can go out at once.
      if (to !== "online") return;
      desiredState.wake(node);
      modeRelay.came(node);
    },
  });

  const queues = new ActionQueues({
    ...core,
    capacity: limits.queuesInMemory,
    record: (node, finish, how) => commands.record(node, finish, how),
    ended: (node, finishes, how) => reactions.queueEnded(node, finishes, how),
    renumbered: (attempt, rev) => writer.behind("renumbered", attempts.apply(attempt, { kind: "renumbered", rev })),
  });

  const access = new ArtifactTokens({
    ...core,
    derive: options.keyDerivation,
    isOf: (update, digest) => updates.hasPayload(update, digest),
  });
  const token = (attempt: string): string => access.token(attempt);

  const desiredState = new DesiredStateService({
    ...core,
    token,
    queues,
    environment: (node) => environments.known(node),
    buildEnvironment: (node) => environments.build(node),
    waits: (node) => nudger.nudge(node),
    abandoned: (node, entry, why) => reactions.abandoned(node, entry, why),
  });

  const nudger = new Nudger({
    ...core,
    next: (node) => desiredState.nextUnasked(node),
    taken: async (node, action) => {
      if (action.kind === "update") attemptObserver.watch(node, action.attempt);
      await desiredState.taken(node, action.rev);
    },
  });

  const environments = new EnvironmentService({
    ...core,
    settings: options.settings,
    children: (gateway) => children.of(gateway),
    isRevoked: (node) => fleet.isSecured(node) && !credentials.has(node),
    configure: async (node, config, by) =>
      (await desiredState.enqueue(node, { kind: "config", config }, by)) !== undefined,
    changed: (by) => writer.behind("environment-actions", broadcast.tellAll(by)),
  });

  const broadcast = new EnvironmentBroadcast({
    ...core,
    environments,
    desiredState,
    isStopping: () => lifecycle.isStopping,
  });

  const attempts = new AttemptService({
    ...core,
    keptPerNode: limits.attemptsPerNode,
    started: ({ node }) => alerts.refresh(node),
    ended: (record, byManager) => reactions.attemptEnded(record, byManager),
    moved: (record, way) => {
      bridge.progressed(record, way);
      rollout.attemptMoved(record);
    },
  });

  const rollout = new RolloutPart({
    ...{ ...core, health, limits, labels: trust.labels, needsApproval: options.fourEyes === true },
    updates: () => updates,
    attempts: () => attempts,
    registry: () => registry,
  });

  const anchors = new TrustAnchorService({
    ...{ ...core, crypto: options.manifestCrypto, vendor: options.vendor },
    removed: (keyId) => updates.keyRemoved(keyId),
  });
  const envelopes = new EnvelopeCheck({
    ...{ anchors, artifacts, crypto: options.manifestCrypto, sizeMax: suitLimits.envelopeMax },
    factsOf: (model, nodes) => modelFacts(registry, model, nodes),
  });

  const updates = new UpdateService({
    ...core,
    envelopes,
    token,
    attempts,
    queues,
    desiredState,
    bases: (node) => {
      // Of a child it is the gateway that fetches, by the keys that it has.
      const fetcher = children.gatewayOf(node) ?? node;
      const row = fleet.find(fetcher);
      const speaksTls = row !== -1 && fleet.has(row, nodeFlags.speaksTls);
      return usableBases(artifactBases, credentials.schemeOf(fetcher), speaksTls);
    },
    offersUnsigned: options.offersUnsigned,
    limits,
    node: (id) => imageOf(id, { isRegistered, storage, health }),
    isQuarantined: (model, digest) => rollout.quarantine.has(model, digest),
    rolloutHold: (update, node) => rollout.rollouts.hold(update, node),
    trigger: (node: string, update: string, action: UpdateAction) => bridge.start(node, update, action),
  });

  const commands = new CommandService({
    ...core,
    queues,
    desiredState,
    history: limits.commandHistory,
  });

  const modes = new ModeService({
    ...core,
    updates,
    attempts,
    changed: (node) => {
      alerts.refresh(node);
      modeRelay.wish(node);
    },
  });

  const modeRelay = new ModeRelay(core);

  const alerts = new AlertService({
    ...core,
    capacity: limits.activeAlerts,
    bootsCapacity: limits.reportsInMemory,
    facts: (node) => reactions.facts(node),
  });

  const fetches = new FetchLog({
    ...core,
    isOf: (update, digest) => updates.hasPayload(update, digest),
    resumed: (node, attempt, offset) => timeline.note(node, "fetch-resumed", { attempt, offset }),
  });

  const reactions = new NodeReactions({
    ...core,
    health,
    queues,
    attempts,
    updates,
    commands,
    modes,
    alerts,
    nudger,
    bridge,
    attemptBudget: limits.attemptBudget,
    pollSeconds: () => environments.settings().pollSeconds,
    kept: (node) => rollout.reported(node),
    toldRollBack: (node, lastRev, rolledBack) => rollout.toldRollBack(node, lastRev, rolledBack),
    phased: (node, phase) => modeRelay.reported(node, phase),
    isPhaseSettled: (node) => modeRelay.isSettled(node),
    attemptOver: (node, attempt) => {
      fetches.forget(attempt);
      attemptObserver.forget(node);
    },
  });

  const observer = new HealthObserver({
    ...core,
    sighted: (node) => registry.heard(node),
    reported: (node, report) => reactions.reported(node, report, "observed"),
  });

  const attemptObserver = new AttemptObserver({
    ...core,
    capacity: limits.observedAttempts,
    sighted: (node) => registry.heard(node),
    progressed: (node, report) => writer.behind("progress", attempts.report(node, report, "observed")),
  });

  const viewOptions = { fleet, clock, health, queues, book, intents, labels: trust.labels };
  const registry = new NodeRegistry({
    ...core,
    presence,
    observedNodes: limits.observedNodes,
    lifetimes: () => {
      const { pollSeconds, lifetimeSeconds, minLifetimeSeconds, maxLifetimeSeconds } = environments.settings();
      return { pollSeconds, default: lifetimeSeconds, min: minLifetimeSeconds, max: maxLifetimeSeconds };
    },
    view: (node, record, row) => nodeView(node, record, row, viewOptions),
    waitingRev: (node) => queues.waitingRev(node),
    children: (gateway) => children.of(gateway),
    hasChild: (gateway, child) => children.add(gateway, child),
    registered: async (node, { manifest, gateway, face }) => {
      if (gateway !== undefined && children.add(gateway, node)) {
        writer.behind("gateway-account", environments.refreshAccount(gateway));
      }
      if (manifest.services !== undefined) reports.registeredWith(node, manifest.services);
      observer.registered(node);
      // An entry in the directory says nothing of what runs: its manifest is the one of an earlier registration.
      if (face !== "rd") await reactions.registered(node, manifest);
      desiredState.wake(node);
    },
    removed: (node, by) => endings.removed(node, by),
    lostPath: (node) => observer.forget(node),
    rearm: (node, row) => observer.rearm(node, row),
  });
  const lostNodes = new LostNodes({ ...core, remove: (node, by) => registry.remove(node, by) });

  const heartbeats = new HeartbeatService({
    ...core,
    heard: (node, path, nowMs) => registry.heard(node, path, nowMs),
    queues,
    next: (node, rev) => desiredState.next(node, rev),
    reported: (node, report) => reactions.reported(node, report, "beat"),
    isSteady: (node, bytes, start, end, nowMs) => reactions.isSteady(node, bytes, start, end, nowMs),
    tookSteady: (node, nowMs) => reactions.tookSteady(node, nowMs),
    remember: (node, bytes) => health.remember(node, bytes),
    resulted: (node, result) => reactions.resulted(node, result),
  });

  const statusNow = new StatusNowService({
    ...core,
    reported: (node, report) => {
      registry.heard(node);
      reactions.reported(node, report, "observed");
    },
  });

  const telemetry = new TelemetryService({
    ...core,
    store: options.telemetryStore,
    batch: limits.telemetryBatch,
    points: limits.telemetryPoints,
    days: limits.telemetryDays,
  });

  const logs = new LogTails({
    ...core,
    bytesPerNode: limits.logBytesPerNode,
    bytes: limits.logBytes,
    appended: (node) => bus.emit({ kind: "logs", node }),
  });

  const dataPlane = new DataPlane({
    ...core,
    telemetry,
    topics,
    sighted: (node) => registry.heard(node),
    reported: (node, report) => reactions.reported(node, report, "mqtt"),
    progressed: (node, report) => writer.behind("progress", attempts.report(node, report, "mqtt")),
    answered: (node, answer) => reactions.answered(node, answer),
    happened: (node, event) => timeline.note(node, "event", { event }),
    connection: (node, state) => reactions.connection(node, state, (row) => presence.suspect(row)),
  });

  const snapshot = new LastSeenSnapshot({ fleet, file: options.lastSeen, clock, log });

  const endings = new NodeEndings({
    ...{ ...core, queues, attempts, commands, environments, credentials, observer, attemptObserver },
    ...{ reports, logs, modeRelay, alerts, reactions, children, labels: trust.labels },
  });

  const sites = new SiteService({
    ...core,
    ...{ secrets: options.operatorSecrets, limits },
    mosquittoSecret: options.mosquittoSecret,
  });

  const lifecycle = new AppLifecycle({
    ...core,
    loads: [
      ...[
        audit,
        certificates,
        registry,
        credentials,
        enrolments,
        environments,
        queues,
        anchors,
        access,
        trust.labels,
        trust.operators,
        sites,
      ].map((each) => () => each.load()),
      ...[book, intents].map((each) => () => each.load(storage)),
      ...[updates, alerts, snapshot, rollout].map((each) => () => each.load()),
    ],
    starts: [certificates, presence, telemetry, snapshot, rollout],
    lasts: [witness],
    stops: [sites, rollout, certificates, presence, observer, attemptObserver, nudger, telemetry, snapshot],
    sweep: () => {
      queues.sweep();
      attempts.sweep();
      enrolments.sweep();
      alerts.sweep(reactions.brokerLost());
    },
    forgetLost: () => lostNodes.forget(limits.lostNodeDays),
  });

  bus.serve((event) => {
    if (event.kind === "alert") bridge.alert(event.alert, event.state);
    if (event.kind === "rollout") bridge.rollout(event);
    if (event.kind === "presence" || event.kind === "presence-many") bridge.counts(presence.counts());
  });

  const counted = { telemetry, dataPlane, credentials, observer, book, attempts, alerts, bridge, writer };
  return {
    ...trust,
    sites,
    registry,
    heartbeats,
    environments,
    desiredState,
    commands,
    modes,
    updates,
    anchors,
    access,
    attempts,
    rollouts: rollout.rollouts,
    artifacts,
    fetches,
    health: reports.health,
    metrics: reports.metrics,
    services: reports.services,
    logs,
    telemetry,
    alerts,
    statusNow,
    timeline,
    audit,
    events: bus,
    hearing: presence,
    brokerEvents: dataPlane,
    status: () => ({ startedAtMs, counts: presence.counts(), counters: appCounters(counted) }),
    start: () => lifecycle.start(),
    stop: () => lifecycle.stop(),
  };
}
