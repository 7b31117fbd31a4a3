import type { Metrics, Service, StatusReport } from "../../../schemas/generated/types.ts";
import type { TelemetryPoint, TelemetryQuery } from "../../ports/telemetry-store.ts";

/** Last known health of nodes, with its age. */
export interface Health {
  /** A node or its gateway PUTs it, or a status report or a notification carried it. False: not registered. */
  report(node: string, report: StatusReport, way: "put" | "beat" | "observed" | "mqtt"): boolean;
  latest(node: string): Aged<StatusReport> | undefined;
}

export interface NodeMetrics {
  report(node: string, metrics: Metrics): boolean;
  latest(node: string): Aged<Metrics> | undefined;
}

export interface NodeServices {
  report(node: string, services: readonly Service[]): boolean;
  latest(node: string): Aged<readonly Service[]> | undefined;
}

export interface Aged<T> {
  readonly value: T;
  readonly ageMs: number;
  readonly way: string;
}

/** Tail of each node's log, bounded, in memory. */
export interface NodeLogs {
  append(node: string, text: Uint8Array): boolean;
  /** Undefined: not registered; empty: nothing yet. */
  tail(node: string): Uint8Array | undefined;
}

export interface Telemetry {
  /** Takes resolved points; "full" when the batch buffer is full (the caller slows down or drops, and it is counted). */
  ingest(node: string, points: readonly TelemetryPoint[]): "taken" | "unknown-node" | "full";
  /** A pack was refused whole: counted, and visible on the node. */
  refused(node: string, reason: string): void;
  query(query: TelemetryQuery): Promise<readonly TelemetryPoint[]>;
  latest(node: string): Promise<readonly TelemetryPoint[]>;
  counters(): {
    readonly received: number;
    readonly stored: number;
    readonly refused: number;
    readonly dropped: number;
  };
}
