import type { Digest } from "../digest.ts";
import type { ManifestReason } from "./manifest-reason.ts";
import { equalBytes } from "./suit-parts.ts";
import type { PayloadVariant, UpdateManifest } from "./update-manifest.ts";

/** What a node is when it judges a manifest. */
export interface ManifestTarget {
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  readonly device: Uint8Array;
  /** Counter of the manifest's component. */
  readonly sequence: number;
  readonly running: Digest;
  readonly slotSize: number;
  /** Digest and size of what the other slot holds. */
  readonly previous?: { readonly digest: Digest; readonly size: number };
  /** Bytes that the attempt may still fetch. */
  readonly budget: number;
  /** Largest window of deflate; 0: none. */
  readonly windowMax: number;
  readonly deltaFormats: readonly number[];
  readonly deltaMemory: number;
  canDecrypt(encryptionInfo: Uint8Array): boolean;
}

export type Applicability =
  | { readonly ok: true; readonly variant: PayloadVariant | undefined }
  | { readonly ok: false; readonly reason: ManifestReason };

/** Checks 8, 9, 10 and 12 of the profile: whether this node may do what a verified manifest says, and by which variant: the smallest that it can apply. */
export function appliesTo(manifest: UpdateManifest, target: ManifestTarget): Applicability {
  if (!equalBytes(manifest.vendor, target.vendor)) return { ok: false, reason: "wrong-vendor" };
  if (!equalBytes(manifest.class, target.class)) return { ok: false, reason: "wrong-class" };
  if (manifest.device && !equalBytes(manifest.device, target.device)) return { ok: false, reason: "wrong-device" };
  if (manifest.sequence < target.sequence) return { ok: false, reason: "sequence-too-low" };
  const isRunning = manifest.kind === "install" && manifest.digest === target.running;
  if (manifest.sequence === target.sequence && !isRunning) return { ok: false, reason: "sequence-reused" };
  if (manifest.kind === "anchors") return { ok: true, variant: undefined };
  if (manifest.size > target.slotSize) return { ok: false, reason: "image-too-large" };
  if (manifest.kind === "boot-previous") {
    const isThere = target.previous?.digest === manifest.digest && target.previous.size === manifest.size;
    return isThere ? { ok: true, variant: undefined } : { ok: false, reason: "no-previous-image" };
  }
  let reason: ManifestReason = "unsupported-variant";
  let smallest: PayloadVariant | undefined;
  for (const variant of manifest.variants) {
    const against = variantRefusal(variant, target);
    if (against !== undefined) reason = against;
    else if (smallest === undefined || variant.size < smallest.size) smallest = variant;
  }
  return smallest ? { ok: true, variant: smallest } : { ok: false, reason };
}

function variantRefusal(variant: PayloadVariant, target: ManifestTarget): ManifestReason | undefined {
  if (variant.encryptionInfo && !target.canDecrypt(variant.encryptionInfo)) return "no-payload-key";
  if (variant.kind === "deflate" && variant.window > target.windowMax) return "unsupported-variant";
  if (variant.kind === "delta") {
    if (!target.deltaFormats.includes(variant.format) || variant.memory > target.deltaMemory)
      return "unsupported-variant";
    if (variant.base !== target.running) return "wrong-base";
  }
  return variant.size > target.budget ? "over-budget" : undefined;
}
