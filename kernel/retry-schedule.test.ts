import fc from "fast-check";
import { expect, test } from "vitest";
import { retrySchedule } from "./retry-schedule.ts";
import { seededEntropy } from "./seeded-entropy.ts";

const still = { fraction: () => 0 };

function take(schedule: Iterable<number>, count: number): number[] {
  const taken: number[] = [];
  for (const delayMs of schedule) if (taken.push(delayMs) >= count) break;
  return taken;
}

test("senseless options are refused", () => {
  expect(() => retrySchedule({ baseMs: 0, capMs: 10 }, still)).toThrow(RangeError);
  expect(() => retrySchedule({ baseMs: 20, capMs: 10 }, still)).toThrow(RangeError);
  expect(() => retrySchedule({ baseMs: 1, capMs: 10, factor: 0.5 }, still)).toThrow(RangeError);
  expect(() => retrySchedule({ baseMs: 1, capMs: 10, jitter: 2 }, still)).toThrow(RangeError);
});

test("grows by its factor up to its cap, and begins anew with each iteration", () => {
  const schedule = retrySchedule({ baseMs: 1000, capMs: 10_000 }, still);
  expect(take(schedule, 6)).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  expect(take(schedule, 1)).toEqual([1000]);
});

test("ends after the attempts it has", () => {
  expect(take(retrySchedule({ baseMs: 1, capMs: 1, attempts: 3 }, still), 100)).toHaveLength(3);
});

test("jitter keeps every delay within its share of the plain one", () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (seed, jitter) => {
      const options = { baseMs: 100, capMs: 5000 };
      const plain = take(retrySchedule({ ...options, jitter: 0 }, still), 10);
      const jittered = take(retrySchedule({ ...options, jitter }, seededEntropy(seed)), 10);
      jittered.forEach((delayMs, i) => {
        expect(delayMs).toBeLessThanOrEqual(plain[i]!);
        expect(delayMs).toBeGreaterThanOrEqual(plain[i]! * (1 - jitter));
      });
    }),
  );
});
