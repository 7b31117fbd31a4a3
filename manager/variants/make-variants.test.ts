import { createDecipheriv } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { makeVariants, type VariantProgress } from "./make-variants.ts";

const base = Uint8Array.from({ length: 30_000 }, (_, i) => (i % 97) ^ (i >> 7));
const image = base.slice();
image.set([1, 2, 3], 12_345);
const noRandom = (size: number): Uint8Array => new Uint8Array(size);

describe("makeVariants", () => {
  it.each([300, 256, 65_536])("refuses a window of %i", (window) => {
    expect(() => makeVariants(image, { windows: [window] }, noRandom)).toThrow(RangeError);
  });

  it("refuses more variants than a manifest has", () => {
    expect(() => makeVariants(image, { bases: Array(8).fill(base) }, noRandom)).toThrow("at most 8 variants");
  });

  it("refuses a key that has not 16 bytes", () => {
    const encryption = { key: new Uint8Array(15), cipher: "A128GCM" } as const;
    expect(() => makeVariants(image, { encryption }, noRandom)).toThrow("16 bytes");
  });

  it("lists the smallest first and the full image last", () => {
    const { variants, useless } = makeVariants(image, { windows: [512, 4096], bases: [base] }, noRandom);
    expect(variants.map(({ variant }) => variant.kind)).toEqual(["delta", "deflate", "deflate", "full"]);
    expect(variants.map(({ bytes }) => bytes.length)).toEqual(variants.map(({ variant }) => variant.size));
    expect(variants.at(-1)!.bytes).toEqual(image);
    const [, deflate] = variants;
    expect(inflateRawSync(deflate!.bytes)).toEqual(Buffer.from(image));
    expect(useless).toEqual([]);
  });

  it("leaves out, and names, what would be no smaller than the image", () => {
    const noise = new Uint8Array(2000);
    for (let i = 0, state = 1; i < noise.length; i++) {
      state = Math.imul(state, 1_103_515_245) + 12_345;
      noise[i] = state >>> 24;
    }
    const { variants, useless } = makeVariants(noise, { windows: [4096] }, noRandom);
    expect(variants.map(({ variant }) => variant.kind)).toEqual(["full"]);
    expect(useless).toEqual(["deflate with a window of 4096"]);
  });

  it("encrypts every variant, each under a nonce of its own", () => {
    let nonce = 0;
    const key = Uint8Array.from({ length: 16 }, (_, i) => i);
    const random = (size: number): Uint8Array => new Uint8Array(size).fill(++nonce);
    const { variants } = makeVariants(image, { windows: [4096], encryption: { key, cipher: "A128GCM" } }, random);
    expect(variants).toHaveLength(2);
    expect(new Set(variants.map(({ variant }) => Buffer.from(variant.encryptionInfo!).toString("hex"))).size).toBe(2);
    const full = variants.at(-1)!;
    expect(full.bytes).toHaveLength(image.length + 16);
    const open = createDecipheriv("aes-128-gcm", key, new Uint8Array(12).fill(1));
    expect(open.update(full.bytes.subarray(0, image.length))).toEqual(Buffer.from(image));
  });

  it("tells of its progress, which never goes back", () => {
    const told: VariantProgress[] = [];
    makeVariants(image, { windows: [4096], bases: [base] }, noRandom, (progress) => told.push(progress));
    const shares = told.map(({ share }) => share);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
    expect(new Set(told.map(({ what }) => what)).size).toBe(3);
  });
});
