import type { Clock } from "../../kernel/clock.ts";
import type { ManagerApp } from "../../manager/app/api/manager-app.ts";
import type { NodeView } from "../../manager/app/api/registry.ts";
import type { LiveEvent } from "../../manager/app/api/watching.ts";
import { presenceRules } from "../../manager/domain/presence.ts";
import type { CoreStatus } from "./core.ts";
import { pollSeconds } from "./sim-manager.ts";
import type { SimNode } from "./sim-node.ts";
import type { SimTrace } from "./sim-trace.ts";

const lateMs = presenceRules.lateFactor * pollSeconds * 1000 + presenceRules.lateExtraMs;
const offlineMs = presenceRules.offlineFactor * pollSeconds * 1000 + presenceRules.offlineExtraMs;
/** Presence is looked at in steps, and what arrives is worked on within the same moment. */
const presenceToleranceMs = 1500;

const endStates = new Set(["succeeded", "failed", "rolled-back", "cancelled", "expired"]);

export interface FleetInvariantsOptions {
  readonly clock: Clock;
  readonly trace: SimTrace;
  readonly nodes: readonly SimNode[];
  /** What an update's artifact is. */
  readonly digests: ReadonlyMap<string, string>;
}

/** What must hold at every moment, seen from outside: the cores' memory and logs, the datagrams, and what the manager says. */
export class FleetInvariants {
  readonly #options: FleetInvariantsOptions;
  /** Commands as the core began to act on them: `<node> <id>`. */
  readonly #executions = new Map<string, number>();
  readonly #heardAtMs = new Map<string, number>();
  readonly #last = new Map<string, CoreStatus>();
  readonly #ended = new Map<string, string>();
  readonly #registered = new Set<string>();

  constructor(options: FleetInvariantsOptions) {
    this.#options = options;
  }

  executions(node: string, command: string): number {
    return this.#executions.get(`${node} ${command}`) ?? 0;
  }

  /** A datagram or bytes of the node reached the manager's socket. */
  heard(node: string): void {
    this.#heardAtMs.set(node, this.#options.clock.monotonicMs());
  }

  /** A line of a node's own log. */
  logged(node: string, line: string): void {
    const id = / command \S+ (\S+)$/.exec(line)?.[1];
    if (id === undefined) return;
    const times = this.executions(node, id) + 1;
    this.#executions.set(`${node} ${id}`, times);
    if (times > 1) this.#options.trace.violate(`${node} did command ${id} ${times} times`);
  }

  /** The end of one power cycle. */
  left(node: string, status: CoreStatus): void {
    this.#last.set(node, status);
    const { trace } = this.#options;
    if (status.lifeFaults > 0) trace.violate(`${node}: ${status.lifeFaults} events that its life cycle says can't be`);
    if (status.flashFaults > 0) trace.violate(`${node}: ${status.flashFaults} writes that flash would have refused`);
  }

  happened(event: LiveEvent): void {
    const { trace, clock } = this.#options;
    if (event.kind === "registered") this.#registered.add(event.node);
    if (event.kind === "removed") trace.violate(`${event.node} was removed by nobody`);
    if (event.kind === "attempt") this.#attempted(event);
    if (event.kind === "presence") {
      const silentMs = clock.monotonicMs() - (this.#heardAtMs.get(event.node) ?? Number.NEGATIVE_INFINITY);
      if (event.to === "online" && silentMs > lateMs) trace.violate(`${event.node} became online unheard`);
      if (event.to === "offline" && silentMs < offlineMs - presenceToleranceMs)
        trace.violate(`${event.node} became offline, heard ${silentMs.toFixed(0)} ms ago`);
    }
  }

  /** What the manager knows of its nodes, just asked. */
  seen(views: readonly NodeView[]): void {
    const { trace, clock } = this.#options;
    const known = new Set(views.map(({ id }) => id));
    for (const id of this.#registered)
      if (!known.has(id)) trace.violate(`${id} was registered and isn't known any more`);
    for (const { id, presence } of views) {
      const silentMs = clock.monotonicMs() - (this.#heardAtMs.get(id) ?? Number.NEGATIVE_INFINITY);
      if (presence.state === "online" && silentMs > lateMs + presenceToleranceMs)
        trace.violate(`${id} counts as online, silent for ${silentMs.toFixed(0)} ms`);
    }
  }

  /** What isn't as it should be in the end. */
  async unsettled(app: ManagerApp, wanted: (node: string) => string): Promise<string[]> {
    const views = new Map((await app.registry.list({ count: 1000 })).nodes.map((view) => [view.id, view]));
    return this.#options.nodes.flatMap((node) => {
      const problem = (text: string): string => `${node.id} ${text}`;
      if (!node.isOn) return [problem("is off")];
      const { phase, digest, isTrial, isBrokerConnected } = node.status;
      const view = views.get(node.id);
      if (view === undefined) return [problem("is unknown to the manager")];
      return [
        phase === "operational" ? "" : `is in phase ${phase}`,
        isTrial ? "is on trial" : "",
        isBrokerConnected ? "" : "has no broker",
        view.isConnectedToBroker ? "" : "has no broker, says the manager",
        digest === wanted(node.id) ? "" : `runs ${node.status.version}`,
        view.manifest.digest === digest ? "" : "runs another image than the manager thinks",
        view.presence.state === "online" ? "" : `is ${view.presence.state} to the manager`,
        view.health === undefined ? "never told its health" : "",
        view.waitingActions === 0 ? "" : `has ${view.waitingActions} actions waiting`,
      ]
        .filter((text) => text !== "")
        .map(problem);
    });
  }

  #attempted({ node, update, attempt, state }: LiveEvent & { kind: "attempt" }): void {
    const { trace, digests } = this.#options;
    const ended = this.#ended.get(attempt);
    if (ended !== undefined && ended !== state) trace.violate(`attempt ${attempt} was ${ended} and became ${state}`);
    if (endStates.has(state)) this.#ended.set(attempt, state);
    if (state !== "succeeded") return;
    const status = this.#statusOf(node);
    if (status?.digest !== digests.get(update) || status?.isTrial !== false)
      trace.violate(
        `${node} counts as updated to ${update} and runs ${status?.version}${status?.isTrial ? " on trial" : ""}`,
      );
  }

  #statusOf(id: string): CoreStatus | undefined {
    const node = this.#options.nodes.find((each) => each.id === id);
    return node?.isOn === true ? node.status : this.#last.get(id);
  }
}
