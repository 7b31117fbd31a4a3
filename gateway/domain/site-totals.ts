import type { PackFacts } from "./pack-facts.ts";
import type { MasterTotals } from "./pack-registry.ts";

/** Sums over the packs that are online, in W, % and hundredths of a kWh. What no pack knows is undefined, never 0. */
export interface SiteTotals {
  readonly packs: number;
  readonly stateOfCharge: number | undefined;
  readonly grid: number | undefined;
  readonly home: number | undefined;
  readonly battery: number | undefined;
  readonly solar: number | undefined;
  readonly pool: number | undefined;
  readonly heater: number | undefined;
  readonly imported: number | undefined;
}

export type DifferingTotal = "packs" | "SOC" | "P_grid" | "P_home" | "P_batt" | "P_solar" | "import";

/** Sums what packs last said. The mean of the charge is of those whose BMS answers, rounded down as the master's. */
export function siteTotals(packs: readonly PackFacts[]): SiteTotals {
  const charges = packs.flatMap(({ battery }) =>
    battery?.bmsState === "ok" && battery.stateOfCharge !== null ? [battery.stateOfCharge] : [],
  );
  return {
    packs: packs.length,
    stateOfCharge: charges.length === 0 ? undefined : Math.floor(sum(charges)! / charges.length),
    grid: sum(packs.map(({ power }) => power?.grid)),
    home: sum(packs.map(({ power }) => power?.home)),
    battery: sum(packs.map(({ power }) => power?.battery)),
    solar: sum(packs.map(({ power }) => power?.solar)),
    pool: sum(packs.map(({ loads }) => loads?.pool)),
    heater: sum(packs.map(({ loads }) => loads?.heater)),
    imported: sum(packs.map(({ loads }) => loads?.imported)),
  };
}

function sum(values: readonly (number | null | undefined)[]): number | undefined {
  const known = values.filter((each) => each !== null && each !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, each) => total + each, 0);
}

/** Both sums are of values that are up to a telemetry interval apart: powers that move, move by so much meanwhile. */
const slackWatts = 100;
const slackShare = 0.1;
const slackPercent = 1;
const slackImported = 5;
/** A difference counts once it has lasted so long: two rounds of telemetry and some. */
export const disagreementMs = 10_000;

/** Which of the master's sums are off by more than values in flight explain; empty without any. */
export function differingTotals(own: SiteTotals, masters: MasterTotals | undefined): readonly DifferingTotal[] {
  const differing: DifferingTotal[] = [];
  const compare = (
    name: DifferingTotal,
    mine: number | undefined,
    other: number | null | undefined,
    slack: number,
  ): void => {
    // What either doesn't know can't differ.
    if (mine === undefined || other === undefined || other === null) return;
    if (Math.abs(mine - other) > slack) differing.push(name);
  };
  const watts = (mine: number | undefined): number => Math.max(slackWatts, Math.abs(mine ?? 0) * slackShare);
  compare("packs", own.packs, masters?.battery?.packsOnline, 0);
  compare("SOC", own.stateOfCharge, masters?.battery?.stateOfCharge, slackPercent);
  compare("P_batt", own.battery, masters?.battery?.battery, watts(own.battery));
  compare("P_solar", own.solar, masters?.solarHome?.solar, watts(own.solar));
  compare("P_home", own.home, masters?.solarHome?.home, watts(own.home));
  compare("P_grid", own.grid, masters?.grid?.grid, watts(own.grid));
  compare("import", own.imported, masters?.grid?.imported, slackImported);
  return differing;
}

/** Remembers since when each sum differs, so that what is only in flight isn't told. */
export class Disagreement {
  readonly #since = new Map<DifferingTotal, number>();

  /** Those that have differed long enough. */
  look(differing: readonly DifferingTotal[], nowMs: number): readonly DifferingTotal[] {
    for (const name of this.#since.keys()) if (!differing.includes(name)) this.#since.delete(name);
    for (const name of differing) if (!this.#since.has(name)) this.#since.set(name, nowMs);
    return differing.filter((name) => nowMs - this.#since.get(name)! >= disagreementMs);
  }
}
