import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amperesOf, bmsOf, type House, type HousePlan, newHouse, standStill, stepHouse } from "./site-house.ts";

const plan: HousePlan = {
  ...{ peakSunWatts: 4000, baseWatts: 300, busyWatts: 1500, poolWatts: 800, heaterWatts: 2000, batteryWattHours: 5000 },
};
const closed = { grid: true, output: true, pump: false, heater: false };
const alone = { ...closed, grid: false };

describe("a simulated house", () => {
  it("is dark at night: the battery feeds it with the grid open, and the grid does with the grid closed", () => {
    const night = newHouse(plan, 0.5, 0);
    const own = stepHouse(night, 60, alone);
    expect(own.flow).toMatchObject({ sun: 0, home: 300, grid: 0, battery: -300 });
    expect(own.charge).toBeCloseTo(0.5 - 300 / 5000);
    const fed = stepHouse(night, 60, closed);
    expect(fed.flow).toMatchObject({ grid: 300, battery: 0 });
    expect(fed.charge).toBe(0.5);
  });

  it("charges at noon, runs what its relays close, and darkens with its output", () => {
    const noon = newHouse(plan, 0.5, 13 * 60);
    const sunny = stepHouse(noon, 1, { ...alone, pump: true, heater: true });
    expect(sunny.flow).toMatchObject({ pool: 800, heater: 2000, grid: 0 });
    expect(sunny.flow.battery).toBeGreaterThan(800);
    expect(stepHouse(noon, 1, { ...alone, output: false }).flow.home).toBe(0);
    expect(stepHouse(newHouse(plan, 1, 13 * 60), 1, closed).flow).toMatchObject({ battery: 0, grid: 0, sun: 300 });
  });

  it("stands still without its pack, while the day goes on", () => {
    const still = standStill(stepHouse(newHouse(plan, 0.5, 1430), 5, alone), 10);
    expect(still).toMatchObject({ minuteOfDay: 5, flow: { sun: 0, home: 0, grid: 0, battery: 0 } });
    expect(still.charge).toBe(stepHouse(newHouse(plan, 0.5, 1430), 5, alone).charge);
  });

  it("is what CTs and BMS say, in the numbers of the firmware", () => {
    const house = { ...newHouse(plan, 0.4, 0), flow: { ...newHouse(plan, 0, 0).flow, grid: 1000, battery: -528 } };
    expect(amperesOf(house)).toEqual({ grid: 4.545, home: 0, pool: 0, heater: 0 });
    expect(bmsOf(house)).toEqual({ voltage: 52.8, current: -10 });
  });

  it("never makes or loses power, and a battery holds no less than nothing and no more than it has", () => {
    const relays = fc.record({ grid: fc.boolean(), output: fc.boolean(), pump: fc.boolean(), heater: fc.boolean() });
    const steps = fc.array(
      fc.record({ minutes: fc.integer({ min: 1, max: 30 }), relays, more: fc.integer({ min: 0, max: 6000 }) }),
      {
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(1439), steps, (charge, minute, all) => {
        let house: House = newHouse(plan, charge, minute);
        for (const step of all) {
          house = stepHouse(house, step.minutes, step.relays, step.more);
          const { sun, home, pool, heater, grid, battery } = house.flow;
          const load = home + pool + heater;
          expect(sun + grid - battery).toBeLessThanOrEqual(load + 1e-6);
          // Only a house without grid and with an empty battery gets less than it wants.
          if (step.relays.grid || house.charge > 1e-9) expect(sun + grid - battery).toBeCloseTo(load, 6);
          for (const each of [sun, home, pool, heater, grid]) expect(each).toBeGreaterThanOrEqual(0);
          expect(house.charge).toBeGreaterThanOrEqual(0);
          expect(house.charge).toBeLessThanOrEqual(1);
        }
      }),
    );
  });
});
