import type { Authoriser } from "../../domain/authoriser.ts";
import type { Artifacts } from "../../ports/artifacts.ts";
import type { BrokerEvents } from "../../ports/broker.ts";
import type { Audit } from "./audit.ts";
import type { Certificates } from "./certificates.ts";
import type { Credentials, Identities } from "./credentials.ts";
import type { Enrolments } from "./enrolments.ts";
import type { Environments } from "./environments.ts";
import type { Heartbeats } from "./heartbeats.ts";
import type { Health, NodeLogs, NodeMetrics, NodeServices, Telemetry } from "./node-data.ts";
import type { Labels, Operators } from "./operators.ts";
import type { Registry } from "./registry.ts";
import type { Rollouts } from "./rollouts.ts";
import type { Sites } from "./sites.ts";
import type { Commands, DesiredState, Modes, StatusNow } from "./steering.ts";
import type { TrustAnchors } from "./trust-anchors.ts";
import type { ArtifactAccess, Attempts, Updates } from "./updates.ts";
import type { Alerts, Fetches, Hearing, LiveEvents, SystemStatus, Timeline } from "./watching.ts";

/**
 * The manager's use cases, called alike by CoAP, HTTP and MQTT adapters. Made by `createManagerApp` in
 * `manager/app/create-manager-app.ts`. Inputs and outputs are plain data; expected outcomes are values; a rejection is a
 * Fault of storage or a defect.
 */
export interface ManagerApp {
  readonly registry: Registry;
  readonly credentials: Credentials;
  readonly identities: Identities;
  readonly enrolments: Enrolments;
  /** Who may do what: asked by every face of the manager. */
  readonly authoriser: Authoriser;
  readonly operators: Operators;
  readonly labels: Labels;
  readonly sites: Sites;
  readonly heartbeats: Heartbeats;
  readonly environments: Environments;
  readonly desiredState: DesiredState;
  readonly commands: Commands;
  readonly modes: Modes;
  readonly updates: Updates;
  readonly anchors: TrustAnchors;
  readonly access: ArtifactAccess;
  readonly attempts: Attempts;
  readonly rollouts: Rollouts;
  readonly artifacts: Artifacts;
  readonly fetches: Fetches;
  readonly health: Health;
  readonly metrics: NodeMetrics;
  readonly services: NodeServices;
  readonly logs: NodeLogs;
  readonly telemetry: Telemetry;
  readonly alerts: Alerts;
  readonly statusNow: StatusNow;
  readonly timeline: Timeline;
  readonly audit: Audit;
  readonly certificates: Certificates;
  readonly events: LiveEvents;
  readonly hearing: Hearing;
  /** Give it to the broker adapter. */
  readonly brokerEvents: BrokerEvents;
  status(): SystemStatus;
  /** Loads what storage holds; presence is `unknown` until a node is heard. */
  start(): Promise<void>;
  /** Writes what is behind and the last-seen snapshot. Always reaches its end. */
  stop(): Promise<void>;
}
