import { describe, expect, it } from "vitest";
import { batteryFlow, flowsOf, leastFlow, lineWidth, travelSeconds } from "./flows.ts";

const flow = (name: string, powers: Parameters<typeof flowsOf>[0]) =>
  flowsOf(powers).find((each) => each.name === name);

describe("the lines of the picture", () => {
  it("are unknown, not zero, where nothing was heard", () => {
    for (const each of flowsOf({})) expect(each).toMatchObject({ power: undefined, direction: "none" });
    expect(batteryFlow(undefined)).toBe("unknown");
  });

  it("don't draw the noise of an open circuit", () => {
    expect(flow("pool", { P_pool: 0.019 })).toEqual({ name: "pool", power: 0.019, direction: "none" });
    expect(batteryFlow(-0.019)).toBe("idle");
  });

  it.each([
    ["grid", { P_grid: 1.2 }, "in"],
    ["grid", { P_grid: -1.2 }, "out"],
    ["solar", { P_solar: 1.2 }, "in"],
    ["home", { P_home: 1.2 }, "out"],
    ["heater", { P_heater: 1.2 }, "out"],
  ])("of %s with %j go %s", (name, powers, direction) => {
    expect(flow(name, powers)).toEqual({ name, power: 1.2, direction });
  });

  it("say which way the battery goes", () => {
    expect(batteryFlow(0.5)).toBe("charging");
    expect(batteryFlow(-0.5)).toBe("discharging");
  });

  it("are faster and thicker with more power, within limits", () => {
    const powers = [leastFlow, 0.1, 0.5, 1, 3, 8, 50];
    for (let index = 1; index < powers.length; index++) {
      expect(travelSeconds(powers[index]!)).toBeLessThanOrEqual(travelSeconds(powers[index - 1]!));
      expect(lineWidth(powers[index]!)).toBeGreaterThanOrEqual(lineWidth(powers[index - 1]!));
    }
    expect(travelSeconds(0)).toBe(4);
    expect(travelSeconds(50)).toBe(1);
    expect(lineWidth(50)).toBe(7);
  });
});
