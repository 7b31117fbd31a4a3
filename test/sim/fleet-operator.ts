import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { ManagerApp } from "../../manager/app/api/manager-app.ts";
import type { Actor } from "../../manager/app/api/registry.ts";
import { instantFromMs } from "../../schemas/wire/instant.ts";
import type { FleetInvariants } from "./fleet-invariants.ts";
import { digestOf } from "./sim-artifacts.ts";
import type { SimManager } from "./sim-manager.ts";
import { envelopeOfUpdate, sequenceOf, simKey } from "./sim-release.ts";
import type { SimTrace } from "./sim-trace.ts";

const by: Actor = { kind: "operator", id: "sim" };
const openCommand = new Set(["waiting", "offered", "taken"]);
const openAttempt = new Set(["offered", "accepted", "deferred", "downloading", "verifying", "staged", "trial"]);

/** An update that the operator wants on these nodes, once the update named in `after` has been rolled back there. */
export interface SimUpdate {
  readonly id: string;
  readonly version: string;
  readonly model: string;
  readonly image: Uint8Array;
  readonly nodes: readonly string[];
  readonly ends: "succeeded" | "rolled-back";
  readonly after?: string;
}

/** A command whose node lost power over it is open until it expires, since it must not be done twice. */
const commandExpiresMs = [10_000, 300_000] as const;

export interface FleetOperatorOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly manager: SimManager;
  readonly trace: SimTrace;
  readonly invariants: FleetInvariants;
  readonly nodes: readonly string[];
  readonly updates: readonly SimUpdate[];
}

/** A person who steers the fleet, asks again for what failed, and remembers everything that the manager acknowledged. */
export class FleetOperator {
  readonly #options: FleetOperatorOptions;
  readonly #commands = new Map<string, { readonly node: string; readonly command: string }>();
  readonly #attempts = new Map<string, { readonly node: string; readonly update: string }>();
  /** Updates whose creation was acknowledged. */
  readonly #created = new Set<string>();

  constructor(options: FleetOperatorOptions) {
    this.#options = options;
  }

