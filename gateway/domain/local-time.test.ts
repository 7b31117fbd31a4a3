import { describe, expect, it } from "vitest";
import { energyDay, instantOf, isPlausibleTime, isTimeZone, timeFrame } from "./local-time.ts";

const berlin = "Europe/Berlin";
const utc = (text: string) => Date.parse(text);

describe("time that can't be", () => {
  it("a clock that was never set, and one that ran away", () => {
    expect(isPlausibleTime(0)).toBe(false);
    expect(isPlausibleTime(utc("2025-12-31T23:59:59Z"))).toBe(false);
    expect(isPlausibleTime(utc("2026-01-01T00:00:00Z"))).toBe(true);
    expect(isPlausibleTime(utc("2199-12-31T23:59:59Z"))).toBe(true);
    expect(isPlausibleTime(utc("2200-01-01T00:00:01Z"))).toBe(false);
  });

  it("a time zone that nobody knows", () => {
    expect(isTimeZone("Middle/Earth")).toBe(false);
    expect(isTimeZone("")).toBe(false);
    expect(isTimeZone(berlin)).toBe(true);
  });
});

describe("local time", () => {
  it("goes on the bus as hour, day, minute, weekday from Monday, second, month, year", () => {
    expect(timeFrame(utc("2026-11-21T22:05:09Z"), berlin)).toEqual({
      ...{ frame: "Time", hour: 23, day: 21, minute: 5, weekday: 5, second: 9, month: 11, year: 2026 },
    });
    expect(timeFrame(utc("2026-07-05T23:30:00Z"), berlin)).toMatchObject({ hour: 1, day: 6, weekday: 0, month: 7 });
    expect(timeFrame(utc("2026-12-31T23:00:00Z"), berlin)).toMatchObject({ hour: 0, day: 1, month: 1, year: 2027 });
  });

  it("has energy days that begin at 05:00, also when the clocks change", () => {
    expect(energyDay(utc("2026-11-21T03:59:59Z"), berlin)).toEqual({ date: "2026-11-20", dayOfMonth: 20 });
    expect(energyDay(utc("2026-11-21T04:00:00Z"), berlin)).toEqual({ date: "2026-11-21", dayOfMonth: 21 });
    // 25 October 2026 has 25 hours, 29 March 23.
    expect(energyDay(utc("2026-10-25T03:59:00Z"), berlin).date).toBe("2026-10-24");
    expect(energyDay(utc("2026-10-25T04:00:00Z"), berlin).date).toBe("2026-10-25");
    expect(energyDay(utc("2026-03-29T02:59:00Z"), berlin).date).toBe("2026-03-28");
    expect(energyDay(utc("2026-03-29T03:00:00Z"), berlin).date).toBe("2026-03-29");
    expect(energyDay(utc("2027-01-01T02:00:00Z"), berlin)).toEqual({ date: "2026-12-31", dayOfMonth: 31 });
  });

  it("is written in UTC for whoever reads elsewhere", () => {
    expect(instantOf(utc("2026-11-21T22:05:09.900Z"))).toBe("2026-11-21T22:05:09Z");
  });
});
