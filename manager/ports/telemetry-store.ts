/** Resolved telemetry points. Bounded by age and by count; the oldest go first. */
export interface TelemetryStore {
  /** Resolves when the batch is durable. */
  append(points: readonly TelemetryPoint[]): Promise<void>;
  /** Points of one node, newest first. */
  query(query: TelemetryQuery): Promise<readonly TelemetryPoint[]>;
  /** Newest point of each series of a node. */
  latest(node: string): Promise<readonly TelemetryPoint[]>;
  count(): Promise<number>;
  /** Forgets points older than `beforeWallMs` and beyond the newest `keep`; returns how many went. */
  prune(beforeWallMs: number, keep: number): Promise<number>;
  close(): Promise<void>;
}

export interface TelemetryPoint {
  readonly node: string;
  readonly series: string;
  readonly unit?: string;
  /** The node's own time of the measurement, when it gave one. */
  readonly timeMs: number;
  readonly receivedMs: number;
  readonly value: number | string | boolean;
}

export interface TelemetryQuery {
  readonly node: string;
  readonly series?: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  /** Default and maximum 1000. */
  readonly limit?: number;
}
