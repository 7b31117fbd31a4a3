import { expect, test } from "vitest";
import { ago, byteCount, clockTime, duration, members, table } from "./table.ts";

test("columns are aligned, and one that is empty throughout is left out", () => {
  expect(
    table(
      ["NODE", "SITE", "HEALTH"],
      [
        ["esp-1", "", "healthy"],
        ["a", "", ""],
      ],
    ),
  ).toBe("NODE   HEALTH\nesp-1  healthy\na");
});

test("without rows only nothing is left", () => {
  expect(table(["NODE"], [])).toBe("");
});

test.each([
  [0, "less than 1 s"],
  [999, "less than 1 s"],
  [1000, "1 s"],
  [61_000, "1 min 1 s"],
  [3_600_000, "1 h"],
  [90_061_000, "1 d 1 h"],
])("%i ms is %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test.each([
  [0, "just now"],
  [1000, "1 s ago"],
])("what was %i ms before is %s", (ms, text) => {
  expect(ago(ms)).toBe(text);
});

test("a time of day has no half days", () => {
  const evening = new Date(2026, 0, 1, 22, 9, 53).getTime();
  expect(clockTime(evening)).toBe("22:09:53");
  expect(clockTime(new Date(2026, 0, 1, 0, 0, 0).getTime())).toBe("00:00:00");
});

test("the data of an event are words, without what nobody said", () => {
  expect(members({ from: "late", reason: undefined, rev: 3, names: ["a"] })).toBe('from late, rev 3, names ["a"]');
  expect(members({})).toBe("");
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1536, "1.5 KiB"],
  [1_048_576, "1.0 MiB"],
])("%i bytes are %s", (bytes, text) => {
  expect(byteCount(bytes)).toBe(text);
});
