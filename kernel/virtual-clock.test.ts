import fc from "fast-check";
import { expect, test } from "vitest";
import { sleep } from "./clock.ts";
import { VirtualClock } from "./virtual-clock.ts";

test("refuses to go back in time", () => {
  const clock = new VirtualClock();
  expect(() => clock.advanceSync(-1)).toThrow(RangeError);
  expect(() => clock.advanceSync(Number.NaN)).toThrow(RangeError);
});

test("refuses two advances at once", async () => {
  const clock = new VirtualClock();
  const first = clock.advance(10);
  await expect(clock.advance(10)).rejects.toThrow("already advancing");
  await first;
  expect(clock.monotonicMs()).toBe(10);
});

test("an exception in a timer rejects the advance, and the clock stays usable", async () => {
  const clock = new VirtualClock();
  clock.after(5, () => {
    throw new Error("boom");
  });
  await expect(clock.advance(10)).rejects.toThrow("boom");
  expect(clock.monotonicMs()).toBe(5);
  await clock.advance(5);
  expect(clock.monotonicMs()).toBe(10);
});

test("a cancelled timer never runs, and cancelling again is harmless", () => {
  const clock = new VirtualClock();
  const timer = clock.after(1, () => expect.unreachable());
  timer.cancel();
  timer.cancel();
  expect(clock.nextDueMs()).toBeUndefined();
  clock.advanceSync(10);
});

test("cancelling a timer that has run is harmless", () => {
  const clock = new VirtualClock();
  const timer = clock.after(1, () => {});
  clock.advanceSync(1);
  timer.cancel();
  const other = clock.after(1, () => {});
  expect(clock.nextDueMs()).toBe(2);
  other.cancel();
  expect(clock.nextDueMs()).toBeUndefined();
});

test("timers of one instant run in the order of arming", () => {
  const clock = new VirtualClock();
  const ran: number[] = [];
  for (let i = 0; i < 20; i++) clock.after(7, () => ran.push(i));
  clock.advanceSync(7);
  expect(ran).toEqual(Array.from({ length: 20 }, (_, i) => i));
});

test("promise chains set off by a timer run before the next timer, and may arm timers within the span", async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  const worker = (async () => {
    for (let i = 0; i < 3; i++) {
      await sleep(clock, 10);
      await Promise.resolve();
      seen.push(`worker ${clock.monotonicMs()}`);
    }
  })();
  clock.after(15, () => seen.push(`timer ${clock.monotonicMs()}`));
  await clock.advance(30);
  await worker;
  expect(seen).toEqual(["worker 10", "timer 15", "worker 20", "worker 30"]);
});

test("chains of setImmediate, as vendors' code has them, end before time moves on", async () => {
  const clock = new VirtualClock();
  let doneAtMs = -1;
  const chain = (left: number): void => {
    if (left === 0) doneAtMs = clock.monotonicMs();
    else setImmediate(() => process.nextTick(() => chain(left - 1)));
  };
  clock.after(5, () => chain(30));
  clock.after(6, () => {});
  await clock.advance(10);
  expect(doneAtMs).toBe(5);
});

test("a chain of setImmediate that never ends is reported instead of standing still for ever", async () => {
  const clock = new VirtualClock();
  let isOver: boolean = false;
  const chain = (): void => {
    if (!isOver) setImmediate(chain);
  };
  chain();
  await expect(clock.advance(1)).rejects.toThrow("keeps calling setImmediate");
  isOver = true;
});

test("sleep rejects with the signal's reason and leaves no timer behind", async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const sleeping = sleep(clock, 1000, controller.signal);
  const reason = new Error("enough");
  controller.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  expect(clock.nextDueMs()).toBeUndefined();
  await expect(sleep(clock, 1, AbortSignal.abort(reason))).rejects.toBe(reason);
});

test("the wall clock jumps without moving timers", () => {
  const clock = new VirtualClock({ startWallMs: 5000 });
  clock.after(100, () => {});
  clock.jumpWall(-4000);
  expect(clock.wallMs()).toBe(1000);
  expect(clock.nextDueMs()).toBe(100);
  clock.advanceSync(100);
  expect(clock.wallMs()).toBe(1100);
});

test("runs any set of timers, some cancelled, in order of due instant and arming", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean()), { maxLength: 300, size: "max" }), (timers) => {
      const clock = new VirtualClock();
      const ran: number[] = [];
      const handles = timers.map(([delayMs], i) => clock.after(delayMs, () => ran.push(i)));
      timers.forEach(([, isCancelled], i) => {
        if (isCancelled) handles[i]!.cancel();
      });
      clock.advanceSync(50);
      const expected = timers
        .map(([delayMs, isCancelled], i) => ({ delayMs, isCancelled, i }))
        .filter((timer) => !timer.isCancelled)
        .sort((a, b) => a.delayMs - b.delayMs || a.i - b.i)
        .map((timer) => timer.i);
      expect(ran).toEqual(expected);
    }),
  );
});
