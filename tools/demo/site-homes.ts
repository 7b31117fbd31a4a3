import { BmsOnPty } from "./bms-on-pty.ts";
import { PackProgram } from "./pack-program.ts";
import { firmware } from "./programs.ts";
import { amperesOf, bmsOf, type House, type HousePlan, newHouse, standStill, stepHouse } from "./site-house.ts";

/** How often the houses go on. */
const tickMs = 250;

export interface HomePlan {
  readonly name: string;
  /** The pack's MAC. */
  readonly hardware: string;
  readonly house: HousePlan;
  readonly charge: number;
}

export interface SiteHomesOptions {
  readonly homes: readonly HomePlan[];
  readonly folder: string;
  /** As `cxpack --can` takes it. */
  readonly can: string;
  /** File with the keys whose updates the packs take. */
  readonly anchors?: string;
  readonly packFlags?: readonly string[];
  /** Minutes of the day that pass in a second. */
  readonly minutesPerSecond: number;
  readonly startMinute: number;
}

interface Home {
  readonly plan: HomePlan;
  readonly bms: BmsOnPty;
  readonly pack: PackProgram;
  house: House;
  more: number;
}

/** Houses with a pack each: real programs on real serial lines, under a sun that is computed. */
export class SiteHomes {
  readonly #options: SiteHomesOptions;
  readonly #homes = new Map<string, Home>();
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor(options: SiteHomesOptions) {
    this.#options = options;
  }

  get packs(): readonly PackProgram[] {
    return [...this.#homes.values()].map(({ pack }) => pack);
  }

  /** Minute of the day. */
  get minute(): number {
    return [...this.#homes.values()][0]?.house.minuteOfDay ?? this.#options.startMinute;
  }

  house(name: string): House {
    return this.#of(name).house;
  }

  pack(name: string): PackProgram {
    return this.#of(name).pack;
  }

  async start(): Promise<void> {
    const { homes, folder, can, anchors, packFlags = [], startMinute } = this.#options;
    const started = homes.map(async (plan) => ({ plan, bms: await BmsOnPty.start({ name: `bms-${plan.name}` }) }));
    for (const { plan, bms } of await Promise.all(started)) {
      const house = newHouse(plan.house, plan.charge, startMinute);
      bms.set(bmsOf(house));
      const trust = anchors === undefined ? ["--unsigned-updates"] : ["--anchors", anchors];
      const pack = new PackProgram({
        ...{ name: plan.name, hardware: plan.hardware, can, bms: bms.device, folder },
        flags: ["--image", firmware("cxpack-node"), ...trust, ...packFlags],
      });
      this.#homes.set(plan.name, { plan, bms, pack, house, more: 0 });
    }
    this.#ticking = setInterval(() => this.#tick(), tickMs);
  }

  /** W that a house takes beside its usual load, from now on. */
  takeMore(name: string, watts: number): void {
    this.#of(name).more = watts;
  }

  /** Cuts a pack off from everything: its supply, its line to the BMS, the bus. */
  async unplug(name: string): Promise<void> {
    await this.#of(name).pack.cut();
  }

  plugIn(name: string): void {
    this.#of(name).pack.startAgain();
  }

  async stop(): Promise<void> {
    clearInterval(this.#ticking);
    for (const { pack } of this.#homes.values()) await pack.stop();
    for (const { bms } of this.#homes.values()) await bms.stop();
  }

  #of(name: string): Home {
    const home = this.#homes.get(name);
    if (home === undefined) throw new RangeError(`there is no house ${name}`);
    return home;
  }

  #tick(): void {
    const minutes = (this.#options.minutesPerSecond * tickMs) / 1000;
    for (const home of this.#homes.values()) {
      const relays = home.pack.isRunning ? home.pack.board.relays : undefined;
      const { house, more } = home;
      home.house = relays === undefined ? standStill(house, minutes) : stepHouse(house, minutes, relays, more);
      home.bms.set(bmsOf(home.house));
      home.pack.carry(amperesOf(home.house));
    }
  }
}
