import { expect, test } from "vitest";
import { Tally } from "./tally.ts";

test("a key that was never counted is 0 and takes no memory", () => {
  const tally = new Tally<string>();
  expect(tally.of("a")).toBe(0);
  tally.add("a", 0);
  expect(tally.size).toBe(0);
});

test("what was added is taken away again, and a key at 0 is gone", () => {
  const tally = new Tally<number>();
  tally.add(1, 5);
  tally.add(1, -2);
  tally.add(2, 1);
  expect([tally.of(1), tally.of(2), tally.size]).toEqual([3, 1, 2]);
  tally.add(1, -3);
  expect([tally.of(1), tally.size]).toEqual([0, 1]);
  tally.clear();
  expect([tally.of(2), tally.size]).toEqual([0, 0]);
});
