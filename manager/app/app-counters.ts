import type { AlertService } from "./alert-service.ts";
import type { AttemptBook } from "./attempt-book.ts";
import type { AttemptService } from "./attempt-service.ts";
import type { CredentialService } from "./credential-service.ts";
import type { DataPlane } from "./data-plane.ts";
import type { HealthObserver } from "./health-observer.ts";
import type { MqttBridge } from "./mqtt-bridge.ts";
import type { StorageWriter } from "./storage-writer.ts";
import type { TelemetryService } from "./telemetry-service.ts";

export interface CountedParts {
  readonly telemetry: Pick<TelemetryService, "counters">;
  readonly dataPlane: Pick<DataPlane, "counters">;
  readonly credentials: Pick<CredentialService, "counters">;
  readonly observer: Pick<HealthObserver, "observed">;
  readonly book: Pick<AttemptBook, "open">;
  readonly attempts: Pick<AttemptService, "backwardReports">;
  readonly alerts: Pick<AlertService, "active" | "dropped">;
  readonly bridge: Pick<MqttBridge, "dropped">;
  readonly writer: Pick<StorageWriter, "failures">;
}

/** What the use cases count, by name, as `/metrics` shows it. */
export function appCounters(parts: CountedParts): Record<string, number> {
  const { telemetry, dataPlane, credentials, observer, book, attempts, alerts, bridge, writer } = parts;
  return {
    ...prefixed("telemetry", telemetry.counters()),
    ...prefixed("mqtt", dataPlane.counters),
    ...prefixed("credentials", { ...credentials.counters() }),
    observedNodes: observer.observed,
    openAttempts: book.open,
    backwardReports: attempts.backwardReports,
    activeAlerts: alerts.active().length,
    droppedAlerts: alerts.dropped,
    bridgeDropped: bridge.dropped,
    writeBehindFailures: writer.failures,
  };
}

function prefixed(name: string, counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counters).map(([key, value]) => [`${name}${key.charAt(0).toUpperCase()}${key.slice(1)}`, value]),
  );
}
