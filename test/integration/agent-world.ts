import { Agent } from "../../agent/agent.ts";
import { managerEndpoint } from "../../agent/manager-endpoint.ts";
import type { ActionEnd, NodeHost, UpdateJob } from "../../agent/node-host.ts";
import { type NodeMemories, volatileMemories } from "../../agent/node-memory.ts";
import type { CoapEndpoint } from "../../coap/endpoint.ts";
import { volatileLeases } from "../../coap/security/oscore/sequence-leases.ts";
import { MemoryNetwork } from "../../coap/transport/memory.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import type { ManagerApp } from "../../manager/app/api/manager-app.ts";
import type { LiveEvent } from "../../manager/app/api/watching.ts";
import type {
  CommandName,
  Configuration,
  Environment,
  Mode,
  NodeManifest,
  StatusReport,
} from "../../schemas/generated/types.ts";
import type { Digest } from "../../schemas/wire/digest.ts";
import { nodeId } from "../../schemas/wire/node-id.ts";
import { simArtifacts } from "../sim/sim-artifacts.ts";
import { twinDisk } from "../sim/sim-disk.ts";
import { managerAddress, managerPorts, SimManager } from "../sim/sim-manager.ts";

export const operator = { kind: "operator", id: "test" } as const;

/** A node behind an agent that does what it is told and remembers it. */
export class FakeHost implements NodeHost {
  readonly id;
  readonly commands: CommandName[] = [];
  readonly commandIds: string[] = [];
  readonly configurations: Configuration[] = [];
  readonly environments: Environment[] = [];
  readonly modes: Mode[] = [];
  readonly jobs: UpdateJob[] = [];
  status: StatusReport["status"] = "healthy";
  digest: Digest | undefined;
  isSilent = false;
  losses = 0;
  registrations = 0;
  /** How an update goes. */
  install: (job: UpdateJob) => Promise<ActionEnd> = () =>
    Promise.resolve({ outcome: "refused", reason: "unsupported" });
  /** How a configuration ends. */
  configured: ActionEnd = { outcome: "done" };

  constructor(id: string, digest?: Digest) {
    this.id = nodeId(id);
    this.digest = digest;
  }

  manifest(): Omit<NodeManifest, "id" | "parent" | "lastRev"> {
    return {
      model: "fake",
      version: "1.0.0",
      ...(this.digest !== undefined && { digest: this.digest, confirmed: true }),
    };
  }

  report(): StatusReport {
    return {
      ...(this.status !== undefined && { status: this.status }),
      ...(this.digest !== undefined && { digest: this.digest, confirmed: true }),
    };
  }

  isGone(): boolean {
    return this.isSilent;
  }

  registered(): void {
    this.registrations++;
  }

  lost(): void {
    this.losses++;
  }

  environment(environment: Environment): Promise<ActionEnd> {
    this.environments.push(environment);
    return Promise.resolve({ outcome: "done" });
  }

  configure(configuration: Configuration): Promise<ActionEnd> {
    this.configurations.push(configuration);
    return Promise.resolve(this.configured);
  }

  setMode(mode: Mode): Promise<ActionEnd> {
    this.modes.push(mode);
    return Promise.resolve({ outcome: "done" });
  }

  command(command: CommandName, id: string): Promise<ActionEnd> {
    this.commands.push(command);
    this.commandIds.push(id);
    return Promise.resolve({ outcome: "done" });
  }

  update(job: UpdateJob): Promise<ActionEnd> {
    this.jobs.push(job);
    return this.install(job);
  }
}

export interface LiveAgent {
  readonly agent: Agent;
  readonly endpoint: CoapEndpoint;
  readonly host: FakeHost;
  readonly memories: NodeMemories;
  /** As when its power goes: nothing is said any more. */
  kill(): Promise<void>;
}

/** A whole manager and agents, on one memory network and one virtual clock. */
export class AgentWorld {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  readonly manager: SimManager;
  readonly events: LiveEvent[] = [];
  readonly #agents: LiveAgent[] = [];
  readonly #disk;
  #lives = 0;

  constructor({ seed = 1, images = [] }: { readonly seed?: number; readonly images?: readonly Uint8Array[] } = {}) {
    const { clock } = this;
    this.network = new MemoryNetwork({ clock, entropy: seededEntropy(`${seed}/network`) });
    this.#disk = twinDisk(seededEntropy(`${seed}/disk`));
    this.manager = new SimManager({
      ...{ clock, network: this.network, disk: this.#disk, log: silentLog },
      // Whose keys the tests' update manifests are signed with.
      vendor: "vendor.example",
      entropy: seededEntropy(`${seed}/manager`),
      artifacts: simArtifacts(images),
      onEvent: (event) => this.events.push(event),
      onDatagram: () => undefined,
    });
  }

  /** The manager must be up. */
  get app(): ManagerApp {
    const { app } = this.manager;
    if (app === undefined) throw new Error("The manager isn't up.");
    return app;
  }

  async start(): Promise<void> {
    await this.during(this.manager.start());
  }

  async agent(
    id: string,
    address: string,
    { host = new FakeHost(id), memories = volatileMemories() }: { host?: FakeHost; memories?: NodeMemories } = {},
  ): Promise<LiveAgent> {
    const { clock } = this;
    const entropy = seededEntropy(`${id}/${this.#lives++}`);
    const transport = this.network.transport(address);
    const made = managerEndpoint({
      manager: { isDtls: false, host: managerAddress, port: managerPorts.coap },
      credentials: undefined,
      leases: volatileLeases(),
      ...{ transport, clock, entropy, log: silentLog },
    });
    const agent = new Agent({ ...made, host, memories, clock, entropy, log: silentLog });
    await made.endpoint.start();
    const live = {
      ...{ agent, host, memories, endpoint: made.endpoint },
      kill: async () => {
        agent.stop();
        await this.during(made.endpoint.stop());
      },
    };
    this.#agents.push(live);
    await agent.start();
    return live;
  }

  /** Lets time pass until `work` is done. */
  async during<T>(work: Promise<T>, withinMs = 600_000): Promise<T> {
    let isOver = false;
    const settled = (): void => {
      isOver = true;
    };
    work.then(settled, settled);
    for (let ms = 0; !isOver && ms < withinMs; ms += 10) await this.clock.advance(10);
    if (!isOver) throw new Error("It didn't end.");
    return await work;
  }

  /** Lets time pass until it is so; fails with what it was last. */
  async until(isSo: () => unknown, withinMs = 600_000): Promise<void> {
    for (let ms = 0; ms < withinMs; ms += 100) {
      if (await isSo()) return;
      await this.clock.advance(100);
    }
    throw new Error(`It never came to be: ${isSo}`);
  }

  async view(node: string) {
    return await this.during(this.app.registry.find(node));
  }

  async end(): Promise<void> {
    for (const each of this.#agents) await each.kill();
    await this.during(this.manager.stop());
    this.#disk.remove();
  }
}
