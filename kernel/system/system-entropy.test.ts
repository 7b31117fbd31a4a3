import { expect, test } from "vitest";
import { systemEntropy } from "./system-entropy.ts";

test("never repeats itself, across refills of its pool and for long requests", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 2000; i++) seen.add(Buffer.from(systemEntropy.bytes(16)).toString("hex"));
  for (let i = 0; i < 3; i++) seen.add(Buffer.from(systemEntropy.bytes(300)).toString("hex"));
  expect(seen.size).toBe(2003);
});

test("bytes are a copy of their own, of the length asked for", () => {
  for (const length of [0, 1, 8, 256, 257, 5000]) {
    const bytes = systemEntropy.bytes(length);
    expect(bytes).toHaveLength(length);
    expect(bytes.buffer.byteLength).toBe(length);
  }
});

test("numbers stay in their ranges", () => {
  for (let i = 0; i < 3000; i++) {
    const word = systemEntropy.uint32();
    expect(Number.isInteger(word) && word >= 0 && word < 2 ** 32).toBe(true);
    const fraction = systemEntropy.fraction();
    expect(fraction >= 0 && fraction < 1).toBe(true);
  }
});
