import { describe, expect, it } from "vitest";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import type { PackFacts } from "./pack-facts.ts";
import { unknownFirmware } from "./pack-firmware.ts";
import { Disagreement, differingTotals, siteTotals } from "./site-totals.ts";

const pack = (node: number, over: Partial<PackFacts> = {}): PackFacts => ({
  ...{ hardware: `24000000000${node}` as HardwareNumber, canNode: node, isSilent: false, heardAtMs: 0 },
  firmware: unknownFirmware,
  battery: {
    frame: "PackBattery",
    node,
    stateOfCharge: 50 + node,
    voltage: 528,
    current: 0,
    batteryState: "idle",
    bmsState: "ok",
  },
  power: { frame: "PackPower", node, grid: 100, home: 500, battery: -400, solar: 0 },
  loads: {
    frame: "PackLoads",
    node,
    pool: 10,
    heater: 20,
    imported: 150,
    importLimit: 10,
    importLimitState: "counting",
  },
  ...over,
});

describe("sums", () => {
  it("of nobody are unknown, not 0", () => {
    expect(siteTotals([])).toEqual({ packs: 0 });
    const silent = { ...pack(1), power: undefined, loads: undefined, battery: undefined };
    expect(siteTotals([silent])).toMatchObject({ packs: 1, grid: undefined, stateOfCharge: undefined });
  });

  it("leave out what a pack doesn't know, and a charge that is old", () => {
    const stale = pack(2, {
      battery: { ...pack(2).battery!, stateOfCharge: 10, bmsState: "stale" },
      power: { frame: "PackPower", node: 2, grid: 7, home: 8, battery: null, solar: null },
    });
    expect(siteTotals([pack(1), stale])).toMatchObject({
      stateOfCharge: 51,
      battery: -400,
      solar: 0,
      grid: 107,
      home: 508,
    });
  });

  it("are the sums of all, the charge their mean rounded down", () => {
    expect(siteTotals([pack(1), pack(2)])).toEqual({
      ...{ packs: 2, stateOfCharge: 51, grid: 200, home: 1000, battery: -800, solar: 0 },
      ...{ pool: 20, heater: 40, imported: 300 },
    });
  });
});

describe("the master's sums", () => {
  const own = siteTotals([pack(1), pack(2)]);
  const masters = {
    battery: { frame: "TotalsBattery", node: 1, packsOnline: 2, stateOfCharge: 51, battery: -800 },
    solarHome: { frame: "TotalsSolarHome", node: 1, solar: 0, home: 1000 },
    grid: { frame: "TotalsGrid", node: 1, grid: 200, imported: 300 },
    at: { monotonicMs: 0, wallMs: 0 },
  } as const;

  it("differ where they are off by more than is in flight", () => {
    expect(differingTotals(own, { ...masters, grid: { ...masters.grid, grid: 301 } })).toEqual(["P_grid"]);
    expect(
      differingTotals(own, { ...masters, battery: { ...masters.battery, packsOnline: 3, stateOfCharge: 53 } }),
    ).toEqual(["packs", "SOC"]);
    expect(differingTotals(own, { ...masters, grid: { ...masters.grid, imported: 306 } })).toEqual(["import"]);
  });

  it("agree where they are near, unknown or not there", () => {
    expect(differingTotals(own, masters)).toEqual([]);
    expect(differingTotals(own, { ...masters, grid: { ...masters.grid, grid: 290 } })).toEqual([]);
    expect(differingTotals(own, { at: masters.at })).toEqual([]);
    expect(differingTotals(own, undefined)).toEqual([]);
    expect(differingTotals(own, { ...masters, battery: { ...masters.battery, stateOfCharge: null } })).toEqual([]);
  });

  it("are told to differ when they have for ten seconds, and no longer than they do", () => {
    const disagreement = new Disagreement();
    expect(disagreement.look(["P_grid"], 0)).toEqual([]);
    expect(disagreement.look(["P_grid", "SOC"], 9999)).toEqual([]);
    expect(disagreement.look(["P_grid", "SOC"], 10_000)).toEqual(["P_grid"]);
    expect(disagreement.look(["SOC"], 19_999)).toEqual(["SOC"]);
    expect(disagreement.look(["P_grid"], 20_000)).toEqual([]);
  });
});
