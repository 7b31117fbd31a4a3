import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockLedger } from "./block-ledger.ts";

describe("the ledger of blocks", () => {
  it("knows what came and what is missing, in whatever order and however often", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.nat(59)),
        (total, perSet, order) => {
          const ledger = new BlockLedger(total, perSet);
          const came = new Set<number>();
          for (const number of order.filter((each) => each < total)) {
            expect(ledger.take(number)).toBe(!came.has(number));
            came.add(number);
            const missing = Array.from({ length: total }, (_, i) => i).filter((i) => !came.has(i));
            expect(ledger.missing(total, 1_000)).toEqual(missing);
            expect(ledger.missing(total, 3)).toEqual(missing.slice(0, 3));
            expect(ledger.wholeUntil).toBe(missing[0] ?? total);
            expect(ledger.isWhole).toBe(missing.length === 0);
            expect(ledger.highest).toBe(Math.max(...came));
          }
        },
      ),
    );
  });

  it("counts sets, the last of which may be shorter", () => {
    const ledger = new BlockLedger(25, 10);
    expect([ledger.setOf(9), ledger.setOf(10), ledger.endOf(0), ledger.endOf(2)]).toEqual([0, 1, 10, 25]);
  });
});
