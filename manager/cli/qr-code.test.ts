import { expect, test } from "vitest";
import { qrCode } from "./qr-code.ts";

const quietZone = 2;
const versionSize = (version: number): number => 17 + 4 * version;

/** The modules that the terminal shows; true: dark. */
function modulesOf(shown: string): boolean[][] {
  const rows: boolean[][] = [];
  for (const line of shown.split("\n")) {
    const text = line.slice("\u001b[97;40m".length, -"\u001b[0m".length);
    rows.push([...text].map((each) => each === " " || each === "▄"));
    rows.push([...text].map((each) => each === " " || each === "▀"));
  }
  return rows.slice(quietZone, rows[0]!.length - quietZone).map((row) => row.slice(quietZone, -quietZone));
}

/** ISO/IEC 18004 table 10: (row, column) is inverted. */
const masks: readonly ((i: number, j: number) => boolean)[] = [
  (i, j) => (i + j) % 2 === 0,
  (i) => i % 2 === 0,
  (_, j) => j % 3 === 0,
  (i, j) => (i + j) % 3 === 0,
  (i, j) => (Math.floor(i / 2) + Math.floor(j / 3)) % 2 === 0,
  (i, j) => ((i * j) % 2) + ((i * j) % 3) === 0,
  (i, j) => (((i * j) % 2) + ((i * j) % 3)) % 2 === 0,
  (i, j) => (((i + j) % 2) + ((i * j) % 3)) % 2 === 0,
];

/** Reads a code of version 2 to 5 at level L, whose data is one block in byte mode: by the standard alone, without correction. */
function read(modules: readonly boolean[][]): string {
  const size = modules.length;
  const formatMask = [2, 3, 4].reduce((bits, column) => (bits << 1) | (modules[8]![column]! ? 1 : 0), 0) ^ 0b101;
  const mask = masks[formatMask]!;
  const isData = (i: number, j: number): boolean => {
    const isFinder = (i < 9 && j < 9) || (i < 9 && j >= size - 8) || (i >= size - 8 && j < 9);
    const isAlignment = Math.abs(i - (size - 7)) <= 2 && Math.abs(j - (size - 7)) <= 2;
    return !isFinder && !isAlignment && i !== 6 && j !== 6;
  };
  const bits: number[] = [];
  let isUpward = true;
  for (let right = size - 1; right > 0; right -= 2, isUpward = !isUpward) {
    if (right === 6) right--;
    for (let step = 0; step < size; step++) {
      const i = isUpward ? size - 1 - step : step;
      for (const j of [right, right - 1]) if (isData(i, j)) bits.push(modules[i]![j] !== mask(i, j) ? 1 : 0);
    }
  }
  const number = (at: number, count: number): number =>
    bits.slice(at, at + count).reduce((value, bit) => value * 2 + bit, 0);
  expect(number(0, 4), "byte mode").toBe(4);
  return new TextDecoder().decode(Uint8Array.from({ length: number(4, 8) }, (_, at) => number(12 + 8 * at, 8)));
}

test("a text that would be wider than 80 columns has no code", async () => {
  expect(await qrCode("x".repeat(459))).toBeUndefined();
  const widest = (await qrCode("x".repeat(458)))!.split("\n")[0]!;
  expect([...widest].length - "\u001b[97;40m\u001b[0m".length).toBe(versionSize(14) + 2 * quietZone);
});

test("what a reader sees is the text, whatever mask the code has", async () => {
  for (const text of [
    '{"manager":"coap://192.0.2.1:5683"}',
    "grün: ünïcode, of several bytes",
    "a".repeat(100),
    "0123456789abcdef_".repeat(5),
  ]) {
    expect(read(modulesOf((await qrCode(text))!))).toBe(text);
  }
});

test("it is surrounded by light modules, and dark on light", async () => {
  const [first = ""] = (await qrCode("text of some length"))!.split("\n");
  expect(first.startsWith("\u001b[97;40m█")).toBe(true);
  expect(new Set(first.slice("\u001b[97;40m".length, -"\u001b[0m".length))).toEqual(new Set("█"));
});
