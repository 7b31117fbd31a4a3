import fc from "fast-check";
import { expect, test } from "vitest";
import type { Clock } from "./clock.ts";
import { TimerWheel } from "./timer-wheel.ts";
import { VirtualClock } from "./virtual-clock.ts";

function harness(capacity = 16, tickMs = 10) {
  const clock = new VirtualClock();
  const fired: { id: number; atMs: number }[] = [];
  let armedTimers = 0;
  const counting: Clock = {
    monotonicMs: () => clock.monotonicMs(),
    wallMs: () => clock.wallMs(),
    after(delayMs, callback) {
      armedTimers++;
      let isOver = false;
      const over = (): void => {
        if (!isOver) armedTimers--;
        isOver = true;
      };
      const timer = clock.after(delayMs, () => {
        over();
        callback();
      });
      return {
        cancel() {
          over();
          timer.cancel();
        },
      };
    },
  };
  const wheel: TimerWheel = new TimerWheel({
    clock: counting,
    capacity,
    tickMs,
    onDue: (id) => fired.push({ id, atMs: clock.monotonicMs() }),
  });
  return { clock, wheel, fired, timers: () => armedTimers, counting };
}

test("ids and delays that make no sense are refused", () => {
  const { wheel, clock } = harness(4);
  for (const id of [-1, 4, Number.NaN]) expect(() => wheel.arm(id, 1)).toThrow(RangeError);
  for (const delayMs of [Number.NaN, Number.POSITIVE_INFINITY]) expect(() => wheel.arm(0, delayMs)).toThrow(RangeError);
  expect(() => new TimerWheel({ clock, capacity: 0, onDue() {} })).toThrow(RangeError);
  expect(() => new TimerWheel({ clock, capacity: 1, tickMs: 0, onDue() {} })).toThrow(RangeError);
  expect(wheel.size).toBe(0);
});

test("an exception in onDue doesn't lose the timers that are due with it", () => {
  const { clock, counting } = harness();
  const ran: number[] = [];
  const wheel = new TimerWheel({
    clock: counting,
    capacity: 4,
    onDue(id) {
      ran.push(id);
      if (id === 1) throw new Error("boom");
    },
  });
  for (const id of [0, 1, 2]) wheel.arm(id, 20);
  wheel.arm(3, 30);
  expect(() => clock.advanceSync(100)).toThrow("boom");
  clock.advanceSync(100);
  expect(ran).toEqual([0, 1, 2, 3]);
});

test("an empty wheel holds no Clock timer, a full one holds one", () => {
  const { clock, wheel, timers } = harness(1000);
  expect(timers()).toBe(0);
  for (let id = 0; id < 1000; id++) wheel.arm(id, 1_000_000 - id * 997);
  expect(timers()).toBe(1);
  for (let id = 0; id < 999; id++) wheel.cancel(id);
  expect(timers()).toBe(1);
  wheel.cancel(999);
  expect(timers()).toBe(0);
  wheel.arm(1, 50);
  clock.advanceSync(100);
  expect(timers()).toBe(0);
  wheel.arm(1, 50);
  wheel.arm(2, 5_000_000);
  wheel.clear();
  expect([timers(), wheel.size]).toEqual([0, 0]);
});

test("a timer may arm itself and cancel others that are due in the same tick", () => {
  const { clock, counting } = harness();
  const ran: string[] = [];
  const wheel: TimerWheel = new TimerWheel({
    clock: counting,
    capacity: 4,
    onDue(id) {
      ran.push(`${id}@${clock.monotonicMs()}`);
      if (id === 0 && ran.length < 4) wheel.arm(0, 0);
      wheel.cancel(1);
    },
  });
  wheel.arm(0, 10);
  wheel.arm(1, 10);
  clock.advanceSync(100);
  expect(ran).toEqual(["0@10", "0@20", "0@30", "0@40"]);
});

test("arming again moves the timer", () => {
  const { clock, wheel, fired } = harness();
  wheel.arm(3, 100);
  wheel.arm(3, 500);
  clock.advanceSync(400);
  wheel.arm(3, 50);
  clock.advanceSync(1000);
  expect(fired).toEqual([{ id: 3, atMs: 450 }]);
});

test("delays beyond all levels come due, after years", () => {
  const { clock, wheel, fired } = harness(4, 1);
  const yearMs = 365 * 86_400_000;
  wheel.arm(0, 10 * yearMs);
  wheel.arm(1, 64 ** 6);
  wheel.arm(2, 64 ** 6 - 1);
  wheel.arm(3, 64 ** 6 + 1);
  clock.advanceSync(11 * yearMs);
  expect(fired.map(({ id, atMs }) => [id, atMs])).toEqual([
    [2, 64 ** 6 - 1],
    [1, 64 ** 6],
    [3, 64 ** 6 + 1],
    [0, 10 * yearMs],
  ]);
});

test("agrees with a sorted list for any sequence of arming, cancelling and passing time", () => {
  const delay = fc.oneof(
    fc.nat(30),
    fc.nat(700),
    fc.nat(50_000),
    fc.nat(5_000_000),
    fc.double({ min: 0, max: 2000, noNaN: true }),
  );
  const id = fc.nat(15);
  const operation = fc.oneof(
    fc.record({ kind: fc.constant("arm" as const), id, delayMs: delay }),
    fc.record({ kind: fc.constant("arm" as const), id, delayMs: delay }),
    fc.record({ kind: fc.constant("cancel" as const), id, delayMs: fc.constant(0) }),
    fc.record({ kind: fc.constant("advance" as const), id, delayMs: delay }),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(1, 7, 10, 0.3),
      fc.array(operation, { maxLength: 120, size: "max" }),
      (tickMs, operations) => {
        const { clock, wheel, fired, timers } = harness(16, tickMs);
        const armed = new Map<number, number>();
        const checkFired = (): void => {
          for (const { id: each, atMs } of fired) {
            const dueMs = armed.get(each);
            if (dueMs === undefined) expect.fail(`${each} fired without being armed`);
            // Rounding of the tick's multiples is far below any delay that matters.
            if (atMs < dueMs! - 1e-6) expect.fail(`${each} fired at ${atMs}, before ${dueMs}`);
            if (atMs > dueMs! + tickMs + 1e-6) expect.fail(`${each} fired at ${atMs}, due ${dueMs}`);
            armed.delete(each);
          }
          for (const [each, dueMs] of armed) {
            if (dueMs + tickMs < clock.monotonicMs() - 1e-6) expect.fail(`${each}, due ${dueMs}, never fired`);
          }
          const order = fired.map(({ atMs }) => atMs);
          expect(order).toEqual([...order].sort((a, b) => a - b));
          fired.length = 0;
        };
        for (const { kind, id: each, delayMs } of operations) {
          if (kind === "arm") {
            wheel.arm(each, delayMs);
            armed.set(each, clock.monotonicMs() + delayMs);
          } else if (kind === "cancel") {
            expect(wheel.cancel(each)).toBe(armed.delete(each));
          } else {
            clock.advanceSync(delayMs);
            checkFired();
          }
          expect(wheel.size).toBe(armed.size);
          expect(timers()).toBe(armed.size > 0 ? 1 : 0);
        }
        clock.advanceSync(5_000_100);
        checkFired();
        expect(wheel.size).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});
