import { expect, test } from "vitest";
import { credentialKey, kidFor, kidFromBytes, kidToBytes, parseCredentialKey } from "./node-credential.ts";
import { partitionOf } from "./partition.ts";

test("what is no kid of ours is -1, and what is no key of a credential is undefined", () => {
  for (const bytes of [[], [1], [1, 2, 3], [1, 2, 3, 4, 5]]) expect(kidFromBytes(Uint8Array.from(bytes))).toBe(-1);
  for (const key of ["", "porch", "porch/", "/0000000a", "porch/0000000", "porch/0000000G"]) {
    expect(parseCredentialKey(key), key).toBeUndefined();
  }
});

test("a kid stays itself as bytes and in its key, and begins with its node's partition", () => {
  for (const random of [0, 1, 0xff_ffff, 0xffff_ffff]) {
    const kid = kidFor("porch", random);
    expect(kid >>> 24).toBe(partitionOf("porch"));
    expect(kidFromBytes(kidToBytes(kid))).toBe(kid);
    expect(parseCredentialKey(credentialKey("porch", kid))).toEqual({ node: "porch", kid });
  }
});
