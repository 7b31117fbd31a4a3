import { expect, it } from "vitest";
import { isInWindow, isTimeZone, nextWindowMs, parseWindow, windowText } from "./maintenance-window.ts";

const at = (text: string): number => Date.parse(text);
const window = (text: string) => parseWindow(text)!;

it("refuses what isn't a window", () => {
  for (const text of ["", "mon", "mon 25:00-26:00", "mon 02:60-03:00", "xxx 02:00-03:00", "mon-tue-wed 01:00-02:00"])
    expect(parseWindow(text), text).toBeUndefined();
  // Nothing or everything: nobody knows which was meant.
  expect(parseWindow("mon 02:00-02:00")).toBeUndefined();
  expect(isTimeZone("Europe/Berlin")).toBe(true);
  expect(isTimeZone("Europe/Nowhere")).toBe(false);
});

it("reads days as ranges over the end of the week and as lists", () => {
  expect(window("sat-mon 02:00-03:00").days).toEqual([0, 1, 6]);
  expect(window("mon,wed 02:00-03:00").days).toEqual([1, 3]);
  expect(windowText(window("daily 22:00-04:00"))).toBe("daily 22:00-04:00");
  expect(windowText(window("Fri 00:00-24:00"))).toBe("fri 00:00-24:00");
});

it("is open by the clock of the zone, and belongs to the day on which it begins", () => {
  const nights = [window("fri 22:00-04:00")];
  // 2026-03-06 is a Friday.
  expect(isInWindow(nights, "Europe/Berlin", at("2026-03-06T20:59:00Z"))).toBe(false);
  expect(isInWindow(nights, "Europe/Berlin", at("2026-03-06T21:00:00Z"))).toBe(true);
  expect(isInWindow(nights, "Europe/Berlin", at("2026-03-07T02:59:00Z"))).toBe(true);
  expect(isInWindow(nights, "Europe/Berlin", at("2026-03-07T03:00:00Z"))).toBe(false);
  expect(isInWindow(nights, "Europe/Berlin", at("2026-03-06T02:00:00Z"))).toBe(false);
  expect(isInWindow([], "Europe/Berlin", 0)).toBe(true);
});

it("a window in the hour that clocks skip isn't open on that day, and opens on the next", () => {
  const gap = [window("daily 02:00-03:00")];
  // Clocks go from 02:00 to 03:00 at 01:00 UTC on 2026-03-29.
  for (let minute = 0; minute < 180; minute++)
    expect(isInWindow(gap, "Europe/Berlin", at("2026-03-29T00:00:00Z") + minute * 60_000)).toBe(false);
  expect(nextWindowMs(gap, "Europe/Berlin", at("2026-03-29T00:30:00Z"))).toBe(at("2026-03-30T00:00:00Z"));
});

it("one that begins in the skipped hour and goes on opens at its end", () => {
  const over = [window("daily 02:30-05:00")];
  expect(nextWindowMs(over, "Europe/Berlin", at("2026-03-29T00:00:00Z"))).toBe(at("2026-03-29T01:00:00Z"));
  expect(isInWindow(over, "Europe/Berlin", at("2026-03-29T01:00:00Z"))).toBe(true);
});

it("a window in the hour that comes twice is open in both", () => {
  const twice = [window("daily 02:00-03:00")];
  // Clocks go from 03:00 back to 02:00 at 01:00 UTC on 2026-10-25.
  expect(nextWindowMs(twice, "Europe/Berlin", at("2026-10-24T20:00:00Z"))).toBe(at("2026-10-25T00:00:00Z"));
  expect(isInWindow(twice, "Europe/Berlin", at("2026-10-25T00:30:00Z"))).toBe(true);
  expect(isInWindow(twice, "Europe/Berlin", at("2026-10-25T01:30:00Z"))).toBe(true);
  expect(isInWindow(twice, "Europe/Berlin", at("2026-10-25T02:00:00Z"))).toBe(false);
});

it("zones with odd offsets and across midnight are right, and the next opening agrees with the window", () => {
  const windows = [window("mon-fri 23:30-00:15"), window("sun 05:45-06:00")];
  for (const zone of ["Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia", "UTC"]) {
    for (let at = 1_774_000_000_000; at < 1_774_000_000_000 + 20 * 86_400_000; at += 7_123_000) {
      const next = nextWindowMs(windows, zone, at);
      expect(next).toBeDefined();
      expect(isInWindow(windows, zone, next!)).toBe(true);
      if (next !== at) expect(isInWindow(windows, zone, next! - 60_000), `${zone} ${at}`).toBe(false);
    }
  }
});
