import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arbitrationValue, frameBits } from "./frame-bits.ts";

const frame = (id: number, isExtended: boolean, ...data: number[]) => ({ id, isExtended, data: Uint8Array.from(data) });

describe("bits of a frame", () => {
  it("lie between those without any stuffing and the most that stuffing can add", () => {
    const any = fc.boolean().chain((isExtended) =>
      fc.record({
        id: fc.nat(isExtended ? 2 ** 29 - 1 : 2 ** 11 - 1),
        isExtended: fc.constant(isExtended),
        data: fc.uint8Array({ maxLength: 8 }),
      }),
    );
    fc.assert(
      fc.property(any, (each) => {
        // 44 or 64 bits of frame and 3 of intermission; of g stuffable bits at most (g - 1) / 4 more.
        const stuffable = (each.isExtended ? 54 : 34) + 8 * each.data.length;
        const least = stuffable + 13;
        const bits = frameBits(each);
        expect(bits).toBeGreaterThanOrEqual(least);
        expect(bits).toBeLessThanOrEqual(least + Math.floor((stuffable - 1) / 4));
      }),
    );
  });

  it("are counted by hand where that is easy: identifier 0 without data has CRC 0, so all 34 bits are alike", () => {
    // 34 zeros: after each 5 a one is stuffed, which breaks the run: 5, then 5 more, and so on: 6 stuffed bits.
    expect(frameBits(frame(0, false))).toBe(34 + 6 + 10 + 3);
  });

  it("a whole frame at 500 kbit/s takes about a quarter of a millisecond", () => {
    const bits = frameBits(frame(0x101, false, 74, 2, 16, 0, 100, 1, 0, 0));
    expect(bits / 500_000).toBeGreaterThan(0.00021);
    expect(bits / 500_000).toBeLessThan(0.00028);
  });
});

describe("arbitration", () => {
  it("is won by the lower identifier, and by 11 bits over 29 bits that begin with the same", () => {
    expect(arbitrationValue(frame(0x100, false))).toBeLessThan(arbitrationValue(frame(0x101, false)));
    expect(arbitrationValue(frame(0x700, false))).toBeLessThan(arbitrationValue(frame(0x700 << 18, true)));
    expect(arbitrationValue(frame(0x6ff << 18, true))).toBeLessThan(arbitrationValue(frame(0x700, false)));
    expect(arbitrationValue(frame(0x1c000001, true))).toBeLessThan(arbitrationValue(frame(0x1c000002, true)));
    expect(arbitrationValue(frame(0x1c000001, true))).toBeLessThan(arbitrationValue(frame(0x7ff, false)));
  });
});
