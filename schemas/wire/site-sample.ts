import type { SiteAggregate, SiteHistoryPoint } from "../generated/types.ts";

/** What a household's history has of one moment. */
export type SiteSample = Omit<SiteHistoryPoint, "minute">;

/** The moment that a household's sums are of, kW and %: the load is home, pool and heater as far as they are known. What isn't known is absent. */
export function sampleOf({
  P_solar,
  P_home,
  P_pool,
  P_heater,
  P_grid,
  P_batt,
  SOC,
}: Partial<SiteAggregate>): SiteSample {
  const loads = [P_home, P_pool, P_heater].filter((each) => each !== undefined);
  return {
    ...(P_solar !== undefined && { solar: P_solar }),
    ...(loads.length > 0 && { load: loads.reduce((sum, each) => sum + each, 0) }),
    ...(P_grid !== undefined && { grid: P_grid }),
    ...(P_batt !== undefined && { battery: P_batt }),
    ...(SOC !== undefined && { soc: SOC }),
  };
}
