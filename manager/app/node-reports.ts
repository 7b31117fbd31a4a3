import type { Clock } from "../../kernel/clock.ts";
import type { Metrics, Service, StatusReport } from "../../schemas/generated/types.ts";
import type { Health, NodeMetrics, NodeServices } from "./api/node-data.ts";
import { HealthBook } from "./health-book.ts";
import type { LiveEventBus } from "./live-event-bus.ts";
import { ReportBook } from "./report-book.ts";

export interface NodeReportsOptions {
  readonly clock: Clock;
  readonly bus: LiveEventBus;
  /** Nodes whose last reports are kept, of each kind. */
  readonly capacity: number;
  isRegistered(node: string): boolean;
  /** A health report sets off more than being kept. */
  reported(node: string, report: StatusReport, way: "put" | "beat" | "observed" | "mqtt"): void;
}

/** The last health, metrics and services of each node. */
export class NodeReports {
  readonly healthBook: HealthBook;
  readonly health: Health;
  readonly metrics: NodeMetrics;
  readonly services: NodeServices;
  readonly #metricsBook: ReportBook<Metrics>;
  readonly #servicesBook: ReportBook<readonly Service[]>;

  constructor(options: NodeReportsOptions) {
    const { bus, isRegistered } = options;
    const healthBook = new HealthBook(options);
    const metricsBook = new ReportBook<Metrics>(options);
    const servicesBook = new ReportBook<readonly Service[]>(options);
    this.healthBook = healthBook;
    this.#metricsBook = metricsBook;
    this.#servicesBook = servicesBook;
    this.health = {
      report: (node, report, way) => {
        if (!isRegistered(node)) return false;
        options.reported(node, report, way);
        return true;
      },
      latest: (node) => healthBook.latest(node),
    };
    this.metrics = {
      report: (node, report) => {
        if (!isRegistered(node)) return false;
        metricsBook.put(node, report, "put");
        bus.emit({ kind: "metrics", node });
        return true;
      },
      latest: (node) => metricsBook.latest(node),
    };
    this.services = {
      report: (node, report) => {
        if (!isRegistered(node)) return false;
        servicesBook.put(node, report, "put");
        bus.emit({ kind: "services", node });
        return true;
      },
      latest: (node) => servicesBook.latest(node),
    };
  }

  /** A manifest lists services too. */
  registeredWith(node: string, services: readonly Service[]): void {
    this.#servicesBook.put(node, services, "registration");
  }

  forget(node: string): void {
    this.healthBook.forget(node);
    this.#metricsBook.forget(node);
    this.#servicesBook.forget(node);
  }
}
