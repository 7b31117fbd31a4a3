import { expect, it } from "vitest";
import { CallLimiter } from "./call-limiter.ts";

it("runs a limited number at once, the others in order, and refuses one too many without calling it", async () => {
  const calls = new CallLimiter({ atOnce: 2, maxWaiting: 2 });
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const call = (n: number) =>
    calls.run(() => {
      started.push(n);
      return new Promise<number>((resolve) => ends.push(() => resolve(n)));
    });
  const all = [1, 2, 3, 4, 5].map(call);
  expect(await all[4]).toBeUndefined();
  expect(started).toEqual([1, 2]);
  ends[1]!();
  expect(await all[1]).toBe(2);
  expect(started).toEqual([1, 2, 3]);
  ends[0]!();
  expect(await all[0]).toBe(1);
  expect(started).toEqual([1, 2, 3, 4]);
});

it("gives the place of a call that failed to the next", async () => {
  const calls = new CallLimiter({ atOnce: 1, maxWaiting: 10 });
  await expect(calls.run(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await calls.run(async () => "yes")).toBe("yes");
});
