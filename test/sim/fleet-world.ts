import { MemoryNetwork } from "../../coap/transport/memory.ts";
import { type Log, silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import type { LiveEvent } from "../../manager/app/api/watching.ts";
import { type CoreLibrary, type StreamName, simulatedImage } from "./core.ts";
import { FleetInvariants } from "./fleet-invariants.ts";
import { FleetOperator, type SimUpdate } from "./fleet-operator.ts";
import { FleetWeather } from "./fleet-weather.ts";
import { digestOf, simArtifacts } from "./sim-artifacts.ts";
import { type SimDisk, sqliteDisk, twinDisk } from "./sim-disk.ts";
import { simLink } from "./sim-link.ts";
import { managerAddress, managerPorts, SimManager } from "./sim-manager.ts";
import { SimNode } from "./sim-node.ts";
import { simAnchors, simVendor } from "./sim-release.ts";
import { SimTrace } from "./sim-trace.ts";

const imageBytes = 12_000;
/** After the trouble ends, so long until everything must be as it should: a node in SAFE boots as usual after an hour. */
const calmLimitMs = 80 * 60_000;
const connectPatienceMs = 30_000;

export interface WorldPlan {
  readonly seed: number;
  readonly nodes: number;
  /** How long loss, cuts and kills go on. */
  readonly stormMs: number;
  readonly disk: "twin" | "sqlite";
}

/** What an image of such a model does wrong. */
const models = { 3: "sensor-fault", 5: "crash", 6: "deaf" } as const;

/**
 * A manager, a broker and a fleet of compiled cores in one process, on one clock, from one seed. First a storm, while an
 * operator sends commands and starts updates that are good for most and bad for some; then calm, in which everything has to
 * come right. The same plan gives the same run, to the byte.
 */
export class FleetWorld {
  readonly plan: WorldPlan;
  readonly clock = new VirtualClock();
  readonly trace = new SimTrace(this.clock);
  readonly nodes: readonly SimNode[];
  readonly manager: SimManager;
  readonly weather: FleetWeather;
  readonly #network: MemoryNetwork;
  readonly #operator: FleetOperator;
  readonly #invariants: FleetInvariants;
  readonly #disk: SimDisk;
  readonly #wanted = new Map<string, string>();
  readonly #entropy;

  constructor(library: CoreLibrary, plan: WorldPlan) {
    this.plan = plan;
    const { clock, trace } = this;
    const source = (name: string) => seededEntropy(`${plan.seed}/${name}`);
    this.#entropy = source("world");
    this.#network = new MemoryNetwork({ clock, entropy: source("network") });
    const ids = Array.from({ length: plan.nodes }, (_, i) => `n${i}`);
    const updates = updatesFor(ids);
    for (const { ends, nodes, image } of updates)
      if (ends === "succeeded") for (const node of nodes) this.#wanted.set(node, digestOf(image));
    this.#disk = (plan.disk === "twin" ? twinDisk : sqliteDisk)(source("disk"));
    this.manager = new SimManager({
      ...{ clock, network: this.#network, disk: this.#disk },
      entropy: source("manager"),
      artifacts: simArtifacts(updates.map(({ image }) => image)),
      log: this.#log(),
      onEvent: (event) => this.#watch(event),
      onDatagram: (from) => this.#heard(from),
    });
    const factory = simulatedImage("1.0.0", imageBytes);
    const links = source("links");
    this.nodes = ids.map((id, i) => {
      const address = `127.0.1.${i + 1}`;
      return new SimNode({
        ...{ library, network: this.#network, clock, address, image: factory },
        entropy: source(id),
        core: {
          id,
          model: modelOf(i),
          prefer: i % 2 === 0 ? "http" : "coap",
          ...{ logLevel: "info", vendor: simVendor, anchors: simAnchors },
          downloadRate: i % 3 === 1 ? 4000 : 0,
          ...(i % 3 === 0 ? {} : { manager: { address: managerAddress, port: managerPorts.coap } }),
        },
        connect: (stream, opened) => this.#connect(id, address, stream, links, opened),
        onLog: (line) => {
          trace.note(line);
          this.#invariants.logged(id, line);
        },
        onEnding: (ending) => {
          trace.note(`${id} ends: ${ending}`);
          if (ending === "blank") trace.violate(`${id} has no image to boot`);
        },
        onLast: (status) => this.#invariants.left(id, status),
      });
    });
    const digests = new Map(updates.map(({ id, image }) => [id, digestOf(image)]));
    this.#invariants = new FleetInvariants({ clock, trace, nodes: this.nodes, digests });
    this.weather = new FleetWeather({
      ...{ clock, trace, network: this.#network, manager: this.manager, nodes: this.nodes },
      entropy: source("weather"),
    });
    this.#operator = new FleetOperator({
      ...{ clock, trace, manager: this.manager, invariants: this.#invariants, nodes: ids, updates },
      entropy: source("operator"),
    });
    this.#network.taps.push(({ from, to, bytes }) => trace.bytes(`${from.address} ${to.address}`, bytes));
    this.#network.rules.push(({ from, to }) => {
      const block = this.weather.blocked.get(from.address === managerAddress ? to.address : from.address);
      const way = from.address === managerAddress ? "to-node" : "to-manager";
      return block === "both" || block === way ? "drop" : undefined;
    });
  }

  /** Resolves when the run is over; what was wrong is in `trace.violations`. */
  async run(): Promise<void> {
    const { clock, weather, manager, trace } = this;
    void manager.start();
    for (const node of this.nodes) void node.powerOn();
    await clock.advance(12_000);
    weather.begin();
    const stormEndsMs = clock.monotonicMs() + this.plan.stormMs;
    while (clock.monotonicMs() < stormEndsMs) {
      await clock.advance(200 + Math.floor(2200 * this.#entropy.fraction()));
      weather.strike();
      const chance = this.#entropy.fraction();
      if (chance < 0.3) this.#operator.pursue();
      else if (chance < 0.7) this.#operator.meddle();
      else if (chance < 0.8) await this.#look();
      this.#wakeEnded();
    }
    weather.end();
    const limitMs = clock.monotonicMs() + calmLimitMs;
    let unsettled = ["nothing was looked at"];
    while (unsettled.length > 0 && clock.monotonicMs() < limitMs) {
      await clock.advance(3000);
      this.#wakeEnded();
      this.#operator.pursue();
      unsettled = await this.#unsettled();
    }
    trace.note("settled");
    // And it has to stay so.
    await clock.advance(30_000);
    for (const problem of unsettled.length > 0 ? unsettled : await this.#unsettled()) trace.violate(problem);
    for (const node of this.nodes) if (node.isOn) this.#invariants.left(node.id, node.status);
    trace.digest();
  }

  async end(): Promise<void> {
    this.manager.kill();
    for (const node of this.nodes) await node.powerOff();
    this.#disk.remove();
  }

  async #unsettled(): Promise<string[]> {
    const { app } = this.manager;
    if (app === undefined) return ["the manager is down"];
    const found = await this.#wait(
      Promise.all([
        this.#invariants.unsettled(app, (node) => this.#wanted.get(node) ?? ""),
        this.#operator.unsettled(app),
      ]),
    );
    return found?.flat() ?? ["the manager doesn't answer"];
  }

  async #look(): Promise<void> {
    const { app } = this.manager;
    const page = app && (await this.#wait(app.registry.list({ count: 1000 })));
    if (page !== undefined && this.manager.app === app) this.#invariants.seen(page.nodes);
  }

  /** Lets time pass until it is settled, 5 s at most; a manager that is killed meanwhile never answers. */
  async #wait<T>(promise: Promise<T>): Promise<T | undefined> {
    let answer: { readonly value: T | undefined } | undefined;
    promise.then(
      (value) => {
        answer = { value };
      },
      (error: unknown) => {
        answer = { value: undefined };
        if (this.manager.app !== undefined) this.trace.violate(`the manager could not be asked: ${String(error)}`);
      },
    );
    for (let i = 0; i < 500 && answer === undefined; i++) await this.clock.advance(10);
    return answer?.value;
  }

  /** A terminated node ends until somebody presses its button. */
  #wakeEnded(): void {
    for (const node of this.nodes) if (node.isAbandoned && this.#entropy.fraction() < 0.2) void node.powerOn();
  }

  #connect(
    id: string,
    address: string,
    stream: StreamName,
    entropy: ReturnType<typeof seededEntropy>,
    opened: Parameters<NonNullable<ConstructorParameters<typeof SimNode>[0]["connect"]>>[1],
  ): void {
    const { clock, weather, manager, trace } = this;
    const isBlocked = (): boolean => weather.blocked.has(address);
    const arrived = (bytes: Uint8Array, to: "node" | "manager"): void => {
      // HTTP carries the real date, so of the manager's bytes only the number counts.
      trace.bytes(`${id} ${stream} ${to} ${bytes.length}`, to === "manager" ? bytes : new Uint8Array());
      if (to === "manager") this.#invariants.heard(id);
    };
    const startedMs = clock.monotonicMs();
    const attempt = (): void => {
      if (isBlocked()) {
        if (clock.monotonicMs() - startedMs < connectPatienceMs) clock.after(1000, attempt);
        else opened(undefined);
        return;
      }
      const link = simLink({ clock, entropy, isBlocked, arrived, nodeAddress: address });
      opened(manager.accept(stream, link.manager) ? link.node : undefined);
    };
    clock.after(2 + 5 * entropy.fraction(), attempt);
  }

  #heard(from: string): void {
    const node = this.nodes.find(({ address }) => address === from);
    if (node !== undefined) this.#invariants.heard(node.id);
  }

  #watch(event: LiveEvent): void {
    if (event.kind === "attempt")
      this.trace.note(`manager: ${event.node} ${event.update} ${event.attempt} ${event.state} ${event.reason ?? ""}`);
    else if (event.kind === "presence") this.trace.note(`manager: ${event.node} ${event.from} -> ${event.to}`);
    else if (event.kind === "action")
      this.trace.note(`manager: ${event.node} rev ${event.rev} ${event.what} ${event.state} ${event.reason ?? ""}`);
    this.#invariants.happened(event);
  }

  /** Whatever the manager logs as an error is one. */
  #log(): Log {
    const log: Log = {
      ...silentLog,
      error: (event, data) => {
        const { error, ...rest } = data ?? {};
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        if (this.manager.app !== undefined) this.trace.violate(`manager: ${event} ${JSON.stringify(rest)} ${text}`);
      },
      with: () => log,
    };
    return log;
  }
}

function modelOf(i: number): string {
  return models[(i % 7) as keyof typeof models] ?? "sim";
}

function updatesFor(ids: readonly string[]): SimUpdate[] {
  const of = (model: string): string[] => ids.filter((_, i) => modelOf(i) === model);
  const good: SimUpdate = {
    ...{ id: "good", version: "2.0.0", model: "sim", nodes: of("sim"), ends: "succeeded" },
    image: simulatedImage("2.0.0", imageBytes),
  };
  const bad = Object.values(models).flatMap((model): SimUpdate[] => [
    {
      ...{ id: `bad-${model}`, version: "2.0.0", model, nodes: of(model), ends: "rolled-back" },
      image: simulatedImage("2.0.0", imageBytes, model),
    },
    {
      ...{ id: `fix-${model}`, version: "2.1.0", model, nodes: of(model), ends: "succeeded", after: `bad-${model}` },
      image: simulatedImage("2.1.0", imageBytes + model.length),
    },
  ]);
  return [good, ...bad];
}
