import { expect, test, vi } from "vitest";
import { systemClock } from "./system-clock.ts";

test("a cancelled timer never runs", async () => {
  const ran = vi.fn();
  systemClock.after(0, ran).cancel();
  await new Promise<void>((resolve) => systemClock.after(2, resolve));
  expect(ran).not.toHaveBeenCalled();
});

test("is never early on its own monotonic clock", async () => {
  for (const delayMs of [0, 0.5, 1, 1.2, 2, 3]) {
    const startMs = systemClock.monotonicMs();
    await new Promise<void>((resolve) => systemClock.after(delayMs, resolve));
    expect(systemClock.monotonicMs() - startMs).toBeGreaterThanOrEqual(delayMs);
  }
});

test("a delay longer than setTimeout can hold doesn't run at once", async () => {
  const ran = vi.fn();
  const timer = systemClock.after(2 ** 40, ran);
  await new Promise<void>((resolve) => systemClock.after(3, resolve));
  expect(ran).not.toHaveBeenCalled();
  timer.cancel();
});

test("the wall clock is this machine's", () => {
  expect(Math.abs(systemClock.wallMs() - Date.now())).toBeLessThan(1000);
});
