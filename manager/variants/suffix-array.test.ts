import fc from "fast-check";
import { expect, it } from "vitest";
import { suffixArray } from "./suffix-array.ts";

it("no suffix stands before one that is less", () => {
  const bytes = fc.uint8Array({ maxLength: 60, max: 2 });
  fc.assert(
    fc.property(fc.oneof(bytes, fc.uint8Array({ maxLength: 60 })), (text) => {
      const plain = Array.from(text, (_, i) => i).sort((a, b) => Buffer.compare(text.subarray(a), text.subarray(b)));
      expect([...suffixArray(text)]).toEqual(plain);
    }),
  );
});

it("a run of one byte is sorted too", () => {
  expect(suffixArray(new Uint8Array(1000))[0]).toBe(999);
});
