import fc from "fast-check";
import { expect, it } from "vitest";
import { imageDifferences } from "./image-differences.ts";

const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200, max: 2 }));

it("pieces follow each other, stay inside of the base and cover the image, whatever the two are", () => {
  fc.assert(
    fc.property(bytes, bytes, (base, image) => {
      let covered = 0;
      for (const { from, size, extra } of imageDifferences(base, image)) {
        expect(Math.min(from, size, extra)).toBeGreaterThanOrEqual(0);
        expect(from + size).toBeLessThanOrEqual(base.length);
        covered += size + extra;
      }
      expect(covered).toBe(image.length);
    }),
  );
});

it("an image that is its base is one piece", () => {
  const image = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) >> 3);
  expect(imageDifferences(image, image)).toEqual([{ from: 0, size: 5000, extra: 0 }]);
});

it("two images full of zeros take no time", () => {
  const pieces = imageDifferences(new Uint8Array(300_000), new Uint8Array(300_001));
  expect(pieces.reduce((sum, { size, extra }) => sum + size + extra, 0)).toBe(300_001);
});
