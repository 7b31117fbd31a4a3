import { describe, expect, it } from "vitest";
import { de } from "../texts/de.ts";
import { en } from "../texts/en.ts";
import { textsFor } from "../texts/words.ts";
import { formatsFor, nothing } from "./formats.ts";
import { routeOf } from "./route.ts";

const formats = formatsFor(en);

describe("figures", () => {
  it("that nobody knows are a dash", () => {
    const all = [
      formats.power(undefined),
      formats.percent(undefined),
      formats.energy(undefined),
      formats.decimal(undefined, 2),
    ];
    expect(all).toEqual([nothing, nothing, nothing, nothing]);
    expect(formats.age(undefined)).toBe("of unknown age");
  });

  it.each([
    [0, "0 W"],
    [0.0004, "0 W"],
    [-0.85, "-850 W"],
    [0.9994, "999 W"],
    [0.9996, "1.00 kW"],
    [2.345, "2.35 kW"],
    [12.34, "12.3 kW"],
  ])("of %d kW read %s", (kilowatts, text) => {
    expect(formats.power(kilowatts)).toBe(text);
  });

  it.each([
    [0, "now"],
    [4999, "now"],
    [59_999, "59 s ago"],
    [3_599_999, "59 min ago"],
    [86_399_999, "23 h ago"],
    [86_400_000, "1 day ago"],
    [200_000_000, "2 days ago"],
  ])("an age of %d ms reads %s", (ms, text) => {
    expect(formats.age(ms)).toBe(text);
  });

  it("follow the language", () => {
    expect(formatsFor(de).power(2.345)).toBe("2,35 kW");
  });
});

describe("texts", () => {
  it("are in the chosen language, else in the first that the browser's owner reads, else English", () => {
    expect(textsFor("de", ["en-GB"])).toBe(de);
    expect(textsFor(undefined, ["fr-FR", "de-AT", "en"])).toBe(de);
    expect(textsFor("xx", ["fr"])).toBe(en);
    expect(textsFor(undefined, ["constructor"])).toBe(en);
  });
});

describe("a page's address", () => {
  it.each(["", "#", "#/", "#/nowhere", "#/__proto__", "#invite=x"])("%j is the overview", (fragment) => {
    expect(routeOf(fragment)).toEqual({ name: "overview" });
  });

  it("names a pack by its hardware number alone", () => {
    expect(routeOf("#/packs/240ac400c001")).toEqual({ name: "pack", node: "240ac400c001" });
    expect(routeOf("#/packs/<b>")).toEqual({ name: "packs" });
    expect(routeOf("#/control")).toEqual({ name: "control" });
  });
});
