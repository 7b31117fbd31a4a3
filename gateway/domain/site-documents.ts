import type { SiteAggregate, SiteTotals as TotalsDocument } from "../../schemas/generated/types.ts";
import { instantOf } from "./local-time.ts";
import { ageOf, loadsLimitWarning, present, staleMs } from "./pack-documents.ts";
import type { PackFacts } from "./pack-facts.ts";
import type { MasterTotals, Moment } from "./pack-registry.ts";
import type { DifferingTotal, SiteTotals } from "./site-totals.ts";

export interface AggregateInput {
  readonly totals: SiteTotals;
  /** Packs that are online. */
  readonly packs: readonly PackFacts[];
  /** When each of their values came. */
  readonly heard: readonly (Moment | undefined)[];
  readonly known: number;
  readonly master: string | undefined;
  readonly masterTotals: MasterTotals | undefined;
  readonly differing: readonly DifferingTotal[];
  readonly now: Moment;
  readonly isTimeValid: boolean;
}

const kilo = (watts: number | undefined): number | undefined => (watts === undefined ? undefined : watts / 1000);

/** The household's sums as a document: the age is that of the oldest value in them. */
export function aggregateDocument(input: AggregateInput): SiteAggregate {
  const { totals, packs, heard, known, master, masterTotals, differing, now, isTimeValid } = input;
  const times = heard.filter((each) => each !== undefined);
  const [oldest] = times.toSorted((one, other) => one.monotonicMs - other.monotonicMs);
  const isStale = oldest === undefined || times.length < packs.length || now.monotonicMs - oldest.monotonicMs > staleMs;
  return {
    packs: totals.packs,
    known,
    stale: isStale,
    ...present({
      time: isTimeValid && oldest !== undefined ? instantOf(oldest.wallMs) : undefined,
      age: oldest && ageOf(oldest, now),
      SOC: totals.stateOfCharge,
      P_grid: kilo(totals.grid),
      P_home: kilo(totals.home),
      P_batt: kilo(totals.battery),
      P_solar: kilo(totals.solar),
      P_pool: kilo(totals.pool),
      P_heater: kilo(totals.heater),
      import: totals.imported === undefined ? undefined : totals.imported / 100,
      lockedOut: packs.filter(({ state }) => state?.isLockedOut === true).length,
      warning: packs.some(({ state }) => state?.isOverLoadsLimit === true) ? loadsLimitWarning : undefined,
      master,
      masterSays: masterTotals && masterSays(masterTotals),
      disagrees: masterTotals === undefined ? undefined : differing.length > 0,
      differing: differing.length > 0 ? [...differing] : undefined,
    }),
  };
}

function masterSays({ battery, solarHome, grid }: MasterTotals): TotalsDocument {
  return present({
    packs: battery?.packsOnline,
    SOC: battery?.stateOfCharge ?? undefined,
    P_batt: kilo(battery?.battery),
    P_solar: kilo(solarHome?.solar),
    P_home: kilo(solarHome?.home),
    P_grid: kilo(grid?.grid),
    import: grid === undefined ? undefined : grid.imported / 100,
  });
}
