import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMissingBlocks, encodeMissingBlocks } from "./missing-blocks.ts";

describe("the list of missing blocks", () => {
  it("is dropped when it is cut off, holds anything but numbers, descends, or is empty", () => {
    for (const bytes of [
      [],
      [0x18],
      [0x19, 1],
      [0x1a, 0, 0, 0],
      [0x1b, 0, 0, 0, 0, 0, 0, 0, 1],
      [0x20],
      [0x80],
      [0x61, 65],
      [5, 4],
      [0x9f, 1, 0xff],
    ]) {
      expect(decodeMissingBlocks(Uint8Array.from(bytes)), String(bytes)).toBeUndefined();
    }
  });

  it("RFC 9177 5: is a sequence of ascending numbers, of which a repeated one is ignored", () => {
    expect([...encodeMissingBlocks([1, 9, 24, 300, 70_000], 100)]).toEqual([
      1, 9, 0x18, 24, 0x19, 1, 44, 0x1a, 0, 1, 17, 112,
    ]);
    expect(decodeMissingBlocks(Uint8Array.of(1, 1, 9, 9, 0x18, 24))).toEqual([1, 9, 24]);
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(0xfffff), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 5, max: 200 }),
        (set, room) => {
          const numbers = set.toSorted((a, b) => a - b);
          const bytes = encodeMissingBlocks(numbers, room);
          expect(bytes.length).toBeLessThanOrEqual(room);
          const back = decodeMissingBlocks(bytes)!;
          expect(back).toEqual(numbers.slice(0, back.length));
          if (room === 200) expect(back).toEqual(numbers);
        },
      ),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => void decodeMissingBlocks(bytes)));
  });
});
