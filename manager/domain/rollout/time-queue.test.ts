import { expect, it } from "vitest";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { TimeQueue } from "./time-queue.ts";

it("nothing is taken before its time, and everything in order of time, then of being added", () => {
  const queue = new TimeQueue<number>();
  expect(queue.nextAtMs).toBe(Number.POSITIVE_INFINITY);
  expect(queue.take(Number.POSITIVE_INFINITY)).toBeUndefined();
  const entropy = seededEntropy("queue");
  const times = Array.from({ length: 500 }, () => Math.floor(entropy.fraction() * 100));
  for (const [value, atMs] of times.entries()) queue.add(atMs, value);
  expect(queue.take(-1)).toBeUndefined();
  const wanted = times.map((atMs, value) => ({ atMs, value })).sort((a, b) => a.atMs - b.atMs || a.value - b.value);
  for (const each of wanted) {
    expect(queue.nextAtMs).toBe(each.atMs);
    expect(queue.take(each.atMs)).toMatchObject(each);
  }
  expect(queue.take(1000)).toBeUndefined();
});
