import { expect, test } from "vitest";
import { ScopedCounts } from "./scoped-counts.ts";

const counts = { registered: 1, online: 1, late: 0, offline: 0, unknown: 0 };

test("who asks again and again is counted for at most a twentieth of the time, each scope by itself", () => {
  let nowMs = 0;
  let counted = 0;
  const scoped = new ScopedCounts({ clock: { monotonicMs: () => nowMs } });
  const count = () => {
    counted++;
    nowMs += 100;
    return counts;
  };
  expect(scoped.of([["site:a"]], count)).toBe(counts);
  expect(scoped.of([["site:a"]], count)).toBe(counts);
  expect(counted).toBe(1);
  scoped.of([["site:b"]], count);
  expect(counted).toBe(2);
  nowMs += 1_999;
  scoped.of([["site:b"]], count);
  expect(counted).toBe(2);
  nowMs += 1;
  scoped.of([["site:b"]], count);
  expect(counted).toBe(3);
});

test("where counting takes no time it is done each time", () => {
  const scoped = new ScopedCounts({ clock: { monotonicMs: () => 7 } });
  let counted = 0;
  for (let i = 0; i < 3; i++) {
    scoped.of([["site:a"]], () => {
      counted++;
      return counts;
    });
  }
  expect(counted).toBe(3);
});
