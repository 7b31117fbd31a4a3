import { answerMs, CommandBook, type Told } from "../../gateway/domain/command-book.ts";
import { type DifferingTotal, differingTotals, siteTotals } from "../../gateway/domain/site-totals.ts";
import { decodeCan, encodeCan } from "../../schemas/wire/can.ts";
import { type HardwareNumber, hardwareNumber } from "../../schemas/wire/site-topics.ts";
import { CanSite } from "./can-site.ts";
import type { PackHouse } from "./sim-pack.ts";
import type { SiteGateway } from "./site-gateway.ts";

/** After a boot, a bus-off or noise: claims of 32 packs that all want few ids take their turns (section 8: three claims, 500 ms of silence each). */
export const settleMs = 20_000;
/** A lost master is replaced within this. */
export const masterLostMs = 125_000;
export const fleetSize = 32;

/** All want the node ids 0 to 3: the last byte's low five bits. The higher the index the higher the rank. */
export function clashingHardware(pack: number): HardwareNumber {
  return hardwareNumber(Uint8Array.of(0x24, 0xa1, 0x60, 0x10, pack, ((pack >> 2) << 5) | (pack & 3)));
}

export interface FleetCommand {
  readonly limit: number;
  readonly to: number | "all";
  readonly told: Told[];
  readonly asked: number;
}

/** 32 compiled packs on one bus and a gateway's registry and command book, on virtual time; what befalls them comes from the seed. */
export class SiteFleet {
  readonly site: CanSite;
  readonly gateway: SiteGateway;
  readonly commands: FleetCommand[] = [];
  /** What must never be. */
  readonly violations: string[] = [];
  /** Who announced itself since this was last cleared. */
  readonly announced = new Set<number>();
  readonly #book = new CommandBook();
  #disturbedAtMs = 0;
  #masterlessSinceMs: number | undefined;
  #longestMasterlessMs = 0;
  readonly #offUntilMs = new Map<number, number>();
  #noiseUntilMs = 0;
  handovers = 0;
  /** How often what happened. */
  readonly befallen: Record<string, number> = {};
  #master: number | undefined;

  constructor(addon: string, seed: number) {
    this.site = new CanSite({ addon, seed, packs: fleetSize, turnMs: 10, hardware: clashingHardware, house: houseOf });
    this.gateway = this.site.gateway();
    this.gateway.bus.onFrame((frame) => {
      const decoded = decodeCan(frame);
      if (!decoded.ok) return;
      if (decoded.value.frame === "CommandAck") this.#book.answered(decoded.value);
      // The fifth byte of a hardware number here is the pack's index, the third of what an announce says of it.
      if (decoded.value.frame === "Announce") this.announced.add(decoded.value.macTail[2] ?? -1);
    });
  }

  get nowMs(): number {
    return this.site.clock.monotonicMs();
  }

  get longestMasterlessMs(): number {
    return this.#longestMasterlessMs;
  }

  /** Time passes; the invariants are looked at ten times a second. */
  async pass(ms: number, befalls: () => void = () => {}): Promise<void> {
    const endMs = this.nowMs + ms;
    while (this.nowMs < endMs) {
      await this.site.clock.advance(100);
      this.#book.look(this.nowMs);
      this.#recover();
      befalls();
      this.#look();
    }
  }

  /** Time passes until then; fails when it takes longer. */
  async until(what: string, holds: () => boolean, withinMs: number): Promise<void> {
    const endMs = this.nowMs + withinMs;
    while (!holds()) {
      if (this.nowMs >= endMs) throw new Error(`not within ${withinMs} ms: ${what}`);
      await this.pass(100);
    }
  }

  /** Something happens to somebody. */
  befall(): void {
    const { entropy, packs } = this.site;
    const draw = entropy.fraction();
    const master = packs.findIndex((pack) => pack.isOn && pack.status.isMaster);
    const victim = draw < 0.2 && master >= 0 ? master : Math.floor(entropy.fraction() * fleetSize);
    const pack = packs[victim]!;
    this.#disturbedAtMs = this.nowMs;
    const draws = entropy.fraction();
    const kind = draws < 0.3 ? "restart" : draws < 0.5 ? "power-off" : draws < 0.8 ? "bus-off" : "noise";
    this.befallen[kind] = (this.befallen[kind] ?? 0) + 1;
    if (kind === "restart") pack.powerOn("restart");
    else if (kind === "bus-off") pack.goBusOff();
    else if (kind === "power-off") {
      pack.powerOff();
      // Some longer than it takes to be dropped.
      this.#offUntilMs.set(victim, this.nowMs + 2000 + entropy.fraction() * 200_000);
    } else {
      this.site.noise = { missPercent: 5, doublePercent: 5, errorPercent: 30 };
      this.#noiseUntilMs = this.nowMs + 3000;
    }
  }

