import type { ActionEnd, NodeHost } from "../../../agent/node-host.ts";
import type {
  CommandName,
  Environment,
  NodeManifest,
  Service,
  StatusReport,
} from "../../../schemas/generated/types.ts";
import type { NodeId } from "../../../schemas/wire/node-id.ts";

/** What the gateway says of itself, from whoever knows it. */
export interface GatewayFacts {
  readonly version: string;
  readonly uptimeSeconds: number;
  /** Parts of the gateway as a service manager would name them: bus, local broker, bridge. */
  readonly services: readonly Service[];
  readonly memoryPercent?: number;
}

export interface GatewayHostOptions {
  readonly id: NodeId;
  readonly model: string;
  /** It has a CA to check TLS by. */
  readonly speaksTls: boolean;
  facts(): GatewayFacts;
  environment(environment: Environment): void;
  /** Ends the process: whoever supervises it starts it again after `restart`. */
  end(why: "restart" | "terminate"): void;
  lost(): void;
}

const done: ActionEnd = { outcome: "done" };

/** The gateway as a node of the manager. It updates packs, not itself: its own update is refused as `unsupported`. */
export class GatewayHost implements NodeHost {
  readonly id: NodeId;
  readonly #options: GatewayHostOptions;

  constructor(options: GatewayHostOptions) {
    this.#options = options;
    this.id = options.id;
  }

  manifest(): Omit<NodeManifest, "id" | "parent" | "lastRev"> {
    const { model, speaksTls, facts } = this.#options;
    const { version, services } = facts();
    return {
      model,
      version,
      caps: ["gateway", "can", "mqtt", "no-self-update", ...(speaksTls ? ["tls"] : [])],
      services: [...services],
    };
  }

  report(): Omit<StatusReport, "id" | "lastRev" | "result"> {
    const { version, uptimeSeconds, services, memoryPercent } = this.#options.facts();
    const isWell = services.every(({ state }) => state === "running" || state === "starting");
    return {
      status: isWell ? "healthy" : "degraded",
      phase: "operational",
      uptime: Math.floor(uptimeSeconds),
      version,
      services: [...services],
      ...(memoryPercent !== undefined && { memoryPercent }),
    };
  }

  services(): readonly Service[] {
    return this.#options.facts().services;
  }

  lost(): void {
    this.#options.lost();
  }

  environment(environment: Environment): Promise<ActionEnd> {
    this.#options.environment(environment);
    return Promise.resolve(done);
  }

  command(command: CommandName): Promise<ActionEnd> {
    if (command === "restart" || command === "terminate") {
      this.#options.end(command);
      return Promise.resolve(done);
    }
    return Promise.resolve(command === "query-status" ? done : { outcome: "refused", reason: "unsupported" });
  }
}
