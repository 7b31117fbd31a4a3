import { describe, expect, it } from "vitest";
import type { SiteTelemetry } from "../../../schemas/generated/types.ts";
import {
  addressed,
  clockToMinutes,
  dayOfEnergy,
  minutesToClock,
  modeSettings,
  modeStanding,
  relayStanding,
} from "./mode-view.ts";
import { emptySite, type SiteState } from "./site-state.ts";

const pack = (value: Partial<SiteTelemetry> = {}) => ({
  telemetry: { value: { stale: false, online: true, ...value }, at: 0 },
});
const site = (...packs: Partial<SiteTelemetry>[]): SiteState => ({
  ...emptySite,
  packs: Object.fromEntries(packs.map((value, index) => [`${index}`, pack(value)])),
});
const relays = (grid: number) => ({ grid, inv: 1, pump: 0, heater: 0 });

describe("a switch for several packs", () => {
  it("is unknown where no pack said", () => {
    expect(modeStanding(addressed(emptySite, undefined), "eco")).toBe("unknown");
    expect(relayStanding(addressed(site({}), undefined), "grid")).toBe("unknown");
    expect(addressed(emptySite, "240ac400c001")).toEqual([]);
  });

  it("is on or off where all agree, else mixed", () => {
    const both = addressed(site({ relays: relays(1) }, { relays: relays(1) }), undefined);
    expect(relayStanding(both, "grid")).toBe("on");
    expect(relayStanding(both, "output")).toBe("on");
    expect(relayStanding(both, "heater")).toBe("off");
    expect(relayStanding(addressed(site({ relays: relays(1) }, { relays: relays(0) }), undefined), "grid")).toBe(
      "mixed",
    );
    expect(modeStanding(addressed(site({ modes: ["eco"] }, { modes: [] }), undefined), "eco")).toBe("mixed");
  });

  it("doesn't count packs that are gone while others are there", () => {
    const one = site({ modes: ["eco"] }, { modes: [], online: false });
    expect(modeStanding(addressed(one, undefined), "eco")).toBe("on");
    expect(modeStanding(addressed(site({ modes: ["eco"], online: false }), undefined), "eco")).toBe("on");
  });
});

describe("the energy day", () => {
  it("begins at 05:00, also across the end of a month", () => {
    expect(dayOfEnergy(new Date(2026, 2, 1, 4, 59))).toBe(28);
    expect(dayOfEnergy(new Date(2026, 2, 1, 5, 0))).toBe(1);
  });
});

describe("settings", () => {
  it("are shown where packs share them, and left open where they differ", () => {
    const settings = { ecoLimit: 3000, touStart: 60, touEnd: 120 };
    const other = { ...settings, ecoLimit: 2000 };
    expect(modeSettings(addressed(site({ settings }, { settings: other }), undefined))).toMatchObject({
      ...{ ecoLimit: undefined, touStart: 60 },
    });
    expect(modeSettings([])).toMatchObject({ ecoLimit: undefined, gridLimit: undefined });
  });

  it.each(["", "24:00", "12:60", "noon", "7:30", "-1:00"])("%j is no time of day", (text) => {
    expect(clockToMinutes(text)).toBeUndefined();
  });

  it("of time go there and back", () => {
    for (const minutes of [0, 59, 60, 1325, 1439]) expect(clockToMinutes(minutesToClock(minutes))).toBe(minutes);
  });
});