  /** A limit for one pack or for all; what becomes of it is kept. */
  command(): void {
    const { entropy } = this.site;
    const online = this.gateway.registry.list().flatMap((hardware) => {
      const facts = this.gateway.registry.find(hardware);
      return facts === undefined || facts.isSilent ? [] : [{ hardware, canNode: facts.canNode }];
    });
    if (online.length === 0) return;
    const one = online[Math.floor(entropy.fraction() * online.length)]!;
    const isAll = entropy.fraction() < 0.3;
    const limit = 1000 + Math.floor(entropy.fraction() * 8000);
    const told: Told[] = [];
    const begun = this.#book.begin(
      "set-eco-limit",
      { limit },
      isAll ? { all: online } : { pack: one },
      this.nowMs,
      (each) => told.push(each),
    );
    if (begun === undefined) return;
    this.commands.push({ limit, to: isAll ? "all" : one.canNode, told, asked: isAll ? online.length : 1 });
    const refused = this.gateway.bus.send(encodeCan(begun.message), (end) => {
      if (end !== "sent") this.#book.failed(begun.sequence, end);
    });
    if (refused === "full") this.#book.failed(begun.sequence, "full");
  }

  /** Everybody has power and the bus is quiet. */
  calm(): void {
    this.#noiseUntilMs = 0;
    for (const index of this.#offUntilMs.keys()) this.#offUntilMs.set(index, 0);
    this.#recover();
    this.#disturbedAtMs = this.nowMs;
  }

  /** Which of the master's sums differ from the gateway's. */
  differing(): readonly DifferingTotal[] {
    const { registry } = this.gateway;
    const online = registry.list().flatMap((each) => {
      const facts = registry.find(each);
      return facts === undefined || facts.isSilent ? [] : [facts];
    });
    return differingTotals(siteTotals(online), registry.masterTotals());
  }

  masters(): number[] {
    return this.site.packs.flatMap((pack, index) => (pack.isOn && pack.status.isMaster ? [index] : []));
  }

  nodes(): number[] {
    return this.site.packs.flatMap((pack) => (pack.isOn ? (pack.status.node ?? []) : []));
  }

  get answerMs(): number {
    return answerMs;
  }

  #recover(): void {
    if (this.#noiseUntilMs <= this.nowMs && this.site.noise.errorPercent > 0) {
      this.site.noise = { missPercent: 0, doublePercent: 0, errorPercent: 0 };
      this.#disturbedAtMs = this.nowMs;
    }
    for (const [index, untilMs] of this.#offUntilMs) {
      if (untilMs > this.nowMs) continue;
      this.#offUntilMs.delete(index);
      this.site.packs[index]!.powerOn();
      this.#disturbedAtMs = this.nowMs;
    }
  }

  #look(): void {
    const masters = this.masters();
    const isSettled = this.nowMs - this.#disturbedAtMs > settleMs && this.#noiseUntilMs <= this.nowMs;
    if (isSettled) {
      const nodes = this.nodes();
      if (new Set(nodes).size !== nodes.length) this.#violated(`two packs with one node id: ${nodes.join(",")}`);
      if (masters.length > 1) this.#violated(`masters: ${masters.join(",")}`);
    }
    if (masters.length === 0) {
      this.#masterlessSinceMs ??= this.nowMs;
      const sinceMs = this.nowMs - this.#masterlessSinceMs;
      this.#longestMasterlessMs = Math.max(this.#longestMasterlessMs, sinceMs);
      if (sinceMs > masterLostMs + 1000) this.#violated("nobody is master");
    } else this.#masterlessSinceMs = undefined;
    const [master] = masters;
    if (masters.length === 1 && master !== this.#master) {
      if (this.#master !== undefined) this.handovers++;
      this.#master = master;
    }
  }

  #violated(what: string): void {
    this.violations.push(`${Math.round(this.nowMs)} ms: ${what}`);
  }
}

/** Each pack has a load, a grid and a battery of its own. */
export function houseOf(pack: number): PackHouse {
  return {
    grid: 50 * (pack % 5),
    home: 200 + 10 * pack,
    decivolts: 480 + 4 * pack,
    centiamperes: 100 * (pack % 7) - 300,
  };
}