  /** Orders whatever is wanted and not under way. */
  pursue(): void {
    const { manager, updates } = this.#options;
    const { app } = manager;
    if (app === undefined) return;
    for (const update of updates) {
      if (!this.#created.has(update.id)) {
        this.#create(update);
        continue;
      }
      if (app.updates.find(update.id) === undefined)
        this.#options.trace.violate(`update ${update.id} was acknowledged and is unknown`);
      const open = update.nodes.filter((node) => {
        if (update.after !== undefined && this.#stateOf(app, update.after, node) !== "rolled-back") return false;
        const state = this.#stateOf(app, update.id, node);
        return state !== update.ends && !openAttempt.has(state);
      });
      if (open.length > 0) this.#start(update.id, open);
    }
  }

  /** Now and then something else. */
  meddle(): void {
    const { clock, entropy, nodes, trace } = this.#options;
    const node = nodes[Math.floor(entropy.fraction() * nodes.length)] ?? "";
    const chance = entropy.fraction();
    if (chance < 0.8) {
      const command =
        chance < 0.3 ? "restart" : chance < 0.6 ? "identify" : chance < 0.77 ? "query-status" : "terminate";
      const [least, most] = commandExpiresMs;
      const expiresAtMs = Math.floor(clock.wallMs() + least + (most - least) * entropy.fraction());
      this.#call(
        `command ${command} to ${node}`,
        (app) => app.commands.send(node, { command, expires: instantFromMs(expiresAtMs) }, by),
        (outcome) => {
          if (outcome.kind === "queued") this.#commands.set(outcome.id, { node, command });
          else if (outcome.kind !== "unknown-node" && outcome.kind !== "queue-full")
            trace.violate(`a command was ${outcome.kind}`);
        },
      );
    } else if (chance < 0.9) {
      const ids = [...this.#commands.keys()];
      const id = ids[Math.floor(entropy.fraction() * ids.length)];
      const found = id === undefined ? undefined : this.#commands.get(id);
      if (id === undefined || found === undefined) return;
      this.#call(`cancel ${id}`, (app) => app.commands.cancel(found.node, id, by));
    } else if (chance < 0.95) {
      this.#call(`cancel the attempt of ${node}`, (app) => app.attempts.cancel(node, by));
    } else {
      this.#call(`configure ${node}`, (app) => app.environments.configure(node, { logLevel: "info" }, by));
    }
  }

  /** What was acknowledged and isn't over, or was lost. */
  async unsettled(app: ManagerApp): Promise<string[]> {
    const { nodes, invariants, trace, updates } = this.#options;
    const problems: string[] = [];
    // What is acknowledged while we ask needn't be in the answer.
    const askedCommands = [...this.#commands];
    const askedAttempts = [...this.#attempts];
    const commands = new Map(
      (await Promise.all(nodes.map((node) => app.commands.list(node)))).flat().map((view) => [view.id, view]),
    );
    for (const [id, { node, command }] of askedCommands) {
      const state = commands.get(id)?.state;
      const times = invariants.executions(node, id);
      if (state === undefined) trace.violate(`command ${id} to ${node} was acknowledged and is unknown`);
      else if (openCommand.has(state)) problems.push(`${node} has a command that is ${state}`);
      else if (state === "done" && times !== 1)
        trace.violate(`${command} ${id} counts as done and ${node} did it ${times} times`);
    }
    const attempts = new Map(
      (await Promise.all(nodes.map((node) => app.attempts.list({ node, limit: 1000 }))))
        .flat()
        .map((view) => [view.attempt.id, view.attempt.state as string]),
    );
    for (const [id, { node, update }] of askedAttempts) {
      const state = attempts.get(id);
      if (state === undefined) trace.violate(`attempt ${id} of ${node} at ${update} was acknowledged and is unknown`);
      else if (openAttempt.has(state)) problems.push(`${node} has an attempt that is ${state}`);
    }
    for (const { id, nodes: members, ends } of updates) {
      for (const node of members) {
        const state = this.#stateOf(app, id, node);
        // A node may finish what was called off or given up while it was away; what it runs is looked at elsewhere.
        const isOver = ends === "succeeded" ? state !== "none" && !openAttempt.has(state) : state === ends;
        if (!isOver) problems.push(`${node} has ${id} ${state}`);
        if (state === "succeeded" && ends !== "succeeded") trace.violate(`${node} succeeded with ${id}`);
      }
    }
    return problems;
  }

  #stateOf(app: ManagerApp, update: string, node: string): string {
    return app.attempts.find(update, node)?.attempt.state ?? "none";
  }

  #create(update: SimUpdate): void {
    const { id, version, model, image } = update;
    const body = { id, version, model, sequence: sequenceOf(version), size: image.length, digest: digestOf(image) };
    this.#call(
      `create ${id}`,
      async (app) => {
        const envelope = await envelopeOfUpdate(update);
        await app.anchors.add({ name: "release key", ...simKey }, by);
        return await app.updates.create(body, by, envelope);
      },
      ({ kind }) => {
        if (kind === "created" || kind === "same") this.#created.add(id);
        else this.#options.trace.violate(`update ${id} could not be created: ${kind}`);
      },
    );
  }

  #start(update: string, nodes: readonly string[]): void {
    this.#call(
      `start ${update} on ${nodes.join(" ")}`,
      (app) => app.updates.start(update, nodes, by),
      (outcome) => {
        if (outcome.kind !== "started") {
          this.#options.trace.violate(`update ${update} could not be started: ${outcome.kind}`);
          return;
        }
        for (const { node, outcome: each } of outcome.nodes) {
          if (each.kind === "refused")
            this.#options.trace.note(`operator: ${update} on ${node} refused: ${each.reason}`);
          else this.#attempts.set(each.attempt, { node, update });
        }
      },
    );
  }

  /** A manager that dies meanwhile says nothing; one that lives must not fail. */
  #call<T>(what: string, work: (app: ManagerApp) => Promise<T>, then: (result: T) => void = () => undefined): void {
    const { manager, trace } = this.#options;
    const { app } = manager;
    if (app === undefined) return;
    trace.note(`operator: ${what}`);
    work(app).then(
      (result) => {
        if (manager.app === app) then(result);
      },
      (error: unknown) => {
        if (manager.app === app) trace.violate(`${what} failed: ${String(error)}`);
      },
    );
  }
}
