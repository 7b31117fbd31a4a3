import type { MemoryNetwork } from "../../coap/transport/memory.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { SimManager } from "./sim-manager.ts";
import type { SimNode } from "./sim-node.ts";
import type { SimTrace } from "./sim-trace.ts";

/** Which way nothing gets through between a node and the manager. */
export type Block = "both" | "to-node" | "to-manager";

export interface FleetWeatherOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly network: MemoryNetwork;
  readonly manager: SimManager;
  readonly nodes: readonly SimNode[];
  readonly trace: SimTrace;
}

/**
 * Everything that goes wrong by itself: datagrams lost, doubled and late, partitions, power that goes at any moment and within
 * writes to flash, and a manager that is killed, also while it starts or stops. How much of each is drawn once a run, so
 * that some runs are rich in one kind of trouble.
 */
export class FleetWeather {
  readonly blocked = new Map<string, Block>();
  readonly #options: FleetWeatherOptions;
  readonly #weights: readonly (readonly [weight: number, trouble: () => void])[];
  #isCalm: boolean = true;

  constructor(options: FleetWeatherOptions) {
    this.#options = options;
    const some = (most: number): number => most * options.entropy.fraction() ** 2;
    this.#weights = [
      [0.1 + some(1), () => this.#losePower()],
      [0.1 + some(1), () => this.#cutWithinFlash()],
      [0.05 + some(0.4), () => this.#killManager()],
      [0.02 + some(0.2), () => this.#restartManager()],
      [0.05 + some(0.6), () => this.#partition()],
      [0.1 + some(0.5), () => this.#brownOut()],
    ];
  }

  begin(): void {
    const { network, entropy, trace } = this.#options;
    this.#isCalm = false;
    network.loss = 0.25 * entropy.fraction();
    network.duplication = 0.15 * entropy.fraction();
    network.reordering = 0.15 * entropy.fraction();
    network.delayMs = [1, 5 + 60 * entropy.fraction()];
    trace.note(`storm: loss ${network.loss.toFixed(2)} duplication ${network.duplication.toFixed(2)}`);
  }

  /** The next thing that goes wrong. */
  strike(): void {
    let at = this.#options.entropy.fraction() * this.#weights.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, trouble] of this.#weights) {
      at -= weight;
      if (at < 0) {
        trouble();
        return;
      }
    }
  }

  /** Faults stop; what is down comes back. */
  end(): void {
    const { network, nodes, manager, trace } = this.#options;
    trace.note("calm");
    this.#isCalm = true;
    network.loss = network.duplication = network.reordering = 0;
    this.blocked.clear();
    for (const node of nodes) {
      node.cutPowerAfter(0);
      void node.powerOn();
    }
    void manager.start();
  }

  #node(): SimNode | undefined {
    const { nodes, entropy } = this.#options;
    return nodes[Math.floor(entropy.fraction() * nodes.length)];
  }

  #losePower(): void {
    const { clock, entropy, trace } = this.#options;
    const node = this.#node();
    if (node === undefined) return;
    trace.note(`${node.id} loses power`);
    void node.powerOff();
    const isLong = entropy.fraction() < 0.1;
    clock.after(
      isLong ? 100_000 + 60_000 * entropy.fraction() : 300 + 6000 * entropy.fraction(),
      () => void node.powerOn(),
    );
  }

  #cutWithinFlash(): void {
    const { entropy, trace } = this.#options;
    const node = this.#node();
    if (node === undefined) return;
    const operations = 1 + Math.floor(12 * entropy.fraction());
    trace.note(`${node.id} will lose power at flash operation ${operations}`);
    node.cutPowerAfter(operations);
  }

  #killManager(): void {
    const { clock, entropy, manager, trace } = this.#options;
    if (!manager.isRunning) return;
    trace.note("the manager is killed");
    manager.kill();
    const isLong = entropy.fraction() < 0.1;
    clock.after((isLong ? 60_000 : 8000) * entropy.fraction(), () => this.#startManager());
  }

  #startManager(): void {
    const { clock, entropy, manager, trace } = this.#options;
    if (manager.isRunning) return;
    trace.note("the manager starts");
    void manager.start();
    // Also while it is starting.
    if (!this.#isCalm && entropy.fraction() < 0.2)
      clock.after(40 * entropy.fraction(), () => !this.#isCalm && this.#killManager());
  }

  #restartManager(): void {
    const { clock, entropy, manager, trace } = this.#options;
    if (manager.app === undefined) return;
    trace.note("the manager is stopped");
    void manager.stop().then(() => {
      trace.note("the manager has stopped");
      clock.after(2000 * entropy.fraction(), () => this.#startManager());
    });
  }

  #partition(): void {
    const { clock, entropy, nodes, trace } = this.#options;
    const share = entropy.fraction() < 0.3 ? 1 : 0.5 * entropy.fraction();
    const way: Block = entropy.fraction() < 0.6 ? "both" : entropy.fraction() < 0.5 ? "to-node" : "to-manager";
    const chosen = nodes.filter(() => entropy.fraction() < share);
    trace.note(`partition (${way}): ${chosen.map(({ id }) => id).join(" ")}`);
    for (const { address } of chosen) this.blocked.set(address, way);
    const lastsMs = entropy.fraction() < 0.1 ? 90_000 : 15_000;
    clock.after(1000 + lastsMs * entropy.fraction(), () => {
      trace.note("partition ends");
      for (const { address } of chosen) this.blocked.delete(address);
    });
  }

  #brownOut(): void {
    const { entropy } = this.#options;
    const node = this.#node();
    if (node === undefined) return;
    void node.powerOff().then(() => this.#options.clock.after(1 + 20 * entropy.fraction(), () => void node.powerOn()));
    this.#options.trace.note(`${node.id} browns out`);
  }
}
