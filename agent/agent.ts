import type { Target } from "../coap/client-types.ts";
import type { CoapEndpoint } from "../coap/endpoint.ts";
import type { CoapRequest } from "../coap/route.ts";
import type { Clock, Timer } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import type { Log } from "../kernel/log.ts";
import type { Command } from "../schemas/generated/types.ts";
import { isChildOf, type NodeId } from "../schemas/wire/node-id.ts";
import { type NodeResource, nodePath } from "../schemas/wire/paths.ts";
import { agentFaults } from "./agent-faults.ts";
import { type AgentLimits, agentLimits } from "./agent-limits.ts";
import { ManagerLink } from "./manager-link.ts";
import type { ActionEnd, NodeHost } from "./node-host.ts";
import type { NodeMemories } from "./node-memory.ts";
import { nodeRoutes } from "./node-routes.ts";
import { type InstallAnswer, NodeSpeaker } from "./node-speaker.ts";

export interface AgentOptions {
  /** Not yet started; the agent adds its routes. Its association with the manager secures everything that is said. */
  readonly endpoint: Pick<CoapEndpoint, "request" | "route" | "notify" | "observers">;
  readonly manager: Target;
  /** The node that has the association. */
  readonly host: NodeHost;
  /** Whether a request to this node is the manager's. */
  isManager(this: void, request: CoapRequest): boolean;
  /** There is no association that says who asks: a manager under `--insecure`. */
  readonly isOpen: boolean;
  readonly memories: NodeMemories;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly limits?: { readonly [Name in keyof AgentLimits]?: number | undefined } | undefined;
}

/**
 * The node's half of the device protocol: it registers a node and those behind it, sends their heartbeats, takes their actions and serves
 * their resources. What the nodes are and do comes with a `NodeHost` each.
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #limits: AgentLimits;
  readonly #link: ManagerLink;
  readonly #own: NodeSpeaker;
  readonly #children = new Map<string, NodeSpeaker>();
  readonly #notices = new Map<string, Timer>();
  #isStarted: boolean = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#limits = agentLimits.resolve(options.limits);
    this.#link = new ManagerLink({ ...options, speaker: options.host.id, requests: this.#limits.requests });
    this.#own = this.#speaker(options.host);
    const routes = nodeRoutes({
      speaker: (child) => (child === undefined ? this.#own : this.#children.get(child)),
      isManager: options.isManager,
    });
    for (const route of routes) options.endpoint.route(route);
  }

  /** Rejects when what is kept of the node can't be read. */
  async start(): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    await this.#begin(this.#own);
  }

  /** Says nothing more. Jobs under way go on after the next start. */
  stop(): void {
    this.#isStarted = false;
    for (const speaker of [...this.#children.values(), this.#own]) this.#end(speaker);
    this.#children.clear();
  }

  get isRegistered(): boolean {
    return this.#own.isRegistered;
  }

  /** Seconds between status reports, as the environment says. */
  get reportSeconds(): number {
    return this.#own.reportSeconds;
  }

  children(): readonly NodeId[] {
    return [...this.#children.values()].map(({ host }) => host.id);
  }

  /** Rejects with `agent.not-a-child`, `agent.child-twice`, `agent.too-many-children`, or when what is kept of it can't be read. */
  async addChild(host: NodeHost): Promise<void> {
    const parent = this.#options.host.id;
    const child = host.id;
    if (!isChildOf(child, parent)) throw agentFaults("agent.not-a-child", { child, parent });
    if (this.#children.has(child)) throw agentFaults("agent.child-twice", { child });
    if (this.#children.size >= this.#limits.children) {
      throw agentFaults("agent.too-many-children", { child, parent, limit: this.#limits.children });
    }
    const speaker = this.#speaker(host, parent);
    this.#children.set(child, speaker);
    try {
      await this.#begin(speaker);
    } catch (error) {
      this.#children.delete(child);
      throw error;
    }
  }

  /** Its heartbeats end, and who observes its resources is told that it is gone. */
  removeChild(child: string): void {
    const speaker = this.#children.get(child);
    if (speaker === undefined) return;
    this.#end(speaker);
    this.#children.delete(child);
    for (const resource of observed) this.#notify(speaker, resource);
  }

  /** Something of the node's report changed that shouldn't wait for its next heartbeat. */
  changed(node: string): void {
    this.#find(node)?.beat();
  }

  /** What its registration says changed. */
  registerAgain(node: string): void {
    this.#find(node)?.registerAgain();
  }

  /** Asks for an update that nobody offered to the node. Never rejects. */
  install(node: string, update: string): Promise<InstallAnswer> {
    return this.#find(node)?.install(update) ?? Promise.resolve({ kind: "refused", reason: "there is no such node" });
  }

  /** Telemetry where there is no broker: SenML JSON. False: it wasn't taken. Never rejects. */
  telemetry(node: string, senml: Uint8Array): Promise<boolean> {
    return this.#find(node)?.telemetry(senml) ?? Promise.resolve(false);
  }

  /** A command that came by MQTT. Never rejects. */
  command(node: string, command: Command): Promise<ActionEnd> {
    const unknown: ActionEnd = { outcome: "refused", reason: "no-such-node" };
    return this.#find(node)?.desk.takeCommand(command) ?? Promise.resolve(unknown);
  }

  /** Ends the node's update where it stands. */
  cancelUpdate(node: string): void {
    this.#find(node)?.desk.cancelUpdate();
  }

  /** It fell silent: nothing is said in its name, and who observes it hears 5.04. `returned` undoes it. */
  fellSilent(child: string): void {
    const speaker = this.#children.get(child);
    if (speaker === undefined) return;
    this.#end(speaker);
    for (const resource of observed) this.#notify(speaker, resource);
  }

  async returned(child: string): Promise<void> {
    const speaker = this.#children.get(child);
    if (speaker !== undefined) await this.#begin(speaker);
  }

  #find(node: string): NodeSpeaker | undefined {
    return node === this.#options.host.id ? this.#own : this.#children.get(node);
  }

  #speaker(host: NodeHost, parent?: NodeId): NodeSpeaker {
    const speaker: NodeSpeaker = new NodeSpeaker({
      ...{ ...this.#options, host, parent, link: this.#link, limits: this.#limits },
      changed: (what) => this.#notify(speaker, what),
    });
    return speaker;
  }

  async #begin(speaker: NodeSpeaker): Promise<void> {
    await speaker.start();
    this.#armNotice(speaker);
  }

  #end(speaker: NodeSpeaker): void {
    speaker.stop();
    this.#notices.get(speaker.host.id)?.cancel();
    this.#notices.delete(speaker.host.id);
  }

  /** Whoever observes health is told of it as often as it promises, and a little earlier than it ends. */
  #armNotice(speaker: NodeSpeaker): void {
    const { clock, entropy } = this.#options;
    this.#notices.get(speaker.host.id)?.cancel();
    const seconds = this.#own.reportSeconds;
    const notice = clock.after(seconds * 1000 * (0.9 + 0.1 * entropy.fraction()), () => {
      this.#notify(speaker, "health");
      this.#notify(speaker, "metrics");
      this.#armNotice(speaker);
    });
    this.#notices.set(speaker.host.id, notice);
  }

  #notify(speaker: NodeSpeaker, resource: NodeResource): void {
    const { endpoint } = this.#options;
    const path = nodePath(resource, speaker === this.#own ? undefined : speaker.host.id);
    if (endpoint.observers(path) > 0) endpoint.notify(path);
  }
}

const observed = ["health", "metrics", "update"] as const satisfies readonly NodeResource[];
