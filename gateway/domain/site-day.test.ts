import { expect, test } from "vitest";
import { validateSiteHistory } from "../../schemas/generated/raw-validators.ts";
import type { SiteAggregate } from "../../schemas/generated/types.ts";
import { encodeJson } from "../../schemas/wire/codec.ts";
import { SiteDay } from "./site-day.ts";

const startMs = Date.UTC(2026, 5, 1, 12, 0);
const minuteMs = 60_000;
const sums = (P_solar: number): SiteAggregate => ({
  packs: 3,
  known: 3,
  stale: false,
  P_solar,
  P_home: 1,
  P_pool: 0.5,
  SOC: 50,
});

test("what was kept and can't be read is nothing", () => {
  const day = new SiteDay();
  day.recall(new TextEncoder().encode('{"step":10,"points":[{"minute":-1}]}'));
  day.recall(new TextEncoder().encode("no"));
  day.recall(undefined);
  expect(day.document().points).toEqual([]);
});

test("a step is the mean of what came in it, and is told when the next one begins", () => {
  const day = new SiteDay();
  for (let minute = 0; minute < 10; minute++) expect(day.add(sums(minute), startMs + minute * minuteMs)).toBe(false);
  expect(day.add(sums(9), startMs + 10 * minuteMs)).toBe(true);
  expect(day.add(sums(9), startMs + 11 * minuteMs)).toBe(false);
  expect(day.document()).toEqual({
    step: 10,
    points: [{ minute: startMs / minuteMs, solar: 4.5, load: 1.5, soc: 50 }],
  });
});

test("a day and an hour is kept, over a restart too, within what a message may have", () => {
  let day = new SiteDay();
  for (let step = 0; step < 300; step++) {
    day.add(
      { ...sums(-1234.567), P_home: 9999.999, P_grid: -1234.567, P_batt: -1234.567, SOC: 100 },
      startMs + step * 10 * minuteMs,
    );
  }
  const payload = encodeJson("site-history", day.document());
  expect(payload.length).toBeLessThan(20_000);
  const { points } = day.document();
  expect(points).toHaveLength(150);
  expect(points.at(-1)?.minute).toBe(startMs / minuteMs + 2980);
  expect(validateSiteHistory(day.document())).toBe(true);
  day = new SiteDay();
  day.recall(payload);
  day.add(sums(1), startMs + 3010 * minuteMs);
  expect(day.add(sums(1), startMs + 3020 * minuteMs)).toBe(true);
  expect(day.document().points.at(-1)).toMatchObject({ minute: startMs / minuteMs + 3010, solar: 1 });
  expect(day.document().points.at(-2)?.minute).toBe(startMs / minuteMs + 2980);
});

test("a clock that is put back tells its time again, without a point twice", () => {
  const day = new SiteDay();
  day.add(sums(1), startMs);
  day.add(sums(1), startMs + 10 * minuteMs);
  day.add(sums(3), startMs);
  day.add(sums(3), startMs + 10 * minuteMs);
  expect(day.document().points).toEqual([{ minute: startMs / minuteMs, solar: 3, load: 1.5, soc: 50 }]);
});
