import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instantFromMs, instantFromSeconds, instantSecondsMax, instantToMs, instantToSeconds } from "./instant.ts";

describe("instants", () => {
  it.each([
    "2024-02-30T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2024-13-01T00:00:00Z",
    "2024-00-01T00:00:00Z",
    "2024-01-00T00:00:00Z",
    "2024-01-01T24:00:00Z",
    "2024-01-01T00:60:00Z",
    "2024-01-01T00:00:61Z",
    "2024-01-01T00:00:00",
    "2024-01-01 00:00:00Z",
    "2024-01-01T00:00:00+24:00",
    "2024-01-01",
    "",
  ])("%s is none", (text) => {
    expect(instantToMs(text)).toBeUndefined();
  });

  it("offsets, fractions and leap days count", () => {
    expect(instantToMs("2024-01-01T12:00:00Z")).toBe(Date.UTC(2024, 0, 1, 12));
    expect(instantToMs("2024-01-01T12:00:00.25+01:30")).toBe(Date.UTC(2024, 0, 1, 10, 30, 0, 250));
    expect(instantToMs("2000-02-29T23:59:60-00:30")).toBe(Date.UTC(2000, 2, 1, 0, 29, 59));
  });

  it("agree with the language's own calendar", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: instantSecondsMax }), fc.nat(999), (seconds, ms) => {
        const text = new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
        expect(instantFromSeconds(seconds)).toBe(text);
        expect(instantToSeconds(text)).toBe(seconds);
        expect(instantToMs(instantFromMs(seconds * 1000 + ms))).toBe(seconds * 1000 + ms);
      }),
      { numRuns: 2000 },
    );
  });

  it("only what is written for whole seconds in UTC becomes an integer", () => {
    expect(instantToSeconds("2024-01-01T12:00:00.5Z")).toBeUndefined();
    expect(instantToSeconds("2024-01-01T12:00:00+00:00")).toBeUndefined();
    expect(instantToSeconds("1969-12-31T23:59:59Z")).toBeUndefined();
  });
});
