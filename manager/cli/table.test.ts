import { expect, test } from "vitest";
import { byteCount, duration, table } from "./table.ts";

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
  [0, "now"],
  [999, "now"],
  [1000, "1 s"],
  [61_000, "1 min 1 s"],
  [3_600_000, "1 h"],
  [90_061_000, "1 d 1 h"],
])("%i ms is %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1536, "1.5 KiB"],
  [1_048_576, "1.0 MiB"],
])("%i bytes are %s", (bytes, text) => {
  expect(byteCount(bytes)).toBe(text);
});
