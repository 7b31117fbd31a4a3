import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromBase64Url } from "./base64url.ts";
import { digestFromBytes, digestFromHex, digestHex, digestToBytes, parseDigest } from "./digest.ts";
import { fromHex, toHex } from "./hex.ts";

describe("digests", () => {
  it.each([
    "",
    "sha256:",
    `sha256:${"a".repeat(63)}`,
    `sha256:${"g".repeat(64)}`,
    `sha1:${"a".repeat(64)}`,
    "a".repeat(64),
    `sha256:${"a".repeat(65)}`,
  ])("%j is none", (text) => {
    expect(parseDigest(text)).toBeUndefined();
  });

  it("31 bytes are none", () => {
    expect(() => digestFromBytes(new Uint8Array(31))).toThrow(RangeError);
  });

  it("32 bytes, 64 digits and the text stand for each other", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const digest = digestFromBytes(bytes);
        expect(parseDigest(digest.toUpperCase())).toBe(digest);
        expect(digestToBytes(digest)).toEqual(bytes);
        expect(digestFromHex(digestHex(digest))).toBe(digest);
      }),
    );
  });
});

describe("texts for bytes", () => {
  it("hexadecimal needs pairs of lower-case digits", () => {
    expect(() => fromHex("abc")).toThrow(RangeError);
    expect(() => fromHex("0G")).toThrow(RangeError);
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each(["A", "AB=", "A+", "A/", "AB", "A B", "AAAAA"])("%j is no base64url", (text) => {
    expect(fromBase64Url(text)).toBeUndefined();
  });

  it("base64url without padding is read as the platform writes it", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(fromBase64Url(Buffer.from(bytes).toString("base64url"))).toEqual(bytes);
      }),
    );
  });
});
