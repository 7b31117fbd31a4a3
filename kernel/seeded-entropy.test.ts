import { expect, test } from "vitest";
import { seededEntropy } from "./seeded-entropy.ts";

test("the same seed gives the same sequence, another seed another", () => {
  const take = (seed: number | string): number[] => {
    const entropy = seededEntropy(seed);
    return Array.from({ length: 8 }, () => entropy.uint32());
  };
  expect(take(42)).toEqual(take(42));
  expect(take("42")).toEqual(take("42"));
  expect(take(42)).not.toEqual(take(43));
  expect(take("a/network")).not.toEqual(take("a/node"));
});

test("its sequence never changes, since seeds of failed runs are kept as tests", () => {
  const entropy = seededEntropy(1);
  expect([entropy.uint32(), entropy.uint32(), entropy.uint32()]).toMatchInlineSnapshot(`
    [
      4007309792,
      2792673837,
      3567660295,
    ]
  `);
});

test("fractions lie in [0, 1) and spread evenly", () => {
  const entropy = seededEntropy("spread");
  const buckets = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const fraction = entropy.fraction();
    expect(fraction >= 0 && fraction < 1).toBe(true);
    buckets[Math.floor(fraction * 10)]!++;
  }
  for (const count of buckets) expect(count).toBeGreaterThan(850);
});

test("bytes has the length asked for and all of it is filled", () => {
  const entropy = seededEntropy(7);
  for (const length of [0, 1, 3, 4, 5, 16, 33]) expect(entropy.bytes(length)).toHaveLength(length);
  const seen = new Set(Array.from({ length: 64 }, () => entropy.bytes(7)[6]));
  expect(seen.size).toBeGreaterThan(32);
});
