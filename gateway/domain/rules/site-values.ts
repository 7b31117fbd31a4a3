import type { PackFacts } from "../pack-facts.ts";
import { siteTotals } from "../site-totals.ts";
import type { SiteValues } from "./rule-standing.ts";

/**
 * What rules may look at, of packs whose values are fresh: powers in W, the mean charge in %, the day's import in kWh, minutes since midnight.
 * `load` is what the home, the pump and the heater take together (energy-site, section 4). What isn't known is absent.
 */
export function siteValues(packs: readonly PackFacts[], minutes: number | undefined): SiteValues {
  const { grid, home, battery, solar, pool, heater, stateOfCharge, imported } = siteTotals(packs);
  const load = home === undefined ? undefined : home + (pool ?? 0) + (heater ?? 0);
  const values = {
    ...{ P_grid: grid, P_home: home, P_batt: battery, P_solar: solar, P_pool: pool, P_heater: heater, load },
    ...{ SOC: stateOfCharge, import: imported === undefined ? undefined : imported / 100, time: minutes },
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
