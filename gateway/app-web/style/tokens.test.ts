import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const source = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");
const [light = "", dark = ""] = source.split("@media (prefers-color-scheme: dark)");

function coloursOf(css: string): Map<string, string> {
  return new Map([...css.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map((match) => [match[1] ?? "", match[2] ?? ""]));
}

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

describe.each([
  ["light", coloursOf(light)],
  ["dark", coloursOf(dark)],
])("the %s colours", (_scheme, colours) => {
  const of = (name: string): string => {
    const colour = colours.get(name);
    if (colour === undefined) throw new Error(`there is no --${name}`);
    return colour;
  };

  it.each([
    ["text", "card"],
    ["text", "ground"],
    ["text", "info-ground"],
    ["quiet", "card"],
    ["quiet", "ground"],
    ["bad", "bad-ground"],
    ["bad", "card"],
    ["warn", "warn-ground"],
    ["accent", "card"],
    ["on-accent", "accent"],
  ])("of words are readable: %s on %s", (words, ground) => {
    expect(contrast(of(words), of(ground))).toBeGreaterThanOrEqual(4.5);
  });

  it.each(["solar", "grid", "battery", "charging", "home", "pool", "heater", "quiet"])(
    "of drawings can be seen: %s",
    (name) => {
      expect(contrast(of(name), of("card"))).toBeGreaterThanOrEqual(3);
    },
  );
});
