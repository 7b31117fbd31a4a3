import { expect, it } from "vitest";
import type { VariantProgress } from "./make-variants.ts";
import { variantsInThread } from "./variants-in-thread.ts";

const image = Uint8Array.from({ length: 20_000 }, (_, i) => (i % 251) ^ (i >> 5));

it("what a thread refuses fails here", async () => {
  await expect(variantsInThread({ image, options: { windows: [7] } })).rejects.toThrow("no power of two");
});

it("a thread ends when it is told to", async () => {
  const ended = new AbortController();
  const made = variantsInThread({ image, options: { bases: [image] } }, undefined, ended.signal);
  ended.abort(new Error("enough"));
  await expect(made).rejects.toThrow("enough");
  await expect(variantsInThread({ image, options: {} }, undefined, ended.signal)).rejects.toThrow("enough");
});

it("a thread makes the variants and tells how far it is", async () => {
  const told: VariantProgress[] = [];
  const { variants } = await variantsInThread({ image, options: { windows: [4096], bases: [image] } }, (each) => {
    told.push(each);
  });
  expect(variants.map(({ variant }) => variant.kind)).toEqual(["delta", "deflate", "full"]);
  expect(told.at(-1)!.share).toBe(1);
});
