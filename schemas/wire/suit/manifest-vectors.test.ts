import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { deviceId, suitIds } from "../../../manager/signing/suit-ids.ts";
import { nodeSuitCrypto } from "../../../schemas/crypto/node-suit-crypto.ts";
import type { Digest } from "../digest.ts";
import { fromHex, toHex } from "../hex.ts";
import { appliesTo, type ManifestTarget } from "./applies-to.ts";
import { stripText } from "./strip-text.ts";
import { suitLimits } from "./suit-limits.ts";
import { readKeySet, writeKeySet } from "./trust-anchor.ts";
import { verifyManifest } from "./verify-manifest.ts";

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly target?: Partial<ManifestTarget>;
}
interface Vectors {
  readonly identifiers: Record<"domain" | "model" | "node" | "vendorHex" | "classHex" | "deviceHex", string>;
  readonly keys: readonly { readonly name: string; readonly keyIdHex: string }[];
  readonly anchorsHex: string;
  readonly target: {
    readonly sequence: number;
    readonly running: Digest;
    readonly slotSize: number;
    readonly budget: number;
    readonly windowMax: number;
    readonly deltaFormats: readonly number[];
    readonly deltaMemory: number;
    readonly previous: { readonly digest: Digest; readonly size: number };
  };
  readonly good: readonly (Vector & {
    readonly kind: string;
    readonly sequence: number;
    readonly digest: string;
    readonly size: number;
    readonly variant: number;
    readonly signer: string;
  })[];
  readonly bad: readonly (Vector & { readonly reason: string })[];
}

const vectors = JSON.parse(
  readFileSync(new URL("../../../test/vectors/update-manifest.json", import.meta.url), "utf8"),
) as Vectors;
const { identifiers } = vectors;
const target: ManifestTarget = {
  ...vectors.target,
  vendor: fromHex(identifiers.vendorHex),
  class: fromHex(identifiers.classHex),
  device: fromHex(identifiers.deviceHex),
  canDecrypt: (info) => toHex(info) === "d08340a0f6",
};
const anchors = (() => {
  const set = readKeySet(fromHex(vectors.anchorsHex), nodeSuitCrypto);
  if (!set.ok) throw new Error(set.reason);
  return set.anchors;
})();

function judge(vector: Vector) {
  const verified = verifyManifest(fromHex(vector.hex), anchors, nodeSuitCrypto, suitLimits.nodeEnvelopeMax);
  if (!verified.ok) return verified;
  const applies = appliesTo(verified.manifest, { ...target, ...vector.target });
  return applies.ok ? { ...verified, variant: applies.variant } : applies;
}

describe("the vectors of update manifests", () => {
  it("name every reason that an envelope alone can be refused for", () => {
    const reasons = new Set(vectors.bad.map(({ reason }) => reason));
    expect([...reasons].sort()).toEqual(
      [
        "bad-signature",
        "digest-mismatch",
        "foreign-uri",
        "image-too-large",
        "manifest-digest",
        "manifest-malformed",
        "manifest-too-deep",
        "manifest-too-large",
        "manifest-truncated",
        "manifest-unsigned",
        "manifest-unsupported",
        "no-payload-key",
        "no-previous-image",
        "over-budget",
        "sequence-reused",
        "sequence-too-low",
        "unknown-signer",
        "unsupported-variant",
        "wrong-base",
        "wrong-class",
        "wrong-device",
        "wrong-vendor",
      ].sort(),
    );
  });

  it.each(vectors.bad)("refuses $name: $reason", (vector) => {
    const found = judge(vector);
    expect(found.ok ? "taken" : `${found.reason} ${"where" in found ? found.where : ""}`.split(" ")[0]).toBe(
      vector.reason,
    );
  });

  it.each(vectors.good)("takes $name", (vector) => {
    const found = judge(vector);
    if (!found.ok) throw new Error(`${found.reason} ${"where" in found ? found.where : ""}`);
    const { manifest } = found;
    const variant = found.variant === undefined ? -1 : manifest.variants.indexOf(found.variant);
    const signer = vectors.keys.find(({ keyIdHex }) => keyIdHex === toHex(found.signer.keyId))?.name;
    const { kind, sequence, digest, size } = vector;
    expect({ ...manifest, variant, signer }).toMatchObject({
      kind,
      sequence,
      digest,
      size,
      variant: vector.variant,
      signer: vector.signer,
    });
  });

  it("have the ids that UUIDv5 gives", () => {
    const ids = suitIds(identifiers.domain, identifiers.model);
    expect(toHex(ids.vendor)).toBe(identifiers.vendorHex);
    expect(toHex(ids.class)).toBe(identifiers.classHex);
    expect(toHex(deviceId(ids.vendor, identifiers.node))).toBe(identifiers.deviceHex);
    // The vendor id of the draft's examples.
    expect(toHex(suitIds("arm.com", "").vendor)).toBe("fa6b4a53d5ad5fdfbe9de663e4d41ffe");
  });

  it("have a key set that is written as it was read", () => {
    expect(toHex(writeKeySet(anchors))).toBe(vectors.anchorsHex);
  });

  it("stay good without their text, and get shorter", () => {
    let shorter = 0;
    for (const { hex } of vectors.good) {
      const bytes = fromHex(hex);
      const stripped = stripText(bytes);
      const verified = verifyManifest(stripped, anchors, nodeSuitCrypto);
      expect(verified.ok && verified.text).toEqual([]);
      if (stripped.length < bytes.length) shorter++;
    }
    expect(shorter).toBe(1);
  });
});
