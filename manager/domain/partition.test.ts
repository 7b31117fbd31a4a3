import { expect, it } from "vitest";
import { partitionCount, partitionOf } from "./partition.ts";

it("never changes: stored positions carry it", () => {
  expect(["", "a", "node1", "esp8266-xc92", "gateway.0a1b"].map(partitionOf)).toMatchInlineSnapshot(`
    [
      197,
      237,
      29,
      86,
      177,
    ]
  `);
});

it("spreads ids over all shares", () => {
  const counts = new Array<number>(partitionCount).fill(0);
  for (let n = 0; n < 25_600; n++) counts[partitionOf(`node-${n}`)]!++;
  expect(Math.min(...counts)).toBeGreaterThan(40);
  expect(Math.max(...counts)).toBeLessThan(200);
});
