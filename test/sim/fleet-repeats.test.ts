import { expect, test } from "vitest";
import { runSeed, withCore } from "./fleet-suite.ts";

const library = withCore();

test.each([5, 8])("seed %i gives the same run twice, to the byte", async (seed) => {
  const first = await runSeed(library(), seed);
  const second = await runSeed(library(), seed);
  expect(first.digest).toMatch(/^[0-9a-f]{64}$/);
  expect(second.digest).toBe(first.digest);
});

test("another seed gives another run", async () => {
  const runs = [await runSeed(library(), 5), await runSeed(library(), 6)];
  expect(runs[0]?.digest).not.toBe(runs[1]?.digest);
});
